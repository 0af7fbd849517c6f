//! Who may do what: whoever knows the token may do everything.

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use subtle::ConstantTimeEq;
use toru_axum::{Access, Authorization, Authorizer, Identity, Refusal};

/// Compares the token of `Authorization: Bearer …`.
#[derive(Clone)]
pub struct TokenAuthorizer {
    token: String,
}

impl TokenAuthorizer {
    /// Lets those in who know `token`.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self { token: token.into() }
    }

    /// Whether a request carries the token.
    #[must_use]
    pub fn knows_token(&self, head: &Parts) -> bool {
        let sent = head.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let Some((scheme, token)) = sent.and_then(|sent| sent.split_at_checked("Bearer ".len())) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"bearer ") && token.ct_eq(self.token.as_bytes()).into()
    }
}

impl Authorizer for TokenAuthorizer {
    fn authorize(&self, head: &Parts, _: Access<'_>) -> Authorization {
        if self.knows_token(head) {
            Authorization::allow(
                Identity::user("token")
                    .with_role("admin")
                    .with_explicit_credential(),
            )
        } else {
            Authorization::refuse(Refusal::Unauthenticated)
        }
    }
}

impl std::fmt::Debug for TokenAuthorizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenAuthorizer")
    }
}
