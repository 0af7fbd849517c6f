//! Ways to disable and enable all plugins of a host once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http_body_util::BodyExt as _;
use tokio::task::JoinSet;

use super::Example;
use super::footprint::anonymous;
use crate::host::{Host, soon, until};
use crate::support::Random;

/// Rounds at the end of which the least memory is taken: what is in use for a moment only is not seen at each of them.
const LAST: usize = 6;

/// Plays rounds of all kinds in turn. Returns how much memory the process had after one of the last, in bytes.
pub(super) async fn play(
    host: &Arc<Host>,
    examples: &[Example],
    rounds: usize,
    random: &mut Random,
) -> usize {
    let mut least = usize::MAX;
    for round in 0..rounds {
        match round % 5 {
            0 | 2 => together(host, examples).await,
            1 | 3 => one_by_one(host, examples, random).await,
            _ => under_load(host, examples, random).await,
        }
        for example in examples {
            example.answers(host).await;
        }
        if round + LAST >= rounds {
            least = least.min(anonymous());
        }
    }
    least
}

/// All at once.
async fn together(host: &Arc<Host>, examples: &[Example]) {
    each(host, examples, |host, example| async move {
        host.disable(example.id).await;
    })
    .await;
    for example in examples {
        example.is_gone(host).await;
    }
    each(host, examples, |host, example| async move {
        host.enable(example.id).await.unwrap();
    })
    .await;
}

async fn each<F>(host: &Arc<Host>, examples: &[Example], act: impl Fn(Arc<Host>, Example) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let acts = examples.iter().map(|example| act(Arc::clone(host), *example));
    acts.collect::<JoinSet<_>>().join_all().await;
}

/// One or two are disabled at any time, while the others answer.
async fn one_by_one(host: &Host, examples: &[Example], random: &mut Random) {
    let order = shuffled(examples, random);
    let mut stopped: Option<&Example> = None;
    for example in &order {
        host.disable(example.id).await;
        if let Some(stopped) = stopped.replace(example) {
            stopped.is_gone(host).await;
            host.enable(stopped.id).await.unwrap();
        }
        for other in order.iter().filter(|other| other.id != example.id) {
            other.answers(host).await;
        }
    }
    if let Some(stopped) = stopped {
        host.enable(stopped.id).await.unwrap();
    }
}

/// Each while it is asked, and while its streams are read.
async fn under_load(host: &Arc<Host>, examples: &[Example], random: &mut Random) {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    let mut answered = Vec::new();
    for example in examples {
        let count = Arc::new(AtomicUsize::new(0));
        answered.push(Arc::clone(&count));
        let (host, example, is_over) = (Arc::clone(host), *example, Arc::clone(&is_over));
        clients.spawn(async move {
            while !is_over.load(Ordering::SeqCst) {
                let answer = example.ask(&host).await;
                match (answer.status, answer.code().as_str()) {
                    (200, _) => _ = count.fetch_add(1, Ordering::SeqCst),
                    (404, "plugin_disabled") | (503, "plugin_starting" | "plugin_stopped") => {}
                    _ => panic!("{}: {answer:?}", example.id),
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for example in shuffled(examples, random) {
        let stream = example.follow(host).await;
        host.disable(example.id).await;
        if let Some(stream) = stream {
            // Whether that is an end or an error is up to the stream's type.
            let _ended = soon(stream.collect()).await;
        }
        host.enable(example.id).await.unwrap();
    }
    let seen: Vec<_> = answered
        .iter()
        .map(|count| count.load(Ordering::SeqCst))
        .collect();
    until(|| {
        let mut counts = answered.iter().zip(&seen);
        counts.all(|(count, seen)| count.load(Ordering::SeqCst) > *seen)
    })
    .await;
    is_over.store(true, Ordering::SeqCst);
    soon(clients.join_all()).await;
}

fn shuffled(examples: &[Example], random: &mut Random) -> Vec<Example> {
    let mut order = examples.to_vec();
    for last in (1..order.len()).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}
