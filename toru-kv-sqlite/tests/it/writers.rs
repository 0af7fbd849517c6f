//! A process with four threads that write, each a number of its own that counts up, and what it said was written.
//!
//! Two of them have their commits made, the two others may be blocked.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::Connection;
use toru_host::kv::{KvBackend, KvCommitted, KvError, KvMutation, KvQuota, block_on};
use toru_kv_sqlite::SqliteKv;

use crate::backend::all;
use crate::random::Random;
use crate::store::{bytes, commit, delete, id, set};

const FILE: &str = "TORU_TEST_WRITERS_FILE";
const KIND: &str = "TORU_TEST_WRITERS_KIND";
const WRITERS: usize = 4;
/// A value is this often the number of its write: half of it would be noticed.
const REPEATED: usize = 300;
/// Most writes that are waited for before the end.
const WRITES_MAX: usize = 60;

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// The store.
    Store,
    /// SQLite in the way in which many use it, which flushes at checkpoints alone: the negative control.
    Unflushed,
}

/// What a writer said it has written: its number, and the version that it was told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledgement {
    writer: usize,
    number: u64,
    version: u64,
}

/// What was said so far, and who waits for more.
type Said = (Mutex<Vec<Acknowledgement>>, Condvar);

/// The process.
pub(crate) struct Writers {
    child: Child,
    said: Arc<Said>,
    listener: JoinHandle<()>,
}

impl Writers {
    pub(crate) fn start(path: &Path, kind: Kind) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["writers::process", "--exact", "--ignored", "--nocapture"])
            .env(FILE, path)
            .env(KIND, format!("{kind:?}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = Arc::<Said>::default();
        let noted = Arc::clone(&said);
        let listener = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                noted.0.lock().unwrap().extend(acknowledgement(&line));
                noted.1.notify_all();
            }
        });
        Self {
            child,
            said,
            listener,
        }
    }

    /// Lets it write until a random moment, which is after its first write.
    pub(crate) fn go_on(&self, random: &mut Random) {
        let wanted = 1 + random.below(WRITES_MAX);
        let said = self.said.0.lock().unwrap();
        let limit = Duration::from_secs(60);
        let (said, waited) = self
            .said
            .1
            .wait_timeout_while(said, limit, |said| said.len() < wanted)
            .unwrap();
        assert!(!waited.timed_out(), "it wrote {} times and stopped", said.len());
        drop(said);
        for _ in 0..random.below(20_000) {
            std::hint::spin_loop();
        }
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> Vec<Acknowledgement> {
        self.said.0.lock().unwrap().clone()
    }

    /// Ends it, and tells all that it said.
    pub(crate) fn kill(mut self) -> Vec<Acknowledgement> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.listener.join().unwrap();
        std::mem::take(&mut self.said.0.lock().unwrap())
    }
}

fn acknowledgement(line: &str) -> Option<Acknowledgement> {
    let mut numbers = line.strip_prefix("ack ")?.split(' ');
    let read = Acknowledgement {
        writer: numbers.next()?.parse().ok()?,
        number: numbers.next()?.parse().ok()?,
        version: numbers.next()?.parse().ok()?,
    };
    // A line that was cut off may have lost digits of its version.
    (numbers.next() == Some(".")).then_some(read)
}

/// The last number of each writer that is known to be written.
#[derive(Default)]
pub(crate) struct Acknowledged {
    last: [u64; WRITERS],
    last_version: u64,
    total: usize,
}

impl Acknowledged {
    pub(crate) fn add(&mut self, said: Vec<Acknowledgement>) {
        self.total += said.len();
        for said in said {
            self.last[said.writer] = self.last[said.writer].max(said.number);
            self.last_version = self.last_version.max(said.version);
        }
    }

    pub(crate) const fn total(&self) -> usize {
        self.total
    }

    /// How many acknowledged writes are missing; the database and all values in it have to be sound. What is there
    /// now is what has to be there from now on.
    pub(crate) fn lost(&mut self, path: &Path) -> u64 {
        let kv = SqliteKv::open(path).unwrap();
        kv.check_integrity().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut lost = 0;
        for (writer, last) in self.last.iter_mut().enumerate() {
            let found = runtime.block_on(kv.get(&id("a"), vec![key(writer)])).unwrap();
            let stored = found.first().map_or(0, |entry| number(&entry.value));
            lost += last.saturating_sub(stored);
            *last = stored;
        }
        // Who writes beside the store keeps no books.
        if self.last_version > 0 {
            self.check_books(&kv);
        }
        lost
    }

    /// Versions go on behind all that were given, and the quota holds to the byte.
    fn check_books(&mut self, kv: &SqliteKv) {
        let entries = block_on(kv.list(&id("a"), all())).unwrap();
        let in_entries = entries.iter().map(|entry| entry.version).max().unwrap_or(0);
        let make = |keys, bytes, change: KvMutation| -> Result<KvCommitted, KvError> {
            kv.commit_blocking(
                &id("a"),
                commit(KvQuota { keys, bytes }, Vec::new(), vec![change]),
            )
        };
        let (keys, bytes) = (
            entries.len() as u64,
            entries
                .iter()
                .map(|entry| (entry.key.len() + entry.value.len()) as u64)
                .sum::<u64>(),
        );
        let (one_more, its_bytes) = ("one-more", 9);
        assert_eq!(make(keys, u64::MAX, set(one_more, "v")), Err(KvError::Quota));
        assert_eq!(
            make(u64::MAX, bytes + its_bytes - 1, set(one_more, "v")),
            Err(KvError::Quota)
        );
        let made = make(keys + 1, bytes + its_bytes, set(one_more, "v")).unwrap();
        assert_eq!((made.usage.keys, made.usage.bytes), (keys + 1, bytes + its_bytes));
        assert!(
            made.version > self.last_version && made.version > in_entries,
            "version {} comes after {} and {in_entries}",
            made.version,
            self.last_version
        );
        self.last_version = made.version;
        let made = make(0, 0, delete(one_more)).unwrap();
        assert_eq!((made.usage.keys, made.usage.bytes), (keys, bytes));
    }
}

fn key(writer: usize) -> Bytes {
    bytes(&format!("writer-{writer}"))
}

fn value(number: u64) -> String {
    format!("{number} ").repeat(REPEATED)
}

/// The number that a value was made of.
fn number(value: &[u8]) -> u64 {
    let text = std::str::from_utf8(value).unwrap();
    let mut parts = text.split_terminator(' ');
    let first = parts.next().unwrap();
    assert_eq!(parts.clone().count() + 1, REPEATED, "a value is torn");
    assert!(parts.all(|part| part == first), "a value is torn");
    first.parse().unwrap()
}

#[test]
#[ignore = "the process that other tests end"]
fn process() {
    let Some(path) = std::env::var_os(FILE) else {
        return println!("skipped: it is run by other tests only");
    };
    let kv = Arc::new(SqliteKv::open(&path).unwrap());
    println!();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (path, kv) = (&path, Arc::clone(&kv));
            scope.spawn(move || match std::env::var(KIND).unwrap().as_str() {
                "Unflushed" => write_unflushed(path.as_ref(), writer),
                _ => write(&kv, writer),
            });
        }
    });
}

/// Counts up until that fails.
fn write(kv: &SqliteKv, writer: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let found = runtime.block_on(kv.get(&id("a"), vec![key(writer)])).unwrap();
    let first = found.first().map_or(0, |entry| number(&entry.value)) + 1;
    for n in first.. {
        let changes = vec![set(&format!("writer-{writer}"), &value(n))];
        let commit = commit(KvQuota::UNLIMITED, Vec::new(), changes);
        let made = if writer.is_multiple_of(2) {
            runtime.block_on(kv.commit(&id("a"), commit))
        } else {
            kv.commit_blocking(&id("a"), commit)
        };
        println!("ack {writer} {n} {} .", made.unwrap().version);
    }
}

fn write_unflushed(path: &Path, writer: usize) {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection.pragma_update(None, "synchronous", "NORMAL").unwrap();
    let key = &key(writer)[..];
    let sql = "SELECT value FROM plugin_kv WHERE plugin = 'a' AND key = ?1";
    let found = connection.query_row(sql, [key], |row| row.get::<_, Vec<u8>>(0));
    let first = found.map_or(0, |value| number(&value)) + 1;
    for n in first.. {
        let sql = "INSERT OR REPLACE INTO plugin_kv (plugin, key, value, version) VALUES ('a', ?1, ?2, 1)";
        connection.execute(sql, (key, value(n).as_bytes())).unwrap();
        println!("ack {writer} {n} 0 .");
    }
}
