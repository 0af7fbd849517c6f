//! What is learnt about a plugin that runs.

use serde::{Deserialize, Serialize};

/// What is learnt about a plugin that runs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) routes: Vec<Route>,
    pub(crate) bundle_bytes: Option<usize>,
    pub(crate) calls: Vec<Call>,
    /// By how much the process grew with each round of enabling and disabling.
    pub(crate) bytes_per_round: Option<i64>,
}

/// A route that it registered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Route {
    pub(crate) methods: Vec<String>,
    pub(crate) pattern: String,
}

/// A call of one of its routes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) pattern: String,
    /// `None` when there was no answer.
    pub(crate) status: Option<u16>,
    /// Bytes of the body that were read.
    pub(crate) bytes: usize,
    /// Whether the body ended by itself; a stream is left after a moment.
    pub(crate) has_ended: bool,
}

impl Route {
    /// Whether a GET can be sent to it without making a path up. The host answers `/` itself.
    pub(crate) fn can_be_asked(&self) -> bool {
        self.pattern != "/"
            && !self.pattern.contains(['{', '}'])
            && self.methods.iter().any(|method| method == "GET")
    }
}
