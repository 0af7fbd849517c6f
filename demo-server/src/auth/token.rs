//! The token of programs.

use std::fmt;
use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use subtle::ConstantTimeEq;
use toru_axum::Identity;

/// The name that plugins are told of whoever knows the token. No user has it.
pub const NAME: &str = "token";

/// Compares the token of `Authorization: Bearer …`.
#[derive(Clone)]
pub struct Token {
    token: Arc<str>,
    identity: Identity,
}

impl Token {
    /// Knows those who know `token`.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self {
            token: token.into(),
            identity: Identity::user(NAME).with_role("admin").with_explicit_credential(),
        }
    }

    /// Whether a request carries the token.
    #[must_use]
    pub fn is_in(&self, head: &Parts) -> bool {
        let sent = head.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let Some((scheme, token)) = sent.and_then(|sent| sent.split_at_checked("Bearer ".len())) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"bearer ") && token.ct_eq(self.token.as_bytes()).into()
    }

    /// Whoever knows the token, as plugins are told.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
