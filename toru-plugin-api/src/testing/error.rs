//! Why a plugin did not start.

use std::error::Error;
use std::fmt;

use crate::abi::license::license_code;
use crate::abi::status::TORU_PANICKED;
use crate::shim::mock::Failure;

/// Why a plugin did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// What it registered as its frontend cannot be used.
    Frontend(String),
    /// `init` returned an error, with these words.
    Init(String),
    /// The plugin does not accept its licence, or has none.
    License {
        /// The stable code, such as `license_missing`.
        code: &'static str,
        /// The plugin's words.
        words: String,
    },
    /// It panicked, with this message.
    Panicked(String),
    /// A host refuses its routes, for this reason.
    Routes(String),
}

impl StartError {
    /// The stable code that a host has for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Frontend(_) => "invalid_frontend",
            Self::Init(_) => "init_failed",
            Self::License { code, .. } => code,
            Self::Panicked(_) => "init_panicked",
            Self::Routes(_) => "invalid_route",
        }
    }

    pub(crate) fn of(failure: Failure, other: fn(String) -> Self) -> Self {
        let Failure { status, words } = failure;
        match license_code(status) {
            _ if status == TORU_PANICKED => Self::Panicked(words),
            Some(code) => Self::License { code, words },
            None => other(words),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frontend(reason) => write!(f, "the plugin's frontend cannot be used: {reason}"),
            Self::Init(words) => write!(f, "the plugin did not start: {words}"),
            Self::License { code, words } => write!(f, "the plugin refuses its licence ({code}): {words}"),
            Self::Panicked(message) => write!(f, "the plugin panicked while it started: {message}"),
            Self::Routes(reason) => write!(f, "the plugin's routes are refused: {reason}"),
        }
    }
}

impl Error for StartError {}
