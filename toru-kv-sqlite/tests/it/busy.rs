//! Other programs that use the database at the same time: backups, and people with a shell.

use std::time::Duration;

use rusqlite::Connection;
use toru_host::kv::{KvBackend, KvError, KvQuota};
use toru_kv_sqlite::SqliteKv;

use crate::log::log_len;
use crate::store::{Store, add, bytes, commit, id, set};

/// Long enough to wait, short enough for a test.
const PATIENCE: Duration = Duration::from_millis(50);

fn impatient() -> Store {
    Store::with(|builder| builder.busy_timeout(PATIENCE))
}

fn assert_busy(error: &KvError) {
    assert_eq!(error.code(), "storage_failed");
    let KvError::Backend(words) = error else {
        panic!("{error:?}")
    };
    assert!(words.contains("end that program"), "{words}");
}

#[tokio::test]
async fn a_commit_beside_another_writer_says_so_and_later_ones_are_made() {
    let store = impatient();
    store.set("before", "v").await;
    let outside = store.outside();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..3 {
        let refused = store.commit(Vec::new(), vec![set("during", "v")]).await;
        assert_busy(&refused.unwrap_err());
    }
    assert_eq!(store.value("before").await, Some(bytes("v")), "reads go on");
    outside.execute_batch("COMMIT").unwrap();
    store.set("after", "v").await;
    assert_eq!(store.value("during").await, None, "what was refused is not made");
    assert_eq!(store.value("after").await, Some(bytes("v")));
    store.kv.check_integrity().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_waits_for_another_writer_that_ends() {
    let store = std::sync::Arc::new(Store::new());
    let outside = store.outside();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let commits: Vec<_> = (0..20)
        .map(|_| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move { store.commit(Vec::new(), vec![add("n", 1)]).await })
        })
        .collect();
    outside
        .execute_batch("INSERT INTO settings VALUES ('theirs', '1'); COMMIT")
        .unwrap();
    for commit in commits {
        commit.await.unwrap().unwrap();
    }
    assert_eq!(store.value("n").await, Some(bytes("20")));
}

#[tokio::test]
async fn those_who_wait_together_are_refused_together() {
    let store = impatient();
    let outside = store.outside();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The first one is taken alone; the others wait meanwhile, and share a transaction.
    let many = (0..200).map(|n| store.commit(Vec::new(), vec![set(&n.to_string(), "v")]));
    let mut many: Vec<_> = many.map(Box::pin).collect();
    for future in &mut many {
        assert!(crate::inline::once(future.as_mut()).is_none());
    }
    let looks = store.clock.looks();
    for future in many {
        assert_busy(&future.await.unwrap_err());
    }
    // Each attempt looks at the clock once: the first one, the batch, and a sweep now and then.
    let attempts = store.clock.looks() - looks;
    assert!(attempts < 10, "{attempts} attempts for 200 commits");
}

#[tokio::test]
async fn a_reader_outside_keeps_nobody_from_anything_and_the_log_is_shortened_after_it() {
    let store = impatient();
    store.set("k", "first").await;
    let outside = store.outside();
    outside.execute_batch("BEGIN").unwrap();
    let count = "SELECT count(*) FROM plugin_kv";
    let seen: i64 = outside.query_row(count, [], |row| row.get(0)).unwrap();
    for n in 0..160 {
        store
            .set(&format!("k{n}"), &format!("{n:04}").repeat(64 << 10))
            .await;
        assert!(store.get(&format!("k{n}")).await.is_some());
    }
    let still: i64 = outside.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(seen, still, "its snapshot stays what it was");
    let grown = log_len(&store.path());
    assert!(grown > 32 << 20, "the log has to be kept for it: {grown}");
    outside.execute_batch("COMMIT").unwrap();
    // With the next sweep, which is over when the second write is answered.
    store.clock.pass(Duration::from_secs(60));
    store.set("k", "second").await;
    store.set("k", "third").await;
    let shortened = log_len(&store.path());
    println!("the log had {grown} bytes beside a reader, {shortened} after it");
    assert!(shortened < 1 << 20);
    store.kv.check_integrity().unwrap();
}

#[tokio::test]
async fn opening_and_closing_work_beside_a_reader_and_a_writer() {
    let store = impatient();
    store.set("k", "v").await;
    let (reading, writing) = (store.outside(), store.outside());
    let count = "SELECT count(*) FROM plugin_kv";
    reading.execute_batch("BEGIN").unwrap();
    assert_eq!(
        reading.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(),
        1
    );
    store.set("k2", "v").await;
    writing.execute_batch("BEGIN IMMEDIATE").unwrap();
    let store = store.reopen();
    assert_eq!(store.value("k2").await, Some(bytes("v")));
    let open = || {
        SqliteKv::builder(store.path())
            .busy_timeout(PATIENCE)
            .open()
            .unwrap()
    };
    let kv = open();
    assert_eq!(kv.get(&id("a"), vec![bytes("k2")]).await.unwrap().len(), 1);
    assert_eq!(kv.instance_id().await, store.kv.instance_id().await);
    drop(kv);
    drop(writing);
    assert_eq!(
        reading.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(),
        1
    );
    store.set("k3", "v").await;
}

#[test]
fn a_database_that_another_program_keeps_to_itself_says_who_is_to_end() {
    let store = impatient();
    let (path, folder) = (store.path(), std::sync::Arc::clone(&store.folder));
    drop(store);
    let outside = Connection::open(&path).unwrap();
    outside
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    let open = || SqliteKv::builder(&path).busy_timeout(PATIENCE).open();
    let error = open().unwrap_err();
    assert_eq!(error.code(), "storage_busy", "{error}");
    assert!(error.to_string().contains("end it"), "{error}");
    drop(outside);
    open().unwrap();
    drop(folder);
}

#[tokio::test]
async fn a_backup_that_is_made_while_the_store_is_written_is_a_store() {
    let store = Store::new();
    let instance = store.kv.instance_id().await.unwrap();
    for n in 0..50 {
        store.set(&format!("k{n}"), "v").await;
    }
    let copy = store.folder.path().join("copy.db");
    let backup = store.outside();
    backup
        .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
        .unwrap();
    store.set("later", "v").await;
    let kv = SqliteKv::open(&copy).unwrap();
    assert_eq!(kv.instance_id().await.unwrap(), instance);
    let keys = (0..50).map(|n| bytes(&format!("k{n}"))).collect();
    assert_eq!(kv.get(&id("a"), keys).await.unwrap().len(), 50);
    let later = kv.get(&id("a"), vec![bytes("later")]).await.unwrap();
    assert!(later.is_empty(), "it has what was there at that moment");
    let plugin = id("a");
    let more = commit(KvQuota::UNLIMITED, Vec::new(), vec![set("k", "v")]);
    kv.commit(&plugin, more).await.unwrap();
}
