//! Where the host takes the time from.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

/// Where the host takes the time from, so that tests can make it up.
///
/// Called from any thread; has to be quick. Timers are not part of it: what waits, waits for real time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time of day, as people are told it.
    fn now(&self) -> SystemTime;

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
