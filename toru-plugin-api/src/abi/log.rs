//! The extension `toru.log/1`: a plugin's log records arrive in the host's.

use super::bytes::ToruSlice;
use super::host::ToruCtx;

/// Id of this extension.
pub const TORU_LOG_ID: &str = "toru.log/1";

/// No level at all.
pub const TORU_LOG_OFF: u32 = 0;
/// Something failed.
pub const TORU_LOG_ERROR: u32 = 1;
/// Something is wrong but work goes on.
pub const TORU_LOG_WARN: u32 = 2;
/// What an administrator wants to know.
pub const TORU_LOG_INFO: u32 = 3;
/// What a developer wants to know.
pub const TORU_LOG_DEBUG: u32 = 4;
/// Everything.
pub const TORU_LOG_TRACE: u32 = 5;

/// A name and a value that belong to a record.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruField {
    /// Name. UTF-8.
    pub name: ToruSlice,
    /// Value as text. UTF-8.
    pub value: ToruSlice,
}

/// One record. Borrowed during the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruLogRecord {
    /// Size of this struct in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// `TORU_LOG_ERROR` to `TORU_LOG_TRACE`.
    pub level: u32,
    /// Line in `file`, or 0.
    pub line: u32,
    /// Where in the plugin the record comes from, a module path for example. UTF-8.
    pub target: ToruSlice,
    /// Source file, or empty. UTF-8.
    pub file: ToruSlice,
    /// The message. UTF-8; other bytes are replaced.
    pub message: ToruSlice,
    /// Fields.
    pub fields: *const ToruField,
    /// Number of fields.
    pub n_fields: usize,
}

/// Functions of `toru.log/1`. None of them is ever null.
#[repr(C)]
#[derive(Debug)]
pub struct ToruLog {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// The most detailed level that anybody listens to. `[thread-safe] [no-block]`
    pub max_level: unsafe extern "C" fn(ctx: *const ToruCtx) -> u32,
    /// Writes one record, which is lent for the call with all that it leads to. `[thread-safe] [no-block]`
    pub emit: unsafe extern "C" fn(ctx: *const ToruCtx, record: *const ToruLogRecord) -> u32,
}
