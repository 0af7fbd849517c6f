//! What is kept for a span while it lives.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tracing_subscriber::registry::{LookupSpan, Scope};

use super::fields::Fields;

/// A span's fields, and for how long it was inside and outside.
#[derive(Debug)]
pub(super) struct Span {
    fields: Fields,
    busy: Duration,
    idle: Duration,
    /// When it was last entered or left.
    last: Instant,
}

impl Span {
    pub(super) const fn new(fields: Fields, now: Instant) -> Self {
        Self {
            fields,
            busy: Duration::ZERO,
            idle: Duration::ZERO,
            last: now,
        }
    }

    pub(super) fn record(&mut self, fields: Fields) {
        self.fields.update(fields);
    }

    pub(super) fn enter(&mut self, now: Instant) {
        self.idle += now.saturating_duration_since(self.last);
        self.last = now;
    }

    pub(super) fn exit(&mut self, now: Instant) {
        self.busy += now.saturating_duration_since(self.last);
        self.last = now;
    }

    /// How long it was inside and outside, at its end.
    pub(super) fn times(&self, now: Instant) -> (Duration, Duration) {
        (self.busy, self.idle + now.saturating_duration_since(self.last))
    }
}

/// `outer{a=1}:inner`, or nothing.
pub(super) fn path<'a, R: LookupSpan<'a>>(spans: Option<Scope<'a, R>>) -> String {
    let mut path = String::new();
    for span in spans.into_iter().flat_map(Scope::from_root) {
        if !path.is_empty() {
            path.push(':');
        }
        path.push_str(span.name());
        if let Some(span) = span.extensions().get::<Span>() {
            let _ = write!(path, "{}", span.fields);
        }
    }
    path
}
