//! Pages while other entries come and go.

use std::ops::Bound;

use bytes::Bytes;

use super::store::{Store, delete, everything, rule, set};
use crate::kv::KvRange;

/// Entries that stay.
const STABLE: usize = 40;

pub(super) async fn check(store: &Store) {
    let stable: Vec<_> = (0..STABLE).map(|n| Bytes::from(format!("k{n:02}"))).collect();
    store
        .commit(stable.iter().map(|key| set(key, "stays")).collect())
        .await;
    for descending in [false, true] {
        for limit in [1, 3, 7] {
            let mut expected = stable.clone();
            if descending {
                expected.reverse();
            }
            let seen = read(store, descending, limit).await;
            rule!(
                "list.pages",
                seen == expected,
                "pages of {limit} entries, descending {descending}, show of those that stay {seen:?}"
            );
        }
    }
}

/// Reads page by page, and changes the store before and behind each cursor.
async fn read(store: &Store, descending: bool, limit: usize) -> Vec<Bytes> {
    let mut seen: Vec<Bytes> = Vec::new();
    let mut range = KvRange {
        descending,
        limit,
        ..everything()
    };
    loop {
        let page = store.list(range.clone()).await;
        rule!(
            "list.limit",
            page.len() <= limit,
            "{} entries, at most {limit} were wanted",
            page.len()
        );
        let Some(last) = page.last().map(|entry| entry.key.clone()) else {
            return seen;
        };
        seen.extend(
            page.into_iter()
                .filter(|entry| entry.value == "stays")
                .map(|entry| entry.key),
        );
        // Beside each entry that stays another one appears or disappears, everywhere in the range.
        let beside = |n: usize| format!("k{n:02}-");
        let changes = (0..STABLE).map(|n| {
            if (n + seen.len()).is_multiple_of(2) {
                set(beside(n), "comes")
            } else {
                delete(beside(n))
            }
        });
        store.commit(changes.collect()).await;
        if descending {
            range.end = Bound::Excluded(last);
        } else {
            range.start = Bound::Excluded(last);
        }
    }
}
