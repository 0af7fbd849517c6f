//! A plugin's own lane through the host: how much it may take up, and what it has done, at the cost of a few additions a
//! call.

mod durations;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::HeaderName;
use tokio::runtime::Handle;

use self::durations::Durations;
use crate::ffi::StaticNames;
use crate::plugin::{PluginCounters, PluginId, PluginLimits};

/// Most names of removed header fields that are remembered.
const REMOVED_MAX: usize = 32;

/// What one plugin may take up and has done so far. Lives as long as the process, so that nobody counts references to it.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Lane {
    // What every call changes comes first, and shares a line of the processor's cache.
    in_flight: AtomicUsize,
    calls: Counter,
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
    pub(crate) timed_out: Counter,
    pub(crate) rejected: Counter,
    durations: Durations,
    pub(crate) limits: PluginLimits,
    /// Names of header fields of its responses.
    pub(crate) names: StaticNames,
    /// Names of header fields that were removed from responses, and that somebody was told of.
    removed: Mutex<Vec<HeaderName>>,
    /// The host's runtime, while the plugin has an instance, and whose: a lane would keep it for good.
    runtime: Mutex<Option<(usize, Handle)>>,
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

impl Lane {
    /// An empty lane.
    pub(crate) fn leak(plugin: &PluginId, limits: PluginLimits) -> &'static Self {
        Box::leak(Box::new(Self {
            durations: Durations::new(plugin),
            limits,
            ..Self::default()
        }))
    }

    /// Lets a call in, unless there are too many already.
    #[inline]
    pub(crate) fn enter(&'static self) -> Option<InFlight> {
        // Counted first and taken back: as many get in as there is room for, however many come at once.
        if self.in_flight.fetch_add(1, Ordering::Relaxed) >= self.limits.max_in_flight {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        self.calls.add(1);
        Some(InFlight {
            lane: self,
            since: Instant::now(),
        })
    }

    /// Where what the host lends to the plugin belongs, whoever's thread it is used on.
    pub(crate) fn runtime(&self) -> Option<Handle> {
        self.home().as_ref().map(|(_, runtime)| runtime.clone())
    }

    /// An instance, known by a number of its own, lives in that runtime.
    pub(crate) fn set_runtime(&self, instance: usize, runtime: Handle) {
        *self.home() = Some((instance, runtime));
    }

    /// The instance has ended, which may be after the next one has begun.
    pub(crate) fn forget_runtime(&self, instance: usize) {
        self.home().take_if(|(of, _)| *of == instance);
    }

    fn home(&self) -> MutexGuard<'_, Option<(usize, Handle)>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody was told yet that a field of this name is removed.
    pub(crate) fn is_first_removal(&self, name: &HeaderName) -> bool {
        let mut removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
        // A plugin that makes up names is not listened to for ever.
        let is_first = removed.len() < REMOVED_MAX && !removed.contains(name);
        if is_first {
            removed.push(name.clone());
        }
        is_first
    }

    /// Counts a request that was not let in.
    #[cold]
    pub(crate) fn turn_away(&self) {
        self.rejected.add(1);
    }

    /// The numbers as they are now.
    pub(crate) fn snapshot(&self) -> PluginCounters {
        PluginCounters {
            starts: self.starts.get(),
            calls: self.calls.get(),
            in_flight: self.in_flight.load(Ordering::Relaxed) as u64,
            panicked: self.panicked.get(),
            failed: self.failed.get(),
            invalid_responses: self.invalid_responses.get(),
            cancelled: self.cancelled.get(),
            stopped: self.stopped.get(),
            broken_bodies: self.broken_bodies.get(),
            timed_out: self.timed_out.get(),
            rejected: self.rejected.get(),
            time_ns: self.time_ns.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
        }
    }
}

/// A call that is in flight, and its place in the lane: up to the head of its response, and on to the end of a body that is streamed.
#[derive(Debug)]
pub(crate) struct InFlight {
    lane: &'static Lane,
    since: Instant,
}

impl InFlight {
    /// When the call arrived.
    pub(crate) const fn since(&self) -> Instant {
        self.since
    }

    /// The call has come to something: a head, or a failure.
    #[inline]
    pub(crate) fn note_time(&self) {
        let time = self.since.elapsed();
        // In 64 bits, which are enough for five hundred years.
        let nanos = time.as_secs().wrapping_mul(1_000_000_000);
        let nanos = nanos.wrapping_add(u64::from(time.subsec_nanos()));
        self.lane.time_ns.add(nanos);
        self.lane.durations.add(time);
    }
}

impl Drop for InFlight {
    #[inline]
    fn drop(&mut self) {
        self.lane.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_instance_that_ends_late_takes_the_runtime_of_the_next_one_not_away() {
        let lane = Lane::leak(&"late".parse().unwrap(), PluginLimits::default());
        lane.set_runtime(1, Handle::current());
        lane.set_runtime(2, Handle::current());
        lane.forget_runtime(1);
        assert!(lane.runtime().is_some());
        lane.forget_runtime(2);
        assert!(lane.runtime().is_none(), "a lane would keep it for good");
    }
}
