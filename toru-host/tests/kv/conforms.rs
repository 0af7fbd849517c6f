//! The store in memory, through the whole suite.

use toru_host::kv::MemoryKv;
use toru_host::kv::conformance::{self, Suite};

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
