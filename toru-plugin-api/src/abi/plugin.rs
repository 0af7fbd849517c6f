//! The table that a plugin gives to the host, and what it registers through it.

use core::ffi::c_void;

use super::bytes::{ToruBytes, ToruSlice};
use super::host::{ToruCtx, ToruHost};
use super::op::{ToruOp, ToruWaker};
use super::route::ToruRegistrar;
use super::status::ToruError;

/// What a plugin can be asked to do. Lives as long as the process.
///
/// The life of an instance: `create`, `init`, `routes`, `frontend`, calls to its routes, `shutdown`, `destroy`.
/// `destroy` follows every successful `create`. `shutdown` follows only a successful `init`, and may be left out even
/// then: when the routes are refused, or when the host gives up waiting for `shutdown` and drops its operation. So
/// `destroy` ends whatever is left. A plugin may be created again at any time: an old instance that takes long to
/// end and a new one can exist side by side.
#[repr(C)]
#[derive(Debug)]
pub struct ToruPluginApi {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// [`TORU_API_MAGIC`](super::version::TORU_API_MAGIC).
    pub magic: u64,
    /// Major version of the contract that the plugin was built for.
    pub abi_major: u16,
    /// Minor version of the contract that the plugin was built for.
    pub abi_minor: u16,
    /// Reserved, zero.
    pub reserved: u32,
    /// The descriptor of the note once more, from inside the image.
    pub metadata: *const u8,
    /// Length of `metadata` in bytes.
    pub metadata_len: usize,
    /// Makes an instance and writes it to `out`. The instance stays the plugin's, and the host passes it back until
    /// `destroy`. `host` lives as long as the process; `err` is lent for the call. Never null. `[control] [no-block]`
    pub create: Option<
        unsafe extern "C" fn(host: *const ToruHost, out: *mut *mut c_void, err: *mut ToruError) -> u32,
    >,
    /// Starts the instance. May suspend: then `op` is filled in, which the host polls and drops, and its `io` is a
    /// `ToruError`. `ctx` stays valid as long as the process lives; `waker` and `err` are lent for the call. Null means
    /// that there is nothing to do. It runs on a thread that may be
    /// blocked, but the host gives up after a few seconds. `[control]`
    pub init: Option<
        unsafe extern "C" fn(
            plugin: *mut c_void,
            ctx: *const ToruCtx,
            waker: *const ToruWaker,
            op: *mut ToruOp,
            err: *mut ToruError,
        ) -> u32,
    >,
    /// Registers the routes. `registrar` and `err` are lent for the call. Null means that there are none.
    /// `[control] [no-block]`
    pub routes: Option<
        unsafe extern "C" fn(
            plugin: *mut c_void,
            registrar: *const ToruRegistrar,
            err: *mut ToruError,
        ) -> u32,
    >,
    /// Hands the frontend's files over. `sink` and `err` are lent for the call. Null means that there are none.
    /// `[control] [no-block]`
    pub frontend: Option<
        unsafe extern "C" fn(plugin: *mut c_void, sink: *const ToruAssetSink, err: *mut ToruError) -> u32,
    >,
    /// Ends the instance's work. May suspend like `init`. Null means that there is nothing to do. It may wait for
    /// the plugin's own threads to end, which have to do so promptly. `[control]`
    pub shutdown: Option<
        unsafe extern "C" fn(
            plugin: *mut c_void,
            waker: *const ToruWaker,
            op: *mut ToruOp,
            err: *mut ToruError,
        ) -> u32,
    >,
    /// Frees the instance. No call to it runs and none follows. It may wait like `shutdown`. Never null. `[control]`
    pub destroy: Option<unsafe extern "C" fn(plugin: *mut c_void)>,
    /// The table of an extension of the plugin's own, by id, or null. The id is lent for the call; the table stays the
    /// plugin's and lives as long as the instance. May be null. `[thread-safe]`
    pub ext: Option<unsafe extern "C" fn(plugin: *mut c_void, id: *const u8, len: usize) -> *const c_void>,
}

// SAFETY: the table is immutable data; its functions say in their tags which threads may call them.
unsafe impl Sync for ToruPluginApi {}
// SAFETY: as above.
unsafe impl Send for ToruPluginApi {}

/// One file of a plugin's frontend.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruAsset {
    /// Size of this struct in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Path below the plugin's own; `bundle.js` is what the interface loads. UTF-8.
    pub path: ToruSlice,
    /// Media type, or empty to derive it from the path.
    pub mime: ToruSlice,
    /// The content; the host owns it once `add` has returned `TORU_DONE`.
    pub bytes: ToruBytes,
}

/// Where a plugin hands its frontend's files to the host. Valid during the call to `frontend`.
#[repr(C)]
#[derive(Debug)]
pub struct ToruAssetSink {
    /// Size of this struct in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Adds one file; struct, path and media type are copied. The host owns the bytes after `TORU_DONE`; on an error they
    /// stay the caller's. Never null. `[control] [no-block]`
    pub add: unsafe extern "C" fn(sink: *const Self, asset: *const ToruAsset) -> u32,
}
