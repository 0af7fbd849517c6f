//! Processes that are killed while four of their threads write.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use toru_host::kv::{KvBackend, KvCommit, KvMutation, KvQuota};
use toru_kv_sqlite::SqliteKv;

use crate::random::{Random, cases};
use crate::store::{bytes, id};

const CHILD: &str = "TORU_TEST_WRITE";
const WRITERS: usize = 4;
/// A value is this often the number of its write: half of it would be noticed.
const REPEATED: usize = 300;

#[test]
fn what_was_acknowledged_is_there_after_a_kill_and_nothing_is_torn() {
    let mut random = Random::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugins.db");
    let runs = cases(50, 1_000);
    let mut acknowledged = [0_u64; WRITERS];
    let mut total = 0;
    for _ in 0..runs {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kills::process", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The moment is chosen by how much was acknowledged, and by a random while after that.
        let wanted = 1 + random.below(60);
        let mut seen = 0;
        let mut note = |line: &str| {
            if let Some((writer, number)) = line.strip_prefix("ack ").and_then(|ack| ack.split_once(' ')) {
                let writer: usize = writer.parse().unwrap();
                acknowledged[writer] = acknowledged[writer].max(number.parse().unwrap());
                seen += 1;
            }
            seen
        };
        while let Some(Ok(line)) = lines.next() {
            if note(&line) >= wanted {
                break;
            }
        }
        for _ in 0..random.below(20_000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            note(&line);
        }
        total += seen;
        verify(&path, &mut acknowledged);
    }
    println!("{runs} kills, {total} acknowledged writes, none lost");
    assert!(total > runs);
}

/// Everything acknowledged is there, whole; more may be.
fn verify(path: &Path, acknowledged: &mut [u64; WRITERS]) {
    let kv = SqliteKv::open(path).unwrap();
    kv.check_integrity().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (writer, last) in acknowledged.iter_mut().enumerate() {
        let key = bytes(&format!("writer-{writer}"));
        let found = runtime.block_on(kv.get(&id("a"), vec![key])).unwrap();
        let stored = found.first().map_or(0, |entry| number(&entry.value));
        assert!(
            stored >= *last,
            "writer {writer}: {stored} is there, {last} was acknowledged"
        );
        *last = stored;
    }
}

/// The number that a value was made of.
fn number(value: &Bytes) -> u64 {
    let text = std::str::from_utf8(value).unwrap();
    let mut parts = text.split_terminator(' ');
    let first = parts.next().unwrap();
    assert_eq!(parts.clone().count() + 1, REPEATED, "a value is torn");
    assert!(parts.all(|part| part == first), "a value is torn");
    first.parse().unwrap()
}

#[test]
#[ignore = "the process that another test kills"]
fn process() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let kv = Arc::new(SqliteKv::open(path).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let kv = Arc::clone(&kv);
            runtime.spawn(async move {
                let key = bytes(&format!("writer-{writer}"));
                let before = kv.get(&id("a"), vec![key.clone()]).await.unwrap();
                let mut n = before.first().map_or(0, |entry| number(&entry.value));
                loop {
                    n += 1;
                    let value = format!("{n} ").repeat(REPEATED);
                    let commit = KvCommit {
                        checks: Vec::new(),
                        mutations: vec![KvMutation::Set {
                            key: key.clone(),
                            value: value.into(),
                            ttl: None,
                        }],
                        quota: KvQuota::UNLIMITED,
                    };
                    kv.commit(&id("a"), commit).await.unwrap();
                    println!("ack {writer} {n}");
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for writer in writers {
            tokio::time::timeout(Duration::from_secs(60), writer)
                .await
                .unwrap_err();
        }
    });
}
