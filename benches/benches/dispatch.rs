//! The ways of a request, for criterion.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use tokio::runtime::Runtime;
use toru_benches::hosted::Hosted;
use toru_benches::libraries::Libraries;
use toru_benches::requests::Workload;
use toru_benches::variants::{Axum, Direct, Front, Harness, Naive, Serve, Tower};
use toru_benches::{Result, naive};

fn main() -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let folder = tempfile::tempdir()?;
    let libraries = Libraries::build(folder.path())?;
    let hosted = runtime.block_on(Hosted::start(&libraries.plugin, "bench"))?;
    let mut criterion = Criterion::default().configure_from_args();
    for workload in Workload::ALL {
        let mut bench = Bench {
            criterion: &mut criterion,
            runtime: &runtime,
            workload,
        };
        bench.way("harness", Harness);
        bench.way("direct", Direct(workload));
        bench.way("native", Axum::native());
        bench.way("tower", Tower(hosted.service()));
        bench.way("mounted", Axum::mounted(hosted.manager.clone()));
        bench.way("front", Front::new(hosted.manager.clone()));
        bench.way("naive", Naive(naive::open(&libraries.naive)?));
    }
    criterion.final_summary();
    runtime.block_on(hosted.manager.shutdown());
    Ok(())
}

struct Bench<'a> {
    criterion: &'a mut Criterion,
    runtime: &'a Runtime,
    workload: Workload,
}

impl Bench<'_> {
    fn way(&mut self, name: &str, mut way: impl Serve) {
        let (runtime, workload) = (self.runtime, self.workload);
        let id = format!("{}/{name}", workload.name());
        self.criterion.bench_function(&id, |bencher| {
            bencher.iter_custom(|iterations| batches(runtime, workload, &mut way, iterations));
        });
    }
}

/// Time of `iterations` requests, which are built batch by batch outside of it.
fn batches(runtime: &Runtime, workload: Workload, way: &mut impl Serve, iterations: u64) -> Duration {
    let mut spent = Duration::ZERO;
    let mut left = iterations;
    while left > 0 {
        let count = left.min(workload.batch() as u64);
        left -= count;
        let batch: Vec<_> = (0..count).map(|_| workload.request()).collect();
        spent += runtime.block_on(async {
            let start = Instant::now();
            for request in batch {
                black_box(way.serve(request).await);
            }
            start.elapsed()
        });
    }
    spent
}
