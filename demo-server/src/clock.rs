//! What time it is, so that tests can let hours pass.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When this process first looked.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<Manual>),
}

#[derive(Default)]
struct Manual {
    now_ms: AtomicU64,
    elapsed_ms: AtomicU64,
}

impl Clock {
    /// The system's time.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A time that stands still until [`advance`](Self::advance) is called on it or a clone. It starts at the system's.
    #[must_use]
    pub fn manual() -> Self {
        Self(Source::Manual(Arc::new(Manual {
            now_ms: Self::system().now_ms().into(),
            elapsed_ms: 0.into(),
        })))
    }

    /// Milliseconds since 1970. Somebody may set the clock back.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        match &self.0 {
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                since.map_or(0, ms)
            }
            Source::Manual(manual) => manual.now_ms.load(Ordering::SeqCst),
        }
    }

    /// Milliseconds since some moment of this process. They only grow, whatever the clock is set to.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        match &self.0 {
            Source::System => ms(START.elapsed()),
            Source::Manual(manual) => manual.elapsed_ms.load(Ordering::SeqCst),
        }
    }

    /// Lets time pass on a manual clock; that of the system takes its own.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            manual.now_ms.fetch_add(ms(by), Ordering::SeqCst);
            manual.elapsed_ms.fetch_add(ms(by), Ordering::SeqCst);
        }
    }

    /// Sets a manual clock back; that of the system takes its own time.
    pub fn set_back(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            manual.now_ms.fetch_sub(ms(by), Ordering::SeqCst);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock(system)",
            Source::Manual(_) => "Clock(manual)",
        })
    }
}

/// A duration in milliseconds.
#[must_use]
pub fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
