//! How plugins end: what they left in the background, and applications that end without a word.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::actor::Script;
use crate::host::{Host, get};
use crate::support::Place;
use crate::zoo::{self, Zoo};

const SHORT: Duration = Duration::from_millis(50);

/// Runs when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[tokio::test]
async fn background_tasks_are_dropped_before_the_plugin() {
    let order = Arc::new(AtomicU32::new(0));
    let (first, second) = (Arc::clone(&order), Arc::clone(&order));
    let next = |order: &AtomicU32, from, to| {
        let _ = order.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
    };
    let script = Script {
        init: Some(Box::new(move |ctx| {
            let first = Arc::clone(&first);
            Box::pin(async move {
                let dropped = OnDrop(move || next(&first, 0, 1));
                ctx.runtime.spawn(async move {
                    let _dropped = dropped;
                    std::future::pending::<()>().await;
                })
            })
        })),
        dropped: Some(Box::new(move |_| next(&second, 1, 2))),
        ..Script::default()
    };
    let host = script.run().await;
    tokio::task::yield_now().await;
    assert_eq!(order.load(Ordering::SeqCst), 0);
    host.disable("actor").await;
    assert_eq!(order.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn blocking_work_is_not_waited_for_longer_than_a_shutdown() {
    let place = Place::new();
    let Some((pipe, release)) = zoo::pipe(&place) else {
        return;
    };
    let define = format!("ZOO_PIPE={pipe:?}");
    let Some(_) = zoo::compile(&place, "blocks_in_the_background", &[&define]) else {
        return;
    };
    let host = Host::with(place, |builder| builder.shutdown_timeout(SHORT)).await;
    let id = "blocks-in-the-background".to_owned();
    host.enable(&id).await.unwrap();
    host.disable(&id).await;
    host.enable(&id).await.unwrap();
    let zoo = Zoo { host, id };
    assert_eq!((zoo.count("stopped").await, zoo.count("ended").await), (1, 0));
    drop(release);
    while zoo.count("ended").await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(zoo.count("ended").await, 1, "destroyed, and after its work");
}

#[tokio::test]
async fn an_application_may_end_without_a_word() {
    // The runtime goes first, the manager with its running plugin afterwards, and the other way round.
    for runtime_first in [false, true] {
        let ending = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let host = runtime.block_on(Script::act(|_, _| std::future::pending()).run());
            let call = host.call(get("actor/act"));
            if runtime_first {
                drop(runtime);
                drop((host, call));
            } else {
                drop((call, host));
                drop(runtime);
            }
        });
        tokio::task::spawn_blocking(move || ending.join().unwrap())
            .await
            .unwrap();
    }
}
