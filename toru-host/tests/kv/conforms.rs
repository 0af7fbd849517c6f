//! The store in memory, through the whole suite.

use std::sync::Arc;

use toru_host::clock::Clock;
use toru_host::kv::MemoryKv;
use toru_host::kv::conformance::{self, Factory, Group, Suite};

#[tokio::test]
async fn memory_keeps_the_contract() {
    conformance::run(MemoryKv::with_clock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_the_contract_on_several_threads() {
    let seed = std::env::var("TORU_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    println!("TORU_SEED={seed}");
    Suite::new(MemoryKv::with_clock)
        .seed(seed)
        .rounds(1000)
        .run()
        .await;
}

#[tokio::test]
async fn t09_ten_thousand_pairs_of_plugins_and_keys_stay_apart() {
    let mut suite = Suite::new(MemoryKv::with_clock).rounds(10_000);
    suite.check(Group::Isolation).await;
}

/// Opens what is still in memory, or forgets it.
struct Reopening {
    last: Option<Arc<MemoryKv>>,
    forgets: bool,
}

impl Factory for Reopening {
    type Backend = Arc<MemoryKv>;

    async fn create(&mut self, clock: Arc<dyn Clock>) -> Self::Backend {
        let store = Arc::new(MemoryKv::with_clock(clock));
        self.last = Some(Arc::clone(&store));
        store
    }

    async fn reopen(&mut self, clock: Arc<dyn Clock>) -> Option<Self::Backend> {
        if self.forgets {
            return Some(self.create(clock).await);
        }
        let store = self.last.clone()?;
        assert_eq!(
            Arc::strong_count(&store),
            2,
            "the suite holds a store that it opens again"
        );
        Some(store)
    }
}

#[tokio::test]
async fn what_is_opened_again_has_its_data() {
    let suite = |forgets| Suite::new(Reopening { last: None, forgets });
    suite(false).check(Group::Durability).await;
    let mut forgetful = suite(true);
    let lost = tokio::spawn(async move { forgetful.check(Group::Durability).await }).await;
    let panic = lost.unwrap_err().into_panic();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("`durable.data`"), "{message}");
}
