//! A clock that goes when it is told to.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use toru_host::clock::Clock;

/// Shows the beginning of 1970, and what has passed since. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeClock(Arc<Mutex<Duration>>);

impl FakeClock {
    pub(crate) fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + *self.0.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}
