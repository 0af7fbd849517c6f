//! Why a licence is not accepted.

use std::fmt;

use super::Date;
use crate::{LicenseFault, PluginError};

/// Why a licence is not accepted. The texts are for administrators, and never contain any of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LicenseError {
    /// It was valid until that day.
    Expired {
        /// The last day on which it was valid, by UTC.
        on: Date,
    },
    /// It was changed, or made by somebody else than the vendor.
    InvalidSignature,
    /// It is no key.
    Malformed {
        /// What is wrong with its form.
        reason: &'static str,
    },
    /// By the clock of this machine it has not been issued yet.
    NotYetValid {
        /// The day on which it was issued, by UTC.
        issued: Date,
    },
    /// It is of a kind that this version of the plugin does not know.
    Unsupported {
        /// What is not known.
        what: &'static str,
    },
    /// It is for another installation.
    WrongInstance,
    /// It is for another plugin.
    WrongPlugin,
}

impl LicenseError {
    /// What administrators see as the code of the plugin's failure: this one's [`code`](Self::code) behind `license_`.
    #[must_use]
    pub const fn fault(&self) -> LicenseFault {
        match self {
            Self::Expired { .. } => LicenseFault::Expired,
            Self::InvalidSignature => LicenseFault::InvalidSignature,
            Self::Malformed { .. } => LicenseFault::Malformed,
            Self::NotYetValid { .. } => LicenseFault::NotYetValid,
            Self::Unsupported { .. } => LicenseFault::Unsupported,
            Self::WrongInstance => LicenseFault::WrongInstance,
            Self::WrongPlugin => LicenseFault::WrongPlugin,
        }
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "expired",
            Self::InvalidSignature => "invalid_signature",
            Self::Malformed { .. } => "malformed",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Unsupported { .. } => "unsupported",
            Self::WrongInstance => "wrong_instance",
            Self::WrongPlugin => "wrong_plugin",
        }
    }
}

impl fmt::Display for LicenseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { on } => write!(f, "the licence ended on {on}; ask the vendor for a new key"),
            Self::InvalidSignature => f.write_str(
                "the licence key was not issued by the plugin's vendor, or was changed; copy it again as a whole",
            ),
            Self::Malformed { reason } => {
                write!(f, "this is no licence key: {reason}; copy it again as a whole")
            }
            Self::NotYetValid { issued } => write!(
                f,
                "the licence was issued on {issued}, which is still to come by this machine's clock; set the clock"
            ),
            Self::Unsupported { what } => write!(
                f,
                "this version of the plugin does not know the licence key's kind: {what}; update the plugin, or ask the \
                 vendor for another key"
            ),
            Self::WrongInstance => f.write_str(
                "the licence is for another installation; ask the vendor for a key for this one's id",
            ),
            Self::WrongPlugin => f.write_str("the licence is for another plugin; use the key for this one"),
        }
    }
}

impl std::error::Error for LicenseError {}

impl From<LicenseError> for PluginError {
    fn from(error: LicenseError) -> Self {
        Self::License(error.fault(), error.to_string())
    }
}

/// Why a verifier does not take a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// Its id is not 1 to 32 of `a-z`, `0-9` and `-`.
    Id,
    /// Another key has the same id.
    Repeated,
    /// It has another length than keys of this algorithm.
    Length,
    /// It is no public key, or one that would accept what nobody signed; or a secret whose bytes are all the same.
    Unusable,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id => "a key id is 1 to 32 of a-z, 0-9 and `-`",
            Self::Repeated => "another key has the same id",
            Self::Length => "a public key has 32 bytes, a secret at least 32",
            Self::Unusable => "the bytes are no usable key",
        })
    }
}

impl std::error::Error for KeyError {}

impl From<KeyError> for PluginError {
    fn from(error: KeyError) -> Self {
        Self::other(error)
    }
}

pub(super) const fn malformed(reason: &'static str) -> LicenseError {
    LicenseError::Malformed { reason }
}
