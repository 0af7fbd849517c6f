//! A Toru plugin in Zig: the C header, translated by Zig itself, and a note made while compiling.
//!
//!   GET  /greeting/{name}  an answer before the function returns
//!   POST /sum              adds the bytes of the body, which is read in frames
//!
//! Read it from the bottom, as the host does.

const std = @import("std");
const c = @import("toru");

// ---- Metadata -----------------------------------------------------------------------------------

/// One record of the note: tag, flags, length, the value, and zeros up to a multiple of 4, at least one.
fn record(comptime tag: u16, comptime value: []const u8) []const u8 {
    comptime {
        const zeros = 4 - value.len % 4;
        return word(u16, tag) ++ word(u16, 0) ++ word(u32, value.len) ++ value ++ @as([zeros]u8, @splat(0));
    }
}

fn word(comptime T: type, comptime value: T) []const u8 {
    comptime {
        const bytes = std.mem.toBytes(std.mem.nativeToLittle(T, value));
        return &bytes;
    }
}

/// What a host reads without running any code. The macro of the header cannot be translated; its format is described
/// there.
const records = record(c.TORU_NOTE_TAG_ABI, word(u16, c.TORU_ABI_MAJOR) ++ word(u16, c.TORU_ABI_MINOR)) ++
    record(c.TORU_NOTE_TAG_ID, "zig-hello") ++
    record(c.TORU_NOTE_TAG_NAME, "Hello from Zig") ++
    record(c.TORU_NOTE_TAG_VERSION, "0.1.0") ++
    record(c.TORU_NOTE_TAG_AUTHOR, "Toru authors") ++
    record(c.TORU_NOTE_TAG_ICON, "⚡") ++
    record(c.TORU_NOTE_TAG_DESCRIPTION, "Greets and adds, from Zig") ++
    // Built without safety checks, so nothing panics, as in C. With them it has to be "abort".
    record(c.TORU_NOTE_TAG_PANIC, "none") ++
    record(c.TORU_NOTE_TAG_COMPILER, "zig " ++ @import("builtin").zig_version_string) ++
    record(c.TORU_NOTE_TAG_SDK, std.fmt.comptimePrint("toru_plugin.h {d}.{d}", .{ c.TORU_ABI_MAJOR, c.TORU_ABI_MINOR }));

const descriptor_len = c.TORU_NOTE_HEADER_LEN + records.len;

const magic = "\x7FToru plugin\r\n\x1A\n";

/// An ELF note: its own header, then magic, format, flags, length, checksum, reserved and an empty seal, then the records.
const note_bytes = word(u32, 5) ++ word(u32, descriptor_len) ++ word(u32, c.TORU_NOTE_TYPE) ++ "Toru\x00\x00\x00\x00" ++
    magic ++ word(u16, c.TORU_NOTE_FORMAT) ++ word(u16, 0) ++ word(u32, descriptor_len) ++ word(u32, 0) ++ word(u32, 0) ++
    @as([c.TORU_NOTE_SEAL_LEN]u8, @splat(0)) ++ records;

/// Not exported: the table below leads to it, which keeps it in the library.
const toru_plugin_note: [note_bytes.len]u8 align(4) linksection(".note.toru") = note_bytes[0..note_bytes.len].*;

// ---- Answers ------------------------------------------------------------------------------------

fn slice(text: []const u8) c.ToruSlice {
    return .{ .ptr = text.ptr, .len = text.len };
}

fn respond(ex: *const c.ToruExchange, status: u16, body: []const u8) u32 {
    const content_type: c.ToruHeader = .{
        .name = slice("content-type"),
        .value = slice("application/json"),
        .flags = c.TORU_HEADER_STATIC_NAME | c.TORU_HEADER_STATIC_VALUE,
    };
    const response: c.ToruResponse = .{
        .size = @sizeOf(c.ToruResponse),
        .status = status,
        .headers = &content_type,
        .n_headers = 1,
        // Copied by the host during the call, so that it may stand on the stack.
        .body_kind = c.TORU_BODY_BORROWED,
        .bytes = .{ .ptr = body.ptr, .len = body.len, .owner = null },
    };
    return ex.vt.*.respond.?(ex, &response);
}

/// Answers with an error; the host writes the body.
fn refuse(ex: *const c.ToruExchange, status: u32) u32 {
    const response: c.ToruResponse = .{
        .size = @sizeOf(c.ToruResponse),
        .flags = c.TORU_RESPONSE_ERROR,
        .status = switch (status) {
            c.TORU_TOO_LARGE => 413,
            c.TORU_DISCONNECTED => 400,
            else => 500,
        },
    };
    return ex.vt.*.respond.?(ex, &response);
}

// ---- GET /greeting/{name} -----------------------------------------------------------------------

fn greet(_: ?*const anyopaque, _: ?*const anyopaque, exchange: [*c]const c.ToruExchange, _: [*c]const c.ToruWaker, _: [*c]u8, _: [*c]c.ToruOp) callconv(.c) u32 {
    const ex: *const c.ToruExchange = exchange;
    const name = ex.params[0];
    var body: [128]u8 = undefined;
    const raw = name.ptr[0..name.len];
    for (raw) |byte| {
        // Whatever would have to be decoded or escaped is left to the plugin in C.
        if (!std.ascii.isAlphanumeric(byte)) return respond(ex, 400, "{\"error\":\"a name is of letters and digits\"}");
    }
    const text = std.fmt.bufPrint(&body, "{{\"message\":\"Hello, {s}!\"}}", .{raw}) catch
        return respond(ex, 400, "{\"error\":\"the name is too long\"}");
    return respond(ex, 200, text);
}

// ---- POST /sum ----------------------------------------------------------------------------------

/// What reads the body. Lies in the scratch that the host lends.
const Sum = struct {
    body: ?*c.ToruBody,
    total: u64 = 0,

    /// Reads what is there, and answers at the end.
    fn goOn(self: *Sum, ex: *const c.ToruExchange, waker: [*c]const c.ToruWaker) u32 {
        while (self.body) |body| {
            var frame: c.ToruFrame = .{ .size = @sizeOf(c.ToruFrame) };
            const status = body.vt.*.poll.?(body, waker, &frame);
            if (status == c.TORU_PENDING) return status;
            if (status == c.TORU_END) break;
            if (status != c.TORU_DONE) return refuse(ex, status);
            if (frame.kind != c.TORU_FRAME_DATA) continue;
            if (frame.bytes.len > 0) {
                for (frame.bytes.ptr[0..frame.bytes.len]) |byte| self.total +%= byte;
            }
            // Lent bytes go back by themselves; others are ours, and are given back once.
            const is_lent = frame.flags & c.TORU_FRAME_BORROWED != 0;
            if (!is_lent and frame.bytes.owner != null) frame.bytes.owner.*.vt.*.release.?(frame.bytes.owner);
        }
        var text: [48]u8 = undefined;
        const json = std.fmt.bufPrint(&text, "{{\"sum\":{d}}}", .{self.total}) catch return c.TORU_INTERNAL;
        return respond(ex, 200, json);
    }

    fn end(self: *Sum) void {
        if (self.body) |body| body.vt.*.release.?(body);
        self.body = null;
    }

    fn poll(data: ?*anyopaque, waker: [*c]const c.ToruWaker, io: ?*anyopaque) callconv(.c) u32 {
        const self: *Sum = @ptrCast(@alignCast(data.?));
        // The exchange is what the host passes to the operations of its routes.
        return self.goOn(@ptrCast(@alignCast(io.?)), waker);
    }

    /// After the end, or when the client has gone away before it.
    fn drop(data: ?*anyopaque) callconv(.c) void {
        const self: *Sum = @ptrCast(@alignCast(data.?));
        self.end();
    }

    const table: c.ToruOpVt = .{ .size = @sizeOf(c.ToruOpVt), .poll = poll, .drop = drop };
};

fn sum(_: ?*const anyopaque, _: ?*const anyopaque, exchange: [*c]const c.ToruExchange, waker: [*c]const c.ToruWaker, scratch: [*c]u8, op: [*c]c.ToruOp) callconv(.c) u32 {
    const ex: *const c.ToruExchange = exchange;
    const self: *Sum = @ptrCast(@alignCast(scratch));
    self.* = .{ .body = ex.vt.*.body.?(ex) };
    const status = self.goOn(ex, waker);
    if (status == c.TORU_PENDING) {
        op.* = .{ .data = self, .vt = &Sum.table };
    } else {
        self.end();
    }
    return status;
}

// ---- The plugin ---------------------------------------------------------------------------------

fn create(_: [*c]const c.ToruHost, out: [*c]?*anyopaque, _: [*c]c.ToruError) callconv(.c) u32 {
    out.* = null; // it keeps nothing
    return c.TORU_DONE;
}

fn routes(_: ?*anyopaque, registrar: [*c]const c.ToruRegistrar, _: [*c]c.ToruError) callconv(.c) u32 {
    const all = [_]c.ToruRoute{
        .{ .size = @sizeOf(c.ToruRoute), .methods = c.TORU_GET, .pattern = slice("/greeting/{name}"), .start = greet },
        .{
            .size = @sizeOf(c.ToruRoute),
            .methods = c.TORU_POST,
            .pattern = slice("/sum"),
            .op_size = @sizeOf(Sum),
            .op_align = @alignOf(Sum),
            .start = sum,
        },
    };
    for (&all) |*route| {
        const status = registrar.*.add.?(registrar, route);
        if (status != c.TORU_DONE) return status;
    }
    return c.TORU_DONE;
}

fn destroy(_: ?*anyopaque) callconv(.c) void {}

const api: c.ToruPluginApi = .{
    .size = @sizeOf(c.ToruPluginApi),
    .magic = c.TORU_API_MAGIC,
    .abi_major = c.TORU_ABI_MAJOR,
    .abi_minor = c.TORU_ABI_MINOR,
    .metadata = toru_plugin_note[20..],
    .metadata_len = descriptor_len,
    .create = create,
    .routes = routes,
    .destroy = destroy,
};

export fn create_plugin(loader: [*c]const c.ToruLoader, out: [*c][*c]const c.ToruPluginApi) u32 {
    if (loader == null or out == null) return c.TORU_INVALID;
    if (loader.*.abi_major != c.TORU_ABI_MAJOR) return c.TORU_UNSUPPORTED;
    out.* = &api;
    return c.TORU_DONE;
}
