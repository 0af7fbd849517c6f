//! A failed commit leaves nothing behind.

use super::store::{Store, add, check as expect, delete, rule, set};
use crate::kv::{KvCheck, KvError, KvMutation, KvQuota};

pub(super) async fn check(store: &Store) {
    let number = i64::MAX.to_string();
    let first = store.set("text", "no number").await;
    store.commit(vec![set("max", number), set("other", "x")]).await;
    let tight = KvQuota { keys: 4, bytes: 1000 };
    let unlimited = KvQuota::UNLIMITED;
    let wrong = || vec![expect("text", first), expect("other", first)];
    let cases: [(&str, Vec<KvCheck>, KvMutation, KvQuota, KvError); 5] = [
        (
            "a failing check",
            wrong(),
            set("y", "1"),
            unlimited,
            KvError::Conflict,
        ),
        (
            "a sum that is no number",
            Vec::new(),
            add("text", 1),
            unlimited,
            KvError::NotANumber,
        ),
        (
            "a sum that does not fit",
            Vec::new(),
            add("max", 1),
            unlimited,
            KvError::NotANumber,
        ),
        ("the quota", Vec::new(), set("y", "1"), tight, KvError::Quota),
        (
            "a failing check and a sum that is no number",
            wrong(),
            add("text", 1),
            tight,
            KvError::Conflict,
        ),
    ];
    for (what, checks, culprit, quota, expected) in cases {
        for place in 0..4 {
            let before = (store.all().await, store.usage().await);
            let mut mutations = vec![set("other", "changed"), set("x", "new"), set("z", "new")];
            if quota == unlimited {
                mutations.push(delete("max"));
                mutations.push(set("max", i64::MAX.to_string()));
            }
            mutations.insert(place.min(mutations.len()), culprit.clone());
            let result = store.try_commit(checks.clone(), mutations, quota).await;
            rule!(
                "commit.error",
                result == Err(expected.clone()),
                "{what} is {expected:?}, it answered {result:?}"
            );
            let after = (store.all().await, store.usage().await);
            rule!(
                "commit.all-or-nothing",
                before == after,
                "after {what} there is {after:?}, before there was {before:?}"
            );
        }
    }
}
