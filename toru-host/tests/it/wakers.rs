//! Wakers of the host in the hands of a plugin.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use toru_plugin_api::Response;

use crate::actor::Script;
use crate::host::{Host, get, read, soon, until};

type Kept = Arc<Mutex<Vec<Waker>>>;

/// A plugin that keeps the waker of every poll and answers once `done` is true.
async fn keeping(done: &Arc<AtomicBool>) -> (Host, Kept) {
    let kept = Kept::default();
    let (keep, done) = (Arc::clone(&kept), Arc::clone(done));
    let script = Script::act(move |_, _| {
        let (keep, done) = (Arc::clone(&keep), Arc::clone(&done));
        poll_fn(move |cx| {
            keep.lock().unwrap().push(cx.waker().clone());
            if done.load(Ordering::Acquire) {
                Poll::Ready(Ok(Response::text("woken")))
            } else {
                Poll::Pending
            }
        })
    });
    (script.run().await, kept)
}

/// Wakes by value.
fn wake_a_copy(waker: &Waker) {
    let copy = waker.clone();
    copy.wake();
}

fn start(host: &Host, path: &str) -> tokio::task::JoinHandle<crate::host::Answer> {
    let call = host.call(get(path));
    tokio::spawn(async move {
        match call.await {
            Ok(response) => read(response).await.unwrap(),
            Err(never) => match never {},
        }
    })
}

#[tokio::test]
async fn a_waker_is_the_same_at_every_poll() {
    for path in ["actor/act", "actor/large"] {
        let done = Arc::default();
        let (host, kept) = keeping(&done).await;
        let call = start(&host, path);
        for n in 1..10 {
            until(|| kept.lock().unwrap().len() == n).await;
            kept.lock().unwrap()[0].wake_by_ref();
        }
        until(|| kept.lock().unwrap().len() == 10).await;
        done.store(true, Ordering::Release);
        kept.lock().unwrap()[9].wake_by_ref();
        assert_eq!(soon(call).await.unwrap().text(), "woken");
        let kept = kept.lock().unwrap();
        assert!(kept.iter().all(|waker| waker.will_wake(&kept[0])));
    }
}

#[tokio::test]
async fn a_wake_up_from_a_foreign_thread_arrives() {
    let done = Arc::default();
    let (host, kept) = keeping(&done).await;
    for _ in 0..100 {
        done.store(false, Ordering::Release);
        kept.lock().unwrap().clear();
        let call = start(&host, "actor/act");
        until(|| !kept.lock().unwrap().is_empty()).await;
        let waker = kept.lock().unwrap().pop().unwrap();
        let done = Arc::clone(&done);
        let thread = std::thread::spawn(move || {
            done.store(true, Ordering::Release);
            waker.wake();
        });
        assert_eq!(soon(call).await.unwrap().status, 200);
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn a_wake_up_during_the_poll_is_not_lost() {
    // Each poll but the last wakes before it returns, by reference or by value, from this thread or another.
    let host = Script::act(|_, _| {
        let mut polls = 0;
        poll_fn(move |cx| {
            polls += 1;
            match polls % 3 {
                _ if polls > 30 => return Poll::Ready(Ok(Response::text("woken"))),
                0 => cx.waker().wake_by_ref(),
                1 => wake_a_copy(cx.waker()),
                _ => {
                    let waker = cx.waker().clone();
                    std::thread::spawn(move || waker.wake()).join().unwrap();
                }
            }
            Poll::Pending
        })
    })
    .run()
    .await;
    for path in ["actor/act", "actor/large"] {
        assert_eq!(host.get(path).await.text(), "woken");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_up_that_races_with_the_poll_is_not_lost() {
    // Every round is a wake-up by another thread, as soon as that has seen the round before: a lost one hangs.
    const ROUNDS: u32 = 5000;
    let asked = Arc::new((AtomicU32::new(0), AtomicU32::new(0), Mutex::new(None::<Waker>)));
    let answering = Arc::clone(&asked);
    let thread = std::thread::spawn(move || {
        let (asked, answered, waker) = &*answering;
        let mut round = 0;
        while round < ROUNDS {
            if asked.load(Ordering::Relaxed) <= round {
                std::hint::spin_loop();
                continue;
            }
            round += 1;
            answered.store(round, Ordering::Relaxed);
            if let Some(waker) = &*waker.lock().unwrap() {
                waker.wake_by_ref();
            }
        }
    });
    let host = Script::act(move |_, _| {
        let shared = Arc::clone(&asked);
        poll_fn(move |cx| {
            let (asked, answered, waker) = &*shared;
            if asked.load(Ordering::Relaxed) == 0 {
                *waker.lock().unwrap() = Some(cx.waker().clone());
                asked.store(1, Ordering::Relaxed);
            }
            let round = asked.load(Ordering::Relaxed);
            if answered.load(Ordering::Relaxed) < round {
                return Poll::Pending;
            }
            if round == ROUNDS {
                return Poll::Ready(Ok(Response::text("all")));
            }
            asked.store(round + 1, Ordering::Relaxed);
            Poll::Pending
        })
    })
    .run()
    .await;
    assert_eq!(host.get("actor/act").await.text(), "all");
    thread.join().unwrap();
}

#[tokio::test]
async fn a_waker_outlives_its_call_and_its_plugin() {
    let done = Arc::default();
    let (host, kept) = keeping(&done).await;
    let call = start(&host, "actor/act");
    until(|| !kept.lock().unwrap().is_empty()).await;
    call.abort();
    assert!(soon(call).await.unwrap_err().is_cancelled());
    kept.lock().unwrap()[0].wake_by_ref();
    host.disable("actor").await;
    let kept = std::mem::take(&mut *kept.lock().unwrap());
    let copies = kept.clone();
    drop(host);
    std::thread::spawn(move || {
        for waker in copies.iter().chain(&kept) {
            waker.wake_by_ref();
            wake_a_copy(waker);
        }
    })
    .join()
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clones_and_drops_from_many_threads_keep_count() {
    let done: Arc<AtomicBool> = Arc::default();
    let (host, kept) = keeping(&done).await;
    let call = start(&host, "actor/act");
    until(|| !kept.lock().unwrap().is_empty()).await;
    let waker = kept.lock().unwrap()[0].clone();
    let storm = |waker: Waker| {
        move || {
            for _ in 0..20_000 {
                let copies = [waker.clone(), waker.clone()];
                copies[0].wake_by_ref();
                drop(copies);
            }
        }
    };
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(storm(waker.clone()))).collect();
    tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| thread.join().unwrap()))
        .await
        .unwrap();
    done.store(true, Ordering::Release);
    waker.wake();
    assert_eq!(soon(call).await.unwrap().text(), "woken");
    host.disable("actor").await;
}
