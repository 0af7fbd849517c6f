//! Who may do what: whoever knows the token may use plugins and manage them.

use std::fmt;

use http::header::AUTHORIZATION;
use http::request::Parts;
use subtle::ConstantTimeEq as _;
use toru_host::service::{Access, Authorization, Authorizer, Identity, Refusal};

/// Compares `Authorization: Bearer …` with one token.
pub struct TokenAuthorizer {
    token: String,
    /// Made once: a clone of it costs next to nothing.
    identity: Identity,
}

impl TokenAuthorizer {
    /// Lets those in who know `token`.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self {
            token: token.into(),
            // No browser sends this header by itself, so no other site can borrow it.
            identity: Identity::user("admin").with_explicit_credential(),
        }
    }
}

impl Authorizer for TokenAuthorizer {
    fn authorize(&self, head: &Parts, _: Access<'_>) -> Authorization {
        let sent = head.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let token = sent.and_then(|sent| sent.strip_prefix(b"Bearer "));
        // In constant time, so that nobody learns the token byte by byte.
        if token.is_some_and(|token| token.ct_eq(self.token.as_bytes()).into()) {
            Authorization::allow(self.identity.clone())
        } else {
            Authorization::refuse(Refusal::Unauthenticated)
        }
    }
}

impl fmt::Debug for TokenAuthorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenAuthorizer")
    }
}
