//! Each call into a plugin as a span, for whoever traces requests.

use http::{Method, StatusCode};
use tracing::span::Entered;
use tracing::{Level, Span, field};

use crate::ffi::Called;

/// A span from the arrival of a request to the head of its response. Costs one look at a number where nobody listens.
///
/// Its target is `toru_host::call`, its level `DEBUG`, and its name `plugin call`. Its fields: `plugin.id`,
/// `plugin.generation`, `http.request.method`, `http.route` (the pattern below the plugin's own path), `outcome` (`answered`,
/// the code of the problem, or `client_gone`), and `http.response.status_code`.
pub(super) struct CallSpan(Option<Box<Span>>);

impl CallSpan {
    #[inline]
    pub(super) fn new(called: Called, method: &Method, route: &str) -> Self {
        if tracing::span_enabled!(target: "toru_host::call", Level::DEBUG) {
            Self::open(called, method, route)
        } else {
            Self(None)
        }
    }

    #[cold]
    fn open(called: Called, method: &Method, route: &str) -> Self {
        let span = tracing::debug_span!(
            target: "toru_host::call",
            "plugin call",
            plugin.id = called.plugin().as_str(),
            plugin.generation = called.generation(),
            http.request.method = method.as_str(),
            http.route = route,
            outcome = field::Empty,
            http.response.status_code = field::Empty,
        );
        Self(Some(Box::new(span)))
    }

    /// What happens until the result is dropped, happens in the span.
    #[inline]
    pub(super) fn enter(&self) -> Option<Entered<'_>> {
        self.0.as_ref().map(|span| span.enter())
    }

    /// The call has come to this.
    #[inline]
    pub(super) fn end(&mut self, outcome: &str, status: StatusCode) {
        if let Some(span) = self.0.take() {
            span.record("outcome", outcome);
            span.record("http.response.status_code", status.as_u16());
        }
    }
}

impl Drop for CallSpan {
    #[inline]
    fn drop(&mut self) {
        if let Some(span) = &self.0 {
            span.record("outcome", "client_gone");
        }
    }
}
