//! Stored data in the hands of operators: how much there is, out of the store, and back into it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use toru_host::kv::{
    KvBackend, KvCommit, KvEntry, KvImportError, KvImported, KvMutation, KvQuota, KvUsage, MemoryKv,
    PluginStorage,
};

use crate::clock::FakeClock;
use crate::host::{Host, id, soon};
use crate::support::{Place, Random};

const HOUR: Duration = Duration::from_secs(3600);

/// A host without plugins; their data can be there all the same.
struct Desk {
    kv: Arc<MemoryKv>,
    clock: FakeClock,
    host: Host,
}

impl Desk {
    async fn new(quota: KvQuota) -> Self {
        let clock = FakeClock::default();
        let kv = Arc::new(MemoryKv::with_clock(Arc::new(clock.clone())));
        let builder =
            |builder: toru_host::Builder| builder.kv(Arc::clone(&kv)).clock(clock.clone()).kv_quota(quota);
        let host = Host::with(Place::new(), builder).await;
        Self { kv, clock, host }
    }

    fn storage(&self, plugin: &str) -> PluginStorage {
        self.host.manager.storage(&id(plugin))
    }

    async fn set(&self, plugin: &str, key: impl Into<Bytes>, value: impl Into<Bytes>, ttl: Option<Duration>) {
        let commit = KvCommit {
            checks: Vec::new(),
            mutations: vec![KvMutation::Set {
                key: key.into(),
                value: value.into(),
                ttl,
            }],
            quota: KvQuota::UNLIMITED,
        };
        self.kv.commit(&id(plugin), commit).await.unwrap();
    }

    async fn entries(&self, plugin: &str) -> Vec<(Bytes, Bytes, Option<u64>)> {
        let all = toru_host::kv::KvRange {
            start: std::ops::Bound::Unbounded,
            end: std::ops::Bound::Unbounded,
            descending: false,
            limit: usize::MAX,
        };
        let told = |entry: KvEntry| (entry.key, entry.value, entry.expires_ms);
        let listed = self.kv.list(&id(plugin), all).await.unwrap();
        listed.into_iter().map(told).collect()
    }
}

async fn export(storage: &PluginStorage) -> Vec<u8> {
    let mut export = storage.export();
    let mut all = Vec::new();
    while let Some(lines) = soon(export.next()).await.unwrap() {
        assert!(lines.ends_with(b"\n"), "lines are whole");
        all.extend_from_slice(&lines);
    }
    assert!(export.next().await.unwrap().is_none());
    all
}

async fn import(storage: &PluginStorage, lines: &[u8]) -> Result<KvImported, KvImportError> {
    let mut import = storage.import();
    import.feed(lines).await?;
    import.finish().await
}

async fn refused(desk: &Desk, lines: &str) -> (String, &'static str) {
    let error = import(&desk.storage("a"), lines.as_bytes()).await.unwrap_err();
    (error.to_string(), error.code())
}

#[tokio::test]
async fn what_is_exported_and_taken_in_again_is_the_same_data() {
    let desk = Desk::new(KvQuota::UNLIMITED).await;
    let mut random = Random::new();
    let mut any = |most: usize| -> Vec<u8> {
        let len = random.below(most);
        (0..len)
            .map(|_| u8::try_from(random.below(256)).unwrap())
            .collect()
    };
    for n in 0..300_u16 {
        let key = [&n.to_be_bytes()[..], &any(20)].concat();
        let ttl = (n % 3 == 0).then_some(HOUR);
        desk.set("a", key, any(2000), ttl).await;
    }
    desk.set("a", "largest", vec![b'"'; 1 << 20], None).await;
    desk.set("a", "empty", "", None).await;
    desk.set("b", "k", "another's", None).await;
    let storage = desk.storage("a");
    let (before, usage) = (desk.entries("a").await, storage.usage().await.unwrap());
    let saved = export(&storage).await;
    assert_eq!(storage.clear().await.unwrap(), 302);
    assert_eq!(storage.usage().await.unwrap(), KvUsage::default());
    // However the bytes come.
    let mut again = storage.import();
    let mut rest = &saved[..];
    while !rest.is_empty() {
        let (some, more) = rest.split_at(rest.len().min(1 + random.below(9000)));
        again.feed(some).await.unwrap();
        rest = more;
    }
    let imported = again.finish().await.unwrap();
    assert_eq!((imported.entries, imported.expired), (302, 0));
    assert_eq!(desk.entries("a").await, before);
    assert_eq!(storage.usage().await.unwrap(), usage);
    assert_eq!(export(&storage).await, saved);
    assert_eq!(desk.entries("b").await.len(), 1);
}

#[tokio::test]
async fn an_export_is_lines_that_people_and_programs_can_read() {
    let desk = Desk::new(KvQuota::UNLIMITED).await;
    desk.set("a", "count", "42", None).await;
    desk.set("a", &b"\0raw"[..], &b"\xff"[..], Some(HOUR)).await;
    let saved = String::from_utf8(export(&desk.storage("a")).await).unwrap();
    let lines: Vec<Value> = saved
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        Value::from(lines),
        serde_json::json!([
            { "toru_kv": 1, "plugin": "a" },
            { "key_base64": "AHJhdw==", "value_base64": "/w==", "expires_ms": 3_600_000 },
            { "key": "count", "value": "42" },
            { "entries": 2 },
        ])
    );
    let nothing = export(&desk.storage("nobody")).await;
    assert_eq!(
        nothing,
        b"{\"toru_kv\":1,\"plugin\":\"nobody\"}\n{\"entries\":0}\n"
    );
}

#[tokio::test]
async fn entries_keep_the_time_that_is_left_and_expired_ones_stay_out() {
    let desk = Desk::new(KvQuota::UNLIMITED).await;
    desk.set("a", "short", "s", Some(HOUR)).await;
    desk.set("a", "long", "l", Some(HOUR * 3)).await;
    let storage = desk.storage("a");
    let saved = export(&storage).await;
    desk.clock.pass(HOUR);
    assert_eq!(storage.usage().await.unwrap().keys, 1);
    storage.clear().await.unwrap();
    let imported = import(&storage, &saved).await.unwrap();
    assert_eq!((imported.entries, imported.expired), (1, 1));
    let left = desk.entries("a").await;
    assert_eq!(left, [("long".into(), "l".into(), Some(3 * 3_600_000))]);
}

#[tokio::test]
async fn entries_of_other_keys_stay_where_they_are() {
    let desk = Desk::new(KvQuota::UNLIMITED).await;
    desk.set("a", "k", "old", None).await;
    let storage = desk.storage("a");
    let saved = export(&storage).await;
    desk.set("a", "k", "new", None).await;
    desk.set("a", "other", "stays", None).await;
    import(&storage, &saved).await.unwrap();
    let entries = desk.entries("a").await;
    assert_eq!(
        entries,
        [
            ("k".into(), "old".into(), None),
            ("other".into(), "stays".into(), None)
        ]
    );
}

#[tokio::test]
async fn an_export_that_breaks_off_anywhere_is_found_out() {
    let desk = Desk::new(KvQuota::UNLIMITED).await;
    for n in 0..3 {
        desk.set("a", format!("k{n}"), "v", None).await;
    }
    let storage = desk.storage("a");
    let saved = export(&storage).await;
    let whole = saved.len();
    for end in 0..whole - 1 {
        let broken = import(&storage, &saved[..end]).await.unwrap_err();
        let codes = ["incomplete_export", "malformed_export"];
        assert!(codes.contains(&broken.code()), "{end}: {broken}");
    }
    // The last line may lack its end, and lines may be empty.
    import(&storage, &saved[..whole - 1]).await.unwrap();
    import(&storage, &[&saved[..], b"\n \r\n"].concat())
        .await
        .unwrap();
    let windows = String::from_utf8(saved).unwrap().replace('\n', "\r\n");
    import(&storage, windows.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn what_is_no_export_of_this_plugin_is_refused_with_its_line() {
    let desk = Desk::new(KvQuota::UNLIMITED).await;
    let head = r#"{"toru_kv":1,"plugin":"a"}"#;
    let entry = r#"{"key":"k","value":"v"}"#;
    let end = r#"{"entries":1}"#;
    for (lines, line) in [
        (entry.to_owned(), 1),
        (end.to_owned(), 1),
        (format!("{head}\n{head}"), 2),
        (format!("{head}\nnonsense"), 2),
        (format!("{head}\n{entry}\n{end}\n{entry}"), 4),
        (format!("{head}\n\n{{\"key\":\"\",\"value\":\"\"}}"), 3),
        (
            format!("{head}\n{{\"key\":\"{}\",\"value\":\"\"}}", "k".repeat(1025)),
            2,
        ),
        (
            format!(
                "{head}\n{{\"key\":\"k\",\"value\":\"{}\"}}",
                "v".repeat((1 << 20) + 1)
            ),
            2,
        ),
        (format!("{head}\n{}", "[".repeat(17 << 20)), 2),
        (format!("{head}\n{}", "[".repeat(100_000)), 2),
    ] {
        let (words, code) = refused(&desk, &lines).await;
        assert_eq!(code, "malformed_export", "{words}");
        assert!(words.contains(&format!("line {line} ")), "{words}");
    }
    let (words, code) = refused(&desk, r#"{"toru_kv":1,"plugin":"b"}"#).await;
    assert_eq!(code, "wrong_plugin");
    assert_eq!(words, "the export is of the plugin `b`, not of `a`");
    assert_eq!(
        refused(&desk, r#"{"toru_kv":2,"plugin":"a"}"#).await.1,
        "newer_export"
    );
    let short = format!("{head}\n{entry}\n{{\"entries\":2}}");
    assert_eq!(refused(&desk, &short).await.1, "incomplete_export");
}

#[tokio::test]
async fn an_import_that_lost_a_batch_never_says_that_it_is_complete() {
    let desk = Desk::new(KvQuota {
        keys: 1000,
        bytes: 1 << 20,
    })
    .await;
    desk.set("a", "full", "x", None).await;
    let storage = desk.storage("a");
    let mut import = storage.import();
    import.feed(b"{\"toru_kv\":1,\"plugin\":\"a\"}\n").await.unwrap();
    let mut refused = 0;
    for n in 0..1001 {
        // The thousandth entry completes a batch, for which there is no room; somebody goes on all the same.
        let line = format!("{{\"key\":\"{n}\",\"value\":\"\"}}\n");
        refused += usize::from(import.feed(line.as_bytes()).await.is_err());
    }
    assert_eq!(refused, 1);
    storage.clear().await.unwrap();
    let _ = import.feed(b"{\"entries\":1001}\n").await;
    assert_eq!(import.finish().await.unwrap_err().code(), "incomplete_export");
}

#[tokio::test]
async fn a_newer_export_is_named_so_and_words_of_an_export_are_not_repeated_at_length() {
    let desk = Desk::new(KvQuota::UNLIMITED).await;
    let newer = r#"{"toru_kv":2,"plugin":"a","made_by":"a later version"}"#;
    assert_eq!(refused(&desk, newer).await.1, "newer_export");
    assert_eq!(
        refused(&desk, r#"{"toru_kv":0,"plugin":"a"}"#).await.1,
        "malformed_export"
    );
    let long = format!("{{\"{}\u{1b}[2J\":1}}", "x".repeat(100_000));
    let (words, code) = refused(&desk, &long).await;
    assert_eq!(code, "malformed_export");
    assert!(words.len() < 300 && !words.contains('\u{1b}'), "{words}");
}

#[tokio::test]
async fn an_import_keeps_the_quota() {
    let rich = Desk::new(KvQuota::UNLIMITED).await;
    for n in 0..3 {
        rich.set("a", format!("k{n}"), "v", None).await;
    }
    let saved = export(&rich.storage("a")).await;
    let poor = Desk::new(KvQuota { keys: 2, bytes: 100 }).await;
    let storage = poor.storage("a");
    assert_eq!(storage.quota().keys, 2);
    let error = import(&storage, &saved).await.unwrap_err();
    assert_eq!(error.code(), "quota_exceeded");
    assert_eq!(storage.usage().await.unwrap().keys, 0, "commits are whole ones");
}
