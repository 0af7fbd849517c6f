//! What a plugin logged.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::log::Level;

/// One record that a plugin, or its host, has logged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogRecord {
    /// How important it is.
    pub level: Level,
    /// Where it comes from: empty for what the plugin logs through its context, `toru_host` for what a host has to say.
    pub target: String,
    /// Source file; may be empty.
    pub file: String,
    /// Line in it, or 0.
    pub line: u32,
    /// The message.
    pub message: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

impl LogRecord {
    /// A record of the host's own.
    pub(crate) fn of_host(level: Level, message: String) -> Self {
        Self {
            level,
            target: "toru_host".to_owned(),
            file: String::new(),
            line: 0,
            message,
            fields: Vec::new(),
        }
    }

    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields
            .find(|(candidate, _)| candidate == name)
            .map(|(_, value)| &**value)
    }
}

impl fmt::Display for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.level, self.message)?;
        self.fields
            .iter()
            .try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// All records so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs(Arc<Mutex<Vec<LogRecord>>>);

impl Logs {
    pub(crate) fn push(&self, record: LogRecord) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    pub(crate) fn all(&self) -> Vec<LogRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(crate) const fn level_of(number: u32) -> Option<Level> {
    Some(match number {
        1 => Level::Error,
        2 => Level::Warn,
        3 => Level::Info,
        4 => Level::Debug,
        5 => Level::Trace,
        _ => return None,
    })
}
