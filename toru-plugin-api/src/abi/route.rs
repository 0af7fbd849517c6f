//! How a plugin registers its routes.

use core::ffi::c_void;

use super::bytes::ToruSlice;
use super::exchange::ToruExchange;
use super::op::{ToruOp, ToruWaker};

/// Bit of the method GET in [`ToruRoute::methods`]; also the number of that method in an exchange.
///
/// A route for GET answers HEAD as well: the host leaves the body out.
pub const TORU_GET: u32 = 1;
/// The method HEAD.
pub const TORU_HEAD: u32 = 1 << 1;
/// The method POST.
pub const TORU_POST: u32 = 1 << 2;
/// The method PUT.
pub const TORU_PUT: u32 = 1 << 3;
/// The method DELETE.
pub const TORU_DELETE: u32 = 1 << 4;
/// The method OPTIONS.
pub const TORU_OPTIONS: u32 = 1 << 5;
/// The method PATCH.
pub const TORU_PATCH: u32 = 1 << 6;
/// The method TRACE.
pub const TORU_TRACE: u32 = 1 << 7;
/// The method CONNECT.
pub const TORU_CONNECT: u32 = 1 << 8;
/// Any other method; its name is in [`ToruExchange::method_name`].
pub const TORU_OTHER_METHOD: u32 = 1 << 9;
/// Every method.
pub const TORU_ANY_METHOD: u32 = (1 << 10) - 1;

/// The handler blocks: the host calls `start` on a thread that may be blocked.
pub const TORU_ROUTE_BLOCKING: u32 = 1;

/// Most bytes of scratch that a route may ask for. A larger operation is allocated by the plugin.
pub const TORU_SCRATCH_MAX: usize = 1024;
/// Greatest alignment of scratch that a route may ask for, in bytes.
pub const TORU_SCRATCH_ALIGN_MAX: u32 = 16;
/// Most captures (`{name}` and `{*rest}`) in one pattern.
pub const TORU_PARAMS_MAX: usize = 16;

/// One route.
///
/// Pattern syntax: `/` separates segments; `{name}` captures a segment or a part of one; `{*rest}` captures one or
/// more segments and stands last; `{{` and `}}` are literal braces. Patterns are matched on the raw, still encoded path.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruRoute {
    /// Size of this struct in bytes.
    pub size: u32,
    /// `TORU_ROUTE_…` bits.
    pub flags: u32,
    /// Methods answered, `TORU_GET` and so on.
    pub methods: u32,
    /// Alignment of the scratch in bytes, a power of two up to `TORU_SCRATCH_ALIGN_MAX`; 0 when `op_size` is 0.
    pub op_align: u32,
    /// Bytes of scratch that `start` needs, at most `TORU_SCRATCH_MAX`.
    pub op_size: usize,
    /// Path pattern below the plugin's own path, starting with `/`. UTF-8.
    pub pattern: ToruSlice,
    /// Name for logs and counters, or empty for the pattern. UTF-8.
    pub name: ToruSlice,
    /// The plugin's own handler object, passed back verbatim. Lives until `destroy`.
    pub user: *const c_void,
    /// Handles one request. Never null.
    ///
    /// Returns `TORU_DONE` after `respond`; `TORU_PENDING` after filling in `op`, whose `io` is the exchange;
    /// `TORU_DETACHED` after `detach`; or an error, which the host answers with 500. (Another status for an error goes
    /// into a response with `TORU_RESPONSE_ERROR`.) `ex` is borrowed until the operation ends (`retain` keeps it
    /// longer), `waker` for the call. `op` is the host's after `TORU_PENDING`. `scratch` is uninitialised memory as
    /// declared; it stays in place until the operation is dropped, so that the operation itself can live in it. After
    /// `TORU_DETACHED` the exchange may be read for as long as a responder is held, but not answered. On a blocking
    /// route only `TORU_DONE` and errors may be returned. `user` and `plugin` are the plugin's own pointers; what they
    /// point to may change if the plugin takes care of threads.
    /// `[thread-safe] [no-block]`, and without `no-block` on a blocking route
    pub start: Option<
        unsafe extern "C" fn(
            user: *const c_void,
            plugin: *const c_void,
            ex: *const ToruExchange,
            waker: *const ToruWaker,
            scratch: *mut u8,
            op: *mut ToruOp,
        ) -> u32,
    >,
}

/// Where a plugin registers its routes. Valid during the call to `routes`.
#[repr(C)]
#[derive(Debug)]
pub struct ToruRegistrar {
    /// Size of this struct in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Adds one route; struct, pattern and name are copied. Never null.
    ///
    /// An error means that the route breaks a rule. The host then refuses the plugin and tells why. `[control] [no-block]`
    pub add: unsafe extern "C" fn(registrar: *const Self, route: *const ToruRoute) -> u32,
}
