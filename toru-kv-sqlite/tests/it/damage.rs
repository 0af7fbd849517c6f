//! Databases with bytes that somebody or something changed.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;

use toru_host::kv::{KvBackend, KvError, KvQuota};
use toru_kv_sqlite::SqliteKv;

use crate::random::{Random, cases};
use crate::store::{Store, add, bytes, commit, delete, folder, id, set};

const KEYS: usize = 400;

/// A database of about 60 pages with a freelist, and its instance's id.
async fn sound() -> (Vec<u8>, String) {
    let store = Store::new();
    for first in (0..KEYS).step_by(50) {
        let changes = (first..first + 50).map(|n| set(&format!("key-{n:03}"), &"value ".repeat(n % 140)));
        store.commit(Vec::new(), changes.collect()).await.unwrap();
    }
    let gone: Vec<_> = (0..60)
        .map(|n| set(&format!("gone-{n}"), &"v".repeat(3000)))
        .collect();
    store.commit(Vec::new(), gone).await.unwrap();
    let gone = (0..60).map(|n| delete(&format!("gone-{n}")));
    store.commit(Vec::new(), gone.collect()).await.unwrap();
    let instance = store.kv.instance_id().await.unwrap();
    let (path, folder) = (store.path(), Arc::clone(&store.folder));
    drop(store);
    let sound = fs::read(path).unwrap();
    drop(folder);
    (sound, instance)
}

/// What became of a damaged database.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    failed: usize,
    fine: usize,
}

impl Tally {
    /// Opens it and uses it; what it must not do ends the test.
    async fn open(&mut self, path: &std::path::Path, instance: &str) {
        let kv = match SqliteKv::open(path) {
            Ok(kv) => kv,
            Err(error) => {
                let codes = [
                    "storage_corrupt",
                    "foreign_database",
                    "newer_storage",
                    "invalid_instance_id",
                    "storage_failed",
                    "unreadable_storage",
                ];
                assert!(codes.contains(&error.code()), "{error}");
                self.refused += 1;
                return;
            }
        };
        // A flipped digit of the id is another id; an empty database would have another one altogether.
        let now = kv.instance_id().await.unwrap();
        let differing = instance.bytes().zip(now.bytes()).filter(|(a, b)| a != b).count();
        assert!(differing <= 4, "{now} is a new id");
        self.using(&kv).await;
    }

    async fn using(&mut self, kv: &SqliteKv) {
        let plugin = id("a");
        let keys = (0..KEYS).map(|n| bytes(&format!("key-{n:03}"))).collect();
        let found = kv.get(&plugin, keys).await;
        let listed = kv.list(&plugin, crate::backend::all()).await;
        let changes = vec![set("new", &"v".repeat(9000)), add("n", 1), delete("key-100")];
        let written = kv
            .commit(&plugin, commit(KvQuota::UNLIMITED, Vec::new(), changes))
            .await;
        match (found, listed, written) {
            (Ok(found), Ok(_), Ok(_)) => {
                assert!(
                    !found.is_empty(),
                    "an empty database took the place of the damaged one"
                );
                self.fine += 1;
            }
            (Err(KvError::Corrupt(_) | KvError::Backend(_)), _, _)
            | (_, Err(KvError::Corrupt(_) | KvError::Backend(_)), _)
            | (_, _, Err(KvError::Corrupt(_) | KvError::Backend(_) | KvError::Quota)) => self.failed += 1,
            other => panic!("{other:?}"),
        }
    }
}

/// Flips bits: anywhere, in the header and the schema, or in the page where the freelist begins.
fn damage(sound: &[u8], random: &mut Random) -> Vec<(usize, u8)> {
    let freelist = u32::from_be_bytes(sound[32..36].try_into().unwrap()) as usize;
    assert!(freelist > 1, "there is no freelist to damage");
    let (start, len) = match random.below(4) {
        0 => (0, 100),
        1 => (100, 3996),
        2 => ((freelist - 1) * 4096, 4096),
        _ => (0, sound.len()),
    };
    (0..=random.below(64))
        .map(|_| (start + random.below(len), 1 << random.below(8)))
        .collect()
}

#[tokio::test]
async fn a_damaged_database_works_or_says_so_and_is_never_replaced_by_an_empty_one() {
    let (sound, instance) = sound().await;
    let folder = folder();
    let path = folder.path().join("plugins.db");
    let mut random = Random::new();
    let mut tally = Tally::default();
    for _ in 0..cases(500, 5_000) {
        let mut damaged = sound.clone();
        for (at, bit) in damage(&sound, &mut random) {
            damaged[at] ^= bit;
        }
        fs::write(&path, &damaged).unwrap();
        tally.open(&path, &instance).await;
        for beside in ["plugins.db-wal", "plugins.db-shm", "plugins.db-journal"] {
            let _ = fs::remove_file(path.with_file_name(beside));
        }
    }
    println!("{tally:?}");
    assert!(tally.refused > 0 && tally.failed > 0 && tally.fine > 0);
}

#[tokio::test]
async fn a_database_that_is_damaged_while_it_is_open_works_or_says_so() {
    let (sound, instance) = sound().await;
    let mut random = Random::new();
    let mut tally = Tally::default();
    for _ in 0..cases(100, 1_000) {
        let folder = folder();
        let path = folder.path().join("plugins.db");
        fs::write(&path, &sound).unwrap();
        // Opened before and closed after the store, since closing it ends the locks of the process.
        let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        let kv = SqliteKv::open(&path).unwrap();
        let plugin = id("a");
        kv.get(&plugin, vec![bytes("key-001")]).await.unwrap();
        for (at, bit) in damage(&sound, &mut random) {
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            file.write_all(&[sound[at] ^ bit]).unwrap();
        }
        tally.using(&kv).await;
        drop(kv);
        drop(file);
        tally.open(&path, &instance).await;
    }
    println!("{tally:?}");
    assert!(tally.failed > 0);
}
