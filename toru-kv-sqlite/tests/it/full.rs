//! A disk that is full.

use std::path::{Path, PathBuf};
use std::process::Command;

use toru_host::kv::{KvBackend, KvCommit, KvError, KvMutation, KvQuota};
use toru_kv_sqlite::SqliteKv;

use crate::log::log_len;
use crate::store::{bytes, commit, id, set};

/// A small file system in memory. Unmounted when it is dropped.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(at)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at.to_owned())),
            Ok(output) => {
                println!(
                    "skipped: no file system can be mounted: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
                None
            }
            Err(error) => {
                println!("skipped: there is no mount: {error}");
                None
            }
        }
    }
}

impl Small {
    fn grow(&self, size: &str) {
        let mut mount = Command::new("mount");
        let grown = mount.args(["-o", &format!("remount,size={size}")]).arg(&self.0);
        assert!(grown.status().unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_nothing_else_and_space_that_returns_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let Some(small) = Small::mount(&folder.path().join("small"), "1m") else {
        return;
    };
    let ballast = small.0.join("ballast");
    let kv = SqliteKv::open(small.0.join("plugins.db")).unwrap();
    let plugin = id("a");
    let write = async |n: usize, len: usize| {
        let mutation = KvMutation::Set {
            key: bytes(&format!("k{n}")),
            value: vec![b'v'; len].into(),
            ttl: None,
        };
        let commit = KvCommit {
            checks: Vec::new(),
            mutations: vec![mutation],
            quota: KvQuota::UNLIMITED,
        };
        kv.commit(&plugin, commit).await
    };
    write(0, 1000).await.unwrap();
    std::fs::write(&ballast, vec![0; 400_000]).unwrap();
    let mut stored = 1;
    let refused = loop {
        match write(stored, 4000).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1000, "the disk never gets full");
    };
    assert_eq!(refused, KvError::Full);
    assert_eq!(write(stored, 4000).await, Err(KvError::Full), "and so it stays");
    for n in 0..stored {
        let found = kv.get(&plugin, vec![bytes(&format!("k{n}"))]).await.unwrap();
        assert_eq!(found.len(), 1, "what was acknowledged can be read: k{n}");
    }
    assert!(
        kv.get(&plugin, vec![bytes(&format!("k{stored}"))])
            .await
            .unwrap()
            .is_empty()
    );
    std::fs::remove_file(&ballast).unwrap();
    write(stored, 4000).await.unwrap();
    kv.check_integrity().unwrap();
    drop(kv);
    drop(small);
}

#[tokio::test]
async fn a_log_that_finds_no_room_in_the_database_keeps_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let Some(small) = Small::mount(&folder.path().join("small"), "6m") else {
        return;
    };
    let path = small.0.join("plugins.db");
    let kv = SqliteKv::open(&path).unwrap();
    let plugin = id("a");
    let write = async |n: usize| {
        let changes = vec![set(&format!("k{n}"), &format!("{n:05}").repeat(2000))];
        kv.commit(&plugin, commit(KvQuota::UNLIMITED, Vec::new(), changes))
            .await
    };
    // The log is put back into the database when it has 4 MB, for which there is no room by then.
    let mut stored = 0;
    let refused = loop {
        match write(stored).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 5000, "the disk never gets full");
    };
    assert_eq!(refused, KvError::Full);
    let (log, database) = (log_len(&path), path.metadata().unwrap().len());
    println!("{stored} stored, {log} bytes of log, {database} of database");
    assert!(log > 1000 * 4096, "the log was never due");
    small.grow("64m");
    for n in stored..stored + 500 {
        write(n).await.unwrap();
    }
    kv.check_integrity().unwrap();
    drop(kv);
    let kv = SqliteKv::open(&path).unwrap();
    let keys = (0..stored + 500).map(|n| bytes(&format!("k{n}"))).collect();
    assert_eq!(kv.get(&plugin, keys).await.unwrap().len(), stored + 500);
    drop(kv);
    drop(small);
}
