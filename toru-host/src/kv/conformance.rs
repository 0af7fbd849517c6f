//! The rules of [`KvBackend`] as a test suite, for any backend to run.
//!
//! A backend's own tests give it a way to make empty stores:
//!
//! ```
//! # async fn check() {
//! use toru_host::kv::{MemoryKv, conformance};
//!
//! conformance::run(MemoryKv::with_clock).await;
//! # }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(check());
//! ```
//!
//! A backend that keeps its data implements [`Factory`] instead, with [`reopen`](Factory::reopen), so that the suite also
//! sees what is left when a store was closed. [`Suite`] has a number of rounds and a seed for the random checks.
//!
//! What is about commits is examined twice, with those of `commit` and with those of `commit_blocking`.
//!
//! A broken rule is a panic whose message names the rule and says what was expected and what was found. The suite needs a
//! tokio runtime; with several threads the checks of concurrency reach further. It never waits for time to pass: stores
//! take the time from a [`TestClock`].

mod add;
mod atomic;
mod basics;
mod cancel;
mod clock;
mod concurrent;
mod durable;
mod expiry;
mod history;
mod isolation;
mod limits;
mod order;
mod paging;
mod quota;
mod random;
mod store;
mod versions;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use self::random::Random;
use self::store::{Store, Way};
use super::KvBackend;
use crate::clock::Clock;

pub use clock::TestClock;

/// Runs the whole suite with its defaults.
///
/// # Panics
///
/// When the backend breaks a rule.
pub async fn run(factory: impl Factory) {
    Suite::new(factory).run().await;
}

/// Makes the stores that the suite examines.
///
/// Any function from a clock to a backend is a factory of stores that cannot be opened again.
pub trait Factory: Send {
    /// What is examined.
    type Backend: KvBackend;

    /// A new, empty store that takes the time from this clock alone.
    fn create(&mut self, clock: Arc<dyn Clock>) -> impl Future<Output = Self::Backend> + Send;

    /// Opens once more what [`create`](Self::create) made last; the suite has dropped it before.
    ///
    /// `None`, the default, when the data ends with the store.
    fn reopen(&mut self, clock: Arc<dyn Clock>) -> impl Future<Output = Option<Self::Backend>> + Send {
        drop(clock);
        async { None }
    }
}

impl<F, B> Factory for F
where
    F: FnMut(Arc<dyn Clock>) -> B + Send,
    B: KvBackend,
{
    type Backend = B;

    fn create(&mut self, clock: Arc<dyn Clock>) -> impl Future<Output = B> + Send {
        std::future::ready(self(clock))
    }
}

/// What the suite examines, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Group {
    /// Reading, writing and deleting; missing and empty; keys named twice.
    Basics,
    /// Byte order, bounds, directions and limits of lists.
    Order,
    /// Pages while other entries come and go.
    Paging,
    /// A failed commit leaves nothing behind.
    Atomicity,
    /// Versions grow and never repeat; checks.
    Versions,
    /// Adding to numbers.
    Add,
    /// Entries that expire.
    Expiry,
    /// Smallest and largest keys, values and calls.
    Limits,
    /// Quota and usage.
    Quota,
    /// Plugins do not see each other, whatever they are called.
    Isolation,
    /// Commits that are dropped half-way.
    Cancellation,
    /// Many tasks at once, checked for linearisability.
    Concurrency,
    /// What is left when a store is opened again.
    Durability,
}

impl Group {
    /// All groups in the order in which they run.
    pub const ALL: [Self; 13] = [
        Self::Basics,
        Self::Order,
        Self::Paging,
        Self::Atomicity,
        Self::Versions,
        Self::Add,
        Self::Expiry,
        Self::Limits,
        Self::Quota,
        Self::Isolation,
        Self::Cancellation,
        Self::Concurrency,
        Self::Durability,
    ];

    /// The ways of committing in which its rules are examined.
    const fn ways(self) -> &'static [Way] {
        match self {
            Self::Order | Self::Paging | Self::Cancellation => &[Way::Awaited],
            Self::Concurrency => &[Way::Awaited, Way::Mixed],
            _ => &[Way::Awaited, Way::Blocking],
        }
    }
}

/// Names the way that the next messages are about, where it is not the usual one.
#[expect(
    clippy::print_stdout,
    reason = "a rule has the same name whichever way it is broken"
)]
fn tell(group: Group, way: Way) {
    match way {
        Way::Awaited => {}
        Way::Blocking => println!("{group:?}, with `commit_blocking`"),
        Way::Mixed => println!("{group:?}, with `commit` and `commit_blocking` by turns"),
    }
}

/// The suite, for those who want to choose what runs and how long.
pub struct Suite<F> {
    factory: F,
    rounds: usize,
    seed: u64,
}

impl<F: Factory> Suite<F> {
    /// All that this factory's stores have to keep: 200 rounds of each random check, with the same numbers each time.
    pub const fn new(factory: F) -> Self {
        Self {
            factory,
            rounds: 200,
            seed: 0x746f_7275,
        }
    }

    /// How many rounds a random check has.
    #[must_use]
    pub const fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    /// Where the random checks start; the same seed leads to the same calls.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Runs all groups.
    ///
    /// # Panics
    ///
    /// When the backend breaks a rule.
    pub async fn run(mut self) {
        for group in Group::ALL {
            self.check(group).await;
        }
    }

    /// Runs one group.
    ///
    /// # Panics
    ///
    /// When the backend breaks a rule.
    pub async fn check(&mut self, group: Group) {
        for way in group.ways() {
            self.check_by(group, *way).await;
        }
    }

    async fn check_by(&mut self, group: Group, way: Way) {
        tell(group, way);
        let (store, rounds) = (self.empty(way).await, self.rounds);
        let mut random = Random::new(self.seed);
        match group {
            Group::Basics => basics::check(&store).await,
            Group::Order => order::check(&store, &mut random, rounds).await,
            Group::Paging => paging::check(&store).await,
            Group::Atomicity => atomic::check(&store).await,
            Group::Versions => versions::check(&store).await,
            Group::Add => add::check(&store).await,
            Group::Expiry => expiry::check(&store).await,
            Group::Limits => limits::check(&store).await,
            Group::Quota => quota::check(&store).await,
            Group::Isolation => isolation::check(&store, &mut random, rounds).await,
            Group::Cancellation => cancel::check(&store).await,
            Group::Concurrency => concurrent::check(&store, &mut random, rounds).await,
            Group::Durability => durable::check(&mut self.factory, store).await,
        }
    }

    async fn empty(&mut self, way: Way) -> Store {
        let clock = TestClock::new();
        let backend = self.factory.create(Arc::new(clock.clone())).await;
        Store::new(Arc::new(backend), clock, way)
    }
}

impl<F> fmt::Debug for Suite<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("rounds", &self.rounds)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
