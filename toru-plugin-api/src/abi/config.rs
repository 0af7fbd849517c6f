//! The extension `toru.config/1`: the plugin's configuration.

use super::bytes::ToruBytes;
use super::host::ToruCtx;

/// Id of this extension.
pub const TORU_CONFIG_ID: &str = "toru.config/1";

/// Functions of `toru.config/1`. None of them is ever null.
#[repr(C)]
#[derive(Debug)]
pub struct ToruConfig {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// The configuration as JSON in UTF-8; `{}` when nothing was configured. The caller owns one reference
    /// of what `out` then leads to. `[thread-safe] [no-block]`
    pub get: unsafe extern "C" fn(ctx: *const ToruCtx, out: *mut ToruBytes) -> u32,
}
