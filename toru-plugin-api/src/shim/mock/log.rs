//! `toru.log/1`: records are kept for the test to look at.

use super::context::Context;
use crate::abi::bytes::ToruSlice;
use crate::abi::host::ToruCtx;
use crate::abi::log::{ToruField, ToruLog, ToruLogRecord};
use crate::abi::status::{TORU_DONE, TORU_GONE, TORU_INVALID, TORU_UNSUPPORTED};
use crate::abi::{field_end, read_argument, size_word};
use crate::testing::LogRecord;
use crate::testing::logs::level_of;

pub(super) static TABLE: ToruLog = ToruLog {
    size: size_word::<ToruLog>(),
    flags: 0,
    max_level,
    emit,
};

unsafe extern "C" fn max_level(ctx: *const ToruCtx) -> u32 {
    // SAFETY: plugins get no other contexts than ours.
    let services = unsafe { Context::of(ctx) }.services();
    services.map_or(0, |services| services.max_level as u32)
}

unsafe extern "C" fn emit(ctx: *const ToruCtx, record: *const ToruLogRecord) -> u32 {
    // SAFETY: plugins get no other contexts than ours.
    let Some(services) = unsafe { Context::of(ctx) }.services() else {
        return TORU_GONE;
    };
    // SAFETY: the plugin lends the record for the call.
    let record = match unsafe { read_argument(record, field_end!(ToruLogRecord, n_fields)) } {
        Ok(record) if record.flags != 0 => return TORU_UNSUPPORTED,
        Ok(record) => record,
        Err(status) => return status,
    };
    let Some(level) = level_of(record.level) else {
        return TORU_INVALID;
    };
    if level <= services.max_level {
        // SAFETY: the plugin lends all of it for the call.
        let lent = |slice| unsafe { text(slice) };
        services.logs.push(LogRecord {
            level,
            target: lent(record.target),
            file: lent(record.file),
            line: record.line,
            message: lent(record.message),
            // SAFETY: as above.
            fields: unsafe { fields(record.fields, record.n_fields) },
        });
    }
    TORU_DONE
}

/// # Safety
///
/// The fields are readable.
unsafe fn fields(first: *const ToruField, len: usize) -> Vec<(String, String)> {
    if first.is_null() || len == 0 {
        return Vec::new();
    }
    // SAFETY: not null, and readable as the caller guarantees.
    let fields = unsafe { std::slice::from_raw_parts(first, len) };
    // SAFETY: the text is lent as the fields are.
    let lent = |slice| unsafe { text(slice) };
    let pairs = fields.iter().map(|field| (lent(field.name), lent(field.value)));
    pairs.collect()
}

/// # Safety
///
/// The slice is readable for the call.
unsafe fn text(slice: ToruSlice) -> String {
    // SAFETY: as the caller guarantees.
    let bytes = unsafe { slice.as_bytes() }.unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}
