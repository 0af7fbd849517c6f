//! Smallest and largest keys, values and calls.

use bytes::Bytes;

use super::store::{Store, delete, keys, rule, set};
use crate::kv::KvCheck;

const KEY_MAX: usize = 1024;
const VALUE_MAX: usize = 1 << 20;
/// Keys that one call may name.
const BATCH: usize = 10_000;

pub(super) async fn check(store: &Store) {
    let single: Vec<Bytes> = (0..=255_u8).map(|byte| vec![byte].into()).collect();
    everything_comes_back(store, "keys of one byte", &single, &Bytes::from_static(b"v")).await;
    let long: Vec<Bytes> = [0, 1, 254, 255].map(|last| long_key(last).into()).to_vec();
    everything_comes_back(store, "keys of 1024 bytes", &long, &Bytes::new()).await;
    let value: Bytes = (0..VALUE_MAX)
        .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
        .collect();
    everything_comes_back(store, "values of 1 MiB", &long, &value).await;
    let many: Vec<Bytes> = (0..BATCH).map(|n| format!("{n:05}").into()).collect();
    everything_comes_back(store, "10,000 keys in one call", &many, &Bytes::from_static(b"v")).await;
}

async fn everything_comes_back(store: &Store, what: &str, all: &[Bytes], value: &Bytes) {
    let absent = |key: &Bytes| KvCheck {
        key: key.clone(),
        version: 0,
    };
    let checks = all.iter().map(absent).collect();
    let result = store
        .checked(checks, all.iter().map(|key| set(key, value)).collect())
        .await;
    rule!("limits", result.is_ok(), "{what} are {result:?}");
    let found = store.get_many(all.to_vec()).await;
    let listed = store.all().await;
    for (way, found) in [("get", found), ("list", listed)] {
        rule!(
            "limits",
            keys(&found) == all,
            "{what}: {way} answers {} of {} keys",
            found.len(),
            all.len()
        );
        rule!(
            "limits",
            found.iter().all(|entry| entry.value == value),
            "{what}: {way} answers other values"
        );
    }
    let bytes: usize = all.iter().map(|key| key.len() + value.len()).sum();
    let usage = store.usage().await;
    rule!(
        "usage.counts",
        usage.keys == all.len() as u64 && usage.bytes == bytes as u64,
        "{what}: {} keys and {bytes} bytes are {usage:?}",
        all.len()
    );
    store.commit(all.iter().map(delete).collect()).await;
}

fn long_key(last: u8) -> Vec<u8> {
    let mut key = vec![0xff; KEY_MAX];
    key[KEY_MAX - 1] = last;
    key
}
