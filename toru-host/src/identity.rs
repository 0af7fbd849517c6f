//! Who a request is from.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The field that names the user.
const USER: &str = "toru-user";
/// The field that names their roles.
const ROLES: &str = "toru-roles";

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

    pub(crate) fn has_explicit_credential(&self) -> bool {
        self.0.as_ref().is_some_and(|facts| facts.is_explicit)
    }

    /// The user, as plugins are told.
    pub(crate) fn user_value(&self) -> Option<&HeaderValue> {
        self.0.as_ref()?.user.as_ref()
    }

    /// The fields by which plugins are told, with their names in lower case.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &HeaderValue)> {
        let facts = self.0.as_deref();
        let user = facts.and_then(|facts| facts.user.as_ref());
        let roles = facts.and_then(|facts| facts.roles.as_ref());
        let named = |name, value: Option<_>| value.map(|value| (name, value));
        named(USER, user).into_iter().chain(named(ROLES, roles))
    }

    /// How many there are.
    #[inline]
    pub(crate) fn n_fields(&self) -> usize {
        let told =
            |facts: &Arc<Facts>| usize::from(facts.user.is_some()) + usize::from(facts.roles.is_some());
        self.0.as_ref().map_or(0, told)
    }

    /// The one of these fields that has this name, in any case.
    pub(crate) fn field(&self, name: &[u8]) -> Option<&HeaderValue> {
        let is_wanted = |(own, _): &(&str, _)| own.as_bytes().eq_ignore_ascii_case(name);
        self.fields().find(is_wanted).map(|(_, value)| value)
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
            .field("user", &self.field(USER.as_bytes()))
            .field("roles", &self.field(ROLES.as_bytes()))
            .finish_non_exhaustive()
    }
}
