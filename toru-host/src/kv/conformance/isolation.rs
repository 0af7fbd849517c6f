//! Plugins do not see each other, whatever they and their keys are called.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use super::random::Random;
use super::store::{Store, bytes, check as expect, delete, plugin, rule, set};
use crate::kv::{KvError, KvRange, KvUsage};
use crate::plugin::PluginId;

/// Pieces that keys are made of: what a careless store uses to separate, to end, to match or to quote.
const PIECES: [&[u8]; 18] = [
    b"",
    b"\0",
    b"/",
    b":",
    b"-",
    b"_",
    b"%",
    b"*",
    b"'",
    b"\"",
    b"\\",
    b"..",
    b"\xff",
    b"\xff\xff",
    b"\x01",
    b"a",
    b"key",
    b"\n",
];

type Model = BTreeMap<PluginId, BTreeMap<Bytes, Bytes>>;

pub(super) async fn check(store: &Store, random: &mut Random, rounds: usize) {
    let ids = ids();
    let mut model = Model::new();
    for round in 0..rounds {
        let one = random.one_of(&ids).clone();
        let two = ids
            .iter()
            .cycle()
            .skip(random.below(ids.len()))
            .find(|id| **id != one);
        let two = two.cloned().unwrap_or_else(|| one.clone());
        let (key, other) = (any_key(random, &ids), any_key(random, &ids));
        // The other plugin asks for what was just written, or for any key.
        let other = if random.flip() { key.clone() } else { other };
        let value = format!("{one} {round}");
        store.of(&one).set(&key, &value).await;
        model
            .entry(one.clone())
            .or_default()
            .insert(key.clone(), value.into());
        let theirs = store.of(&two);
        match random.below(4) {
            0 => {
                theirs.delete(&other).await;
                model.entry(two.clone()).or_default().remove(&other);
            }
            1 => {
                let version = store.of(&one).version(&key).await;
                let result = theirs
                    .checked(vec![expect(&key, version)], vec![set(&key, "stolen")])
                    .await;
                rule!(
                    "isolation.checks",
                    result == Err(KvError::Conflict),
                    "{two} passes a check with the version of {one}'s key {key:?}: {result:?}"
                );
            }
            _ => {}
        }
        for (id, key) in [(&one, &key), (&two, &other), (&two, &key)] {
            let found = store.of(id).value(key).await;
            let expected = model.get(id).and_then(|entries| entries.get(key));
            rule!(
                "isolation.get",
                found.as_ref() == expected,
                "in round {round}, {id}'s key {key:?} is {expected:?}, found {found:?} beside {one} and {two}"
            );
        }
        lists(&theirs, &model, &other).await;
    }
    for id in &ids {
        ends(&store.of(id), &model).await;
    }
}

/// A few entries around a key.
async fn lists(store: &Store, model: &Model, key: &Bytes) {
    let range = KvRange {
        start: Bound::Included(key.clone()),
        end: Bound::Unbounded,
        descending: false,
        limit: 3,
    };
    let found = store
        .list(range)
        .await
        .into_iter()
        .map(|entry| (entry.key, entry.value));
    let expected = model
        .get(&store.plugin)
        .into_iter()
        .flat_map(|entries| entries.range(key.clone()..));
    let expected: Vec<_> = expected
        .take(3)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let found: Vec<_> = found.collect();
    rule!(
        "isolation.list",
        found == expected,
        "{} from {key:?} on is {expected:?}, listed {found:?}",
        store.plugin
    );
}

/// All that a plugin has in the end, and what it uses; then it goes, and the others stay.
async fn ends(store: &Store, model: &Model) {
    let expected = model.get(&store.plugin).cloned().unwrap_or_default();
    let listed = store.all().await;
    let found: BTreeMap<_, _> = listed
        .iter()
        .map(|entry| (entry.key.clone(), entry.value.clone()))
        .collect();
    rule!(
        "isolation.list",
        found == expected && listed.len() == expected.len(),
        "{} has {} entries, {} are listed",
        store.plugin,
        expected.len(),
        listed.len()
    );
    let usage = KvUsage {
        keys: expected.len() as u64,
        bytes: expected
            .iter()
            .map(|(key, value)| (key.len() + value.len()) as u64)
            .sum(),
    };
    let told = store.usage().await;
    rule!(
        "isolation.usage",
        told == usage,
        "{} uses {usage:?}, told was {told:?}",
        store.plugin
    );
    for some in listed.chunks(1000) {
        store
            .commit(some.iter().map(|entry| delete(&entry.key)).collect())
            .await;
    }
}

/// Ids that start with each other, and the shortest and the longest.
fn ids() -> Vec<PluginId> {
    let longest = "a".repeat(PluginId::MAX_LEN);
    let ids = [
        "a",
        "aa",
        "a-a",
        "a-b",
        "a0",
        "0",
        "00",
        "key",
        "key-a",
        &longest[1..],
        &longest,
    ];
    ids.map(plugin).to_vec()
}

/// Pieces, and often a plugin's id among them.
fn any_key(random: &mut Random, ids: &[PluginId]) -> Bytes {
    loop {
        let mut key = Vec::new();
        for _ in 0..random.below(5) {
            if random.below(3) == 0 {
                key.extend_from_slice(random.one_of(ids).as_str().as_bytes());
            } else {
                let piece: &&[u8] = random.one_of(&PIECES);
                key.extend_from_slice(piece);
            }
        }
        if !key.is_empty() {
            return bytes(key);
        }
    }
}
