//! The rules that hold for every backend.

use std::sync::Arc;

use tempfile::TempDir;
use toru_host::clock::Clock;
use toru_host::kv::conformance::{self, Factory, Group, Suite};
use toru_kv_sqlite::SqliteKv;

use crate::random::Random;
use crate::store::folder;

/// Stores in folders of their own; the last one can be opened again.
#[derive(Default)]
struct Databases {
    last: Option<TempDir>,
    is_in_memory: bool,
}

impl Databases {
    fn in_memory() -> Self {
        Self {
            is_in_memory: true,
            ..Self::default()
        }
    }

    fn open(&self, clock: Arc<dyn Clock>) -> SqliteKv {
        let folder = self.last.as_ref().expect("one was made");
        SqliteKv::builder(folder.path().join("plugins.db"))
            .clock(clock)
            .open()
            .unwrap()
    }
}

impl Factory for Databases {
    type Backend = SqliteKv;

    async fn create(&mut self, clock: Arc<dyn Clock>) -> SqliteKv {
        self.last = Some(if self.is_in_memory {
            folder()
        } else {
            tempfile::tempdir().unwrap()
        });
        self.open(clock)
    }

    async fn reopen(&mut self, clock: Arc<dyn Clock>) -> Option<SqliteKv> {
        Some(self.open(clock))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t08_t09_t10_the_store_keeps_all_rules_of_backends() {
    conformance::run(Databases::default()).await;
}

#[tokio::test]
async fn the_rules_hold_on_one_thread_too() {
    conformance::run(Databases::in_memory()).await;
}

#[tokio::test]
async fn t09_ten_thousand_pairs_of_plugins_and_keys_stay_apart() {
    let seed = Random::new().next();
    let mut suite = Suite::new(Databases::in_memory()).rounds(10_000).seed(seed);
    suite.check(Group::Isolation).await;
}
