//! Versions grow and never repeat; checks.

use std::collections::BTreeSet;

use super::store::{Store, check as expect, delete, plugin, rule, set};
use crate::kv::KvError;

pub(super) async fn check(store: &Store) {
    growing(store).await;
    checks(store).await;
}

async fn growing(store: &Store) {
    let neighbour = store.of(&plugin("neighbour"));
    let mut seen = BTreeSet::new();
    let mut last = 0;
    let mut next = |what: &str, version: u64| {
        rule!("versions.not-zero", version != 0, "{what} got version 0");
        rule!(
            "versions.never-repeat",
            seen.insert(version),
            "{what} got version {version}, which was given before"
        );
        rule!(
            "versions.grow",
            version > last,
            "{what} got version {version} after {last}"
        );
        last = version;
    };
    for _ in 0..3 {
        next("a new key", store.set("a", "1").await);
        next("the same value again", store.set("a", "1").await);
        next("another key", store.set("b", "1").await);
        next("another plugin's key", neighbour.set("a", "1").await);
        let sum = store.commit(vec![super::store::add("n", 1)]).await;
        next("a sum", sum.version);
        store.delete("a").await;
        next("a key created again", store.set("a", "1").await);
        store.commit(vec![delete("a"), delete("b"), delete("n")]).await;
        neighbour.delete("a").await;
    }
    next("the first key after all were deleted", store.set("a", "1").await);
    let committed = store
        .commit(vec![set("a", "2"), set("c", "2"), delete("d")])
        .await;
    let found = (store.version("a").await, store.version("c").await);
    rule!(
        "versions.one-per-commit",
        found == (committed.version, committed.version),
        "a commit told version {}, its entries have {found:?}",
        committed.version
    );
    store.commit(vec![delete("a"), delete("c")]).await;
}

async fn checks(store: &Store) {
    let conflict = Err(KvError::Conflict);
    let created = store.checked(vec![expect("k", 0)], vec![set("k", "1")]).await;
    rule!(
        "checks.version-0",
        created.is_ok(),
        "a missing key has another version than 0: {created:?}"
    );
    let again = store.checked(vec![expect("k", 0)], vec![set("k", "2")]).await;
    rule!(
        "checks.version-0",
        again == conflict,
        "an existing key passes for missing: {again:?}"
    );
    let version = store.version("k").await;
    for wrong in [version + 1, version.saturating_sub(1), u64::MAX, i64::MAX as u64] {
        let result = store.checked(vec![expect("k", wrong)], vec![set("k", "2")]).await;
        rule!(
            "checks.version",
            result == conflict,
            "the version is {version}, a check for {wrong} is {result:?}"
        );
    }
    let result = store
        .checked(vec![expect("k", version)], vec![set("k", "2")])
        .await;
    rule!(
        "checks.version",
        result.is_ok(),
        "a check for the very version is {result:?}"
    );
    let result = store
        .checked(vec![expect("k", version)], vec![set("k", "3")])
        .await;
    rule!(
        "checks.version",
        result == conflict,
        "a check for an old version is {result:?}"
    );
    let version = store.version("k").await;
    let both = vec![expect("k", version), expect("k", 0)];
    let result = store.checked(both, vec![set("k", "3")]).await;
    rule!(
        "checks.all",
        result == conflict,
        "two checks that exclude each other are {result:?}"
    );
    // Checks see the state before the commit, not what its own changes make of it.
    let result = store
        .checked(
            vec![expect("k", version), expect("l", 0)],
            vec![delete("k"), set("l", "1")],
        )
        .await;
    rule!(
        "checks.before",
        result.is_ok(),
        "checks see the commit's own changes: {result:?}"
    );
    store.set("k", "1").await;
    let result = store
        .checked(vec![expect("k", version)], vec![set("k", "2")])
        .await;
    rule!(
        "checks.created-again",
        result == conflict,
        "a check for the version before delete and create is {result:?}"
    );
    store.commit(vec![delete("k"), delete("l")]).await;
}
