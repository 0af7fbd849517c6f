//! Files that are missing, empty or cut off: what was there is never replaced by an empty database.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toru_host::kv::{KvBackend, KvError};
use toru_kv_sqlite::SqliteKv;

use crate::store::{Store, bytes, folder, id, set};

/// Database and log of a store that was not closed, in a folder of their own.
struct Killed {
    folder: tempfile::TempDir,
    instance: String,
}

impl Killed {
    async fn new() -> Self {
        let store = Store::new();
        for n in 0..100 {
            store.set(&format!("k{n}"), &"value ".repeat(n)).await;
        }
        // Copied while it is open, as a machine would find it that lost its power.
        let folder = folder();
        for name in ["plugins.db", "plugins.db-wal"] {
            let from = store.path().with_file_name(name);
            // Another process does that, since closing the file would end the store's locks.
            let copied = std::process::Command::new("cp")
                .arg(from)
                .arg(folder.path())
                .status();
            assert!(copied.unwrap().success());
        }
        let instance = store.kv.instance_id().await.unwrap();
        Self { folder, instance }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("plugins.db")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("plugins.db-wal")
    }
}

fn cut(file: &Path, len: u64) {
    OpenOptions::new()
        .write(true)
        .open(file)
        .unwrap()
        .set_len(len)
        .unwrap();
}

#[tokio::test]
async fn a_log_without_its_database_is_refused_and_kept() {
    for is_missing in [true, false] {
        let killed = Killed::new().await;
        let log = fs::read(killed.log()).unwrap();
        assert!(!log.is_empty());
        if is_missing {
            fs::remove_file(killed.database()).unwrap();
        } else {
            cut(&killed.database(), 0);
        }
        let error = SqliteKv::open(killed.database()).unwrap_err();
        assert_eq!(error.code(), "storage_corrupt");
        assert!(error.to_string().contains("restore it from a backup"), "{error}");
        assert_eq!(fs::read(killed.log()).unwrap(), log, "nothing is thrown away");
        assert_eq!(killed.database().exists(), !is_missing);
    }
}

#[test]
fn an_empty_file_is_no_first_start() {
    let folder = folder();
    let path = folder.path().join("plugins.db");
    fs::write(&path, "").unwrap();
    let error = SqliteKv::open(&path).unwrap_err();
    assert_eq!(error.code(), "storage_corrupt", "{error}");
    fs::remove_file(&path).unwrap();
    SqliteKv::open(&path).unwrap();
}

#[test]
fn what_is_left_of_first_starts_that_were_ended_goes_with_the_next() {
    let folder = folder();
    let path = folder.path().join("plugins.db");
    for name in ["plugins.db-new-1", "plugins.db-new-1-wal", "plugins.db-other"] {
        fs::write(folder.path().join(name), "half").unwrap();
    }
    drop(SqliteKv::open(&path).unwrap());
    // As by one that was ended right after it had put the database in its place.
    fs::hard_link(&path, folder.path().join("plugins.db-new-2")).unwrap();
    drop(SqliteKv::open(&path).unwrap());
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["plugins.db", "plugins.db-other"]);
}

/// What is seen of a store that may be damaged; `None` when it is refused.
async fn found(killed: &Killed) -> Option<usize> {
    let kv = match SqliteKv::open(killed.database()) {
        Ok(kv) => kv,
        Err(error) => {
            assert_eq!(error.code(), "storage_corrupt", "{error}");
            return None;
        }
    };
    assert_eq!(kv.instance_id().await.unwrap(), killed.instance, "a new id");
    let plugin = id("a");
    let keys = (0..100).map(|n| bytes(&format!("k{n}"))).collect();
    let found = kv.get(&plugin, keys).await;
    let commit = crate::store::commit(toru_host::kv::KvQuota::UNLIMITED, Vec::new(), vec![set("k", "v")]);
    match (found, kv.commit(&plugin, commit).await) {
        (Ok(found), Ok(_)) => Some(found.len()),
        (Err(KvError::Corrupt(_) | KvError::Backend(_)), _)
        | (_, Err(KvError::Corrupt(_) | KvError::Backend(_))) => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_database_that_was_cut_off_works_or_says_so() {
    let store = Store::new();
    for n in 0..100 {
        store.set(&format!("k{n}"), &"value ".repeat(n)).await;
    }
    let instance = store.kv.instance_id().await.unwrap();
    let (path, kept) = (store.path(), Arc::clone(&store.folder));
    drop(store);
    let sound = fs::read(&path).unwrap();
    drop(kept);
    let killed = Killed {
        folder: folder(),
        instance,
    };
    let mut refused = 0;
    let lens = (0..sound.len()).step_by(4096).chain([1, 99, 100, 511, 512, 5000]);
    for len in lens {
        fs::write(killed.database(), &sound[..len]).unwrap();
        match found(&killed).await {
            None => refused += 1,
            Some(found) => assert!(found > 0, "at {len} bytes an empty database took its place"),
        }
        for beside in ["plugins.db-wal", "plugins.db-shm"] {
            let _ = fs::remove_file(killed.folder.path().join(beside));
        }
    }
    println!("{refused} lengths of {} bytes refused", sound.len());
    assert!(refused > 0);
}

#[tokio::test]
async fn a_log_that_was_cut_off_or_changed_loses_its_end_and_nothing_before() {
    let killed = Killed::new().await;
    let (database, log) = (
        fs::read(killed.database()).unwrap(),
        fs::read(killed.log()).unwrap(),
    );
    let mut last = 0;
    for len in (0..log.len()).step_by(16 << 10) {
        for is_cut in [true, false] {
            let mut log = log.clone();
            if is_cut {
                log.truncate(len);
            } else {
                log[len] ^= 0x40;
            }
            fs::write(killed.database(), &database).unwrap();
            fs::write(killed.log(), &log).unwrap();
            let found = found(&killed).await.expect("what is before is sound");
            if is_cut {
                assert!(found >= last, "a longer log has less in it");
                last = found;
            } else {
                assert!(
                    found >= last.saturating_sub(1),
                    "a changed log lost what was before"
                );
            }
        }
    }
    assert!(last > 50);
}
