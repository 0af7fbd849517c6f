//! Counts what plugins do, at the cost of a few additions a call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::plugin::PluginCounters;

/// What one plugin has done so far. Lives as long as the process, so that nobody counts references to it.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Counters {
    // What every call changes comes first, and shares a line of the processor's cache.
    calls: Counter,
    left: Counter,
    time_ns: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) starts: Counter,
    pub(crate) panicked: Counter,
    pub(crate) failed: Counter,
    pub(crate) invalid_responses: Counter,
    pub(crate) cancelled: Counter,
    pub(crate) stopped: Counter,
    pub(crate) broken_bodies: Counter,
}

/// A number that grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// Counters that start at nothing.
    pub(crate) fn leak() -> &'static Self {
        Box::leak(Box::default())
    }

    /// The numbers as they are now.
    pub(crate) fn snapshot(&self) -> PluginCounters {
        // In this order: whoever has left has come before.
        let left = self.left.get();
        let calls = self.calls.get();
        PluginCounters {
            starts: self.starts.get(),
            calls,
            in_flight: calls.saturating_sub(left),
            panicked: self.panicked.get(),
            failed: self.failed.get(),
            invalid_responses: self.invalid_responses.get(),
            cancelled: self.cancelled.get(),
            stopped: self.stopped.get(),
            broken_bodies: self.broken_bodies.get(),
            time_ns: self.time_ns.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
        }
    }
}

/// A call that is in flight: up to the head of its response, and on to the end of a body that is streamed.
#[derive(Debug)]
pub(crate) struct InFlight {
    counters: &'static Counters,
    since: Instant,
}

impl InFlight {
    #[inline]
    pub(crate) fn new(counters: &'static Counters) -> Self {
        counters.calls.add(1);
        Self {
            counters,
            since: Instant::now(),
        }
    }

    /// The call has come to something: a head, or a failure.
    #[inline]
    pub(crate) fn note_time(&self) {
        let time = self.since.elapsed();
        // In 64 bits, which are enough for five hundred years.
        let nanos = time.as_secs().wrapping_mul(1_000_000_000);
        let nanos = nanos.wrapping_add(u64::from(time.subsec_nanos()));
        self.counters.time_ns.add(nanos);
    }
}

impl Drop for InFlight {
    #[inline]
    fn drop(&mut self) {
        self.counters.left.add(1);
    }
}
