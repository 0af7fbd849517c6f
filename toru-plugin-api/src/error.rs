//! What can go wrong, for plugin authors.

use std::error::Error;
use std::fmt;

use crate::abi::status::{
    TORU_CANCELLED, TORU_CONFLICT, TORU_DISCONNECTED, TORU_FAILED, TORU_GONE, TORU_QUOTA, TORU_STORAGE_FULL,
    TORU_TIMED_OUT, TORU_TOO_LARGE, TORU_UNSUPPORTED, TORU_WOULD_BLOCK,
};
use crate::license_key::LicenseFault;

/// Why a plugin could not do something.
///
/// Returned from `init`, its text is shown to the administrator. Returned from a handler, it becomes a response with
/// [`status`](Self::status); its text goes to the log and never to the client.
#[derive(Debug)]
#[non_exhaustive]
pub enum PluginError {
    /// The request makes no sense: 400.
    BadRequest(String),
    /// The request's body could not be read: 400, or 413 when it is too large.
    Body(BodyError),
    /// The configuration is not what the plugin needs: 500.
    Config(String),
    /// The request contradicts the present state: 409.
    Conflict(String),
    /// The user may not do this: 403.
    Forbidden(String),
    /// The plugin does not accept its licence: 403. Returned from `init`, its code and words tell the administrator what to do.
    License(LicenseFault, String),
    /// Storing or reading data failed: 507 when there is no space, else 500.
    Kv(KvError),
    /// There is no such thing: 404.
    NotFound(String),
    /// Anything else: 500.
    Other(Box<dyn Error + Send + Sync>),
    /// A status of the author's choice, 400 to 599.
    Status(u16, String),
    /// The host lacks what the plugin asked for: 501.
    Unsupported(&'static str),
}

impl PluginError {
    /// Wraps any error, or a text.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }

    /// HTTP status of the response when a handler returns this error.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) => 400,
            Self::Body(BodyError::TooLarge) => 413,
            Self::Body(_) => 400,
            Self::Conflict(_) => 409,
            Self::Forbidden(_) | Self::License(..) => 403,
            Self::Kv(KvError::Full | KvError::Quota) => 507,
            Self::NotFound(_) => 404,
            Self::Status(status, _) => *status,
            Self::Unsupported(_) => 501,
            Self::Config(_) | Self::Kv(_) | Self::Other(_) => 500,
        }
    }

    /// The status by which a host tells what `init` failed for.
    pub(crate) const fn control_status(&self) -> u32 {
        match self {
            Self::License(fault, _) => fault.to_status(),
            Self::Unsupported(_) => TORU_UNSUPPORTED,
            _ => TORU_FAILED,
        }
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequest(text)
            | Self::Conflict(text)
            | Self::Forbidden(text)
            | Self::License(_, text)
            | Self::NotFound(text)
            | Self::Status(_, text) => f.write_str(text),
            Self::Body(error) => error.fmt(f),
            Self::Config(text) => write!(f, "configuration: {text}"),
            Self::Kv(error) => error.fmt(f),
            Self::Other(error) => error.fmt(f),
            Self::Unsupported(what) => write!(f, "this host does not offer {what}"),
        }
    }
}

impl Error for PluginError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Other(error) => error.source(),
            _ => None,
        }
    }
}

macro_rules! other_from {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for PluginError {
            fn from(error: $error) -> Self {
                Self::Other(error.into())
            }
        })*
    };
}

other_from!(
    Box<dyn Error + Send + Sync>,
    String,
    &str,
    fmt::Error,
    std::io::Error,
    std::num::ParseFloatError,
    std::num::ParseIntError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
);

#[cfg(feature = "json")]
other_from!(serde_json::Error);

impl From<BodyError> for PluginError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<KvError> for PluginError {
    fn from(error: KvError) -> Self {
        Self::Kv(error)
    }
}

/// Why a body could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// The client went away, or sent something that breaks the protocol.
    Disconnected,
    /// The body is not what it should be: not UTF-8, or not the JSON expected.
    Malformed,
    /// It did not arrive in time.
    TimedOut,
    /// It is larger than allowed.
    TooLarge,
}

impl BodyError {
    pub(crate) const fn from_status(status: u32) -> Self {
        match status {
            TORU_TOO_LARGE => Self::TooLarge,
            TORU_TIMED_OUT => Self::TimedOut,
            _ => Self::Disconnected,
        }
    }

    /// What the reader of a stream is told of why it failed.
    pub(crate) fn of_stream(error: PluginError) -> Self {
        match error {
            PluginError::Body(error) => error,
            _ => Self::Disconnected,
        }
    }

    pub(crate) const fn to_status(self) -> u32 {
        match self {
            Self::TooLarge => TORU_TOO_LARGE,
            Self::TimedOut => TORU_TIMED_OUT,
            Self::Disconnected | Self::Malformed => TORU_DISCONNECTED,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disconnected => "the body ended before it was complete",
            Self::Malformed => "the body is malformed",
            Self::TimedOut => "the body did not arrive in time",
            Self::TooLarge => "the body is larger than allowed",
        })
    }
}

impl Error for BodyError {}

/// Why data could not be stored or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KvError {
    /// One call names more than 10,000 keys, checks or changes, or is larger than 16 MiB.
    CallSize,
    /// A version check failed: somebody else was faster.
    Conflict,
    /// There is no space left where the data is stored.
    Full,
    /// The plugin has been disabled.
    Gone,
    /// The store failed; the host's log says why.
    Internal,
    /// A key is empty or longer than 1024 bytes.
    KeySize,
    /// The value is not the JSON expected, or has no JSON form.
    Malformed,
    /// The entry is no decimal number, or the sum does not fit into 64 bits.
    NotANumber,
    /// The plugin's quota is used up.
    Quota,
    /// The host offers no store.
    Unsupported,
    /// A value is longer than 1 MiB.
    ValueSize,
    /// The blocking form was called on a thread that must not be blocked.
    WouldBlock,
}

impl KvError {
    /// The stable code, for logs and for answers to clients.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CallSize => "call_too_large",
            Self::Conflict => "conflict",
            Self::Full => "storage_full",
            Self::Gone => "plugin_disabled",
            Self::Internal => "storage_failed",
            Self::KeySize => "key_too_large",
            Self::Malformed => "malformed_value",
            Self::NotANumber => "not_a_number",
            Self::Quota => "quota_exceeded",
            Self::Unsupported => "extension_missing",
            Self::ValueSize => "value_too_large",
            Self::WouldBlock => "would_block",
        }
    }

    pub(crate) const fn from_status(status: u32) -> Self {
        match status {
            TORU_CONFLICT => Self::Conflict,
            TORU_STORAGE_FULL => Self::Full,
            TORU_GONE | TORU_CANCELLED => Self::Gone,
            TORU_TOO_LARGE => Self::CallSize,
            TORU_QUOTA => Self::Quota,
            TORU_WOULD_BLOCK => Self::WouldBlock,
            _ => Self::Internal,
        }
    }
}

impl fmt::Display for KvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CallSize => "one call to the store has at most 10,000 keys and 16 MiB; make several",
            Self::Conflict => "the entry was changed by somebody else",
            Self::Full => "there is no space left in the store",
            Self::Gone => "the plugin has been disabled",
            Self::Internal => "the store failed",
            Self::KeySize => "a key has 1 to 1024 bytes",
            Self::Malformed => "the value is not the JSON expected",
            Self::NotANumber => "the entry is not a number that can be added to",
            Self::Quota => "the plugin's quota is used up",
            Self::Unsupported => "this host offers no store",
            Self::ValueSize => "a value has at most 1 MiB",
            Self::WouldBlock => {
                "this thread must not be blocked; use the asynchronous functions here, or register the route as blocking"
            }
        })
    }
}

impl Error for KvError {}
