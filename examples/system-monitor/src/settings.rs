//! What the administrator configures and what users choose.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Time between two samples, within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Interval(u64);

impl Interval {
    /// Shorter ones would measure the measuring.
    pub(crate) const MIN_MS: u64 = 500;
    /// Longer ones would let proxies think that the stream is dead.
    pub(crate) const MAX_MS: u64 = 30_000;

    pub(crate) const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl TryFrom<u64> for Interval {
    type Error = String;

    fn try_from(ms: u64) -> Result<Self, String> {
        if (Self::MIN_MS..=Self::MAX_MS).contains(&ms) {
            return Ok(Self(ms));
        }
        Err(format!(
            "interval_ms is a number from {} to {}, not {ms}",
            Self::MIN_MS,
            Self::MAX_MS
        ))
    }
}

/// The plugin's part of the host's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The interval until somebody chooses another one.
    pub(crate) interval_ms: Interval,
    /// Whether users see the names of processes, which can tell what the machine is used for.
    pub(crate) show_process_names: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval_ms: Interval(2000),
            show_process_names: true,
        }
    }
}

/// What users choose, as it is sent and stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) interval_ms: Interval,
}

impl Settings {
    /// Reads what a client sent, or tells it what is wrong.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json).map_err(|error| format!("the body is no {{\"interval_ms\":N}}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_bounds() {
        for ms in [500, 2000, 30_000] {
            let settings = Settings::parse(format!(r#"{{"interval_ms":{ms}}}"#).as_bytes()).unwrap();
            assert_eq!(settings.interval_ms.duration(), Duration::from_millis(ms));
            assert_eq!(
                serde_json::to_string(&settings).unwrap(),
                format!(r#"{{"interval_ms":{ms}}}"#)
            );
        }
        for ms in ["0", "499", "30001", "18446744073709551615"] {
            let problem = Settings::parse(format!(r#"{{"interval_ms":{ms}}}"#).as_bytes()).unwrap_err();
            assert!(
                problem.contains("from 500 to 30000") && problem.contains(ms),
                "{problem}"
            );
        }
    }

    #[test]
    fn what_is_no_setting_is_refused_with_a_reason() {
        for (json, reason) in [
            ("", "EOF"),
            ("[]", "invalid length"),
            ("{}", "missing field `interval_ms`"),
            (r#"{"interval_ms":"2000"}"#, "invalid type: string"),
            (r#"{"interval_ms":-1}"#, "-1"),
            (r#"{"interval_ms":1.5}"#, "floating point"),
            (r#"{"interval_ms":2000,"theme":"dark"}"#, "unknown field `theme`"),
        ] {
            let problem = Settings::parse(json.as_bytes()).unwrap_err();
            assert!(problem.contains(reason), "{json}: {problem}");
        }
    }

    #[test]
    fn the_configuration_may_be_empty_but_not_misspelt() {
        assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::default());
        let config: Config = serde_json::from_str(r#"{"show_process_names":false}"#).unwrap();
        assert_eq!(config.interval_ms, Config::default().interval_ms);
        assert!(!config.show_process_names);
        for wrong in [r#"{"interval":1000}"#, r#"{"interval_ms":10}"#] {
            assert!(serde_json::from_str::<Config>(wrong).is_err(), "{wrong}");
        }
    }
}
