//! What can go wrong, one enum per phase. Each has a stable `code()`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use crate::discovery::DiscoverError;
pub use crate::kv::KvError;
pub use crate::state::StateError;

/// Why a plugin did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The plugin's table breaks the contract.
    #[error("the plugin's function table is unusable: {reason}; rebuild it with a current toru-plugin-api")]
    BadTable {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// `create_plugin` or the table's `create` refused.
    #[error("the plugin could not be created: {reason}")]
    CreateFailed {
        /// The plugin's own words, or the status it returned.
        reason: String,
    },
    /// The file was refused before any of its code ran.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// `init` returned an error.
    #[error("the plugin refused to start: {reason}")]
    InitFailed {
        /// The plugin's own words.
        reason: String,
    },
    /// `init` panicked, or the registration of routes or files after it.
    #[error("the plugin panicked while it started: {reason}")]
    InitPanicked {
        /// Message and location of the panic.
        reason: String,
    },
    /// `init` did not return in time.
    #[error("the plugin did not start within {} s; see its log, or allow it more time", after.as_secs_f32())]
    InitTimeout {
        /// How long the host waited.
        after: Duration,
    },
    /// The frontend's files were refused.
    #[error("the plugin's frontend could not be taken over: {reason}")]
    InvalidFrontend {
        /// What is wrong.
        reason: String,
    },
    /// A route was refused.
    #[error("the plugin registered an unusable route: {reason}")]
    InvalidRoute {
        /// Which route, and what is wrong with it.
        reason: String,
    },
    /// The plugin does not accept its licence, or needs one.
    #[error("{reason}")]
    LicenseRefused {
        /// The stable code, such as `license_expired`.
        code: &'static str,
        /// The plugin's own words.
        reason: String,
    },
    /// The dynamic loader refused the library.
    #[error("the system could not open the library: {reason}")]
    Open {
        /// The system's own words.
        reason: String,
    },
    /// An earlier start has not returned: its thread hangs in the plugin's code.
    #[error("an earlier start of the plugin has not returned; restart the host to try again")]
    StillStarting,
    /// The exported function is missing.
    #[error("the library does not export `{symbol}`")]
    SymbolMissing {
        /// Its name.
        symbol: &'static str,
    },
    /// The plugin was replaced too often since the host started.
    #[error(
        "the plugin was replaced {limit} times since the host started, and replaced libraries stay in memory; restart the host to run the new one"
    )]
    TooManyGenerations {
        /// How many replaced libraries of a plugin may stay in memory.
        limit: usize,
    },
    /// The library needs a symbol that nothing provides.
    #[error(
        "the library needs the symbol `{symbol}`, which is not there; is a system library missing or too old?"
    )]
    UnresolvedSymbol {
        /// Its name.
        symbol: String,
    },
}

impl LoadError {
    /// All codes but those of [`DiscoverError`] and [`LICENSE_CODES`](Self::LICENSE_CODES).
    pub(crate) const CODES: &[&str] = &[
        "bad_table",
        "create_failed",
        "init_failed",
        "init_panicked",
        "init_timeout",
        "invalid_frontend",
        "invalid_route",
        "open_failed",
        "still_starting",
        "symbol_missing",
        "too_many_generations",
        "unresolved_symbol",
    ];

    /// The codes of [`LicenseRefused`](Self::LicenseRefused).
    pub(crate) const LICENSE_CODES: &[&str] = &[
        "license_expired",
        "license_invalid_signature",
        "license_malformed",
        "license_missing",
        "license_not_yet_valid",
        "license_refused",
        "license_unsupported",
        "license_wrong_instance",
        "license_wrong_plugin",
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadTable { .. } => "bad_table",
            Self::CreateFailed { .. } => "create_failed",
            Self::Discover(error) => error.code(),
            Self::InitFailed { .. } => "init_failed",
            Self::InitPanicked { .. } => "init_panicked",
            Self::InitTimeout { .. } => "init_timeout",
            Self::InvalidFrontend { .. } => "invalid_frontend",
            Self::InvalidRoute { .. } => "invalid_route",
            Self::LicenseRefused { code, .. } => code,
            Self::Open { .. } => "open_failed",
            Self::StillStarting => "still_starting",
            Self::SymbolMissing { .. } => "symbol_missing",
            Self::TooManyGenerations { .. } => "too_many_generations",
            Self::UnresolvedSymbol { .. } => "unresolved_symbol",
        }
    }
}

/// Why a call to a plugin brought no usable response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The request's body is larger than the plugin may be sent.
    #[error("the request's body is larger than the plugin may be sent")]
    BodyTooLarge,
    /// The plugin was stopped while the call was running.
    #[error("the plugin was stopped while it handled the request")]
    Cancelled,
    /// The handler returned an error, or ended without an answer.
    #[error("the plugin failed: {reason}")]
    Failed {
        /// HTTP status that the author chose, 500 otherwise.
        status: u16,
        /// For the log.
        reason: &'static str,
    },
    /// The response breaks a rule of HTTP.
    #[error("the plugin answered with an invalid response: {reason}")]
    InvalidResponse {
        /// What is wrong with it; for the log.
        reason: String,
    },
    /// The handler panicked.
    #[error("the plugin panicked")]
    Panicked,
    /// There was no response in time.
    #[error("the plugin did not answer within {} s; see its log, or allow it more time", after.as_secs_f32())]
    TimedOut {
        /// How long the host waited.
        after: Duration,
    },
}

impl CallError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BodyTooLarge => "body_too_large",
            Self::Cancelled => "plugin_stopped",
            Self::Failed { .. } => "plugin_error",
            Self::InvalidResponse { .. } => "invalid_response",
            Self::Panicked => "plugin_panicked",
            Self::TimedOut { .. } => "plugin_timeout",
        }
    }

    /// HTTP status of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::BodyTooLarge => 413,
            Self::Cancelled => 503,
            Self::Failed { status, .. } => *status,
            Self::InvalidResponse { .. } => 502,
            Self::Panicked => 500,
            Self::TimedOut { .. } => 504,
        }
    }
}

/// Why a body ended before it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The client went away, or its request broke the protocol.
    #[error("the request body ended before it was complete")]
    Disconnected,
    /// The plugin's stream returned an error, or the plugin was stopped.
    #[error("the plugin failed while it produced the body")]
    Failed,
    /// The plugin's stream broke the contract.
    #[error("the plugin produced an invalid frame")]
    Invalid,
    /// The plugin's stream panicked.
    #[error("the plugin panicked while it produced the body")]
    Panicked,
    /// The body is larger than allowed.
    #[error("the body is larger than allowed")]
    TooLarge,
}

/// Why the manager could not start, or could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagerError {
    /// A text that can be no licence key.
    #[error("this is no licence key: {reason}")]
    InvalidLicense {
        /// What is wrong with it.
        reason: String,
    },
    /// The store could not tell the id of this installation.
    #[error("the store cannot be used")]
    Kv(#[from] KvError),
    /// The licence key comes from the environment, which the host cannot change.
    #[error(
        "the licence key comes from the environment variable `{variable}`; change it there and restart the host"
    )]
    LicenseFromEnvironment {
        /// Its name.
        variable: String,
    },
    /// The plugin did not start. It stays asked for, and is tried again at the next start of the host.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The plugins folder could not be read.
    #[error("the plugins folder {} cannot be read", path.display())]
    Scan {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The manager is shutting down.
    #[error("the host is shutting down")]
    ShuttingDown,
    /// The state file could not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no such plugin.
    #[error("there is no plugin `{id}`; is its file in the plugins folder?")]
    UnknownPlugin {
        /// The id that was asked for.
        id: String,
    },
}

impl ManagerError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidLicense { .. } => "invalid_license",
            Self::Kv(error) => error.code(),
            Self::LicenseFromEnvironment { .. } => "license_from_environment",
            Self::Load(error) => error.code(),
            Self::Scan { .. } => "unreadable_folder",
            Self::ShuttingDown => "shutting_down",
            Self::State(error) => error.code(),
            Self::UnknownPlugin { .. } => "unknown_plugin",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DiscoverError, LoadError};

    /// The codes that stand in a match over a `name` in this source.
    fn codes<'a>(source: &'a str, name: &str) -> Vec<&'a str> {
        let behind = source.split_once(&format!("impl {name} {{")).unwrap().1;
        let body = behind.split_once("match self {").unwrap().1;
        let arms = body.split_once("        }\n").unwrap().0;
        let code = |line: &'a str| Some(line.split_once("=> \"")?.1.split_once('"')?.0);
        let mut codes: Vec<_> = arms.lines().filter_map(code).collect();
        codes.sort_unstable();
        codes
    }

    #[test]
    fn the_lists_of_codes_are_complete() {
        let here = include_str!("error.rs");
        assert_eq!(codes(here, "LoadError"), LoadError::CODES);
        let of_licenses = (0..256).filter_map(toru_plugin_api::abi::license::license_code);
        let mut of_licenses: Vec<_> = of_licenses.collect();
        of_licenses.sort_unstable();
        assert_eq!(of_licenses, LoadError::LICENSE_CODES);
        let there = include_str!("discovery/error.rs");
        assert_eq!(codes(there, "DiscoverError"), DiscoverError::CODES);
    }
}
