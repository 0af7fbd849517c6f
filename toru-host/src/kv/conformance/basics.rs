//! Reading, writing and deleting.

use super::store::{Store, add, bytes, delete, keys, rule, set};
use crate::kv::{KvCommitted, KvError};

pub(super) async fn check(store: &Store) {
    nothing_at_first(store).await;
    one_entry(store).await;
    missing_and_empty(store).await;
    several_keys(store).await;
    several_changes_of_a_key(store).await;
    commits_without_changes(store).await;
    instance_id(store).await;
}

async fn nothing_at_first(store: &Store) {
    rule!(
        "new.empty",
        store.all().await.is_empty(),
        "a new store lists entries"
    );
    let usage = store.usage().await;
    rule!(
        "new.empty",
        usage.keys == 0 && usage.bytes == 0,
        "a new store uses {usage:?}"
    );
}

async fn one_entry(store: &Store) {
    rule!(
        "get.missing",
        store.get("key").await.is_none(),
        "found what was never stored"
    );
    let version = store.set("key", "value").await;
    let found = store.get("key").await;
    let Some(entry) = found else {
        panic!("the store breaks the rule `get.stored`: what was acknowledged is missing");
    };
    rule!(
        "get.stored",
        entry.key == "key" && entry.value == "value" && entry.expires_ms.is_none(),
        "stored key and value, found {entry:?}"
    );
    rule!(
        "get.version",
        entry.version == version,
        "the commit told version {version}, the entry has {}",
        entry.version
    );
    store.set("key", "other").await;
    let value = store.value("key").await;
    rule!(
        "set.replaces",
        value == Some("other".into()),
        "stored other, found {value:?}"
    );
    rule!(
        "set.replaces",
        store.all().await.len() == 1,
        "a key set twice is listed twice"
    );
    store.delete("key").await;
    rule!(
        "delete",
        store.get("key").await.is_none(),
        "a deleted key is still found"
    );
    rule!(
        "delete",
        store.all().await.is_empty(),
        "a deleted key is still listed"
    );
    let again = store
        .checked(Vec::new(), vec![delete("key"), delete("never")])
        .await;
    rule!(
        "delete.missing",
        again.is_ok(),
        "deleting what does not exist is {again:?}"
    );
}

async fn missing_and_empty(store: &Store) {
    store.set("empty", "").await;
    let value = store.value("empty").await;
    rule!(
        "empty-value",
        value == Some("".into()),
        "an empty value is found as {value:?}"
    );
    let listed = keys(&store.all().await);
    rule!(
        "empty-value",
        listed == ["empty"],
        "an entry with an empty value is listed as {listed:?}"
    );
    store.delete("empty").await;
    rule!(
        "empty-value",
        store.get("empty").await.is_none(),
        "a deleted key is found"
    );
}

async fn several_keys(store: &Store) {
    store
        .commit(vec![set("a", "1"), set("b", "2"), set("c", "3")])
        .await;
    let asked = ["c", "none", "a", "c", "b"].map(bytes);
    let found = keys(&store.get_many(asked.to_vec()).await);
    rule!(
        "get.order",
        found == ["c", "a", "c", "b"],
        "asked for c, none, a, c, b, it answered {found:?}"
    );
    let none = store.get_many(Vec::new()).await;
    rule!(
        "get.none",
        none.is_empty(),
        "asked for nothing, it answered {none:?}"
    );
    store.commit(vec![delete("a"), delete("b"), delete("c")]).await;
}

async fn several_changes_of_a_key(store: &Store) {
    store.set("k", "0").await;
    let changes = vec![
        set("k", "1"),
        set("l", "1"),
        delete("l"),
        set("k", "2"),
        delete("m"),
        set("m", "3"),
    ];
    let committed = store.commit(changes).await;
    let found: Vec<_> = store
        .all()
        .await
        .into_iter()
        .map(|entry| (entry.key, entry.value))
        .collect();
    rule!(
        "commit.last-wins",
        found == [("k".into(), "2".into()), ("m".into(), "3".into())],
        "set k, l, deleted l, set k again, deleted m, set m: found {found:?}"
    );
    let usage = store.usage().await;
    rule!(
        "usage.counts",
        usage.keys == 2 && usage.bytes == 4 && committed.usage == usage,
        "two keys with four bytes use {usage:?}, and the commit told {:?}",
        committed.usage
    );
    let sum = store
        .commit(vec![delete("k"), add("k", 4), add("k", 3), set("m", "x")])
        .await
        .sum;
    rule!(
        "commit.in-order",
        sum == 7,
        "deleted, added 4, added 3: the sum is {sum}"
    );
    store.commit(vec![delete("k"), delete("m")]).await;
}

async fn commits_without_changes(store: &Store) {
    let before = store.set("k", "v").await;
    let nothing = store.commit(Vec::new()).await;
    let expected = KvCommitted {
        usage: nothing.usage,
        ..KvCommitted::default()
    };
    rule!(
        "commit.empty",
        nothing == expected,
        "a commit without changes told {nothing:?}"
    );
    let same = [super::store::check("k", before), super::store::check("none", 0)];
    let passed = store.checked(same.to_vec(), Vec::new()).await;
    rule!(
        "commit.empty",
        passed.is_ok(),
        "checks that hold, without changes, are {passed:?}"
    );
    let failed = store.checked(vec![super::store::check("k", 0)], Vec::new()).await;
    rule!(
        "commit.empty",
        failed == Err(KvError::Conflict),
        "a check that fails, without changes, is {failed:?}"
    );
    let after = store.version("k").await;
    rule!(
        "commit.empty",
        before == after,
        "commits without changes changed a version"
    );
    store.delete("k").await;
}

async fn instance_id(store: &Store) {
    let (one, two) = (
        store.backend.instance_id().await,
        store.backend.instance_id().await,
    );
    rule!(
        "instance-id.stable",
        one == two,
        "it changed from {one:?} to {two:?}"
    );
    let text = one.unwrap_or_default();
    let parsed = uuid::Uuid::parse_str(&text).map(|id| id.hyphenated().to_string());
    rule!(
        "instance-id.form",
        parsed.as_ref() == Ok(&text),
        "{text:?} is no UUID in lower case with hyphens"
    );
}
