//! A store in a folder of its own, and short words for what is done with it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rusqlite::Connection;
use toru_host::clock::Clock;
use toru_host::kv::{
    KvBackend, KvCheck, KvCommit, KvCommitted, KvEntry, KvError, KvMutation, KvQuota, KvRange, KvUsage,
};
use toru_host::plugin::PluginId;
use toru_kv_sqlite::{Builder, SqliteKv};

pub(crate) fn id(text: &str) -> PluginId {
    text.parse().unwrap()
}

/// A clock that goes when it is told to, and counts who looks at it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeClock {
    shows: Arc<Mutex<Duration>>,
    looks: Arc<AtomicUsize>,
}

impl FakeClock {
    pub(crate) fn pass(&self, time: Duration) {
        *self.shows.lock().unwrap() += time;
    }

    pub(crate) fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    pub(crate) fn set_back(&self, time: Duration) {
        *self.shows.lock().unwrap() -= time;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        self.looks.fetch_add(1, Ordering::SeqCst);
        SystemTime::UNIX_EPOCH + *self.shows.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        *self.shows.lock().unwrap()
    }
}

/// A store of plugin `a`, and its folder.
pub(crate) struct Store {
    pub(crate) kv: Arc<SqliteKv>,
    pub(crate) clock: FakeClock,
    pub(crate) folder: Arc<tempfile::TempDir>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// A store that is opened in another way than the usual one.
    pub(crate) fn with(options: impl FnOnce(Builder) -> Builder) -> Self {
        Self::in_folder(Arc::new(folder()), FakeClock::default(), options)
    }

    fn in_folder(
        folder: Arc<tempfile::TempDir>,
        clock: FakeClock,
        options: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let builder = SqliteKv::builder(path(&folder)).clock(Arc::new(clock.clone()));
        Self {
            kv: Arc::new(options(builder).open().unwrap()),
            clock,
            folder,
        }
    }

    /// A connection of another program.
    pub(crate) fn outside(&self) -> Connection {
        let connection = Connection::open(self.path()).unwrap();
        connection.busy_timeout(Duration::ZERO).unwrap();
        connection
    }

    pub(crate) fn path(&self) -> PathBuf {
        path(&self.folder)
    }

    /// Closes the store and opens it again.
    pub(crate) fn reopen(self) -> Self {
        let Self { kv, clock, folder } = self;
        drop(Arc::into_inner(kv).expect("nobody else has it"));
        Self::in_folder(folder, clock, |builder| builder)
    }

    pub(crate) async fn get(&self, key: &str) -> Option<KvEntry> {
        self.get_of("a", key).await
    }

    pub(crate) async fn get_of(&self, plugin: &str, key: &str) -> Option<KvEntry> {
        let found = self.kv.get(&id(plugin), vec![bytes(key)]).await.unwrap();
        found.into_iter().next()
    }

    pub(crate) async fn value(&self, key: &str) -> Option<Bytes> {
        self.get(key).await.map(|entry| entry.value)
    }

    pub(crate) async fn commit(
        &self,
        checks: Vec<KvCheck>,
        mutations: Vec<KvMutation>,
    ) -> Result<KvCommitted, KvError> {
        self.commit_within(KvQuota::UNLIMITED, checks, mutations).await
    }

    pub(crate) async fn commit_within(
        &self,
        quota: KvQuota,
        checks: Vec<KvCheck>,
        mutations: Vec<KvMutation>,
    ) -> Result<KvCommitted, KvError> {
        self.kv.commit(&id("a"), commit(quota, checks, mutations)).await
    }

    /// Makes changes of another plugin.
    pub(crate) async fn commit_of(&self, plugin: &str, mutations: Vec<KvMutation>) -> KvCommitted {
        let commit = commit(KvQuota::UNLIMITED, Vec::new(), mutations);
        self.kv.commit(&id(plugin), commit).await.unwrap()
    }

    pub(crate) async fn set(&self, key: &str, value: &str) -> KvCommitted {
        self.commit(Vec::new(), vec![set(key, value)]).await.unwrap()
    }

    pub(crate) async fn usage(&self) -> KvUsage {
        self.commit(Vec::new(), Vec::new()).await.unwrap().usage
    }

    pub(crate) async fn keys(&self, range: KvRange) -> Vec<Bytes> {
        let found = self.kv.list(&id("a"), range).await.unwrap();
        found.into_iter().map(|entry| entry.key).collect()
    }
}

pub(crate) const fn commit(quota: KvQuota, checks: Vec<KvCheck>, mutations: Vec<KvMutation>) -> KvCommit {
    KvCommit {
        checks,
        mutations,
        quota,
    }
}

/// A folder in memory, where there is such a thing: most tests have no use for a disk, and would wait for it.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

fn path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("data/plugins.db")
}

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn set(key: &str, value: &str) -> KvMutation {
    KvMutation::Set {
        key: bytes(key),
        value: bytes(value),
        ttl: None,
    }
}

pub(crate) fn set_for(key: &str, ttl: Duration) -> KvMutation {
    KvMutation::Set {
        key: bytes(key),
        value: bytes("v"),
        ttl: Some(ttl),
    }
}

pub(crate) fn delete(key: &str) -> KvMutation {
    KvMutation::Delete { key: bytes(key) }
}

pub(crate) fn add(key: &str, delta: i64) -> KvMutation {
    KvMutation::Add {
        key: bytes(key),
        delta,
    }
}

pub(crate) fn check(key: &str, version: u64) -> KvCheck {
    KvCheck {
        key: bytes(key),
        version,
    }
}
