//! Databases with bytes that somebody or something changed.

use std::fs;

use toru_host::kv::{KvBackend, KvError};
use toru_kv_sqlite::SqliteKv;

use crate::random::{Random, cases};
use crate::store::{Store, add, bytes, id, set};

#[tokio::test]
async fn a_damaged_database_works_or_says_so_and_is_never_replaced_by_an_empty_one() {
    let store = Store::new();
    let instance = store.kv.instance_id().await.unwrap();
    for n in 0..400 {
        store.set(&format!("key-{n:03}"), &"value ".repeat(n % 40)).await;
    }
    let path = store.path();
    let folder = std::sync::Arc::clone(&store.folder);
    drop(store);
    let sound = fs::read(&path).unwrap();
    let mut random = Random::new();
    let (mut refused, mut failed, mut fine) = (0, 0, 0);
    for _ in 0..cases(60, 500) {
        let mut damaged = sound.clone();
        for _ in 0..=random.below(64) {
            let at = random.below(damaged.len());
            damaged[at] ^= 1 << random.below(8);
        }
        fs::write(&path, &damaged).unwrap();
        let kv = match SqliteKv::open(&path) {
            Ok(kv) => kv,
            Err(error) => {
                let codes = [
                    "storage_corrupt",
                    "foreign_database",
                    "newer_storage",
                    "invalid_instance_id",
                    "storage_failed",
                ];
                assert!(codes.contains(&error.code()), "{error}");
                refused += 1;
                continue;
            }
        };
        // A flipped digit of the id is another id; an empty database would have another one altogether.
        let now = kv.instance_id().await.unwrap();
        let differing = instance.bytes().zip(now.bytes()).filter(|(a, b)| a != b).count();
        assert!(differing <= 4, "{now} is a new id");
        let found = kv
            .get(
                &id("a"),
                (0..400).map(|n| bytes(&format!("key-{n:03}"))).collect(),
            )
            .await;
        let written = kv
            .commit(
                &id("a"),
                toru_host::kv::KvCommit {
                    checks: Vec::new(),
                    mutations: vec![set("new", "v"), add("n", 1)],
                    quota: toru_host::kv::KvQuota::UNLIMITED,
                },
            )
            .await;
        match (found, written) {
            (Ok(found), Ok(_)) => {
                assert!(
                    !found.is_empty(),
                    "an empty database took the place of the damaged one"
                );
                fine += 1;
            }
            (Err(KvError::Corrupt(_) | KvError::Backend(_)), _)
            | (_, Err(KvError::Corrupt(_) | KvError::Backend(_) | KvError::Quota)) => failed += 1,
            other => panic!("{other:?}"),
        }
        drop(kv);
        for beside in ["plugins.db-wal", "plugins.db-shm"] {
            let _ = fs::remove_file(path.with_file_name(beside));
        }
    }
    println!("{refused} refused, {failed} failed while in use, {fine} went on");
    assert!(refused + failed > 0);
    drop(folder);
}
