//! Plugins that are sent more at a time than they may have.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use toru_host::plugin::{PluginCounters, PluginLimits};
use toru_host::service::ResponseFuture;
use toru_plugin_api::{Body, Response};

use crate::actor::Script;
use crate::bodies::Streaming;
use crate::host::{Answer, Host, get, id, poll_once, read, soon, until};
use crate::mirror::with_mirror;
use crate::support::Place;
use crate::zoo;

type Call = ResponseFuture<Empty<Bytes>>;

/// Lets threads go when it is dropped, so that a failing test ends as well.
#[derive(Clone, Default)]
struct Barrier(Arc<(Mutex<bool>, Condvar, AtomicUsize)>);

struct Closed(Barrier);

impl Barrier {
    fn wait(&self) {
        let (is_open, opened, arrived) = &*self.0;
        arrived.fetch_add(1, Ordering::SeqCst);
        let is_open = is_open.lock().unwrap();
        drop(opened.wait_while(is_open, |is_open| !*is_open).unwrap());
    }

    /// How many threads have come so far.
    fn arrived(&self) -> usize {
        self.0.2.load(Ordering::SeqCst)
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        let (is_open, opened, _) = &*self.0.0;
        *is_open.lock().unwrap() = true;
        opened.notify_all();
    }
}

/// A plugin whose calls hang: suspended at `/act`, on their threads at `/block`.
fn hanging(barrier: &Barrier) -> Script {
    let barrier = barrier.clone();
    Script {
        block: Some(Box::new(move |_, _| {
            barrier.wait();
            Ok(Response::text("at last"))
        })),
        ..Script::act(|_, _| std::future::pending())
    }
}

fn counted(host: &Host, plugin: &str) -> PluginCounters {
    host.info(plugin).counters
}

/// So many calls that wait for their answers.
async fn waiting(host: &Host, path: &str, count: usize) -> Vec<Call> {
    let mut calls = Vec::new();
    for _ in 0..count {
        let mut call = host.call(get(path));
        assert!(poll_once(&mut call).await.is_pending(), "{path}");
        calls.push(call);
    }
    calls
}

/// What is answered at once.
async fn at_once(mut call: Call) -> Answer {
    match poll_once(&mut call).await {
        Poll::Ready(Ok(response)) => read(response).await.unwrap(),
        Poll::Pending => panic!("it is let in"),
    }
}

async fn is_turned_away(host: &Host, path: &str) {
    let answer = at_once(host.call(get(path))).await;
    assert_eq!(answer.problem(), (503, "plugin_busy".into()));
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
}

/// 64 calls hang, the next one is turned away, others notice nothing, and the end of one makes room for one.
async fn is_limited(host: &Host, plugin: &str, path: &str) {
    let before = counted(host, plugin);
    let mut calls = waiting(host, path, 64).await;
    is_turned_away(host, path).await;
    let full = counted(host, plugin);
    assert_eq!((full.in_flight, full.calls - before.calls), (64, 64));
    assert_eq!(full.rejected - before.rejected, 1);
    assert_eq!(at_once(host.call(get("mirror/x"))).await.status, 200);
    drop(calls.pop());
    calls.extend(waiting(host, path, 1).await);
    is_turned_away(host, path).await;
    drop(calls);
    let after = counted(host, plugin);
    assert_eq!((after.in_flight, after.rejected - before.rejected), (0, 2));
    assert_eq!(after.cancelled - before.cancelled, 65);
}

async fn host_with_neighbour(script: Script) -> Host {
    let host = script.run_with(with_mirror).await;
    host.enable("mirror").await.unwrap();
    host
}

#[tokio::test]
async fn the_65th_call_is_turned_away_and_other_plugins_notice_nothing() {
    let host = host_with_neighbour(hanging(&Barrier::default())).await;
    is_limited(&host, "actor", "actor/act").await;
    is_limited(&host, "actor", "actor/large").await;
}

#[tokio::test]
async fn the_65th_detached_call_is_turned_away_as_well() {
    let place = Place::new();
    if zoo::compile(&place, "responds_after_cancellation", &[]).is_none() {
        return;
    }
    let host = Host::with(place, with_mirror).await;
    host.enable("mirror").await.unwrap();
    host.enable("responds-after-cancellation").await.unwrap();
    let path = "responds-after-cancellation/fault";
    is_limited(&host, "responds-after-cancellation", path).await;
}

#[tokio::test]
async fn blocking_calls_keep_their_places_until_their_threads_come_back() {
    let barrier = Barrier::default();
    let closed = Closed(barrier.clone());
    let host = host_with_neighbour(hanging(&barrier)).await;
    let calls = waiting(&host, "actor/block", 64).await;
    is_turned_away(&host, "actor/block").await;
    assert_eq!(at_once(host.call(get("mirror/x"))).await.status, 200);
    // A call whose thread has not come yet would never enter the plugin.
    until(|| barrier.arrived() == 64).await;
    // Their clients leave. Had the threads no places now, a plugin could have all threads that there are.
    drop(calls);
    assert_eq!(counted(&host, "actor").cancelled, 64);
    is_turned_away(&host, "actor/block").await;
    drop(closed);
    until(|| counted(&host, "actor").in_flight == 0).await;
    assert_eq!(host.get("actor/block").await.text(), "at last");
}

#[tokio::test]
async fn blocking_calls_that_are_answered_make_room() {
    let barrier = Barrier::default();
    let closed = Closed(barrier.clone());
    let host = host_with_neighbour(hanging(&barrier)).await;
    let calls = waiting(&host, "actor/block", 64).await;
    drop(closed);
    for call in calls {
        let Ok(response) = soon(call).await;
        assert_eq!(read(response).await.unwrap().text(), "at last");
    }
    assert_eq!(counted(&host, "actor").in_flight, 0);
    assert_eq!(host.get("actor/block").await.status, 200);
}

fn streaming() -> Script {
    Script::act(|_, _| async {
        let stream = Streaming {
            left: 1000,
            chunk: 300,
            asked: Arc::default(),
        };
        Ok(Response::new(200).with_body(Body::from_stream(stream)))
    })
}

#[tokio::test]
async fn a_streamed_response_counts_until_its_end() {
    let host = streaming()
        .run_with(|builder| builder.limits(PluginLimits::new().max_in_flight(2)))
        .await;
    let mut first = host.respond(get("actor/act")).await;
    let second = host.respond(get("actor/act")).await;
    is_turned_away(&host, "actor/act").await;
    soon(first.body_mut().frame()).await.unwrap().unwrap();
    is_turned_away(&host, "actor/act").await;
    while soon(first.body_mut().frame()).await.is_some() {}
    // At its end, also while somebody still has it in hand.
    let third = host.respond(get("actor/act")).await;
    assert_eq!(third.status(), 200);
    is_turned_away(&host, "actor/act").await;
    // A client that leaves does not read to the end.
    drop(second);
    assert_eq!(host.respond(get("actor/act")).await.status(), 200);
    drop((first, third));
    assert_eq!(counted(&host, "actor").in_flight, 0);
}

#[tokio::test]
async fn what_is_there_as_a_whole_makes_room_before_it_is_read() {
    let host = Script::default()
        .run_with(|builder| builder.limits(PluginLimits::new().max_in_flight(1)))
        .await;
    let unread = host.respond(get("actor/ok")).await;
    assert_eq!(host.get("actor/ok").await.text(), "ok");
    assert_eq!(read(unread).await.unwrap().text(), "ok");
}

#[tokio::test]
async fn failures_and_panics_give_their_places_back() {
    let host = Script::act(|_, request| async move {
        match &*request.query() {
            "panic" => panic!("as asked for"),
            "invalid" => Ok(Response::new(99)),
            "length" => Ok(Response::text("four").with_header("content-length", "5")),
            _ => Err(toru_plugin_api::PluginError::other("no")),
        }
    })
    .run_with(|builder| {
        let builder = builder.quarantine(toru_host::QuarantinePolicy::never());
        builder.limits(PluginLimits::new().max_in_flight(1))
    })
    .await;
    for query in ["panic", "invalid", "length", "error", "panic"] {
        let answer = host.get(&format!("actor/act?{query}")).await;
        assert!(matches!(answer.status, 500 | 502), "{query}: {answer:?}");
    }
    assert_eq!(host.get("actor/act?error").await.code(), "plugin_error");
}

#[tokio::test]
async fn plugins_have_limits_of_their_own() {
    let host = hanging(&Barrier::default())
        .run_with(|builder| {
            let usual = PluginLimits::new().max_in_flight(3);
            with_mirror(builder)
                .limits(usual)
                .plugin_limits(id("mirror"), usual.max_in_flight(0))
        })
        .await;
    host.enable("mirror").await.unwrap();
    is_turned_away(&host, "mirror/x").await;
    let calls = waiting(&host, "actor/act", 3).await;
    is_turned_away(&host, "actor/act").await;
    // Whoever has not been looked after yet has come all the same.
    drop(calls);
    let unpolled: Vec<_> = (0..3).map(|_| host.call(get("actor/act"))).collect();
    is_turned_away(&host, "actor/act").await;
    drop(unpolled);
    waiting(&host, "actor/act", 3).await;
    let counted = counted(&host, "mirror");
    assert_eq!((counted.calls, counted.rejected, counted.in_flight), (0, 1, 0));
}

#[tokio::test]
async fn a_plugin_without_limit_takes_more() {
    let host = hanging(&Barrier::default())
        .run_with(|builder| builder.limits(PluginLimits::unlimited()))
        .await;
    let calls = waiting(&host, "actor/act", 1000).await;
    assert_eq!(counted(&host, "actor").in_flight, 1000);
    drop(calls);
    assert_eq!(counted(&host, "actor").in_flight, 0);
}

#[tokio::test]
async fn places_outlive_their_instance_and_are_given_back() {
    let barrier = Barrier::default();
    let closed = Closed(barrier.clone());
    let host = hanging(&barrier)
        .run_with(|builder| {
            let builder = builder.drain_timeout(Duration::from_millis(1));
            builder.limits(PluginLimits::new().max_in_flight(2))
        })
        .await;
    let calls = waiting(&host, "actor/act", 1).await;
    let blocked = waiting(&host, "actor/block", 1).await;
    let disabling = tokio::spawn({
        let manager = host.manager.clone();
        async move { manager.disable(&id("actor")).await }
    });
    for call in calls.into_iter().chain(blocked) {
        let Ok(response) = soon(call).await;
        assert_eq!(read(response).await.unwrap().code(), "plugin_stopped");
    }
    assert_eq!(
        counted(&host, "actor").in_flight,
        1,
        "the thread is still in there"
    );
    drop(closed);
    soon(disabling).await.unwrap().unwrap();
    let after = counted(&host, "actor");
    assert_eq!((after.in_flight, after.stopped), (0, 2));
    host.enable("actor").await.unwrap();
    assert_eq!(host.get("actor/ok").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_more_get_in_than_there_is_room_for_however_many_come_at_once() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (inside, highest) = (Arc::clone(&now), Arc::clone(&most));
    let host = Script::act(move |_, _| {
        let (inside, highest) = (Arc::clone(&inside), Arc::clone(&highest));
        async move {
            let before = inside.fetch_add(1, Ordering::SeqCst);
            highest.fetch_max(before + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
            Ok(Response::text("in"))
        }
    })
    .run_with(|builder| builder.limits(PluginLimits::new().max_in_flight(3)))
    .await;
    let host = Arc::new(host);
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let host = Arc::clone(&host);
            tokio::spawn(async move {
                let mut turned_away = 0;
                for _ in 0..100 {
                    match host.get("actor/act").await.problem() {
                        (200, _) => {}
                        (503, code) if code == "plugin_busy" => turned_away += 1,
                        other => panic!("{other:?}"),
                    }
                }
                turned_away
            })
        })
        .collect();
    let mut turned_away = 0;
    for caller in callers {
        turned_away += soon(caller).await.unwrap();
    }
    assert!(most.load(Ordering::SeqCst) <= 3);
    let after = counted(&host, "actor");
    assert_eq!(
        (after.rejected, after.calls + after.rejected),
        (turned_away, 1600)
    );
    assert_eq!(after.in_flight, 0);
}

#[tokio::test]
async fn a_stream_that_stands_still_makes_room_before_anybody_is_turned_away() {
    let limits = PluginLimits::new().max_in_flight(2);
    let host = streaming()
        .run_with(|builder| builder.limits(limits.max_stall(Duration::ZERO)))
        .await;
    // One client has taken a part and reads no more, one has taken nothing at all.
    let mut first = host.respond(get("actor/act")).await;
    soon(first.body_mut().frame()).await.unwrap().unwrap();
    let mut second = host.respond(get("actor/act")).await;
    let third = host.respond(get("actor/act")).await;
    assert_eq!(third.status(), 200);
    for stalled in [&mut first, &mut second] {
        let error = soon(stalled.body_mut().frame()).await.unwrap().unwrap_err();
        assert_eq!(error, toru_host::error::BodyError::Failed);
    }
    assert_eq!(counted(&host, "actor").rejected, 0);
}

#[tokio::test]
async fn a_stream_whose_plugin_has_nothing_to_send_does_not_stand_still() {
    struct Silent;

    impl toru_plugin_api::BodyStream for Silent {
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<toru_plugin_api::Frame, toru_plugin_api::PluginError>>> {
            Poll::Pending
        }
    }

    let script = Script::act(|_, _| async { Ok(Response::new(200).with_body(Body::from_stream(Silent))) });
    let limits = PluginLimits::new().max_in_flight(1).max_stall(Duration::ZERO);
    let host = script.run_with(|builder| builder.limits(limits)).await;
    let mut listening = host.respond(get("actor/act")).await;
    assert!(poll_once(&mut listening.body_mut().frame()).await.is_pending());
    is_turned_away(&host, "actor/act").await;
    assert!(poll_once(&mut listening.body_mut().frame()).await.is_pending());
}
