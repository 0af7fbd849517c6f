//! Interleaved rounds, so that a busy moment of the machine hits every variant alike.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::requests::Workload;
use crate::variants::Serve;

/// How long one variant runs in one round.
const TURN: Duration = Duration::from_millis(6);

/// One thing to time: does its work once or more often, and tells how often and how long it took.
pub type Turn<'a> = Box<dyn FnMut() -> (u64, Duration) + 'a>;

/// Times `variants` in rounds of rotating order; the times of one operation in nanoseconds, round by round.
#[must_use]
pub fn rounds(variants: &mut [Turn<'_>], rounds: usize) -> Vec<Vec<f64>> {
    let count = variants.len();
    let mut times = vec![Vec::with_capacity(rounds); count];
    for round in 0..rounds + 1 {
        for offset in 0..count {
            let index = (round + offset) % count;
            let (mut operations, mut spent) = (0, Duration::ZERO);
            while spent < TURN {
                let (more, took) = variants[index]();
                operations += more;
                spent += took;
            }
            // The first round warms up.
            if round > 0 {
                #[expect(clippy::cast_precision_loss, reason = "a turn has few operations")]
                times[index].push(spent.as_secs_f64() * 1e9 / operations as f64);
            }
        }
    }
    times
}

/// A turn that sends one batch of requests one way.
pub fn serving<'a>(runtime: &'a Runtime, workload: Workload, mut way: impl Serve + 'a) -> Turn<'a> {
    Box::new(move || {
        let batch: Vec<_> = (0..workload.batch()).map(|_| workload.request()).collect();
        let count = batch.len() as u64;
        let took = runtime.block_on(async {
            let start = Instant::now();
            for request in batch {
                std::hint::black_box(way.serve(request).await);
            }
            start.elapsed()
        });
        (count, took)
    })
}

/// The median.
///
/// # Panics
///
/// Without values.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median of the ratios of two series, round by round.
#[must_use]
pub fn ratio(of: &[f64], to: &[f64]) -> f64 {
    median(of.iter().zip(to).map(|(a, b)| a / b).collect())
}
