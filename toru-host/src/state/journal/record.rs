use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::plugin::{PluginFault, Stage};

/// Longest message that is kept, in characters.
const MESSAGE_MAX: usize = 500;
/// Codes that stay `'static` when they are read back.
const CODES: [&str; 2] = ["crashed_while_starting", "too_many_faults"];

/// Why a plugin waits for an administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QuarantineRecord {
    /// Stable code.
    #[serde(deserialize_with = "known_code")]
    pub(crate) code: Cow<'static, str>,
    /// What happened and what to do, for the administrator.
    pub(crate) message: String,
    /// How far the plugin had come.
    pub(crate) stage: Stage,
    /// Stored in milliseconds of Unix time.
    #[serde(serialize_with = "to_unix_ms", deserialize_with = "from_unix_ms")]
    pub(crate) since: SystemTime,
}

impl QuarantineRecord {
    /// What an administrator is told of a plugin that is quarantined now.
    pub(crate) fn new(fault: &PluginFault, now: SystemTime) -> Self {
        Self {
            code: Cow::Borrowed(fault.code),
            message: fault.message.clone(),
            stage: fault.stage,
            since: now,
        }
    }

    /// What to say of a plugin that ended the process while it was being started.
    pub(super) fn crashed(stage: Stage) -> Self {
        let doing = match stage {
            Stage::Check => "the plugin was checked",
            Stage::Open => "the plugin's library was opened",
            Stage::Create => "the plugin's instance was created",
            Stage::Init => "the plugin was initialised",
            Stage::Register => "the plugin registered its routes and files",
            Stage::Run => "the plugin was running",
        };
        let message = format!(
            "the host's process ended while {doing}, so the plugin is not started by itself any more; enable it \
             again to try once more, or remove its file"
        );
        Self {
            code: Cow::Borrowed("crashed_while_starting"),
            message,
            stage,
            since: SystemTime::now(),
        }
    }

    /// The same with a message that fits a journal.
    pub(super) fn shortened(&self) -> Self {
        let mut record = self.clone();
        if let Some((end, _)) = record.message.char_indices().nth(MESSAGE_MAX) {
            record.message.truncate(end);
        }
        record
    }
}

impl From<&QuarantineRecord> for PluginFault {
    fn from(record: &QuarantineRecord) -> Self {
        Self {
            code: match record.code {
                Cow::Borrowed(code) => code,
                // Written by another version.
                Cow::Owned(_) => "quarantined",
            },
            message: record.message.clone(),
            stage: record.stage,
        }
    }
}

fn known_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    let code = String::deserialize(deserializer)?;
    let known = CODES.iter().find(|known| **known == code);
    Ok(known.map_or(Cow::Owned(code), |code| Cow::Borrowed(*code)))
}

fn to_unix_ms<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn from_unix_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let since = Duration::from_millis(u64::deserialize(deserializer)?);
    let time = SystemTime::UNIX_EPOCH.checked_add(since);
    time.ok_or_else(|| serde::de::Error::custom("no time of this system"))
}
