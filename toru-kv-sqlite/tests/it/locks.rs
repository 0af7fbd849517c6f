//! Locks belong to the process: nothing that it opens and closes may end those of an open store.
//!
//! Without them, another program that opens the database and closes it again takes itself for the last one, and takes
//! the log away from the store.

use std::fs::{File, read_to_string};
use std::os::unix::fs::MetadataExt;

use toru_kv_sqlite::SqliteKv;

use crate::store::Store;

/// Whether this process has a lock on the database itself.
fn is_locked(store: &Store) -> bool {
    let file = store.path().metadata().unwrap().ino();
    let process = std::process::id();
    read_to_string("/proc/locks").unwrap().lines().any(|lock| {
        let words: Vec<_> = lock.split_whitespace().collect();
        words.contains(&"POSIX")
            && words.contains(&process.to_string().as_str())
            && words.iter().any(|word| word.ends_with(&format!(":{file}")))
    })
}

#[tokio::test]
async fn a_database_that_is_opened_twice_keeps_its_locks() {
    let store = Store::new();
    store.set("k", "v").await;
    assert!(is_locked(&store));
    let again = SqliteKv::open(store.path()).unwrap();
    assert!(is_locked(&store), "opening once more ended the locks");
    drop(again);
    assert!(is_locked(&store), "closing the other one ended the locks");
}

/// The negative control: what opening must not do.
#[tokio::test]
async fn a_file_that_is_opened_and_closed_loses_its_locks() {
    let store = Store::new();
    store.set("k", "v").await;
    drop(File::open(store.path()).unwrap());
    assert!(!is_locked(&store), "this system keeps locks in another way");
}
