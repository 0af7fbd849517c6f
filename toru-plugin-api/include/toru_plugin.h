// toru_plugin.h: native plugins for any Rust web application
//
// Generated from toru-plugin-api/src/abi by `cargo xtask header`; do not edit.
// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The binary contract between a host and a plugin, in prose and in types.
//
// A plugin is one shared library. It exports one function, create_plugin, imports nothing from the
// host by name, and carries a note from which a host learns what it is without opening it.
// Everything else travels through the tables of this header.
//
// Data only
// ---------
//
// Only fixed-width integers, size_t, raw pointers, nullable C function pointers and C structs of
// those cross. Status, kind and flag values are uint32_t or uint16_t numbers, never enums: a number
// the reader does not know is legal and has to be handled. Targets are 64-bit and little-endian.
//
// Growth
// ------
//
// Every table and every growable struct starts with size and flags. size is what its producer was
// compiled with. A reader touches a field only if it lies wholly within size; function pointers may
// be null besides, unless their description says otherwise. Fields are appended, never moved, never
// given another meaning. For structs passed as arguments, a missing tail counts as zero, and a tail
// that the reader does not know has to be zero. For structs that the callee fills in, the caller
// writes size; the callee writes no more than that, and leaves in size how much it wrote. What a
// reader does not know and finds set, a flag or a tail, it refuses with TORU_UNSUPPORTED. What is
// not core is an extension: a table asked for by an id that carries its own revision, such as
// toru.kv/1. An incompatible redesign is toru.kv/2 and the old one stays. The ids of third parties
// start with a reversed domain name. The version's major number has to match; the minor number is
// information.
//
// Objects, ownership and lifetimes
// --------------------------------
//
// An object is a pointer to a struct whose first word points to its table; the two that live for
// one call only, ToruRegistrar and ToruAssetSink, are their own tables. Each side frees what it
// allocated; there is no shared allocator. Ownership moves as (object with release) or not at all:
//
// - a ToruSlice is borrowed: valid during the call it is passed to, unless stated otherwise;
//   (null, 0) is the legal empty slice;
// - a ToruBytes carries its owner; no owner means "as long as the process lives", which is sound
//   because libraries are never unloaded;
// - bytes that a plugin handed over may be given back after it was destroyed: their owner belongs
//   to the library, not to the instance; operations and bodies are always given back before;
// - every other pointer is lent for the call: the callee keeps none of it, unless the function's
//   description says so; where an object, an operation or bytes come back, it says whose they are;
// - text is UTF-8 where the description says so (names, ids, log text), and plain bytes
//   everywhere else.
//
// Calls
// -----
//
// A route's start ends in one of three ways. DONE: answered by calling the exchange's respond.
// PENDING: an operation was filled in, which the host polls with a waker until it is done and then
// drops, once. DETACHED: the plugin took a responder and answers later, from any thread. Operations
// are used in both directions and always in the same way: polled by one thread at a time, perhaps a
// different one each time; not polled after they ended; dropped exactly once, never while poll runs
// and never from inside a call that this operation makes. Dropping one that has not ended cancels
// it. A wake-up may come at any time, from any thread, also after the drop; then it does nothing.
//
// Threads
// -------
//
// Each function's description ends in a tag:
//
//   Tag            Meaning
//   -------------  -----------------------------------------------------------------------------
//   [control]      one call at a time for each instance, not tied to a thread
//   [op]           one call at a time for each operation, exchange or body, not tied to a thread
//   [thread-safe]  any thread, at any time, concurrently
//   [no-block]     must return promptly; may be combined with the others
//
// Host functions never call back into the plugin before they return, except to release what they
// were given, and on_cancel, which says so.
//
// Panics and errors
// -----------------
//
// Nothing unwinds across the boundary. Each side catches its own panics and returns TORU_PANICKED
// or TORU_INTERNAL. Where people need words, the callee writes them into a ToruError that the
// caller provides. Numbers, lengths, names and values that come from a plugin are checked by the
// host like any other input. Memory safety cannot be checked: a plugin is native code with the
// host's full rights.

#ifndef TORU_PLUGIN_H
#define TORU_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "toru_plugin.h covers little-endian targets only"
#endif
#if SIZE_MAX != UINT64_MAX
#error "toru_plugin.h covers 64-bit targets only"
#endif

// Stands before the one function that a plugin exports. Hide the others: -fvisibility=hidden.
#if defined(_WIN32) || defined(__CYGWIN__)
#define TORU_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define TORU_EXPORT __attribute__((visibility("default")))
#else
#define TORU_EXPORT
#endif

// Whether a field lies wholly within a table: the rule of growth. table points to it.
//
//     if (TORU_HAS(ctx->vt, info) && ctx->vt->info) { ... }
#define TORU_HAS(table, field) \
    ((size_t)((const char *)(&(table)->field + 1) - (const char *)(table)) <= (size_t)(table)->size)

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ToruError ToruError;
typedef struct ToruSlice ToruSlice;
typedef struct ToruBuf ToruBuf;
typedef struct ToruBufVt ToruBufVt;
typedef struct ToruBytes ToruBytes;
typedef struct ToruWaker ToruWaker;
typedef struct ToruWakerVt ToruWakerVt;
typedef struct ToruOp ToruOp;
typedef struct ToruOpVt ToruOpVt;
typedef struct ToruHost ToruHost;
typedef struct ToruHostVt ToruHostVt;
typedef struct ToruCtx ToruCtx;
typedef struct ToruCtxVt ToruCtxVt;
typedef struct ToruHeader ToruHeader;
typedef struct ToruResponse ToruResponse;
typedef struct ToruExchange ToruExchange;
typedef struct ToruExchangeVt ToruExchangeVt;
typedef struct ToruResponder ToruResponder;
typedef struct ToruResponderVt ToruResponderVt;
typedef struct ToruBody ToruBody;
typedef struct ToruBodyVt ToruBodyVt;
typedef struct ToruFrame ToruFrame;
typedef struct ToruBodyHint ToruBodyHint;
typedef struct ToruRoute ToruRoute;
typedef struct ToruRegistrar ToruRegistrar;
typedef struct ToruPluginApi ToruPluginApi;
typedef struct ToruAsset ToruAsset;
typedef struct ToruAssetSink ToruAssetSink;
typedef struct ToruLoader ToruLoader;
typedef struct ToruRt ToruRt;
typedef struct ToruConfig ToruConfig;
typedef struct ToruLicense ToruLicense;
typedef struct ToruLicenseListener ToruLicenseListener;
typedef struct ToruField ToruField;
typedef struct ToruLogRecord ToruLogRecord;
typedef struct ToruLog ToruLog;
typedef struct ToruKvEntry ToruKvEntry;
typedef struct ToruKvPage ToruKvPage;
typedef struct ToruKvRange ToruKvRange;
typedef struct ToruKvCheck ToruKvCheck;
typedef struct ToruKvMutation ToruKvMutation;
typedef struct ToruKvCommitted ToruKvCommitted;
typedef struct ToruKv ToruKv;

// -------------------------------------------------------------------------------------------------
// The version of the contract and the one rule of compatibility
// -------------------------------------------------------------------------------------------------

// Major version. A host refuses a plugin whose major version differs, before any code of it runs.
#define TORU_ABI_MAJOR 1
// Minor version. Information for people: reads are guarded by size, so older and newer minors work
// together.
#define TORU_ABI_MINOR 0
// First field checked in a ToruPluginApi: cheap proof that the call did what was meant. The bytes
// spell ToruAPI1 in memory.
#define TORU_API_MAGIC 0x3149504175726F54

// -------------------------------------------------------------------------------------------------
// Status words, and words for people beside them
// -------------------------------------------------------------------------------------------------

// The call did what was asked.
#define TORU_DONE 0
// The operation has not ended; the waker will be called.
#define TORU_PENDING 1
// The answer will come through a responder.
#define TORU_DETACHED 2
// The sequence ended; nothing follows.
#define TORU_END 3

// Statuses from here on are errors. Numbers below, other than the ones named above, are reserved.
#define TORU_FIRST_ERROR 16
// The callee panicked; the panic was caught on its own side.
#define TORU_PANICKED 16
// An argument breaks the contract.
#define TORU_INVALID 17
// The callee does not know this function, flag or kind.
#define TORU_UNSUPPORTED 18
// What was asked for does not exist.
#define TORU_NOT_FOUND 19
// The call would block a thread that must not be blocked.
#define TORU_WOULD_BLOCK 20
// The operation was cancelled; the call did nothing.
#define TORU_CANCELLED 21
// A size limit was exceeded.
#define TORU_TOO_LARGE 22
// A limit of concurrency was reached; trying later may succeed.
#define TORU_BUSY 23
// A version check failed, or the call was already made once.
#define TORU_CONFLICT 24
// The plugin instance behind this handle has been destroyed.
#define TORU_GONE 25
// The callee failed for a reason of its own.
#define TORU_INTERNAL 26
// The author's code returned an error.
#define TORU_FAILED 27
// The plugin's quota is used up.
#define TORU_QUOTA 28
// There is no space left where the data is stored.
#define TORU_STORAGE_FULL 29
// The time allowed for the call has passed.
#define TORU_TIMED_OUT 30
// The peer went away in the middle of a body.
#define TORU_DISCONNECTED 31

// Room for words that explain an error to people.
//
// The caller owns the struct and the buffer. The callee writes at most text_cap bytes of UTF-8 to
// text, how many into text_len, and a status word into code. It does so only when it returns an
// error.
struct ToruError {
    // Size of this struct in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Status word that tells the kind of error.
    uint32_t code;
    // Reserved, zero.
    uint32_t reserved;
    // Buffer for the message, owned by the caller; may be null when text_cap is 0.
    uint8_t *text;
    // Capacity of the buffer in bytes.
    size_t text_cap;
    // Bytes written, at most text_cap.
    size_t text_len;
};

// -------------------------------------------------------------------------------------------------
// Borrowed and owned byte ranges, and the only conversions from (ptr, len)
// -------------------------------------------------------------------------------------------------

// A borrowed range of bytes: valid during the call it is passed to, unless stated otherwise.
//
// (null, 0) is the legal empty slice.
struct ToruSlice {
    // First byte; may be null when len is 0.
    const uint8_t *ptr;
    // Number of bytes.
    size_t len;
};

// Something that keeps bytes alive, shared by counting references.
//
// Implemented by whichever side allocated the bytes.
struct ToruBuf {
    // Table of this object.
    const ToruBufVt *vt;
};

// Functions of a ToruBuf.
struct ToruBufVt {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Adds a reference. Never null. [thread-safe] [no-block]
    void (*retain)(const ToruBuf *buf);
    // Gives a reference back; the last one frees the bytes. Never null. [thread-safe] [no-block]
    void (*release)(const ToruBuf *buf);
};

// A range of bytes together with what keeps it alive.
//
// Whoever receives one by value owns one reference of owner and releases it once. A null owner
// means that the bytes live as long as the process.
struct ToruBytes {
    // First byte; may be null when len is 0.
    const uint8_t *ptr;
    // Number of bytes.
    size_t len;
    // What keeps the bytes alive, or null.
    const ToruBuf *owner;
};

// -------------------------------------------------------------------------------------------------
// Operations, which may suspend, and the wakers that resume them
// -------------------------------------------------------------------------------------------------
//
// Both sides implement both: a plugin's handler is an operation that the host polls; a host's timer
// is one that a plugin polls.

// Resumes whoever polls an operation.
//
// Counted references. Valid during the poll it is passed to; retain to keep it longer.
struct ToruWaker {
    // Table of this object.
    const ToruWakerVt *vt;
};

// Functions of a ToruWaker. None of them is ever null.
struct ToruWakerVt {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Adds a reference and returns the pointer to keep, which may differ from waker.
    // [thread-safe] [no-block]
    const ToruWaker *(*retain)(const ToruWaker *waker);
    // Asks for another poll; does not take a reference. Harmless when repeated or late.
    // [thread-safe] [no-block]
    void (*wake)(const ToruWaker *waker);
    // Gives a reference back. [thread-safe] [no-block]
    void (*release)(const ToruWaker *waker);
};

// Work that may suspend.
//
// Whoever receives one that is pending polls it until it ends and then drops it, exactly once.
struct ToruOp {
    // The operation's own state, passed back verbatim.
    void *data;
    // Table of this operation.
    const ToruOpVt *vt;
};

// Functions of a ToruOp.
struct ToruOpVt {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Goes on. io is typed by the call that produced the operation. Never null.
    //
    // Returns TORU_DONE, TORU_PENDING or an error. After anything but TORU_PENDING it is not called
    // again. waker and io are lent for the call; what is written to io is the caller's.
    // [op] [no-block]
    uint32_t (*poll)(void *data, const ToruWaker *waker, void *io);
    // Frees the operation; cancels it if it has not ended. Called exactly once. Never null.
    // [op] [no-block]
    void (*drop)(void *data);
};

// -------------------------------------------------------------------------------------------------
// What a host gives to plugins: itself, and one context for each instance
// -------------------------------------------------------------------------------------------------

// The host. One object for all plugins; lives as long as the process.
struct ToruHost {
    // Table of this object.
    const ToruHostVt *vt;
};

// Functions of a ToruHost. None of them is ever null.
struct ToruHostVt {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // The table of an extension of the host as a whole, by id, or null. The id is lent for the
    // call; the table lives as long as the process. [thread-safe] [no-block]
    const void *(*ext)(const ToruHost *host, const uint8_t *id, size_t len);
    // A fact about the host; key is one of TORU_INFO_.... TORU_DONE with out filled in, or
    // TORU_NOT_FOUND. What out then leads to is the host's, and valid as long as the process lives.
    // [thread-safe] [no-block]
    uint32_t (*info)(const ToruHost *host, uint32_t key, ToruSlice *out);
};

// Name of the host application. UTF-8.
#define TORU_INFO_HOST_NAME 1
// Version of the host application. UTF-8.
#define TORU_INFO_HOST_VERSION 2
// Id of this installation: a UUID in lower case with hyphens. Of contexts only.
#define TORU_INFO_INSTANCE_ID 3
// Id of the plugin. Of contexts only.
#define TORU_INFO_PLUGIN_ID 4
// Path below which the plugin's routes are mounted. UTF-8. Of contexts only.
#define TORU_INFO_BASE_PATH 5

// The host as one instance of a plugin sees it. Carries that plugin's identity, configuration and
// quotas.
//
// Lives as long as the process. Once the instance is destroyed its functions answer TORU_GONE, so a
// late call from a forgotten thread is harmless.
struct ToruCtx {
    // Table of this object.
    const ToruCtxVt *vt;
};

// Functions of a ToruCtx. None of them is ever null.
struct ToruCtxVt {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // The table of an extension, by id, or null when the host does not offer it. The id is lent for
    // the call; the table lives as long as the process, and its functions take this context first.
    // [thread-safe] [no-block]
    const void *(*ext)(const ToruCtx *ctx, const uint8_t *id, size_t len);
    // A fact; key is one of TORU_INFO_.... TORU_DONE with out filled in, or TORU_NOT_FOUND. What
    // out then leads to is the host's, and valid as long as the process lives.
    // [thread-safe] [no-block]
    uint32_t (*info)(const ToruCtx *ctx, uint32_t key, ToruSlice *out);
};

// -------------------------------------------------------------------------------------------------
// One request and its response while they cross
// -------------------------------------------------------------------------------------------------

// The header's name lives as long as the process.
#define TORU_HEADER_STATIC_NAME 1
// The header's value lives as long as the process.
#define TORU_HEADER_STATIC_VALUE 2

// One header field.
struct ToruHeader {
    // Field name. In requests it is in lower case.
    ToruSlice name;
    // Field value: bytes, not necessarily UTF-8.
    ToruSlice value;
    // TORU_HEADER_... bits.
    uint32_t flags;
    // Reserved, zero.
    uint32_t reserved;
};

// The response has no body.
#define TORU_BODY_NONE 0
// The body is bytes, which the host owns once respond has returned TORU_DONE.
#define TORU_BODY_BYTES 1
// The body is bytes, borrowed and copied during the call; its owner is null. Meant for short ones.
#define TORU_BODY_BORROWED 2
// The body is stream, which the host owns once respond has returned TORU_DONE.
#define TORU_BODY_STREAM 3

// The author's code failed: the host renders its own problem document with this status, and no body
// is given.
#define TORU_RESPONSE_ERROR 1

// A response. Everything but the body is borrowed during the call to respond.
struct ToruResponse {
    // Size of this struct in bytes.
    uint32_t size;
    // TORU_RESPONSE_... bits.
    uint32_t flags;
    // HTTP status, 200 to 599.
    uint16_t status;
    // TORU_BODY_...: where the body is.
    uint16_t body_kind;
    // Reserved, zero.
    uint32_t reserved;
    // Header fields, in order; repeated names are kept.
    const ToruHeader *headers;
    // Number of header fields.
    size_t n_headers;
    // The body, when body_kind says so.
    ToruBytes bytes;
    // The body, when body_kind says so.
    ToruBody *stream;
};

// One request on its way through a plugin. A host object; these fields may be read directly.
//
// The slices live as long as the exchange: until the operation ends, or longer for whoever retains
// it.
struct ToruExchange {
    // Table of this object.
    const ToruExchangeVt *vt;
    // Size of this struct in bytes: which of the fields below are there.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // The method's bit, TORU_GET and so on.
    uint32_t method;
    // HTTP version: 10, 11, 20 or 30.
    uint16_t version;
    // Number of request header fields.
    uint16_t n_headers;
    // The method's name as sent.
    ToruSlice method_name;
    // Raw path below the plugin's own, starting with '/'.
    ToruSlice path;
    // Raw query without the question mark; empty when there is none.
    ToruSlice query;
    // Raw captures in the order of the pattern.
    const ToruSlice *params;
    // Number of captures.
    size_t n_params;
    // When the host will give up, in nanoseconds of the clock of toru.rt/1; 0 when it does not say.
    uint64_t deadline_ns;
    // W3C trace id, or zeros.
    uint8_t trace_id[16];
    // W3C span id, or zeros.
    uint8_t span_id[8];
};

// Functions of a ToruExchange. None of them is ever null.
struct ToruExchangeVt {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Adds a reference: the request's data stays valid. [thread-safe] [no-block]
    void (*retain)(const ToruExchange *ex);
    // Gives a reference back. [thread-safe] [no-block]
    void (*release)(const ToruExchange *ex);
    // Looks the first header of that name up, in any case. TORU_DONE or TORU_NOT_FOUND. The name is
    // lent for the call; what out leads to lives as long as the exchange. [thread-safe] [no-block]
    uint32_t (*header)(const ToruExchange *ex,
                       const uint8_t *name,
                       size_t len,
                       ToruSlice *out);
    // All header fields as one array, which lives as long as the exchange. [thread-safe] [no-block]
    uint32_t (*headers)(const ToruExchange *ex, const ToruHeader **out, size_t *n_out);
    // Takes the request body; null when there is none or it was taken. The caller owns it.
    // [thread-safe] [no-block]
    ToruBody *(*body)(const ToruExchange *ex);
    // Answers, at most once; TORU_CONFLICT after detach. The body is the host's after TORU_DONE,
    // and stays the caller's on an error; all else of the response is lent for the call.
    // [op] [no-block]
    uint32_t (*respond)(const ToruExchange *ex, const ToruResponse *response);
    // Takes the responder, at most once, for TORU_DETACHED; null when it cannot be had. The caller
    // owns one reference of it. [op] [no-block]
    const ToruResponder *(*detach)(const ToruExchange *ex);
    // The table of an extension of the exchange, by id, or null. The id is lent for the call; the
    // table lives as long as the process. [thread-safe] [no-block]
    const void *(*ext)(const ToruExchange *ex, const uint8_t *id, size_t len);
};

// Answers a detached request later, from any thread. A host object with counted references.
//
// It keeps the exchange valid: headers and body may still be read through it. When the last
// reference is given back without an answer, the host answers 500.
struct ToruResponder {
    // Table of this object.
    const ToruResponderVt *vt;
};

// Functions of a ToruResponder. None of them is ever null.
struct ToruResponderVt {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Adds a reference. [thread-safe] [no-block]
    void (*retain)(const ToruResponder *responder);
    // Gives a reference back. [thread-safe] [no-block]
    void (*release)(const ToruResponder *responder);
    // Answers, at most once: TORU_DONE; TORU_CONFLICT if it was answered already; TORU_CANCELLED if
    // nobody waits any more. The body is the host's after TORU_DONE, and stays the caller's on an
    // error; all else of the response is lent for the call. It takes no reference.
    // [thread-safe] [no-block]
    uint32_t (*respond)(const ToruResponder *responder, const ToruResponse *response);
    // 1 when nobody waits for the answer any more, else 0. [thread-safe] [no-block]
    uint32_t (*is_cancelled)(const ToruResponder *responder);
    // Has callback(data) called once when nobody waits any more, on any thread; before this returns
    // if that is so already. Not called once an answer was accepted. TORU_DONE; TORU_CONFLICT when
    // one was set before, or when it is too late because an answer was given.
    //
    // After TORU_DONE, drop(data) is called exactly once, when the callback has returned or will
    // never be called; it may be null. Until then data is lent to the host. On an error neither is
    // called, and data stays the caller's. Neither must block. [thread-safe] [no-block]
    uint32_t (*on_cancel)(const ToruResponder *responder,
                          void (*callback)(void *data),
                          void (*drop)(void *data),
                          void *data);
};

// -------------------------------------------------------------------------------------------------
// Streaming bodies: one pull-style table for requests and responses
// -------------------------------------------------------------------------------------------------

// A stream of frames. Implemented by the host for requests and by the plugin for responses.
//
// Owned by one holder at a time, who releases it exactly once; releasing it before its end cancels
// it. It may outlive the operation that it came from. Nothing is produced before it is asked for:
// back-pressure is built in.
struct ToruBody {
    // Table of this object.
    const ToruBodyVt *vt;
};

// Functions of a ToruBody.
struct ToruBodyVt {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Asks for the next frame: TORU_DONE with frame filled in, TORU_PENDING, TORU_END, or an error,
    // after which it is not called again. Never null.
    //
    // waker and frame are lent for the call. The caller owns one reference of the bytes in frame,
    // unless it is flagged as borrowed. [op] [no-block]
    uint32_t (*poll)(ToruBody *body, const ToruWaker *waker, ToruFrame *frame);
    // Turns the current borrowed frame's bytes into owned ones without copying. The caller owns
    // what out then leads to. Null when frames are never borrowed. [op] [no-block]
    uint32_t (*own)(ToruBody *body, ToruBytes *out);
    // How much is to come. out is lent for the call. May be null. [op] [no-block]
    uint32_t (*hint)(ToruBody *body, ToruBodyHint *out);
    // Frees the body; cancels it if it has not ended. Never null. [op] [no-block]
    void (*release)(ToruBody *body);
};

// The frame carries bytes of the body.
#define TORU_FRAME_DATA 0
// The frame carries trailers and is the last one.
#define TORU_FRAME_TRAILERS 1

// The frame's bytes are valid until the next poll, own or release of the body, and have no owner.
//
// Only request bodies lend bytes. What a plugin streams is owned or lives as long as the process.
#define TORU_FRAME_BORROWED 1

// One frame of a body.
struct ToruFrame {
    // Size of this struct in bytes, written by whoever polls.
    uint32_t size;
    // TORU_FRAME_BORROWED or zero.
    uint32_t flags;
    // TORU_FRAME_DATA or TORU_FRAME_TRAILERS.
    uint32_t kind;
    // Reserved, zero.
    uint32_t reserved;
    // Data frames: the bytes.
    ToruBytes bytes;
    // Trailer frames: the fields, valid until the next call to the body.
    const ToruHeader *headers;
    // Number of fields.
    size_t n_headers;
};

// Set in ToruBodyHint.flags when len is the exact number of bytes to come.
#define TORU_HINT_EXACT 1
// Set in ToruBodyHint.flags when nothing is to come, so that polling may be left out.
#define TORU_HINT_ENDED 2

// How much of a body is to come.
struct ToruBodyHint {
    // Size of this struct in bytes, written by whoever asks.
    uint32_t size;
    // TORU_HINT_... bits.
    uint32_t flags;
    // At least this many bytes are to come.
    uint64_t len;
};

// -------------------------------------------------------------------------------------------------
// How a plugin registers its routes
// -------------------------------------------------------------------------------------------------

// Bit of the method GET in ToruRoute.methods; also the number of that method in an exchange.
//
// A route for GET answers HEAD as well: the host leaves the body out.
#define TORU_GET 1
// The method HEAD.
#define TORU_HEAD (1 << 1)
// The method POST.
#define TORU_POST (1 << 2)
// The method PUT.
#define TORU_PUT (1 << 3)
// The method DELETE.
#define TORU_DELETE (1 << 4)
// The method OPTIONS.
#define TORU_OPTIONS (1 << 5)
// The method PATCH.
#define TORU_PATCH (1 << 6)
// The method TRACE.
#define TORU_TRACE (1 << 7)
// The method CONNECT.
#define TORU_CONNECT (1 << 8)
// Any other method; its name is in ToruExchange.method_name.
#define TORU_OTHER_METHOD (1 << 9)
// Every method.
#define TORU_ANY_METHOD ((1 << 10) - 1)

// The handler blocks: the host calls start on a thread that may be blocked.
#define TORU_ROUTE_BLOCKING 1

// Most bytes of scratch that a route may ask for. A larger operation is allocated by the plugin.
#define TORU_SCRATCH_MAX 1024
// Greatest alignment of scratch that a route may ask for, in bytes.
#define TORU_SCRATCH_ALIGN_MAX 16
// Most captures ('{name}' and '{*rest}') in one pattern.
#define TORU_PARAMS_MAX 16

// One route.
//
// Pattern syntax: '/' separates segments; '{name}' captures a segment or a part of one; '{*rest}'
// captures one or more segments and stands last; '{{' and '}}' are literal braces. Patterns are
// matched on the raw, still encoded path.
struct ToruRoute {
    // Size of this struct in bytes.
    uint32_t size;
    // TORU_ROUTE_... bits.
    uint32_t flags;
    // Methods answered, TORU_GET and so on.
    uint32_t methods;
    // Alignment of the scratch in bytes, a power of two up to TORU_SCRATCH_ALIGN_MAX; 0 when
    // op_size is 0.
    uint32_t op_align;
    // Bytes of scratch that start needs, at most TORU_SCRATCH_MAX.
    size_t op_size;
    // Path pattern below the plugin's own path, starting with '/'. UTF-8.
    ToruSlice pattern;
    // Name for logs and counters, or empty for the pattern. UTF-8.
    ToruSlice name;
    // The plugin's own handler object, passed back verbatim. Lives until destroy.
    const void *user;
    // Handles one request. Never null.
    //
    // Returns TORU_DONE after respond; TORU_PENDING after filling in op, whose io is the exchange;
    // TORU_DETACHED after detach; or an error, which the host answers with 500. (Another status for
    // an error goes into a response with TORU_RESPONSE_ERROR.) ex is borrowed until the operation
    // ends (retain keeps it longer), waker for the call. op is the host's after TORU_PENDING.
    // scratch is uninitialised memory as declared; it stays in place until the operation is
    // dropped, so that the operation itself can live in it. After TORU_DETACHED the exchange may be
    // read for as long as a responder is held, but not answered. On a blocking route only TORU_DONE
    // and errors may be returned. user and plugin are the plugin's own pointers; what they point to
    // may change if the plugin takes care of threads. [thread-safe] [no-block], and without
    // 'no-block' on a blocking route
    uint32_t (*start)(const void *user,
                      const void *plugin,
                      const ToruExchange *ex,
                      const ToruWaker *waker,
                      uint8_t *scratch,
                      ToruOp *op);
};

// Where a plugin registers its routes. Valid during the call to routes.
struct ToruRegistrar {
    // Size of this struct in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Adds one route; struct, pattern and name are copied. Never null.
    //
    // An error means that the route breaks a rule. The host then refuses the plugin and tells why.
    // [control] [no-block]
    uint32_t (*add)(const ToruRegistrar *registrar, const ToruRoute *route);
};

// -------------------------------------------------------------------------------------------------
// The table that a plugin gives to the host, and what it registers through it
// -------------------------------------------------------------------------------------------------

// What a plugin can be asked to do. Lives as long as the process.
//
// The life of an instance: create, init, routes, frontend, calls to its routes, shutdown, destroy.
// destroy follows every successful create. shutdown follows only a successful init, and may be left
// out even then: when the routes are refused, or when the host gives up waiting for shutdown and
// drops its operation. So destroy ends whatever is left. A plugin may be created again at any time:
// an old instance that takes long to end and a new one can exist side by side.
struct ToruPluginApi {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // TORU_API_MAGIC.
    uint64_t magic;
    // Major version of the contract that the plugin was built for.
    uint16_t abi_major;
    // Minor version of the contract that the plugin was built for.
    uint16_t abi_minor;
    // Reserved, zero.
    uint32_t reserved;
    // The descriptor of the note once more, from inside the image.
    const uint8_t *metadata;
    // Length of metadata in bytes.
    size_t metadata_len;
    // Makes an instance and writes it to out. The instance stays the plugin's, and the host passes
    // it back until destroy. host lives as long as the process; err is lent for the call. Never
    // null. [control] [no-block]
    uint32_t (*create)(const ToruHost *host, void **out, ToruError *err);
    // Starts the instance. May suspend: then op is filled in, which the host polls and drops, and
    // its io is a ToruError. ctx stays valid as long as the process lives; waker and err are lent
    // for the call. Null means that there is nothing to do. It runs on a thread that may be
    // blocked, but the host gives up after a few seconds. [control]
    uint32_t (*init)(void *plugin,
                     const ToruCtx *ctx,
                     const ToruWaker *waker,
                     ToruOp *op,
                     ToruError *err);
    // Registers the routes. registrar and err are lent for the call. Null means that there are
    // none. [control] [no-block]
    uint32_t (*routes)(void *plugin, const ToruRegistrar *registrar, ToruError *err);
    // Hands the frontend's files over. sink and err are lent for the call. Null means that there
    // are none. [control] [no-block]
    uint32_t (*frontend)(void *plugin, const ToruAssetSink *sink, ToruError *err);
    // Ends the instance's work. May suspend like init. Null means that there is nothing to do. It
    // may wait for the plugin's own threads to end, which have to do so promptly. [control]
    uint32_t (*shutdown)(void *plugin, const ToruWaker *waker, ToruOp *op, ToruError *err);
    // Frees the instance. No call to it runs and none follows. It may wait like shutdown. Never
    // null. [control]
    void (*destroy)(void *plugin);
    // The table of an extension of the plugin's own, by id, or null. The id is lent for the call;
    // the table stays the plugin's and lives as long as the instance. May be null. [thread-safe]
    const void *(*ext)(void *plugin, const uint8_t *id, size_t len);
};

// One file of a plugin's frontend.
struct ToruAsset {
    // Size of this struct in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Path below the plugin's own; bundle.js is what the interface loads. UTF-8.
    ToruSlice path;
    // Media type, or empty to derive it from the path.
    ToruSlice mime;
    // The content; the host owns it once add has returned TORU_DONE.
    ToruBytes bytes;
};

// Where a plugin hands its frontend's files to the host. Valid during the call to frontend.
struct ToruAssetSink {
    // Size of this struct in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Adds one file; struct, path and media type are copied. The host owns the bytes after
    // TORU_DONE; on an error they stay the caller's. Never null. [control] [no-block]
    uint32_t (*add)(const ToruAssetSink *sink, const ToruAsset *asset);
};

// -------------------------------------------------------------------------------------------------
// The one exported function, and how a plugin is offered without a library
// -------------------------------------------------------------------------------------------------

// Set in ToruLoader.flags when the plugin is linked into the host's own image.
//
// A plugin then shares the host's panic hook and leaves it alone.
#define TORU_LOADER_STATIC 1

// What the host tells a library at first contact.
struct ToruLoader {
    // Size of this struct in bytes.
    uint32_t size;
    // TORU_LOADER_... bits.
    uint32_t flags;
    // Major version of the contract that this host speaks.
    uint16_t abi_major;
    // Minor version of the contract that this host speaks.
    uint16_t abi_minor;
    // Reserved, zero.
    uint32_t reserved;
    // The host; lives as long as the process.
    const ToruHost *host;
};

// The type of the one exported function, create_plugin.
//
// Writes the plugin's table to api and returns TORU_DONE, or returns an error. It is cheap, starts
// nothing, and may be called more than once. loader is lent for the call; the table stays the
// plugin's and lives as long as the process. [thread-safe] [no-block]
typedef uint32_t (*ToruCreatePlugin)(const ToruLoader *loader, const ToruPluginApi **api);

// Name of the exported function.
#define TORU_CREATE_PLUGIN_SYMBOL "create_plugin"

// The one exported function.
TORU_EXPORT uint32_t create_plugin(const ToruLoader *loader, const ToruPluginApi **api);

// -------------------------------------------------------------------------------------------------
// The extension toru.rt/1: the host's clock, timers and threads
// -------------------------------------------------------------------------------------------------

// Id of this extension.
#define TORU_RT_ID "toru.rt/1"

// Functions of toru.rt/1. None of them is ever null.
//
// Work handed over belongs to the instance and is cancelled when it is disabled.
struct ToruRt {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Nanoseconds of a clock that never goes back; its zero is arbitrary. [thread-safe] [no-block]
    uint64_t (*now)(const ToruCtx *ctx);
    // Fills in an operation that ends with TORU_DONE at deadline_ns of that clock; its io is
    // unused. Returns TORU_PENDING, or TORU_DONE without an operation when the time has passed. The
    // operation is the caller's to poll and to drop. [thread-safe] [no-block]
    uint32_t (*sleep_until)(const ToruCtx *ctx, uint64_t deadline_ns, ToruOp *op);
    // Takes an operation over, polls it until it ends, and drops it; its io is null. The struct
    // itself is copied. On an error the operation stays the caller's. [thread-safe] [no-block]
    uint32_t (*spawn)(const ToruCtx *ctx, const ToruOp *op);
    // Calls run(data) once on a thread that may be blocked, or cancel(data) when that will never
    // happen. Not more at a time than the plugin may have requests, 64 unless the application says
    // otherwise; what is beyond waits. data is whichever function's is called; cancel may be null.
    // On an error neither is called, and data stays the caller's. [thread-safe] [no-block]
    uint32_t (*spawn_blocking)(const ToruCtx *ctx,
                               void (*run)(void *data),
                               void (*cancel)(void *data),
                               void *data);
    // 1 when the calling thread is one that must not be blocked, else 0. [thread-safe] [no-block]
    uint32_t (*is_worker_thread)(const ToruCtx *ctx);
};

// -------------------------------------------------------------------------------------------------
// The extension toru.config/1: the plugin's configuration
// -------------------------------------------------------------------------------------------------

// Id of this extension.
#define TORU_CONFIG_ID "toru.config/1"

// Functions of toru.config/1. None of them is ever null.
struct ToruConfig {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // The configuration as JSON in UTF-8; '{}' when nothing was configured. The caller owns one
    // reference of what out then leads to. [thread-safe] [no-block]
    uint32_t (*get)(const ToruCtx *ctx, ToruBytes *out);
};

// -------------------------------------------------------------------------------------------------
// The extension toru.license/1: the licence key that an administrator gave a plugin
// -------------------------------------------------------------------------------------------------
//
// Both sides have a table under this id: the host hands the key out, and a plugin that wants to go
// on when its key changes listens. Whether a key is good is for the plugin to decide. One that does
// not accept it, or has none, returns one of the TORU_LICENSE_... statuses from init; the host
// shows the words that come with it.

// Id of this extension.
#define TORU_LICENSE_ID "toru.license/1"

// There is no key, and the plugin needs one.
#define TORU_LICENSE_MISSING 64
// The licence has ended.
#define TORU_LICENSE_EXPIRED 65
// The key was not issued by the vendor, or was changed.
#define TORU_LICENSE_INVALID_SIGNATURE 66
// The text is no key.
#define TORU_LICENSE_MALFORMED 67
// By this machine's clock the licence has not been issued yet.
#define TORU_LICENSE_NOT_YET_VALID 68
// The plugin does not know keys of this kind.
#define TORU_LICENSE_UNSUPPORTED 69
// The licence is for another installation.
#define TORU_LICENSE_WRONG_INSTANCE 70
// The licence is for another plugin.
#define TORU_LICENSE_WRONG_PLUGIN 71
// The plugin does not accept the licence for another reason.
#define TORU_LICENSE_REFUSED 72

// Functions of toru.license/1 that a host offers. None of them is ever null.
struct ToruLicense {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // The plugin's licence key as it is now, without white space around it. TORU_NOT_FOUND when
    // there is none. UTF-8. The caller owns out. [thread-safe] [no-block]
    uint32_t (*get)(const ToruCtx *ctx, ToruBytes *out);
};

// Functions of toru.license/1 that a plugin offers, through the ext of its own table.
//
// A plugin that has asked for its key and offers none of this is stopped and started anew when the
// key changes.
struct ToruLicenseListener {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // The key was replaced or removed; get gives the new one. May suspend like init, under the same
    // limit. After anything but TORU_DONE the plugin is stopped and started anew, and its init has
    // the last word. It follows a successful init and comes before shutdown; requests run beside
    // it. May be null. [control]
    uint32_t (*changed)(void *plugin, const ToruWaker *waker, ToruOp *op, ToruError *err);
};

// -------------------------------------------------------------------------------------------------
// The extension toru.log/1: a plugin's log records arrive in the host's
// -------------------------------------------------------------------------------------------------

// Id of this extension.
#define TORU_LOG_ID "toru.log/1"

// No level at all.
#define TORU_LOG_OFF 0
// Something failed.
#define TORU_LOG_ERROR 1
// Something is wrong but work goes on.
#define TORU_LOG_WARN 2
// What an administrator wants to know.
#define TORU_LOG_INFO 3
// What a developer wants to know.
#define TORU_LOG_DEBUG 4
// Everything.
#define TORU_LOG_TRACE 5

// A name and a value that belong to a record.
struct ToruField {
    // Name. UTF-8.
    ToruSlice name;
    // Value as text. UTF-8.
    ToruSlice value;
};

// One record. Borrowed during the call.
struct ToruLogRecord {
    // Size of this struct in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // TORU_LOG_ERROR to TORU_LOG_TRACE.
    uint32_t level;
    // Line in file, or 0.
    uint32_t line;
    // Where in the plugin the record comes from, a module path for example. UTF-8.
    ToruSlice target;
    // Source file, or empty. UTF-8.
    ToruSlice file;
    // The message. UTF-8; other bytes are replaced.
    ToruSlice message;
    // Fields.
    const ToruField *fields;
    // Number of fields.
    size_t n_fields;
};

// Functions of toru.log/1. None of them is ever null.
struct ToruLog {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // The most detailed level that anybody listens to. [thread-safe] [no-block]
    uint32_t (*max_level)(const ToruCtx *ctx);
    // Writes one record, which is lent for the call with all that it leads to.
    // [thread-safe] [no-block]
    uint32_t (*emit)(const ToruCtx *ctx, const ToruLogRecord *record);
};

// -------------------------------------------------------------------------------------------------
// The extension toru.kv/1: the plugin's stored data
// -------------------------------------------------------------------------------------------------
//
// Asynchronous in shape, answered at once when it can be: each function returns TORU_DONE with out
// filled in, or TORU_PENDING with an operation whose io is the same kind of out. Argument slices
// are borrowed during the first call only. Keys are 1 to 1024 bytes, values 0 to 1 MiB; both are
// bytes.

// Id of this extension.
#define TORU_KV_ID "toru.kv/1"

// Longest key in bytes. The shortest has one.
#define TORU_KV_KEY_MAX 1024
// Longest value in bytes.
#define TORU_KV_VALUE_MAX (1 << 20)

// One stored entry.
struct ToruKvEntry {
    // The key.
    ToruSlice key;
    // The value.
    ToruSlice value;
    // Version: changes with every write and never repeats, not even after delete and re-create.
    uint64_t version;
    // When the entry expires, in milliseconds of Unix time; 0 when it does not.
    uint64_t expires_ms;
};

// Entries of one consistent snapshot.
//
// Written by the host; the caller then owns one reference of owner, which keeps all of it alive.
struct ToruKvPage {
    // Size of this struct in bytes, written by the caller.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // The entries that exist, in the order asked for.
    const ToruKvEntry *entries;
    // Number of entries.
    size_t n_entries;
    // list: where to go on, to be passed as cursor; empty at the end.
    ToruSlice cursor;
    // What keeps entries and cursor alive, or null when there are none.
    const ToruBuf *owner;
};

// Entries come in descending order of keys.
#define TORU_KV_DESCENDING 1

// Which entries to list: keys from start up to, not including, end.
struct ToruKvRange {
    // Size of this struct in bytes.
    uint32_t size;
    // TORU_KV_DESCENDING or zero.
    uint32_t flags;
    // First key, inclusive; empty for the beginning.
    ToruSlice start;
    // Last key, exclusive; empty for the end.
    ToruSlice end;
    // Where the page before ended, or empty. It narrows the range and never leaves it, whatever it
    // is.
    ToruSlice cursor;
    // Most entries wanted; 0 for the host's default.
    uint32_t limit;
    // Reserved, zero.
    uint32_t reserved;
};

// A condition of a commit: key still has version; 0 means that it does not exist.
struct ToruKvCheck {
    // The key.
    ToruSlice key;
    // The version expected.
    uint64_t version;
};

// Store value under key.
#define TORU_KV_SET 1
// Delete key; no error when it does not exist.
#define TORU_KV_DELETE 2
// Add delta to the decimal number stored under key, 0 when it does not exist.
#define TORU_KV_ADD 3

// One change of a commit.
struct ToruKvMutation {
    // TORU_KV_SET, TORU_KV_DELETE or TORU_KV_ADD.
    uint32_t kind;
    // Reserved, zero.
    uint32_t flags;
    // The key.
    ToruSlice key;
    // TORU_KV_SET: the value.
    ToruSlice value;
    // TORU_KV_ADD: how much to add.
    int64_t delta;
    // Milliseconds from now until the entry expires; 0 for never.
    uint64_t ttl_ms;
};

// The thread that calls commit may be blocked: it has ended when the call returns. The host can do
// it with less effort then.
#define TORU_KV_BLOCKING 1

// What a commit did.
struct ToruKvCommitted {
    // Size of this struct in bytes, written by the caller.
    uint32_t size;
    // TORU_KV_BLOCKING or zero, written by the caller.
    uint32_t flags;
    // Version given to all entries written.
    uint64_t version;
    // Result of the last TORU_KV_ADD.
    int64_t sum;
};

// Functions of toru.kv/1. None of them is ever null.
struct ToruKv {
    // Size of this table in bytes.
    uint32_t size;
    // Reserved, zero.
    uint32_t flags;
    // Reads the entries of some keys; missing ones are left out. The caller owns the page, and the
    // operation if there is one. [thread-safe] [no-block]
    uint32_t (*get)(const ToruCtx *ctx,
                    const ToruSlice *keys,
                    size_t n_keys,
                    const ToruWaker *waker,
                    ToruKvPage *out,
                    ToruOp *op);
    // Lists a range of entries in the byte order of their keys. The caller owns the page, and the
    // operation if there is one. [thread-safe] [no-block]
    uint32_t (*list)(const ToruCtx *ctx,
                     const ToruKvRange *range,
                     const ToruWaker *waker,
                     ToruKvPage *out,
                     ToruOp *op);
    // Makes all changes or none. TORU_CONFLICT when a check fails. The caller owns the operation if
    // there is one; dropping it before its end leaves open whether the changes were made. With
    // TORU_KV_BLOCKING in the flags of out there is none: the answer is never TORU_PENDING, and
    // TORU_WOULD_BLOCK on a thread that must not be blocked. [thread-safe], and [no-block] without
    // that flag.
    uint32_t (*commit)(const ToruCtx *ctx,
                       const ToruKvCheck *checks,
                       size_t n_checks,
                       const ToruKvMutation *mutations,
                       size_t n_mutations,
                       const ToruWaker *waker,
                       ToruKvCommitted *out,
                       ToruOp *op);
    // Polls one of these operations on the calling thread until it ends or timeout_ns have passed
    // (0: for ever), then drops it. TORU_TIMED_OUT when it did not end. The operation is the host's
    // from the call on, except after TORU_WOULD_BLOCK, the answer on a thread that must not be
    // blocked, and TORU_INVALID. [thread-safe]
    uint32_t (*wait)(const ToruCtx *ctx, ToruOp *op, void *io, uint64_t timeout_ns);
};

// -------------------------------------------------------------------------------------------------
// The note inside a library from which a host learns what it is without opening it
// -------------------------------------------------------------------------------------------------
//
// On ELF it is a note of owner Toru and type TORU_NOTE_TYPE, aligned to 4 bytes, in an allocated
// section named '.note.toru'. On Mach-O it is the section '__TEXT,__toru', on PE the section
// '.torumd'; those hold the descriptor alone.
//
// The descriptor
// --------------
//
// A header of TORU_NOTE_HEADER_LEN bytes, then records. Numbers are little-endian.
//
//   Offset  Size  Header field
//   ------  ----  ---------------------------------------------------------------------------------
//   0       16    TORU_NOTE_MAGIC
//   16      2     format, TORU_NOTE_FORMAT
//   18      2     flags, TORU_NOTE_FLAG_CRC
//   20      4     length of the whole descriptor
//   24      4     CRC-32 (IEEE) of the records when TORU_NOTE_FLAG_CRC is set, else 0
//   28      4     reserved, 0
//   32      32    the seal: SHA-256 of the whole file with these 32 bytes as zeros; all zeros when
//                 unsealed
//
// A seal is written into the finished file by a tool and is optional. A file whose seal does not
// match is never opened.
//
//   Offset  Size    Record field
//   ------  ------  ------------------------------------------------
//   0       2       tag, TORU_NOTE_TAG_...
//   2       2       flags, TORU_NOTE_RECORD_MUST_UNDERSTAND
//   4       4       length of the value
//   8       length  the value
//           1 to 4  zeros up to the next multiple of 4, at least one
//
// Text values are UTF-8 without a terminator of their own; the zero behind every value serves C. A
// tag that the reader does not know is skipped unless its flags say otherwise. No tag but
// TORU_NOTE_TAG_NONE and those of extension ids repeats.

// Owner of the ELF note, with its terminator.
#define TORU_NOTE_OWNER {84, 111, 114, 117, 0}
// Type of the ELF note: "TOR1".
#define TORU_NOTE_TYPE 0x544F5231
// First bytes of the descriptor.
#define TORU_NOTE_MAGIC {127, 84, 111, 114, 117, 32, 112, 108, 117, 103, 105, 110, 13, 10, 26, 10}
// Format of the descriptor.
#define TORU_NOTE_FORMAT 1
// The header holds a CRC of the records.
#define TORU_NOTE_FLAG_CRC 1
// Length of the descriptor's header in bytes.
#define TORU_NOTE_HEADER_LEN 64
// Offset of the seal in the descriptor.
#define TORU_NOTE_SEAL_OFFSET 32
// Length of the seal in bytes.
#define TORU_NOTE_SEAL_LEN 32
// Longest descriptor in bytes.
#define TORU_NOTE_MAX (64 * 1024)
// Length of a record's fixed part in bytes.
#define TORU_NOTE_RECORD_HEADER_LEN 8

// A reader that does not know this record's tag refuses the plugin.
#define TORU_NOTE_RECORD_MUST_UNDERSTAND 1

// Nothing: readers skip the record, whatever is in it. For texts that are left out.
#define TORU_NOTE_TAG_NONE 0
// Version of the contract: uint16_t major, uint16_t minor. Required.
#define TORU_NOTE_TAG_ABI 1
// Plugin id: 1 to 64 of 'a-z', '0-9', '-', starting with a letter or digit and not ending in '-'.
// Required.
#define TORU_NOTE_TAG_ID 2
// Name for people. Required.
#define TORU_NOTE_TAG_NAME 3
// Version of the plugin. Required.
#define TORU_NOTE_TAG_VERSION 4
// Who made it.
#define TORU_NOTE_TAG_AUTHOR 5
// Icon: a short text such as an emoji.
#define TORU_NOTE_TAG_ICON 6
// Path of the plugin's page in the interface, starting with '/'.
#define TORU_NOTE_TAG_ROUTE 7
// One sentence for people.
#define TORU_NOTE_TAG_DESCRIPTION 8
// Id of an extension without which the plugin does not run. May repeat.
#define TORU_NOTE_TAG_REQUIRES 9
// Id of an extension that the plugin uses when it is there. May repeat.
#define TORU_NOTE_TAG_USES 10
// How panics end: unwind, abort, or none in languages without them.
#define TORU_NOTE_TAG_PANIC 11
// Compiler, for people.
#define TORU_NOTE_TAG_COMPILER 12
// Target triple.
#define TORU_NOTE_TAG_TARGET 13
// Name and version of the library that the plugin was written with.
#define TORU_NOTE_TAG_SDK 14
// Licence expression of the plugin.
#define TORU_NOTE_TAG_LICENSE 15

#ifdef __cplusplus
} // extern "C"
#endif

// -------------------------------------------------------------------------------------------------
// A plugin's metadata
// -------------------------------------------------------------------------------------------------
//
// TORU_PLUGIN_METADATA, once at file scope, makes the note from which a host learns what the plugin
// is without opening it. All seven arguments are string literals in UTF-8. Author, icon, route and
// description may be "", which leaves them out: a plugin without a route has no page. A constant is
// all it defines; nothing runs.
//
//     TORU_PLUGIN_METADATA("c-hello", "Hello from C", "0.1.0",       // id, name, version
//                          "Toru authors", "*", "",                  // author, icon, no route
//                          "Greets whoever asks");                   // description
//
// The plugin's table repeats the note's descriptor:
//
//     static const ToruPluginApi api = {
//         .size = sizeof(ToruPluginApi),
//         .magic = TORU_API_MAGIC,
//         .abi_major = TORU_ABI_MAJOR,
//         .abi_minor = TORU_ABI_MINOR,
//         .metadata = TORU_METADATA,
//         .metadata_len = TORU_METADATA_LEN,
//         ...
//     };

// Address of the descriptor, a constant expression.
#define TORU_METADATA ((const uint8_t *)&toru_plugin_note.descriptor)
// Length of the descriptor in bytes.
#define TORU_METADATA_LEN (sizeof toru_plugin_note.descriptor)

// The next five can be defined before this header is included, to say more, or something more exact.

// Id of an extension without which the plugin does not run, such as TORU_KV_ID; a host without it then
// refuses the plugin and tells why.
#ifndef TORU_NOTE_REQUIRES
#define TORU_NOTE_REQUIRES ""
#endif

// Licence expression of the plugin, such as "MIT OR Apache-2.0".
#ifndef TORU_NOTE_LICENSE
#define TORU_NOTE_LICENSE ""
#endif

#ifndef TORU_NOTE_COMPILER
#if defined(__VERSION__) && !defined(__clang__)
#define TORU_NOTE_COMPILER "gcc " __VERSION__
#elif defined(__VERSION__)
#define TORU_NOTE_COMPILER __VERSION__
#else
#define TORU_NOTE_COMPILER ""
#endif
#endif

#ifndef TORU_NOTE_PANIC
#if defined(__cpp_exceptions)
#define TORU_NOTE_PANIC "unwind"
#else
#define TORU_NOTE_PANIC "none"
#endif
#endif

#ifndef TORU_NOTE_TARGET
#if defined(__x86_64__) || defined(_M_X64)
#define TORU_NOTE_ARCH_ "x86_64"
#elif defined(__aarch64__) || defined(_M_ARM64)
#define TORU_NOTE_ARCH_ "aarch64"
#elif defined(__riscv)
#define TORU_NOTE_ARCH_ "riscv64gc"
#else
#define TORU_NOTE_ARCH_ "unknown"
#endif
#if defined(__ANDROID__)
#define TORU_NOTE_SYSTEM_ "-linux-android"
#elif defined(__linux__) && defined(__GLIBC__)
#define TORU_NOTE_SYSTEM_ "-unknown-linux-gnu"
#elif defined(__linux__)
#define TORU_NOTE_SYSTEM_ "-unknown-linux-musl"
#elif defined(__APPLE__)
#define TORU_NOTE_SYSTEM_ "-apple-darwin"
#elif defined(_WIN32) && defined(__GNUC__)
#define TORU_NOTE_SYSTEM_ "-pc-windows-gnu"
#elif defined(_WIN32)
#define TORU_NOTE_SYSTEM_ "-pc-windows-msvc"
#elif defined(__FreeBSD__)
#define TORU_NOTE_SYSTEM_ "-unknown-freebsd"
#else
#define TORU_NOTE_SYSTEM_ "-unknown"
#endif
#define TORU_NOTE_TARGET TORU_NOTE_ARCH_ TORU_NOTE_SYSTEM_
#endif

#define TORU_TEXT_OF_(value) #value
#define TORU_TEXT_(value) TORU_TEXT_OF_(value)
#define TORU_NOTE_SDK_ "toru_plugin.h " TORU_TEXT_(TORU_ABI_MAJOR) "." TORU_TEXT_(TORU_ABI_MINOR)

// Where the note goes. Only ELF wraps the descriptor; the alignment is the variable's own, because
// compilers like to raise that of large objects.
#if defined(__APPLE__)
#define TORU_NOTE_PLACE_ __attribute__((used, section("__TEXT,__toru"), aligned(4)))
#elif defined(_WIN32) && defined(_MSC_VER)
#pragma section(".torumd", read)
#define TORU_NOTE_PLACE_ __declspec(allocate(".torumd")) __declspec(align(4))
#elif defined(_WIN32)
#define TORU_NOTE_PLACE_ __attribute__((used, section(".torumd"), aligned(4)))
#else
#define TORU_NOTE_PLACE_ __attribute__((used, section(".note.toru"), aligned(4)))
#define TORU_NOTE_IS_ELF_ 1
#endif

#ifdef TORU_NOTE_IS_ELF_
#define TORU_NOTE_ELF_MEMBERS_ \
    uint32_t owner_len;        \
    uint32_t descriptor_len;   \
    uint32_t type;             \
    uint8_t owner[8];
#define TORU_NOTE_ELF_VALUES_(length) 5, (length), TORU_NOTE_TYPE, TORU_NOTE_OWNER,
#else
#define TORU_NOTE_ELF_MEMBERS_
#define TORU_NOTE_ELF_VALUES_(length)
#endif

// One record with a text: the literal's terminator is the first of the one to four zeros behind it.
#define TORU_NOTE_PADDED_(literal) ((sizeof(literal) + 3) / 4 * 4)
#define TORU_NOTE_RECORD_(name, literal)           \
    struct {                                       \
        uint16_t tag, flags;                       \
        uint32_t length;                           \
        char value[TORU_NOTE_PADDED_("" literal)]; \
    } name
#define TORU_NOTE_VALUE_(tag, literal) {(tag), 0, (uint32_t)(sizeof("" literal) - 1), "" literal}
// An empty text is left out: its record holds nothing, and readers skip it.
#define TORU_NOTE_OPTIONAL_(tag, literal) \
    TORU_NOTE_VALUE_(sizeof("" literal) > 1 ? (tag) : TORU_NOTE_TAG_NONE, literal)

#define TORU_PLUGIN_METADATA(id_, name_, version_, author_, icon_, route_, description_)                 \
    typedef struct {                                                                                     \
        uint8_t magic[16];                                                                               \
        uint16_t format, flags;                                                                          \
        uint32_t length, crc, reserved;                                                                  \
        uint8_t seal[TORU_NOTE_SEAL_LEN];                                                                \
        struct {                                                                                         \
            uint16_t tag, flags;                                                                         \
            uint32_t length;                                                                             \
            uint16_t major, minor;                                                                       \
            uint32_t zeros;                                                                              \
        } abi;                                                                                           \
        TORU_NOTE_RECORD_(id, id_);                                                                      \
        TORU_NOTE_RECORD_(name, name_);                                                                  \
        TORU_NOTE_RECORD_(version, version_);                                                            \
        TORU_NOTE_RECORD_(author, author_);                                                              \
        TORU_NOTE_RECORD_(icon, icon_);                                                                  \
        TORU_NOTE_RECORD_(route, route_);                                                                \
        TORU_NOTE_RECORD_(description, description_);                                                    \
        TORU_NOTE_RECORD_(panic, TORU_NOTE_PANIC);                                                       \
        TORU_NOTE_RECORD_(compiler, TORU_NOTE_COMPILER);                                                 \
        TORU_NOTE_RECORD_(target, TORU_NOTE_TARGET);                                                     \
        TORU_NOTE_RECORD_(sdk, TORU_NOTE_SDK_);                                                          \
        TORU_NOTE_RECORD_(required, TORU_NOTE_REQUIRES);                                                 \
        TORU_NOTE_RECORD_(license, TORU_NOTE_LICENSE);                                                   \
    } ToruPluginNoteDescriptor;                                                                          \
    typedef struct {                                                                                     \
        TORU_NOTE_ELF_MEMBERS_                                                                           \
        ToruPluginNoteDescriptor descriptor;                                                             \
    } ToruPluginNote;                                                                                    \
    TORU_ASSERT_(sizeof("" id_) > 1 && sizeof("" name_) > 1 && sizeof("" version_) > 1,                  \
                 "a plugin has an id, a name and a version")                                             \
    TORU_ASSERT_(sizeof(ToruPluginNoteDescriptor) <= TORU_NOTE_MAX, "metadata fits into 64 KiB")         \
    TORU_ASSERT_(offsetof(ToruPluginNoteDescriptor, abi) == TORU_NOTE_HEADER_LEN, "no gaps in the note") \
    TORU_NOTE_PLACE_ static const ToruPluginNote toru_plugin_note = {                                    \
        TORU_NOTE_ELF_VALUES_((uint32_t)sizeof(ToruPluginNoteDescriptor)) {                              \
            TORU_NOTE_MAGIC, TORU_NOTE_FORMAT, 0, (uint32_t)sizeof(ToruPluginNoteDescriptor), 0, 0, {0}, \
            {TORU_NOTE_TAG_ABI, 0, 4, TORU_ABI_MAJOR, TORU_ABI_MINOR, 0},                                \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_ID, id_),                                                     \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_NAME, name_),                                                 \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_VERSION, version_),                                           \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_AUTHOR, author_),                                          \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_ICON, icon_),                                              \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_ROUTE, route_),                                            \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_DESCRIPTION, description_),                                \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_PANIC, TORU_NOTE_PANIC),                                      \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_COMPILER, TORU_NOTE_COMPILER),                                \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_TARGET, TORU_NOTE_TARGET),                                    \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_SDK, TORU_NOTE_SDK_),                                         \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_REQUIRES, TORU_NOTE_REQUIRES),                             \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_LICENSE, TORU_NOTE_LICENSE),                               \
        }}

// -------------------------------------------------------------------------------------------------
// The layout, frozen as numbers
// -------------------------------------------------------------------------------------------------
//
// The same numbers are compared with the Rust types in a test.

#if defined(__cplusplus) && (__cplusplus >= 201103L || (defined(_MSVC_LANG) && _MSVC_LANG >= 201103L))
#define TORU_ASSERT_(condition, text) static_assert(condition, text);
#define TORU_ALIGNOF_(type) alignof(type)
#elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define TORU_ASSERT_(condition, text) _Static_assert(condition, text);
#define TORU_ALIGNOF_(type) _Alignof(type)
#else
#define TORU_ASSERT_(condition, text)
#endif

#define TORU_LAYOUT_(type, size, align) \
    TORU_ASSERT_(sizeof(type) == (size) && TORU_ALIGNOF_(type) == (align), "size of " #type)
#define TORU_OFFSET_(type, field, at) TORU_ASSERT_(offsetof(type, field) == (at), "offset of " #type "." #field)
#define TORU_NUMBER_(name, value) TORU_ASSERT_((name) == (value), "value of " #name)

TORU_NUMBER_(TORU_ABI_MAJOR, 1)
TORU_NUMBER_(TORU_ABI_MINOR, 0)
TORU_NUMBER_(TORU_API_MAGIC, 3551458023231876948)

TORU_LAYOUT_(ToruError, 40, 8)
TORU_OFFSET_(ToruError, size, 0)
TORU_OFFSET_(ToruError, flags, 4)
TORU_OFFSET_(ToruError, code, 8)
TORU_OFFSET_(ToruError, reserved, 12)
TORU_OFFSET_(ToruError, text, 16)
TORU_OFFSET_(ToruError, text_cap, 24)
TORU_OFFSET_(ToruError, text_len, 32)
TORU_NUMBER_(TORU_DONE, 0)
TORU_NUMBER_(TORU_PENDING, 1)
TORU_NUMBER_(TORU_DETACHED, 2)
TORU_NUMBER_(TORU_END, 3)
TORU_NUMBER_(TORU_FIRST_ERROR, 16)
TORU_NUMBER_(TORU_PANICKED, 16)
TORU_NUMBER_(TORU_INVALID, 17)
TORU_NUMBER_(TORU_UNSUPPORTED, 18)
TORU_NUMBER_(TORU_NOT_FOUND, 19)
TORU_NUMBER_(TORU_WOULD_BLOCK, 20)
TORU_NUMBER_(TORU_CANCELLED, 21)
TORU_NUMBER_(TORU_TOO_LARGE, 22)
TORU_NUMBER_(TORU_BUSY, 23)
TORU_NUMBER_(TORU_CONFLICT, 24)
TORU_NUMBER_(TORU_GONE, 25)
TORU_NUMBER_(TORU_INTERNAL, 26)
TORU_NUMBER_(TORU_FAILED, 27)
TORU_NUMBER_(TORU_QUOTA, 28)
TORU_NUMBER_(TORU_STORAGE_FULL, 29)
TORU_NUMBER_(TORU_TIMED_OUT, 30)
TORU_NUMBER_(TORU_DISCONNECTED, 31)

TORU_LAYOUT_(ToruSlice, 16, 8)
TORU_OFFSET_(ToruSlice, ptr, 0)
TORU_OFFSET_(ToruSlice, len, 8)
TORU_LAYOUT_(ToruBuf, 8, 8)
TORU_OFFSET_(ToruBuf, vt, 0)
TORU_LAYOUT_(ToruBufVt, 24, 8)
TORU_OFFSET_(ToruBufVt, size, 0)
TORU_OFFSET_(ToruBufVt, flags, 4)
TORU_OFFSET_(ToruBufVt, retain, 8)
TORU_OFFSET_(ToruBufVt, release, 16)
TORU_LAYOUT_(ToruBytes, 24, 8)
TORU_OFFSET_(ToruBytes, ptr, 0)
TORU_OFFSET_(ToruBytes, len, 8)
TORU_OFFSET_(ToruBytes, owner, 16)

TORU_LAYOUT_(ToruWaker, 8, 8)
TORU_OFFSET_(ToruWaker, vt, 0)
TORU_LAYOUT_(ToruWakerVt, 32, 8)
TORU_OFFSET_(ToruWakerVt, size, 0)
TORU_OFFSET_(ToruWakerVt, flags, 4)
TORU_OFFSET_(ToruWakerVt, retain, 8)
TORU_OFFSET_(ToruWakerVt, wake, 16)
TORU_OFFSET_(ToruWakerVt, release, 24)
TORU_LAYOUT_(ToruOp, 16, 8)
TORU_OFFSET_(ToruOp, data, 0)
TORU_OFFSET_(ToruOp, vt, 8)
TORU_LAYOUT_(ToruOpVt, 24, 8)
TORU_OFFSET_(ToruOpVt, size, 0)
TORU_OFFSET_(ToruOpVt, flags, 4)
TORU_OFFSET_(ToruOpVt, poll, 8)
TORU_OFFSET_(ToruOpVt, drop, 16)

TORU_LAYOUT_(ToruHost, 8, 8)
TORU_OFFSET_(ToruHost, vt, 0)
TORU_LAYOUT_(ToruHostVt, 24, 8)
TORU_OFFSET_(ToruHostVt, size, 0)
TORU_OFFSET_(ToruHostVt, flags, 4)
TORU_OFFSET_(ToruHostVt, ext, 8)
TORU_OFFSET_(ToruHostVt, info, 16)
TORU_LAYOUT_(ToruCtx, 8, 8)
TORU_OFFSET_(ToruCtx, vt, 0)
TORU_LAYOUT_(ToruCtxVt, 24, 8)
TORU_OFFSET_(ToruCtxVt, size, 0)
TORU_OFFSET_(ToruCtxVt, flags, 4)
TORU_OFFSET_(ToruCtxVt, ext, 8)
TORU_OFFSET_(ToruCtxVt, info, 16)
TORU_NUMBER_(TORU_INFO_HOST_NAME, 1)
TORU_NUMBER_(TORU_INFO_HOST_VERSION, 2)
TORU_NUMBER_(TORU_INFO_INSTANCE_ID, 3)
TORU_NUMBER_(TORU_INFO_PLUGIN_ID, 4)
TORU_NUMBER_(TORU_INFO_BASE_PATH, 5)

TORU_LAYOUT_(ToruHeader, 40, 8)
TORU_OFFSET_(ToruHeader, name, 0)
TORU_OFFSET_(ToruHeader, value, 16)
TORU_OFFSET_(ToruHeader, flags, 32)
TORU_OFFSET_(ToruHeader, reserved, 36)
TORU_LAYOUT_(ToruResponse, 64, 8)
TORU_OFFSET_(ToruResponse, size, 0)
TORU_OFFSET_(ToruResponse, flags, 4)
TORU_OFFSET_(ToruResponse, status, 8)
TORU_OFFSET_(ToruResponse, body_kind, 10)
TORU_OFFSET_(ToruResponse, reserved, 12)
TORU_OFFSET_(ToruResponse, headers, 16)
TORU_OFFSET_(ToruResponse, n_headers, 24)
TORU_OFFSET_(ToruResponse, bytes, 32)
TORU_OFFSET_(ToruResponse, stream, 56)
TORU_LAYOUT_(ToruExchange, 120, 8)
TORU_OFFSET_(ToruExchange, vt, 0)
TORU_OFFSET_(ToruExchange, size, 8)
TORU_OFFSET_(ToruExchange, flags, 12)
TORU_OFFSET_(ToruExchange, method, 16)
TORU_OFFSET_(ToruExchange, version, 20)
TORU_OFFSET_(ToruExchange, n_headers, 22)
TORU_OFFSET_(ToruExchange, method_name, 24)
TORU_OFFSET_(ToruExchange, path, 40)
TORU_OFFSET_(ToruExchange, query, 56)
TORU_OFFSET_(ToruExchange, params, 72)
TORU_OFFSET_(ToruExchange, n_params, 80)
TORU_OFFSET_(ToruExchange, deadline_ns, 88)
TORU_OFFSET_(ToruExchange, trace_id, 96)
TORU_OFFSET_(ToruExchange, span_id, 112)
TORU_LAYOUT_(ToruExchangeVt, 72, 8)
TORU_OFFSET_(ToruExchangeVt, size, 0)
TORU_OFFSET_(ToruExchangeVt, flags, 4)
TORU_OFFSET_(ToruExchangeVt, retain, 8)
TORU_OFFSET_(ToruExchangeVt, release, 16)
TORU_OFFSET_(ToruExchangeVt, header, 24)
TORU_OFFSET_(ToruExchangeVt, headers, 32)
TORU_OFFSET_(ToruExchangeVt, body, 40)
TORU_OFFSET_(ToruExchangeVt, respond, 48)
TORU_OFFSET_(ToruExchangeVt, detach, 56)
TORU_OFFSET_(ToruExchangeVt, ext, 64)
TORU_LAYOUT_(ToruResponder, 8, 8)
TORU_OFFSET_(ToruResponder, vt, 0)
TORU_LAYOUT_(ToruResponderVt, 48, 8)
TORU_OFFSET_(ToruResponderVt, size, 0)
TORU_OFFSET_(ToruResponderVt, flags, 4)
TORU_OFFSET_(ToruResponderVt, retain, 8)
TORU_OFFSET_(ToruResponderVt, release, 16)
TORU_OFFSET_(ToruResponderVt, respond, 24)
TORU_OFFSET_(ToruResponderVt, is_cancelled, 32)
TORU_OFFSET_(ToruResponderVt, on_cancel, 40)
TORU_NUMBER_(TORU_HEADER_STATIC_NAME, 1)
TORU_NUMBER_(TORU_HEADER_STATIC_VALUE, 2)
TORU_NUMBER_(TORU_BODY_NONE, 0)
TORU_NUMBER_(TORU_BODY_BYTES, 1)
TORU_NUMBER_(TORU_BODY_BORROWED, 2)
TORU_NUMBER_(TORU_BODY_STREAM, 3)
TORU_NUMBER_(TORU_RESPONSE_ERROR, 1)

TORU_LAYOUT_(ToruBody, 8, 8)
TORU_OFFSET_(ToruBody, vt, 0)
TORU_LAYOUT_(ToruBodyVt, 40, 8)
TORU_OFFSET_(ToruBodyVt, size, 0)
TORU_OFFSET_(ToruBodyVt, flags, 4)
TORU_OFFSET_(ToruBodyVt, poll, 8)
TORU_OFFSET_(ToruBodyVt, own, 16)
TORU_OFFSET_(ToruBodyVt, hint, 24)
TORU_OFFSET_(ToruBodyVt, release, 32)
TORU_LAYOUT_(ToruFrame, 56, 8)
TORU_OFFSET_(ToruFrame, size, 0)
TORU_OFFSET_(ToruFrame, flags, 4)
TORU_OFFSET_(ToruFrame, kind, 8)
TORU_OFFSET_(ToruFrame, reserved, 12)
TORU_OFFSET_(ToruFrame, bytes, 16)
TORU_OFFSET_(ToruFrame, headers, 40)
TORU_OFFSET_(ToruFrame, n_headers, 48)
TORU_LAYOUT_(ToruBodyHint, 16, 8)
TORU_OFFSET_(ToruBodyHint, size, 0)
TORU_OFFSET_(ToruBodyHint, flags, 4)
TORU_OFFSET_(ToruBodyHint, len, 8)
TORU_NUMBER_(TORU_FRAME_DATA, 0)
TORU_NUMBER_(TORU_FRAME_TRAILERS, 1)
TORU_NUMBER_(TORU_FRAME_BORROWED, 1)
TORU_NUMBER_(TORU_HINT_EXACT, 1)
TORU_NUMBER_(TORU_HINT_ENDED, 2)

TORU_LAYOUT_(ToruRoute, 72, 8)
TORU_OFFSET_(ToruRoute, size, 0)
TORU_OFFSET_(ToruRoute, flags, 4)
TORU_OFFSET_(ToruRoute, methods, 8)
TORU_OFFSET_(ToruRoute, op_align, 12)
TORU_OFFSET_(ToruRoute, op_size, 16)
TORU_OFFSET_(ToruRoute, pattern, 24)
TORU_OFFSET_(ToruRoute, name, 40)
TORU_OFFSET_(ToruRoute, user, 56)
TORU_OFFSET_(ToruRoute, start, 64)
TORU_LAYOUT_(ToruRegistrar, 16, 8)
TORU_OFFSET_(ToruRegistrar, size, 0)
TORU_OFFSET_(ToruRegistrar, flags, 4)
TORU_OFFSET_(ToruRegistrar, add, 8)
TORU_NUMBER_(TORU_GET, 1)
TORU_NUMBER_(TORU_HEAD, 2)
TORU_NUMBER_(TORU_POST, 4)
TORU_NUMBER_(TORU_PUT, 8)
TORU_NUMBER_(TORU_DELETE, 16)
TORU_NUMBER_(TORU_OPTIONS, 32)
TORU_NUMBER_(TORU_PATCH, 64)
TORU_NUMBER_(TORU_TRACE, 128)
TORU_NUMBER_(TORU_CONNECT, 256)
TORU_NUMBER_(TORU_OTHER_METHOD, 512)
TORU_NUMBER_(TORU_ANY_METHOD, 1023)
TORU_NUMBER_(TORU_ROUTE_BLOCKING, 1)
TORU_NUMBER_(TORU_SCRATCH_MAX, 1024)
TORU_NUMBER_(TORU_SCRATCH_ALIGN_MAX, 16)
TORU_NUMBER_(TORU_PARAMS_MAX, 16)

TORU_LAYOUT_(ToruPluginApi, 96, 8)
TORU_OFFSET_(ToruPluginApi, size, 0)
TORU_OFFSET_(ToruPluginApi, flags, 4)
TORU_OFFSET_(ToruPluginApi, magic, 8)
TORU_OFFSET_(ToruPluginApi, abi_major, 16)
TORU_OFFSET_(ToruPluginApi, abi_minor, 18)
TORU_OFFSET_(ToruPluginApi, reserved, 20)
TORU_OFFSET_(ToruPluginApi, metadata, 24)
TORU_OFFSET_(ToruPluginApi, metadata_len, 32)
TORU_OFFSET_(ToruPluginApi, create, 40)
TORU_OFFSET_(ToruPluginApi, init, 48)
TORU_OFFSET_(ToruPluginApi, routes, 56)
TORU_OFFSET_(ToruPluginApi, frontend, 64)
TORU_OFFSET_(ToruPluginApi, shutdown, 72)
TORU_OFFSET_(ToruPluginApi, destroy, 80)
TORU_OFFSET_(ToruPluginApi, ext, 88)
TORU_LAYOUT_(ToruAsset, 64, 8)
TORU_OFFSET_(ToruAsset, size, 0)
TORU_OFFSET_(ToruAsset, flags, 4)
TORU_OFFSET_(ToruAsset, path, 8)
TORU_OFFSET_(ToruAsset, mime, 24)
TORU_OFFSET_(ToruAsset, bytes, 40)
TORU_LAYOUT_(ToruAssetSink, 16, 8)
TORU_OFFSET_(ToruAssetSink, size, 0)
TORU_OFFSET_(ToruAssetSink, flags, 4)
TORU_OFFSET_(ToruAssetSink, add, 8)

TORU_LAYOUT_(ToruLoader, 24, 8)
TORU_OFFSET_(ToruLoader, size, 0)
TORU_OFFSET_(ToruLoader, flags, 4)
TORU_OFFSET_(ToruLoader, abi_major, 8)
TORU_OFFSET_(ToruLoader, abi_minor, 10)
TORU_OFFSET_(ToruLoader, reserved, 12)
TORU_OFFSET_(ToruLoader, host, 16)
TORU_NUMBER_(TORU_LOADER_STATIC, 1)

TORU_LAYOUT_(ToruRt, 48, 8)
TORU_OFFSET_(ToruRt, size, 0)
TORU_OFFSET_(ToruRt, flags, 4)
TORU_OFFSET_(ToruRt, now, 8)
TORU_OFFSET_(ToruRt, sleep_until, 16)
TORU_OFFSET_(ToruRt, spawn, 24)
TORU_OFFSET_(ToruRt, spawn_blocking, 32)
TORU_OFFSET_(ToruRt, is_worker_thread, 40)

TORU_LAYOUT_(ToruConfig, 16, 8)
TORU_OFFSET_(ToruConfig, size, 0)
TORU_OFFSET_(ToruConfig, flags, 4)
TORU_OFFSET_(ToruConfig, get, 8)

TORU_LAYOUT_(ToruLicense, 16, 8)
TORU_OFFSET_(ToruLicense, size, 0)
TORU_OFFSET_(ToruLicense, flags, 4)
TORU_OFFSET_(ToruLicense, get, 8)
TORU_LAYOUT_(ToruLicenseListener, 16, 8)
TORU_OFFSET_(ToruLicenseListener, size, 0)
TORU_OFFSET_(ToruLicenseListener, flags, 4)
TORU_OFFSET_(ToruLicenseListener, changed, 8)
TORU_NUMBER_(TORU_LICENSE_MISSING, 64)
TORU_NUMBER_(TORU_LICENSE_EXPIRED, 65)
TORU_NUMBER_(TORU_LICENSE_INVALID_SIGNATURE, 66)
TORU_NUMBER_(TORU_LICENSE_MALFORMED, 67)
TORU_NUMBER_(TORU_LICENSE_NOT_YET_VALID, 68)
TORU_NUMBER_(TORU_LICENSE_UNSUPPORTED, 69)
TORU_NUMBER_(TORU_LICENSE_WRONG_INSTANCE, 70)
TORU_NUMBER_(TORU_LICENSE_WRONG_PLUGIN, 71)
TORU_NUMBER_(TORU_LICENSE_REFUSED, 72)

TORU_LAYOUT_(ToruField, 32, 8)
TORU_OFFSET_(ToruField, name, 0)
TORU_OFFSET_(ToruField, value, 16)
TORU_LAYOUT_(ToruLogRecord, 80, 8)
TORU_OFFSET_(ToruLogRecord, size, 0)
TORU_OFFSET_(ToruLogRecord, flags, 4)
TORU_OFFSET_(ToruLogRecord, level, 8)
TORU_OFFSET_(ToruLogRecord, line, 12)
TORU_OFFSET_(ToruLogRecord, target, 16)
TORU_OFFSET_(ToruLogRecord, file, 32)
TORU_OFFSET_(ToruLogRecord, message, 48)
TORU_OFFSET_(ToruLogRecord, fields, 64)
TORU_OFFSET_(ToruLogRecord, n_fields, 72)
TORU_LAYOUT_(ToruLog, 24, 8)
TORU_OFFSET_(ToruLog, size, 0)
TORU_OFFSET_(ToruLog, flags, 4)
TORU_OFFSET_(ToruLog, max_level, 8)
TORU_OFFSET_(ToruLog, emit, 16)
TORU_NUMBER_(TORU_LOG_OFF, 0)
TORU_NUMBER_(TORU_LOG_ERROR, 1)
TORU_NUMBER_(TORU_LOG_WARN, 2)
TORU_NUMBER_(TORU_LOG_INFO, 3)
TORU_NUMBER_(TORU_LOG_DEBUG, 4)
TORU_NUMBER_(TORU_LOG_TRACE, 5)

TORU_LAYOUT_(ToruKvEntry, 48, 8)
TORU_OFFSET_(ToruKvEntry, key, 0)
TORU_OFFSET_(ToruKvEntry, value, 16)
TORU_OFFSET_(ToruKvEntry, version, 32)
TORU_OFFSET_(ToruKvEntry, expires_ms, 40)
TORU_LAYOUT_(ToruKvPage, 48, 8)
TORU_OFFSET_(ToruKvPage, size, 0)
TORU_OFFSET_(ToruKvPage, flags, 4)
TORU_OFFSET_(ToruKvPage, entries, 8)
TORU_OFFSET_(ToruKvPage, n_entries, 16)
TORU_OFFSET_(ToruKvPage, cursor, 24)
TORU_OFFSET_(ToruKvPage, owner, 40)
TORU_LAYOUT_(ToruKvRange, 64, 8)
TORU_OFFSET_(ToruKvRange, size, 0)
TORU_OFFSET_(ToruKvRange, flags, 4)
TORU_OFFSET_(ToruKvRange, start, 8)
TORU_OFFSET_(ToruKvRange, end, 24)
TORU_OFFSET_(ToruKvRange, cursor, 40)
TORU_OFFSET_(ToruKvRange, limit, 56)
TORU_OFFSET_(ToruKvRange, reserved, 60)
TORU_LAYOUT_(ToruKvCheck, 24, 8)
TORU_OFFSET_(ToruKvCheck, key, 0)
TORU_OFFSET_(ToruKvCheck, version, 16)
TORU_LAYOUT_(ToruKvMutation, 56, 8)
TORU_OFFSET_(ToruKvMutation, kind, 0)
TORU_OFFSET_(ToruKvMutation, flags, 4)
TORU_OFFSET_(ToruKvMutation, key, 8)
TORU_OFFSET_(ToruKvMutation, value, 24)
TORU_OFFSET_(ToruKvMutation, delta, 40)
TORU_OFFSET_(ToruKvMutation, ttl_ms, 48)
TORU_LAYOUT_(ToruKvCommitted, 24, 8)
TORU_OFFSET_(ToruKvCommitted, size, 0)
TORU_OFFSET_(ToruKvCommitted, flags, 4)
TORU_OFFSET_(ToruKvCommitted, version, 8)
TORU_OFFSET_(ToruKvCommitted, sum, 16)
TORU_LAYOUT_(ToruKv, 40, 8)
TORU_OFFSET_(ToruKv, size, 0)
TORU_OFFSET_(ToruKv, flags, 4)
TORU_OFFSET_(ToruKv, get, 8)
TORU_OFFSET_(ToruKv, list, 16)
TORU_OFFSET_(ToruKv, commit, 24)
TORU_OFFSET_(ToruKv, wait, 32)
TORU_NUMBER_(TORU_KV_KEY_MAX, 1024)
TORU_NUMBER_(TORU_KV_VALUE_MAX, 1048576)
TORU_NUMBER_(TORU_KV_DESCENDING, 1)
TORU_NUMBER_(TORU_KV_SET, 1)
TORU_NUMBER_(TORU_KV_DELETE, 2)
TORU_NUMBER_(TORU_KV_ADD, 3)
TORU_NUMBER_(TORU_KV_BLOCKING, 1)

TORU_NUMBER_(TORU_NOTE_TYPE, 1414484529)
TORU_NUMBER_(TORU_NOTE_FORMAT, 1)
TORU_NUMBER_(TORU_NOTE_FLAG_CRC, 1)
TORU_NUMBER_(TORU_NOTE_HEADER_LEN, 64)
TORU_NUMBER_(TORU_NOTE_SEAL_OFFSET, 32)
TORU_NUMBER_(TORU_NOTE_SEAL_LEN, 32)
TORU_NUMBER_(TORU_NOTE_MAX, 65536)
TORU_NUMBER_(TORU_NOTE_RECORD_HEADER_LEN, 8)
TORU_NUMBER_(TORU_NOTE_RECORD_MUST_UNDERSTAND, 1)
TORU_NUMBER_(TORU_NOTE_TAG_NONE, 0)
TORU_NUMBER_(TORU_NOTE_TAG_ABI, 1)
TORU_NUMBER_(TORU_NOTE_TAG_ID, 2)
TORU_NUMBER_(TORU_NOTE_TAG_NAME, 3)
TORU_NUMBER_(TORU_NOTE_TAG_VERSION, 4)
TORU_NUMBER_(TORU_NOTE_TAG_AUTHOR, 5)
TORU_NUMBER_(TORU_NOTE_TAG_ICON, 6)
TORU_NUMBER_(TORU_NOTE_TAG_ROUTE, 7)
TORU_NUMBER_(TORU_NOTE_TAG_DESCRIPTION, 8)
TORU_NUMBER_(TORU_NOTE_TAG_REQUIRES, 9)
TORU_NUMBER_(TORU_NOTE_TAG_USES, 10)
TORU_NUMBER_(TORU_NOTE_TAG_PANIC, 11)
TORU_NUMBER_(TORU_NOTE_TAG_COMPILER, 12)
TORU_NUMBER_(TORU_NOTE_TAG_TARGET, 13)
TORU_NUMBER_(TORU_NOTE_TAG_SDK, 14)
TORU_NUMBER_(TORU_NOTE_TAG_LICENSE, 15)

#undef TORU_LAYOUT_
#undef TORU_OFFSET_
#undef TORU_NUMBER_

#endif // TORU_PLUGIN_H
