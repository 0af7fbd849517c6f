//! Entries that expire.

use std::time::Duration;

use super::store::{Store, add, bytes, check as expect, everything, keys, rule, set, set_for};
use crate::kv::{KvError, KvQuota, KvRange, KvUsage};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn check(store: &Store) {
    the_moment(store).await;
    gone_for_everyone(store).await;
    lists(store).await;
    adding(store).await;
    changing(store).await;
    odd_times(store).await;
}

async fn the_moment(store: &Store) {
    let now = store.clock.now_ms();
    store.commit(vec![set_for("k", "v", SECOND)]).await;
    let told = store.get("k").await.and_then(|entry| entry.expires_ms);
    rule!(
        "expiry.told",
        told == Some(now + 1000),
        "set for 1000 ms at {now}, the entry says {told:?}"
    );
    store.clock.advance(SECOND - MS);
    rule!(
        "expiry.not-early",
        store.get("k").await.is_some(),
        "gone 1 ms before its time"
    );
    store.clock.advance(MS);
    rule!(
        "expiry.get",
        store.get("k").await.is_none(),
        "found at the moment of its expiry"
    );
    rule!(
        "expiry.list",
        store.all().await.is_empty(),
        "listed at the moment of its expiry"
    );
}

async fn gone_for_everyone(store: &Store) {
    let old = store
        .commit(vec![set_for("k", "value", SECOND), set("stays", "")])
        .await
        .version;
    let before = store.usage().await;
    rule!(
        "usage.counts",
        before == (KvUsage { keys: 2, bytes: 11 }),
        "two keys and 11 bytes are {before:?}"
    );
    store.clock.advance(SECOND);
    let usage = store.usage().await;
    rule!(
        "expiry.usage",
        usage == (KvUsage { keys: 1, bytes: 5 }),
        "one key and 5 bytes left are {usage:?}"
    );
    let stale = store.checked(vec![expect("k", old)], Vec::new()).await;
    rule!(
        "expiry.checks",
        stale == Err(KvError::Conflict),
        "a check for an expired version is {stale:?}"
    );
    // There is room for exactly one more key: the expired one does not count.
    let quota = KvQuota { keys: 2, bytes: 7 };
    let result = store
        .try_commit(vec![expect("k", 0)], vec![set("k", "2")], quota)
        .await;
    rule!(
        "expiry.quota",
        result.is_ok(),
        "where an entry expired, another one is {result:?}"
    );
    let version = store.version("k").await;
    rule!(
        "versions.never-repeat",
        version > old,
        "a key set after its expiry has version {version} after {old}"
    );
    clear(store).await;
}

async fn lists(store: &Store) {
    let short = |n: u8| set_for([n], "short", SECOND);
    store.commit((0..10).map(short).collect()).await;
    store
        .commit((10..14).map(|n: u8| set([n], "long")).collect())
        .await;
    store.clock.advance(SECOND);
    let range = KvRange {
        limit: 2,
        ..everything()
    };
    let found = keys(&store.list(range).await);
    rule!(
        "expiry.list-limit",
        found == [bytes([10]), bytes([11])],
        "after ten expired entries, a list of two has {found:?}"
    );
    let all = (0..14).map(|n: u8| vec![n].into()).collect();
    let found = store.get_many(all).await.len();
    rule!(
        "expiry.get",
        found == 4,
        "of ten expired and four other entries, {found} are found"
    );
    clear(store).await;
}

async fn adding(store: &Store) {
    let now = store.clock.now_ms();
    store.commit(vec![set_for("n", "5", SECOND)]).await;
    store.clock.advance(SECOND / 2);
    let sum = store.commit(vec![add("n", 1)]).await.sum;
    let told = store.get("n").await.and_then(|entry| entry.expires_ms);
    rule!(
        "add.keeps-expiry",
        sum == 6 && told == Some(now + 1000),
        "the sum is {sum}, its expiry {told:?}"
    );
    store.clock.advance(SECOND / 2);
    rule!(
        "add.keeps-expiry",
        store.get("n").await.is_none(),
        "adding made it live longer"
    );
    let sum = store.commit(vec![add("n", 1)]).await.sum;
    let entry = store.get("n").await;
    rule!(
        "expiry.add",
        sum == 1 && entry.as_ref().is_some_and(|entry| entry.expires_ms.is_none()),
        "1 added to an expired number is {sum}, stored as {entry:?}"
    );
    clear(store).await;
}

async fn changing(store: &Store) {
    store.commit(vec![set_for("k", "1", SECOND)]).await;
    store.set("k", "2").await;
    store.clock.advance(2 * SECOND);
    rule!(
        "expiry.ends",
        store.get("k").await.is_some(),
        "an entry set for ever expired"
    );
    store.commit(vec![set_for("k", "3", SECOND)]).await;
    store.commit(vec![set_for("k", "4", 3 * SECOND)]).await;
    store.clock.advance(2 * SECOND);
    rule!(
        "expiry.prolonged",
        store.get("k").await.is_some(),
        "an entry expired at an earlier time than the last"
    );
    store.clock.advance(SECOND);
    rule!(
        "expiry.prolonged",
        store.get("k").await.is_none(),
        "an entry outlived its new time"
    );
    clear(store).await;
}

async fn odd_times(store: &Store) {
    let nanosecond = Duration::from_nanos(1);
    store
        .commit(vec![
            set_for("never", "", Duration::ZERO),
            set_for("hardly", "", MS - nanosecond),
            set_for("short", "", 2 * MS - nanosecond),
            set_for("ever", "", Duration::MAX),
        ])
        .await;
    let found = keys(&store.all().await);
    rule!(
        "expiry.rounding",
        found == ["ever", "short"],
        "of 0, 0.9, 1.9 ms and for ever, {found:?} are left"
    );
    store.clock.advance(MS);
    let found = keys(&store.all().await);
    rule!(
        "expiry.rounding",
        found == ["ever"],
        "a millisecond later, {found:?} are left"
    );
    store.clock.advance(Duration::from_secs(1000 * 365 * 86_400));
    rule!(
        "expiry.far",
        store.get("ever").await.is_some(),
        "the longest time ended after 1000 years"
    );
    clear(store).await;
}

async fn clear(store: &Store) {
    let left = store.all().await;
    store
        .commit(
            left.iter()
                .map(|entry| super::store::delete(&entry.key))
                .collect(),
        )
        .await;
    let usage = store.usage().await;
    rule!(
        "usage.counts",
        usage == KvUsage::default(),
        "nothing is left, and {usage:?} used"
    );
}
