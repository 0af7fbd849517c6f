//! The application's own decision: who a request is from, and what they may do.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::request::Parts;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

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

/// Who a request is from, as the application established it.
///
/// Plugins are told by the header fields `Toru-User` and `Toru-Roles`, which nobody else can set. A clone is cheap: an
/// application that knows its users beforehand keeps their identities ready.
///
/// Names are sent as UTF-8 in which control characters, spaces, `%`, `,` and everything beyond ASCII are percent-encoded
/// (RFC 3986, section 2.1); roles are separated by commas.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity(Option<Arc<Facts>>);

/// What is known of somebody who is known.
#[derive(Clone, Default, PartialEq, Eq)]
struct Facts {
    user: Option<HeaderValue>,
    roles: Option<HeaderValue>,
    is_explicit: bool,
}

/// What stands for itself in a name.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b',');

impl Identity {
    /// Somebody whose name does not matter.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self(None)
    }

    /// A user, by the name that the application knows them under.
    #[must_use]
    pub fn user(name: impl AsRef<str>) -> Self {
        let mut identity = Self::anonymous();
        identity.facts_mut().user = value(utf8_percent_encode(name.as_ref(), ENCODED).to_string());
        identity
    }

    /// Adds a role.
    #[must_use]
    pub fn with_role(mut self, role: impl AsRef<str>) -> Self {
        let role = utf8_percent_encode(role.as_ref(), ENCODED);
        let facts = self.facts_mut();
        let before = facts.roles.as_ref().and_then(|roles| roles.to_str().ok());
        facts.roles = value(match before {
            Some(roles) => format!("{roles},{role}"),
            None => role.to_string(),
        });
        self
    }

    /// Says that the request carries a credential which browsers never send by themselves, such as a token in a header of
    /// its own. A request of another site cannot have it, so nobody asks where it comes from.
    ///
    /// Not for cookies, HTTP authentication that a browser remembers, or client certificates.
    #[must_use]
    pub fn with_explicit_credential(mut self) -> Self {
        self.facts_mut().is_explicit = true;
        self
    }

    pub(super) fn has_explicit_credential(&self) -> bool {
        self.0.as_ref().is_some_and(|facts| facts.is_explicit)
    }

    /// The user, as plugins are told.
    pub(super) fn user_value(&self) -> Option<&HeaderValue> {
        self.0.as_ref()?.user.as_ref()
    }

    /// The roles, as plugins are told.
    pub(super) fn roles_value(&self) -> Option<&HeaderValue> {
        self.0.as_ref()?.roles.as_ref()
    }

    fn facts_mut(&mut self) -> &mut Facts {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

/// Shared, so that a clone copies nothing. There is nothing in an encoded name that a header value could not have.
fn value(encoded: String) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(Bytes::from(encoded)).ok()
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("user", &self.user_value())
            .field("roles", &self.roles_value())
            .finish_non_exhaustive()
    }
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
