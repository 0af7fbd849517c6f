//! Quota and usage.

use super::store::{Store, add, delete, plugin, rule, set};
use crate::kv::{KvError, KvMutation, KvQuota, KvUsage};

pub(super) async fn check(store: &Store) {
    let neighbour = store.of(&plugin("neighbour"));
    neighbour.set("large", vec![0; 5000]).await;
    up_to_the_last(store).await;
    over_the_quota(store).await;
    let usage = neighbour.usage().await;
    rule!(
        "usage.own",
        usage == (KvUsage { keys: 1, bytes: 5005 }),
        "a neighbour's usage became {usage:?}"
    );
}

/// What is allowed, and what is one too many.
async fn up_to_the_last(store: &Store) {
    let quota = KvQuota { keys: 3, bytes: 30 };
    let ten = |key: &str| set(key, "123456789");
    allowed(store, "the very quota", vec![ten("a"), ten("b"), ten("c")], quota).await;
    refused(store, "one key too many", vec![set("d", "")], quota).await;
    refused(store, "one byte too many", vec![set("a", "1234567890")], quota).await;
    allowed(
        store,
        "a value of the same size",
        vec![set("a", "987654321")],
        quota,
    )
    .await;
    allowed(store, "one key for another", vec![delete("a"), ten("d")], quota).await;
    allowed(
        store,
        "too many half-way",
        vec![ten("e"), ten("f"), delete("e"), delete("f")],
        quota,
    )
    .await;
    refused(
        store,
        "a number that is too long",
        vec![set("d", "x"), add("n", 1)],
        quota,
    )
    .await;
    allowed(
        store,
        "a number in the place of a value",
        vec![delete("d"), add("n", 12_345_678)],
        quota,
    )
    .await;
    refused(
        store,
        "a number that gets longer",
        vec![add("n", i64::MAX / 2)],
        quota,
    )
    .await;
    let usage = store
        .commit(vec![delete("b"), delete("c"), delete("n")])
        .await
        .usage;
    rule!(
        "usage.counts",
        usage == KvUsage::default(),
        "after all was deleted, {usage:?} is used"
    );
}

/// Who is over the quota, because it was lowered, may become smaller.
async fn over_the_quota(store: &Store) {
    store
        .commit(vec![set("a", "123456789"), set("b", "123456789"), set("c", "")])
        .await;
    let none = KvQuota { keys: 0, bytes: 0 };
    allowed(store, "nothing at all", Vec::new(), none).await;
    allowed(store, "deleting over the quota", vec![delete("c")], none).await;
    allowed(
        store,
        "a shorter value over the quota",
        vec![set("a", "12345678")],
        none,
    )
    .await;
    allowed(
        store,
        "the same size over the quota",
        vec![set("a", "87654321")],
        none,
    )
    .await;
    refused(
        store,
        "a longer value over the quota",
        vec![set("a", "123456789")],
        none,
    )
    .await;
    refused(
        store,
        "fewer bytes, but more keys",
        vec![set("a", ""), set("c", "")],
        none,
    )
    .await;
    refused(
        store,
        "fewer keys, but more bytes",
        vec![delete("b"), set("a", [0; 30])],
        none,
    )
    .await;
    allowed(store, "deleting all", vec![delete("a"), delete("b")], none).await;
    refused(store, "an empty value without a quota", vec![set("a", "")], none).await;
}

async fn allowed(store: &Store, what: &str, mutations: Vec<KvMutation>, quota: KvQuota) {
    let result = store.try_commit(Vec::new(), mutations, quota).await;
    let told = match result {
        Ok(done) => done.usage,
        Err(error) => panic!("the store breaks the rule `quota.allowed`: {what} is {error:?}"),
    };
    let entries = store.all().await;
    let counted = KvUsage {
        keys: entries.len() as u64,
        bytes: entries
            .iter()
            .map(|entry| (entry.key.len() + entry.value.len()) as u64)
            .sum(),
    };
    rule!(
        "usage.counts",
        told == counted,
        "after {what}, {counted:?} are stored, told was {told:?}"
    );
}

async fn refused(store: &Store, what: &str, mutations: Vec<KvMutation>, quota: KvQuota) {
    let before = store.all().await;
    let result = store.try_commit(Vec::new(), mutations, quota).await;
    rule!(
        "quota.refused",
        result == Err(KvError::Quota),
        "{what} is {result:?}"
    );
    rule!(
        "commit.all-or-nothing",
        before == store.all().await,
        "{what} is refused and left something behind"
    );
}
