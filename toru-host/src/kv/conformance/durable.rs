//! What is left when a store is opened again.

use std::sync::Arc;
use std::time::Duration;

use super::Factory;
use super::store::{Store, add, delete, plugin, rule, set, set_for};

const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn check(factory: &mut impl Factory, store: Store) {
    let neighbour = store.of(&plugin("neighbour"));
    neighbour.set(b"\0\xff", "theirs").await;
    store
        .commit(vec![set("kept", "value"), set("empty", ""), add("sum", 7)])
        .await;
    store
        .commit(vec![
            set_for("short", "", SECOND),
            set_for("long", "", 3 * SECOND),
        ])
        .await;
    let last = store.set("deleted", "").await;
    store.delete("deleted").await;
    let before = (
        store.all().await,
        neighbour.all().await,
        store.backend.instance_id().await,
    );
    drop(neighbour);
    let Some(store) = reopen(factory, store).await else {
        skipped();
        return;
    };
    let neighbour = store.of(&plugin("neighbour"));
    let after = (
        store.all().await,
        neighbour.all().await,
        store.backend.instance_id().await,
    );
    rule!(
        "durable.data",
        before.0 == after.0,
        "closed with {:?}, opened with {:?}",
        before.0,
        after.0
    );
    rule!(
        "durable.data",
        before.1 == after.1,
        "a neighbour's entries became {:?}",
        after.1
    );
    rule!(
        "durable.instance-id",
        before.2 == after.2,
        "it became {:?}",
        after.2
    );
    let version = store.set("deleted", "").await;
    rule!(
        "versions.never-repeat",
        version > last,
        "opened again, a key that had version {last} when it was deleted got {version}"
    );
    store.clock.advance(SECOND);
    rule!(
        "durable.expiry",
        store.get("short").await.is_none(),
        "an entry outlived its time"
    );
    rule!(
        "durable.expiry",
        store.get("long").await.is_some(),
        "an entry expired too early"
    );
    let usage = store.usage().await;
    store.clock.advance(2 * SECOND);
    drop(neighbour);
    // Expired while it was closed.
    let Some(store) = reopen(factory, store).await else {
        panic!("the store breaks the rule `durable.data`: it can be opened again once only");
    };
    rule!(
        "durable.expiry",
        store.get("long").await.is_none(),
        "an entry outlived its time while closed"
    );
    let now = store.usage().await;
    rule!(
        "durable.usage",
        (now.keys, now.bytes) == (usage.keys - 1, usage.bytes - 4),
        "{usage:?} less an expired entry became {now:?}"
    );
    let left = store.all().await;
    let last = store.set("last", "").await;
    store
        .commit(
            left.iter()
                .map(|entry| delete(&entry.key))
                .chain([delete("last")])
                .collect(),
        )
        .await;
    let Some(store) = reopen(factory, store).await else {
        panic!("the store breaks the rule `durable.data`: it can be opened again twice only");
    };
    let version = store.set("last", "").await;
    rule!(
        "versions.never-repeat",
        version > last,
        "opened again with nothing in it, a store gave version {version} after {last}"
    );
}

async fn reopen(factory: &mut impl Factory, store: Store) -> Option<Store> {
    let (clock, way) = (store.clock.clone(), store.way);
    drop(store);
    let backend = factory.reopen(Arc::new(clock.clone())).await?;
    Some(Store::new(Arc::new(backend), clock, way))
}

#[expect(
    clippy::print_stdout,
    reason = "whoever runs a suite wants to know what of it did not run"
)]
fn skipped() {
    println!("skipped: durability, this store cannot be opened again");
}
