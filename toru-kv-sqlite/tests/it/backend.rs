//! What every backend owes.

use std::ops::Bound::{Excluded, Included, Unbounded};
use std::time::Duration;

use bytes::Bytes;
use toru_host::kv::{KvBackend, KvCommit, KvError, KvMutation, KvQuota, KvRange, KvUsage};

use crate::store::{Store, add, bytes, check, delete, id, set, set_for};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn t08_what_is_set_is_got_and_missing_is_not_empty() {
    let store = Store::new();
    assert_eq!(store.value("k").await, None);
    store.set("k", "one").await;
    assert_eq!(store.value("k").await, Some(bytes("one")));
    store.set("k", "").await;
    assert_eq!(store.value("k").await, Some(Bytes::new()));
    store
        .commit(Vec::new(), vec![delete("k"), delete("never")])
        .await
        .unwrap();
    assert_eq!(store.value("k").await, None);
    let large = Bytes::from(vec![0xA5; 1 << 20]);
    let key = Bytes::from(vec![0xFF; 1024]);
    let mutation = KvMutation::Set {
        key: key.clone(),
        value: large.clone(),
        ttl: None,
    };
    store.commit(Vec::new(), vec![mutation]).await.unwrap();
    let found = store.kv.get(&id("a"), vec![key]).await.unwrap();
    assert_eq!(found[0].value, large);
}

#[tokio::test]
async fn t10_data_and_versions_survive_a_restart() {
    let store = Store::new();
    let first = store.set("k", "v").await.version;
    let second = store.set("gone", "v").await.version;
    store.commit(Vec::new(), vec![delete("gone")]).await.unwrap();
    let store = store.reopen();
    let entry = store.get("k").await.unwrap();
    assert_eq!((entry.value, entry.version), (bytes("v"), first));
    let again = store.set("gone", "v").await.version;
    assert!(again > second, "a version never comes back");
    assert_eq!(
        store.usage().await,
        KvUsage {
            keys: 2,
            bytes: 2 + 5
        }
    );
}

#[tokio::test]
async fn t09_a_plugin_never_sees_what_another_one_stored() {
    let store = Store::new();
    let keys = ["k", "", "%", "_", "/", "\0", "k\0", "a", "b"].map(|key| format!("{key}x"));
    for plugin in ["a", "b", "ab", "a-b", "b-a"] {
        for key in &keys {
            let commit = KvCommit {
                checks: vec![check(key, 0)],
                mutations: vec![set(key, plugin)],
                quota: KvQuota::UNLIMITED,
            };
            store.kv.commit(&id(plugin), commit).await.unwrap();
        }
    }
    for plugin in ["a", "b", "ab", "a-b", "b-a"] {
        for key in &keys {
            assert_eq!(store.get_of(plugin, key).await.unwrap().value, bytes(plugin));
        }
        let listed = store.kv.list(&id(plugin), all()).await.unwrap();
        assert_eq!(listed.len(), keys.len());
        assert!(listed.iter().all(|entry| entry.value == bytes(plugin)));
    }
    store
        .commit(Vec::new(), keys.iter().map(|key| delete(key)).collect())
        .await
        .unwrap();
    assert_eq!(store.usage().await, KvUsage::default());
    assert_eq!(store.kv.list(&id("b"), all()).await.unwrap().len(), keys.len());
}

pub(crate) fn all() -> KvRange {
    KvRange {
        start: Unbounded,
        end: Unbounded,
        descending: false,
        limit: 1000,
    }
}

#[tokio::test]
async fn lists_come_in_byte_order_with_any_bounds() {
    let store = Store::new();
    let keys = ["\0", "a", "a\0", "aa", "b", "ü", "\u{10ffff}"];
    store
        .commit(Vec::new(), keys.map(|key| set(key, "v")).to_vec())
        .await
        .unwrap();
    let listed = |range: KvRange| store.keys(range);
    assert_eq!(listed(all()).await, keys.map(bytes));
    let mut backwards = keys.map(bytes);
    backwards.reverse();
    let descending = KvRange {
        descending: true,
        ..all()
    };
    assert_eq!(listed(descending).await, backwards);
    for (start, end, expected) in [
        (Included("a"), Excluded("b"), &["a", "a\0", "aa"][..]),
        (Excluded("a"), Included("b"), &["a\0", "aa", "b"]),
        (Excluded("b"), Unbounded, &["ü", "\u{10ffff}"]),
        (Unbounded, Excluded("a"), &["\0"]),
        (Included("b"), Excluded("a"), &[]),
        (Excluded("a"), Excluded("a\0"), &[]),
    ] {
        let range = KvRange {
            start: start.map(bytes),
            end: end.map(bytes),
            ..all()
        };
        let expected: Vec<Bytes> = expected.iter().map(|key| bytes(key)).collect();
        assert_eq!(listed(range).await, expected);
    }
    let limited = KvRange {
        limit: 2,
        descending: true,
        ..all()
    };
    assert_eq!(listed(limited).await, backwards[..2]);
}

#[tokio::test]
async fn a_commit_is_made_as_a_whole_or_not_at_all() {
    let store = Store::new();
    let version = store.set("k", "text").await.version;
    for (checks, mutations, error) in [
        (
            vec![check("k", version + 1)],
            vec![set("x", "v")],
            KvError::Conflict,
        ),
        (vec![check("k", 0)], vec![set("x", "v")], KvError::Conflict),
        (vec![check("x", 1)], vec![set("x", "v")], KvError::Conflict),
        (vec![], vec![set("x", "v"), add("k", 1)], KvError::NotANumber),
        (
            vec![],
            vec![set("x", "9223372036854775807"), add("x", 1)],
            KvError::NotANumber,
        ),
    ] {
        assert_eq!(store.commit(checks, mutations).await, Err(error));
        assert_eq!(store.value("x").await, None);
        assert_eq!(store.usage().await, KvUsage { keys: 1, bytes: 5 });
    }
    let good = vec![check("k", version), check("x", 0)];
    store
        .commit(good, vec![set("x", "v"), delete("k")])
        .await
        .unwrap();
    assert_eq!(
        (store.value("k").await, store.value("x").await),
        (None, Some(bytes("v")))
    );
}

#[tokio::test]
async fn of_several_changes_of_a_key_the_last_one_counts() {
    let store = Store::new();
    let changes = vec![
        set("k", "5"),
        add("k", 2),
        add("n", 1),
        add("n", -11),
        delete("d"),
        set("d", "d"),
    ];
    let committed = store.commit(Vec::new(), changes).await.unwrap();
    assert_eq!(committed.sum, -10);
    assert_eq!(store.value("k").await, Some(bytes("7")));
    assert_eq!(store.value("n").await, Some(bytes("-10")));
    assert_eq!(
        committed.usage,
        KvUsage {
            keys: 3,
            bytes: 2 + 4 + 2
        }
    );
}

#[tokio::test]
async fn what_has_expired_is_never_seen_and_does_not_count() {
    let store = Store::new();
    store
        .commit(
            Vec::new(),
            vec![set_for("short", SECOND), set_for("long", SECOND * 9)],
        )
        .await
        .unwrap();
    store.clock.pass(SECOND - Duration::from_millis(1));
    assert!(store.get("short").await.is_some());
    store.clock.pass(Duration::from_millis(1));
    assert_eq!(store.get("short").await, None);
    assert_eq!(store.keys(all()).await, ["long"].map(bytes));
    assert_eq!(store.usage().await, KvUsage { keys: 1, bytes: 5 });
    store
        .commit(vec![check("short", 0)], vec![add("short", 3)])
        .await
        .unwrap();
    assert_eq!(
        store.value("short").await,
        Some(bytes("3")),
        "it was forgotten, and so was its number"
    );
    let entry = store.get("long").await.unwrap();
    assert_eq!(entry.expires_ms, Some(9000));
    store.clock.pass(SECOND * 9);
    let store = store.reopen();
    assert_eq!(store.keys(all()).await, ["short"].map(bytes));
}

#[tokio::test]
async fn a_quota_holds_for_keys_and_bytes_and_never_keeps_anybody_from_using_less() {
    let store = Store::new();
    let quota = KvQuota { keys: 3, bytes: 20 };
    let commit = async |mutations| store.commit_within(quota, Vec::new(), mutations).await;
    commit(vec![set("a", "1"), set("b", "2"), set("c", "3")])
        .await
        .unwrap();
    assert_eq!(commit(vec![set("d", "")]).await, Err(KvError::Quota));
    assert_eq!(
        commit(vec![set("a", "0123456789012345")]).await,
        Err(KvError::Quota)
    );
    commit(vec![delete("a"), set("d", "4")]).await.unwrap();
    // Somebody lowers the quota: what is there stays, and may be changed and lessened.
    let lower = KvQuota { keys: 1, bytes: 1 };
    let commit = async |mutations| store.commit_within(lower, Vec::new(), mutations).await;
    commit(vec![set("b", "x")]).await.unwrap();
    assert_eq!(commit(vec![set("b", "xx")]).await, Err(KvError::Quota));
    commit(vec![delete("b")]).await.unwrap();
    assert_eq!(store.usage().await, KvUsage { keys: 2, bytes: 4 });
}

#[tokio::test]
async fn pages_follow_each_other_while_others_write() {
    let store = Store::new();
    for n in 0..500 {
        store.set(&format!("stays-{n:03}"), "v").await;
    }
    let mut seen = Vec::new();
    let mut start = Unbounded;
    loop {
        let page = store
            .keys(KvRange {
                start,
                limit: 7,
                ..all()
            })
            .await;
        let Some(last) = page.last().cloned() else { break };
        seen.extend(page);
        let n = seen.len();
        store.set(&format!("stays-{n:03}-new"), "v").await;
        store
            .commit(Vec::new(), vec![delete(&format!("stays-{:03}-new", n / 2))])
            .await
            .unwrap();
        start = Excluded(last);
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "nothing comes twice");
    let stays = seen.iter().filter(|key| key.len() == "stays-000".len()).count();
    assert_eq!(stays, 500, "nothing that stays is left out");
}

#[tokio::test]
async fn many_keys_come_from_one_snapshot_in_the_order_asked_for() {
    let store = Store::new();
    store
        .commit(Vec::new(), vec![set("a", "1"), set("b", "2")])
        .await
        .unwrap();
    let keys = ["b", "missing", "a", "b"].map(bytes).to_vec();
    let found = store.kv.get(&id("a"), keys).await.unwrap();
    let values: Vec<_> = found.iter().map(|entry| entry.value.clone()).collect();
    assert_eq!(values, ["2", "1", "2"].map(bytes));
}
