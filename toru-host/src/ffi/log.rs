//! `toru.log/1`: plugins' records become events of `tracing`.

use std::borrow::Cow;

use toru_plugin_api::abi::bytes::ToruSlice;
use toru_plugin_api::abi::host::ToruCtx;
use toru_plugin_api::abi::log::{
    TORU_LOG_DEBUG, TORU_LOG_ERROR, TORU_LOG_INFO, TORU_LOG_OFF, TORU_LOG_TRACE, TORU_LOG_WARN, ToruField,
    ToruLog, ToruLogRecord,
};
use toru_plugin_api::abi::status::{TORU_DONE, TORU_GONE, TORU_INVALID, TORU_UNSUPPORTED};
use toru_plugin_api::abi::{field_end, read_argument, size_word};
use tracing::level_filters::LevelFilter;

use super::context::Context;
use super::guard::guard;

/// Most fields of one record.
const FIELDS_MAX: usize = 64;
/// Longest text of a record, in bytes; what is beyond is cut.
const TEXT_MAX: usize = 64 * 1024;

pub(super) static TABLE: ToruLog = ToruLog {
    size: size_word::<ToruLog>(),
    flags: 0,
    max_level,
    emit,
};

unsafe extern "C" fn max_level(_: *const ToruCtx) -> u32 {
    match LevelFilter::current().into_level() {
        None => TORU_LOG_OFF,
        Some(tracing::Level::ERROR) => TORU_LOG_ERROR,
        Some(tracing::Level::WARN) => TORU_LOG_WARN,
        Some(tracing::Level::INFO) => TORU_LOG_INFO,
        Some(tracing::Level::DEBUG) => TORU_LOG_DEBUG,
        Some(tracing::Level::TRACE) => TORU_LOG_TRACE,
    }
}

unsafe extern "C" fn emit(ctx: *const ToruCtx, record: *const ToruLogRecord) -> u32 {
    guard("log.emit", || {
        // SAFETY: plugins get no other contexts than ours.
        let Some(services) = unsafe { Context::of(ctx) }.services() else {
            return TORU_GONE;
        };
        // SAFETY: the plugin lends the record for the call.
        let record = match unsafe { read_argument(record, field_end!(ToruLogRecord, n_fields)) } {
            Ok(record) => record,
            Err(status) => return status,
        };
        if record.flags != 0 {
            return TORU_UNSUPPORTED;
        }
        // SAFETY: the plugin lends all of it for the call.
        let lent = |slice| unsafe { text(slice) };
        let (message, target, file) = (lent(record.message), lent(record.target), lent(record.file));
        // SAFETY: as above.
        let fields = unsafe { fields(record.fields, record.n_fields) };
        let (plugin, generation, line) = (services.plugin.as_str(), services.generation, record.line);
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: "toru::plugin",
                    tracing::Level::$level,
                    plugin.id = plugin,
                    plugin.generation = generation,
                    plugin.target = (!target.is_empty()).then_some(&*target),
                    plugin.file = (!file.is_empty()).then_some(&*file),
                    plugin.line = (line != 0).then_some(line),
                    plugin.fields = (!fields.is_empty()).then_some(&*fields),
                    "{message}"
                )
            };
        }
        match record.level {
            TORU_LOG_ERROR => event!(ERROR),
            TORU_LOG_WARN => event!(WARN),
            TORU_LOG_INFO => event!(INFO),
            TORU_LOG_DEBUG => event!(DEBUG),
            TORU_LOG_TRACE => event!(TRACE),
            _ => return TORU_INVALID,
        }
        TORU_DONE
    })
}

/// `name=value` for each field.
///
/// # Safety
///
/// The fields are readable.
unsafe fn fields(first: *const ToruField, len: usize) -> String {
    if first.is_null() {
        return String::new();
    }
    let mut line = String::new();
    for i in 0..len.min(FIELDS_MAX) {
        // SAFETY: within the array that the plugin lends.
        let field = unsafe { first.add(i) };
        // SAFETY: as above.
        let field = unsafe { field.read() };
        // SAFETY: the plugin lends the text for the call.
        let lent = |slice| unsafe { text(slice) };
        let (name, value) = (lent(field.name), lent(field.value));
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&name);
        line.push('=');
        line.push_str(&value);
    }
    line
}

/// # Safety
///
/// The slice is readable for the call.
unsafe fn text<'a>(slice: ToruSlice) -> Cow<'a, str> {
    // SAFETY: as the caller guarantees.
    let bytes = unsafe { slice.as_bytes() }.unwrap_or_default();
    String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_MAX)])
}
