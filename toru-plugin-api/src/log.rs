//! A plugin's voice in the host's log.

use std::fmt::Display;
use std::panic::Location;

use crate::abi::log as abi;
use crate::shim::{Ctx, Record};

/// How important a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the five levels of the field's logging crates"
)]
pub enum Level {
    /// Something failed.
    Error = abi::TORU_LOG_ERROR,
    /// Something is wrong but work goes on.
    Warn = abi::TORU_LOG_WARN,
    /// What an administrator wants to know.
    Info = abi::TORU_LOG_INFO,
    /// What a developer wants to know.
    Debug = abi::TORU_LOG_DEBUG,
    /// Everything.
    Trace = abi::TORU_LOG_TRACE,
}

/// Writes to the host's log, under the plugin's id.
///
/// Nothing is formatted when nobody listens at that level.
#[derive(Clone, Copy, Debug)]
pub struct Log(Ctx);

macro_rules! by_level {
    ($($(#[$doc:meta])* $name:ident, $level:ident;)*) => {
        $(
            $(#[$doc])*
            #[track_caller]
            pub fn $name(&self, message: impl Display) {
                self.write(Level::$level, message, &[]);
            }
        )*
    };
}

impl Log {
    pub(crate) const fn new(ctx: Ctx) -> Self {
        Self(ctx)
    }

    by_level! {
        /// Logs that something failed.
        error, Error;
        /// Logs that something is wrong but work goes on.
        warn, Warn;
        /// Logs what an administrator wants to know.
        info, Info;
        /// Logs what a developer wants to know.
        debug, Debug;
        /// Logs everything else.
        trace, Trace;
    }

    /// Whether anybody listens at that level.
    #[must_use]
    pub fn enabled(&self, level: Level) -> bool {
        level as u32 <= self.0.max_log_level()
    }

    /// Logs a message with fields.
    #[track_caller]
    pub fn write(&self, level: Level, message: impl Display, fields: &[(&str, &str)]) {
        if self.enabled(level) {
            let place = Location::caller();
            self.0.log(&Record {
                level: level as u32,
                target: "",
                file: place.file(),
                line: place.line(),
                message: &message.to_string(),
                fields,
            });
        }
    }
}
