//! The extension `toru.license/1`: the licence key that an administrator gave a plugin.
//!
//! Both sides have a table under this id: the host hands the key out, and a plugin that wants to go on when its key
//! changes listens. Whether a key is good is for the plugin to decide. One that does not accept it, or has none,
//! returns one of the `TORU_LICENSE_…` statuses from `init`; the host shows the words that come with it.

use core::ffi::c_void;

use super::bytes::ToruBytes;
use super::host::ToruCtx;
use super::op::{ToruOp, ToruWaker};
use super::status::ToruError;

/// Id of this extension.
pub const TORU_LICENSE_ID: &str = "toru.license/1";

/// There is no key, and the plugin needs one.
pub const TORU_LICENSE_MISSING: u32 = 64;
/// The licence has ended.
pub const TORU_LICENSE_EXPIRED: u32 = 65;
/// The key was not issued by the vendor, or was changed.
pub const TORU_LICENSE_INVALID_SIGNATURE: u32 = 66;
/// The text is no key.
pub const TORU_LICENSE_MALFORMED: u32 = 67;
/// By this machine's clock the licence has not been issued yet.
pub const TORU_LICENSE_NOT_YET_VALID: u32 = 68;
/// The plugin does not know keys of this kind.
pub const TORU_LICENSE_UNSUPPORTED: u32 = 69;
/// The licence is for another installation.
pub const TORU_LICENSE_WRONG_INSTANCE: u32 = 70;
/// The licence is for another plugin.
pub const TORU_LICENSE_WRONG_PLUGIN: u32 = 71;
/// The plugin does not accept the licence for another reason.
pub const TORU_LICENSE_REFUSED: u32 = 72;

/// Functions of `toru.license/1` that a host offers. None of them is ever null.
#[repr(C)]
#[derive(Debug)]
pub struct ToruLicense {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// The plugin's licence key as it is now, without white space around it. `TORU_NOT_FOUND` when there is none. UTF-8.
    /// The caller owns `out`. `[thread-safe] [no-block]`
    pub get: unsafe extern "C" fn(ctx: *const ToruCtx, out: *mut ToruBytes) -> u32,
}

/// Functions of `toru.license/1` that a plugin offers, through the `ext` of its own table.
///
/// A plugin that has asked for its key and offers none of this is stopped and started anew when the key changes.
#[repr(C)]
#[derive(Debug)]
pub struct ToruLicenseListener {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// The key was replaced or removed; `get` gives the new one. May suspend like `init`, under the same limit. After
    /// anything but `TORU_DONE` the plugin is stopped and started anew, and its `init` has the last word. It follows a
    /// successful `init` and comes before `shutdown`; requests run beside it. May be null. `[control]`
    pub changed: Option<
        unsafe extern "C" fn(
            plugin: *mut c_void,
            waker: *const ToruWaker,
            op: *mut ToruOp,
            err: *mut ToruError,
        ) -> u32,
    >,
}

/// The stable code of a status that refuses a licence; `None` for any other.
#[must_use]
pub const fn license_code(status: u32) -> Option<&'static str> {
    Some(match status {
        TORU_LICENSE_EXPIRED => "license_expired",
        TORU_LICENSE_INVALID_SIGNATURE => "license_invalid_signature",
        TORU_LICENSE_MALFORMED => "license_malformed",
        TORU_LICENSE_MISSING => "license_missing",
        TORU_LICENSE_NOT_YET_VALID => "license_not_yet_valid",
        TORU_LICENSE_REFUSED => "license_refused",
        TORU_LICENSE_UNSUPPORTED => "license_unsupported",
        TORU_LICENSE_WRONG_INSTANCE => "license_wrong_instance",
        TORU_LICENSE_WRONG_PLUGIN => "license_wrong_plugin",
        _ => return None,
    })
}
