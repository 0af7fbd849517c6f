//! Byte order, bounds, directions and limits of lists.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use bytes::Bytes;

use super::random::Random;
use super::store::{Store, everything, keys, rule, set};
use crate::kv::KvRange;

/// Bytes that are special to somebody: strings in C, patterns, texts, signed numbers.
const ALPHABET: [u8; 8] = [0x00, 0x01, b'%', b'_', b'a', 0x7f, 0x80, 0xff];

pub(super) async fn check(store: &Store, random: &mut Random, rounds: usize) {
    let mut model = BTreeMap::new();
    for byte in [0x00, 0x7f, 0x80, 0xff] {
        for key in [
            vec![byte],
            vec![byte, 0x00],
            vec![byte, 0xff],
            vec![b'a', byte],
            vec![b'a', byte, b'a'],
        ] {
            model.insert(Bytes::from(key), Bytes::from(vec![byte]));
        }
    }
    for n in 0..100_u8 {
        model.insert(any_key(random), Bytes::from(vec![n]));
    }
    store
        .commit(model.iter().rev().map(|(key, value)| set(key, value)).collect())
        .await;
    let listed = store.all().await;
    let expected: Vec<_> = model.keys().cloned().collect();
    rule!(
        "list.byte-order",
        keys(&listed) == expected,
        "expected {expected:?}, listed {:?}",
        keys(&listed)
    );
    rule!(
        "list.values",
        listed
            .iter()
            .all(|entry| model.get(&entry.key) == Some(&entry.value)),
        "a list has other values than were stored"
    );
    let down = KvRange {
        descending: true,
        ..everything()
    };
    let mut down = keys(&store.list(down).await);
    down.reverse();
    rule!(
        "list.descending",
        down == expected,
        "is not the reverse of ascending"
    );
    corners(store).await;
    for round in 0..rounds {
        let range = KvRange {
            start: any_bound(random, &expected),
            end: any_bound(random, &expected),
            descending: random.flip(),
            limit: *random.one_of(&[1, 2, 3, 10, 1000]),
        };
        let bounds = (range.start.as_ref(), range.end.as_ref());
        let mut expected: Vec<_> = expected.iter().filter(|key| bounds.contains(key)).collect();
        if range.descending {
            expected.reverse();
        }
        expected.truncate(range.limit);
        let found = keys(&store.list(range.clone()).await);
        rule!(
            "list.range",
            found.iter().eq(expected.iter().copied()),
            "in round {round}, {range:?} is {expected:?}, listed {found:?}"
        );
    }
}

/// Bounds that a random choice seldom finds: the same key at both ends, and ends the wrong way round.
async fn corners(store: &Store) {
    let key = Bytes::from_static(&[b'a', 0x00]);
    let (included, excluded) = (Bound::Included(key.clone()), Bound::Excluded(key));
    let low = Bound::Excluded(Bytes::from_static(&[0x00]));
    for (start, end, expected) in [
        (included.clone(), included.clone(), 1),
        (included.clone(), excluded.clone(), 0),
        (excluded.clone(), included.clone(), 0),
        (excluded.clone(), excluded.clone(), 0),
        (included, low.clone(), 0),
        (excluded, low, 0),
    ] {
        for descending in [false, true] {
            let range = KvRange {
                start: start.clone(),
                end: end.clone(),
                descending,
                limit: 10,
            };
            let found = keys(&store.list(range.clone()).await);
            rule!(
                "list.empty-range",
                found.len() == expected,
                "{range:?} has {expected} keys, listed {found:?}"
            );
        }
    }
}

fn any_bound(random: &mut Random, known: &[Bytes]) -> Bound<Bytes> {
    let key = if random.flip() {
        random.one_of(known).clone()
    } else {
        any_key(random)
    };
    match random.below(5) {
        0 => Bound::Unbounded,
        1 | 2 => Bound::Included(key),
        _ => Bound::Excluded(key),
    }
}

fn any_key(random: &mut Random) -> Bytes {
    let len = 1 + random.below(4);
    (0..len).map(|_| *random.one_of(&ALPHABET)).collect()
}
