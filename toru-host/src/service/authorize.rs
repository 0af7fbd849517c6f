//! The application's own decision: who a request is from, and what they may do.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use http::request::Parts;

use crate::identity::Identity;

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access<'a> {
    /// Turn plugins on and off.
    Manage,
    /// See which plugins there are and how they are doing.
    Read,
    /// Use a plugin: its routes and its frontend.
    Use {
        /// Id of the plugin as it stands in the path; there may be no such plugin.
        plugin: &'a str,
    },
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is known who it is from, and they may not do this: 403.
    Forbidden,
    /// It is not known who it is from: 401.
    Unauthenticated,
}

/// A decision, made already or still being made.
pub enum Authorization {
    /// Made.
    Decided(Result<Identity, Refusal>),
    /// Being made, by asking a database for example.
    Pending(Pin<Box<dyn Future<Output = Result<Identity, Refusal>> + Send>>),
}

impl Authorization {
    /// The request goes on.
    #[must_use]
    pub const fn allow(identity: Identity) -> Self {
        Self::Decided(Ok(identity))
    }

    /// The request is refused.
    #[must_use]
    pub const fn refuse(refusal: Refusal) -> Self {
        Self::Decided(Err(refusal))
    }

    /// The decision takes time.
    pub fn decide(decision: impl Future<Output = Result<Identity, Refusal>> + Send + 'static) -> Self {
        Self::Pending(Box::pin(decision))
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided(decision) => f.debug_tuple("Decided").field(decision).finish(),
            Self::Pending(_) => f.write_str("Pending"),
        }
    }
}

/// Decides about every request before anything of it reaches a plugin or the manager.
///
/// It is asked once for each request, from many threads at once, and must not block: what takes time belongs into
/// [`Authorization::decide`]. The head is the request's own, before credentials are removed from what a plugin sees.
///
/// # Examples
///
/// ```
/// use http::request::Parts;
/// use toru_host::service::{Access, Authorization, Authorizer, Identity, Refusal};
///
/// struct Token(String);
///
/// impl Authorizer for Token {
///     fn authorize(&self, head: &Parts, _: Access<'_>) -> Authorization {
///         let sent = head.headers.get("authorization").map(|value| value.as_bytes());
///         // A real application compares in constant time.
///         if sent == Some(format!("Bearer {}", self.0).as_bytes()) {
///             Authorization::allow(Identity::user("admin").with_explicit_credential())
///         } else {
///             Authorization::refuse(Refusal::Unauthenticated)
///         }
///     }
/// }
/// ```
pub trait Authorizer: Send + Sync + 'static {
    /// Decides whether the request may do what it wants.
    fn authorize(&self, head: &Parts, access: Access<'_>) -> Authorization;
}

/// Lets everybody do everything: whoever reaches the service can run native code on this machine.
///
/// For tests, and for applications that are reachable by nobody else.
#[derive(Clone, Copy, Debug, Default)]
pub struct DangerouslyAllowEveryone;

impl Authorizer for DangerouslyAllowEveryone {
    fn authorize(&self, _: &Parts, _: Access<'_>) -> Authorization {
        Authorization::allow(Identity::anonymous())
    }
}
