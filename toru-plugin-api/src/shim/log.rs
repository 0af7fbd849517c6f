//! A record on its way to the host.

use super::ctx::Ctx;
use crate::abi::bytes::ToruSlice;
use crate::abi::log::{ToruField, ToruLogRecord};
use crate::abi::size_word;

/// One record. The host copies what it keeps.
#[derive(Debug, Default)]
pub(crate) struct Record<'a> {
    /// One of the contract's levels.
    pub(crate) level: u32,
    /// Where in the plugin it comes from; empty for what is logged through the context.
    pub(crate) target: &'a str,
    pub(crate) file: &'a str,
    pub(crate) line: u32,
    pub(crate) message: &'a str,
    pub(crate) fields: &'a [(&'a str, &'a str)],
}

impl Ctx {
    /// Logs a message without a place.
    pub(super) fn say(self, level: u32, message: &str) {
        self.log(&Record {
            level,
            message,
            ..Record::default()
        });
    }

    pub(crate) fn log(self, record: &Record<'_>) {
        let Some(table) = self.log_table() else { return };
        let fields: Vec<ToruField> = record
            .fields
            .iter()
            .map(|(name, value)| ToruField {
                name: ToruSlice::new(name.as_bytes()),
                value: ToruSlice::new(value.as_bytes()),
            })
            .collect();
        let record = ToruLogRecord {
            size: size_word::<ToruLogRecord>(),
            flags: 0,
            level: record.level,
            line: record.line,
            target: ToruSlice::new(record.target.as_bytes()),
            file: ToruSlice::new(record.file.as_bytes()),
            message: ToruSlice::new(record.message.as_bytes()),
            fields: fields.as_ptr(),
            n_fields: fields.len(),
        };
        // SAFETY: the table belongs to this context; everything in the record outlives the call.
        unsafe { (table.emit)(self.raw(), &raw const record) };
    }

    /// The most detailed level that anybody listens to.
    pub(crate) fn max_log_level(self) -> u32 {
        let Some(table) = self.log_table() else { return 0 };
        // SAFETY: the table belongs to this context.
        unsafe { (table.max_level)(self.raw()) }
    }
}
