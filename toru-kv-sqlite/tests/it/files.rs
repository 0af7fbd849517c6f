//! The file: made once, private, and never taken from somebody else.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use rusqlite::Connection;
use toru_host::kv::KvBackend;
use toru_kv_sqlite::SqliteKv;
use uuid::Uuid;

use crate::random::{Random, cases};
use crate::store::Store;

const CHILD: &str = "TORU_TEST_OPEN";

#[tokio::test]
async fn t05_t07_an_id_is_made_at_the_first_start_and_is_a_uuid_of_version_4() {
    let store = Store::new();
    let id = store.kv.instance_id().await.unwrap();
    let parsed = Uuid::try_parse(&id).unwrap();
    assert_eq!(parsed.get_version_num(), 4);
    assert_eq!(parsed.hyphenated().to_string(), id);
}

#[tokio::test]
async fn t06_the_id_stays_the_same_over_restarts() {
    let mut store = Store::new();
    let first = store.kv.instance_id().await.unwrap();
    for _ in 0..3 {
        store = store.reopen();
        assert_eq!(store.kv.instance_id().await.unwrap(), first);
    }
    let connection = Connection::open(store.path()).unwrap();
    let sql = "SELECT value FROM settings WHERE key = 'instance_id'";
    let stored: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(stored, first);
}

#[test]
fn t05_a_hundred_first_starts_at_once_make_one_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/plugins.db");
    let open = || {
        let kv = SqliteKv::builder(&path)
            .busy_timeout(std::time::Duration::from_secs(60))
            .open()
            .unwrap();
        instance_id(&kv)
    };
    let ids: BTreeSet<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..80).map(|_| scope.spawn(open)).collect();
        let children: Vec<_> = (0..20)
            .map(|_| {
                Command::new(std::env::current_exe().unwrap())
                    .args(["files::process", "--exact", "--ignored", "--nocapture"])
                    .env(CHILD, &path)
                    .stdout(std::process::Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let theirs = children.into_iter().map(|child| {
            let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
            output.split_once("id=").unwrap().1[..36].to_owned()
        });
        let theirs: Vec<String> = theirs.collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .chain(theirs)
            .collect()
    });
    assert_eq!(ids.len(), 1, "{ids:?}");
    let kv = SqliteKv::open(&path).unwrap();
    assert!(ids.contains(&instance_id(&kv)), "and it stays");
    drop(kv);
    let left = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "the others leave nothing behind");
}

#[test]
fn t05_first_starts_that_are_killed_make_one_id_or_none() {
    let mut random = Random::new();
    let (mut none, mut one) = (0, 0);
    for _ in 0..cases(40, 400) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugins.db");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["files::process", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, &path)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Until something of it is seen, and a random while longer.
        while std::fs::read_dir(folder.path()).unwrap().next().is_none() {
            std::thread::yield_now();
        }
        for _ in 0..random.below(2_000_000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let is_there = path.exists();
        let id = instance_id(&SqliteKv::open(&path).unwrap());
        assert_eq!(instance_id(&SqliteKv::open(&path).unwrap()), id);
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "half a start leaves nothing behind after the next one");
        if is_there { one += 1 } else { none += 1 }
    }
    println!("killed before the database was there: {none}, after it: {one}");
}

#[test]
#[ignore = "the process that another test starts"]
fn process() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let kv = SqliteKv::builder(path)
        .busy_timeout(std::time::Duration::from_secs(60))
        .open()
        .unwrap();
    println!("id={}", instance_id(&kv));
}

fn instance_id(kv: &SqliteKv) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(kv.instance_id()).unwrap()
}

#[test]
fn a_malformed_id_is_an_error_and_not_replaced() {
    let store = Store::new();
    let path = store.path();
    let folder = std::sync::Arc::clone(&store.folder);
    drop(store);
    for text in ["", "none", "67E55044-10B1-426F-9247-BB680E5FE0C8"] {
        let connection = Connection::open(&path).unwrap();
        connection
            .execute("UPDATE settings SET value = ?1 WHERE key = 'instance_id'", [text])
            .unwrap();
        drop(connection);
        assert_eq!(
            SqliteKv::open(&path).unwrap_err().code(),
            "invalid_instance_id",
            "{text}"
        );
    }
    drop(folder);
}

#[test]
fn file_and_folder_are_private() {
    let store = Store::new();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store.path()), 0o600);
    assert_eq!(mode(store.path().parent().unwrap()), 0o700);
    for entry in std::fs::read_dir(store.path().parent().unwrap()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn a_database_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theirs.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
        .unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    assert_eq!(SqliteKv::open(&path).unwrap_err().code(), "foreign_database");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let store = Store::new();
    let (path, folder) = (store.path(), std::sync::Arc::clone(&store.folder));
    drop(store);
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    let error = SqliteKv::open(&path).unwrap_err();
    assert_eq!(error.code(), "newer_storage", "{error}");
    drop(folder);
}

#[test]
fn links_folders_and_text_are_no_databases() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new();
    let link = folder.path().join("link.db");
    symlink(store.path(), &link).unwrap();
    assert_eq!(SqliteKv::open(&link).unwrap_err().code(), "unreadable_storage");
    assert_eq!(
        SqliteKv::open(folder.path()).unwrap_err().code(),
        "unreadable_storage"
    );
    let text = folder.path().join("text.db");
    std::fs::write(
        &text,
        "this is no database, but long enough to be looked at".repeat(100),
    )
    .unwrap();
    assert_eq!(SqliteKv::open(&text).unwrap_err().code(), "storage_corrupt");
    assert!(
        std::fs::read_to_string(&text)
            .unwrap()
            .starts_with("this is no database")
    );
}

#[tokio::test]
async fn closing_leaves_one_file_with_everything_in_it() {
    let store = Store::new();
    store.set("k", "v").await;
    let (path, folder) = (store.path(), std::sync::Arc::clone(&store.folder));
    drop(store);
    let names: Vec<_> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["plugins.db"]);
    let connection = Connection::open(&path).unwrap();
    let count: i64 = connection
        .query_row("SELECT count(*) FROM plugin_kv", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 1);
    drop(folder);
}
