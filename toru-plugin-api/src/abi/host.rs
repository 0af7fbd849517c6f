//! What a host gives to plugins: itself, and one context for each instance.

use core::ffi::c_void;

use super::bytes::ToruSlice;

/// The host. One object for all plugins; lives as long as the process.
#[repr(C)]
#[derive(Debug)]
pub struct ToruHost {
    /// Table of this object.
    pub vt: *const ToruHostVt,
}

/// Functions of a [`ToruHost`]. None of them is ever null.
#[repr(C)]
#[derive(Debug)]
pub struct ToruHostVt {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// The table of an extension of the host as a whole, by id, or null. The id is lent for the call; the table lives as
    /// long as the process. `[thread-safe] [no-block]`
    pub ext: unsafe extern "C" fn(host: *const ToruHost, id: *const u8, len: usize) -> *const c_void,
    /// A fact about the host; `key` is one of `TORU_INFO_…`. `TORU_DONE` with `out` filled in, or `TORU_NOT_FOUND`.
    /// What `out` then leads to is the host's, and valid as long as the process lives. `[thread-safe] [no-block]`
    pub info: unsafe extern "C" fn(host: *const ToruHost, key: u32, out: *mut ToruSlice) -> u32,
}

/// Name of the host application. UTF-8.
pub const TORU_INFO_HOST_NAME: u32 = 1;
/// Version of the host application. UTF-8.
pub const TORU_INFO_HOST_VERSION: u32 = 2;
/// Id of this installation: a UUID in lower case with hyphens. Of contexts only.
pub const TORU_INFO_INSTANCE_ID: u32 = 3;
/// Id of the plugin. Of contexts only.
pub const TORU_INFO_PLUGIN_ID: u32 = 4;
/// Path below which the plugin's routes are mounted. UTF-8. Of contexts only.
pub const TORU_INFO_BASE_PATH: u32 = 5;

/// The host as one instance of a plugin sees it. Carries that plugin's identity, configuration and quotas.
///
/// Lives as long as the process. Once the instance is destroyed its functions answer `TORU_GONE`, so a late call
/// from a forgotten thread is harmless.
#[repr(C)]
#[derive(Debug)]
pub struct ToruCtx {
    /// Table of this object.
    pub vt: *const ToruCtxVt,
}

/// Functions of a [`ToruCtx`]. None of them is ever null.
#[repr(C)]
#[derive(Debug)]
pub struct ToruCtxVt {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// The table of an extension, by id, or null when the host does not offer it. The id is lent for the call; the table
    /// lives as long as the process, and its functions take this context first. `[thread-safe] [no-block]`
    pub ext: unsafe extern "C" fn(ctx: *const ToruCtx, id: *const u8, len: usize) -> *const c_void,
    /// A fact; `key` is one of `TORU_INFO_…`. `TORU_DONE` with `out` filled in, or `TORU_NOT_FOUND`. What `out` then
    /// leads to is the host's, and valid as long as the process lives. `[thread-safe] [no-block]`
    pub info: unsafe extern "C" fn(ctx: *const ToruCtx, key: u32, out: *mut ToruSlice) -> u32,
}
