//! Where the host takes the time from.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the host takes the time from, so that tests can make it up.
///
/// Called from any thread; has to be quick. Timers are not part of it: what waits, waits for real time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time of day, as people are told it.
    fn now(&self) -> SystemTime;

    /// The time of day in whole milliseconds of Unix time; 0 before 1970.
    fn unix_ms(&self) -> u64 {
        let since = self.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Time since some moment of the past. Never goes back, also when somebody sets the time of day.
    fn elapsed(&self) -> Duration;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        let start = Instant::now();
        Self { start }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
