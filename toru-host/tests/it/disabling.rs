//! Plugins that are disabled while they work.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use tokio::sync::{Barrier, Semaphore};
use toru_host::error::BodyError;
use toru_host::plugin::PluginState;
use toru_plugin_api::{Body, BodyStream, Frame, PluginError, Response};

use crate::actor::{Script, told};
use crate::host::{Host, get, id, read, soon, until};
use crate::support::Place;
use crate::zoo;

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn running_calls_end_before_the_plugin_does() {
    let gate = Arc::new(Semaphore::new(0));
    let (waiting, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (passing, counting, ending) = (Arc::clone(&gate), Arc::clone(&waiting), Arc::clone(&ended));
    let mut script = Script::act(move |_, _| {
        let (gate, waiting) = (Arc::clone(&passing), Arc::clone(&counting));
        async move {
            waiting.fetch_add(1, Ordering::SeqCst);
            let _pass = gate.acquire().await.unwrap();
            Ok(Response::text("drained"))
        }
    });
    script.shutdown = Some(Box::new(move |_| {
        ending.store(true, Ordering::SeqCst);
        Box::pin(async {})
    }));
    let host = script
        .run_with(|builder| builder.drain_timeout(Duration::from_secs(3600)))
        .await;
    let calls: Vec<_> = (0..10)
        .map(|_| tokio::spawn(host.call(get("actor/act"))))
        .collect();
    until(|| waiting.load(Ordering::SeqCst) == 10).await;
    let manager = host.manager.clone();
    let disabling = tokio::spawn(async move { manager.disable(&id("actor")).await });
    until(|| host.status("actor").state == PluginState::Stopping).await;
    assert_eq!(
        host.get("actor/act").await.problem(),
        (404, "plugin_disabled".into())
    );
    assert!(!disabling.is_finished() && !ended.load(Ordering::SeqCst));
    gate.add_permits(10);
    for call in calls {
        let response = match soon(call).await.unwrap() {
            Ok(response) => response,
            Err(never) => match never {},
        };
        assert_eq!(read(response).await.unwrap().text(), "drained");
    }
    soon(disabling).await.unwrap().unwrap();
    assert!(ended.load(Ordering::SeqCst));
}

#[tokio::test]
async fn calls_that_do_not_end_are_cancelled() {
    let host = Script::act(|_, _| std::future::pending())
        .run_with(|builder| builder.drain_timeout(SHORT))
        .await;
    let call = tokio::spawn(host.call(get("actor/act")));
    tokio::task::yield_now().await;
    host.disable("actor").await;
    let response = match soon(call).await.unwrap() {
        Ok(response) => response,
        Err(never) => match never {},
    };
    assert_eq!(
        read(response).await.unwrap().problem(),
        (503, "plugin_stopped".into())
    );
    host.enable("actor").await.unwrap();
    assert_eq!(host.get("actor/ok").await.text(), "ok");
}

/// Never has a frame.
struct Silent(#[expect(dead_code, reason = "it is there to be dropped")] crate::actor::Told);

impl BodyStream for Silent {
    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame, PluginError>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn streams_that_are_suspended_are_cancelled() {
    let (flag, dropped) = told();
    let flag = std::sync::Mutex::new(Some(flag));
    let (ended, has_ended) = told();
    let ended = std::sync::Mutex::new(Some(ended));
    let mut script = Script::act(move |_, _| {
        let stream = Silent(flag.lock().unwrap().take().unwrap());
        std::future::ready(Ok(Response::new(200).with_body(Body::from_stream(stream))))
    });
    script.dropped = Some(Box::new(move |_| drop(ended.lock().unwrap().take())));
    let host = script.run_with(|builder| builder.drain_timeout(SHORT)).await;
    let body = host.respond(get("actor/act")).await.into_body();
    let reading = tokio::spawn(body.collect());
    tokio::task::yield_now().await;
    host.disable("actor").await;
    assert_eq!(soon(reading).await.unwrap().unwrap_err(), BodyError::Failed);
    soon(dropped).await.unwrap();
    soon(has_ended).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_nobody_reads_ends_with_its_plugin() {
    for polled_before in [false, true] {
        let (flag, dropped) = told();
        let flag = std::sync::Mutex::new(Some(flag));
        let (ended, has_ended) = told();
        let ended = std::sync::Mutex::new(Some(ended));
        let mut script = Script::act(move |_, _| {
            let stream = Silent(flag.lock().unwrap().take().unwrap());
            std::future::ready(Ok(Response::new(200).with_body(Body::from_stream(stream))))
        });
        script.dropped = Some(Box::new(move |_| drop(ended.lock().unwrap().take())));
        let host = script.run_with(|builder| builder.drain_timeout(SHORT)).await;
        let mut body = host.respond(get("actor/act")).await.into_body();
        if polled_before {
            let mut frame = std::pin::pin!(body.frame());
            assert!(
                std::future::poll_fn(|cx| Poll::Ready(frame.as_mut().poll(cx)))
                    .await
                    .is_pending()
            );
        }
        // The client holds the response but does not read, as one that has stalled.
        host.disable("actor").await;
        soon(dropped).await.unwrap();
        soon(has_ended).await.unwrap();
        assert_eq!(body.collect().await.unwrap_err(), BodyError::Failed);
    }
}

#[tokio::test]
async fn a_scan_leaves_a_plugin_alone_that_is_stopping() {
    let place = Place::new();
    let Some(_) = zoo::compile(&place, "pends_forever", &[]) else {
        return;
    };
    // As long as it takes to look twice: nothing is waited for in between.
    let host = Host::with(place, |builder| builder.drain_timeout(Duration::from_secs(1))).await;
    let id = "pends-forever";
    host.enable(id).await.unwrap();
    let library = host.place.plugins().join("pends_forever.so");
    let aside = host.place.root().join("aside.so");
    let call = tokio::spawn(host.call(get(&format!("{id}/fault"))));
    tokio::task::yield_now().await;
    let (manager, plugin) = (host.manager.clone(), id.parse().unwrap());
    let disabling = tokio::spawn(async move { manager.disable(&plugin).await });
    until(|| host.status(id).state == PluginState::Stopping).await;
    std::fs::rename(&library, &aside).unwrap();
    host.manager.scan().await.unwrap();
    assert_eq!(host.status(id).state, PluginState::Stopping);
    std::fs::rename(&aside, &library).unwrap();
    host.manager.scan().await.unwrap();
    soon(disabling).await.unwrap().unwrap();
    soon(call).await.unwrap().unwrap();
    assert_eq!(host.status(id).state, PluginState::Disabled);
    host.enable(id).await.unwrap();
    assert_eq!(host.get(&format!("{id}/ok")).await.text(), "ok");
}

#[tokio::test]
async fn a_call_that_was_made_before_and_polled_after_does_not_reach_the_plugin() {
    let called = Arc::new(AtomicBool::new(false));
    for path in ["actor/act", "actor/block"] {
        let (acting, blocking) = (Arc::clone(&called), Arc::clone(&called));
        let mut script = Script::act(move |_, _| {
            acting.store(true, Ordering::SeqCst);
            std::future::ready(Ok(Response::text("too late")))
        });
        script.block = Some(Box::new(move |_, _| {
            blocking.store(true, Ordering::SeqCst);
            Ok(Response::text("too late"))
        }));
        let host = script.run_with(|builder| builder.drain_timeout(SHORT)).await;
        let call = host.call(get(path));
        host.disable("actor").await;
        let response = match soon(call).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        assert_eq!(
            read(response).await.unwrap().problem(),
            (503, "plugin_stopped".into())
        );
        assert!(!called.load(Ordering::SeqCst), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_reaches_a_plugin_that_was_disabled() {
    // Counts the calls that are inside while the instance is between `shutdown` and the next `init`.
    let (runs, wrong, calls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
        Arc::new(AtomicU32::new(0)),
    );
    let (starts, stops) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let begin = Arc::new(Barrier::new(64));
    let (running, failing, calling) = (Arc::clone(&runs), Arc::clone(&wrong), Arc::clone(&calls));
    let mut script = Script::act(move |_, _| {
        let (running, failing, calling) = (Arc::clone(&running), Arc::clone(&failing), Arc::clone(&calling));
        async move {
            let check = || failing.fetch_add(u32::from(!running.load(Ordering::SeqCst)), Ordering::SeqCst);
            check();
            tokio::task::yield_now().await;
            check();
            calling.fetch_add(1, Ordering::SeqCst);
            Ok(Response::text("fine"))
        }
    });
    let (running, starting) = (Arc::clone(&runs), Arc::clone(&starts));
    script.init = Some(Box::new(move |_| {
        running.store(true, Ordering::SeqCst);
        starting.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    }));
    let (running, stopping) = (Arc::clone(&runs), Arc::clone(&stops));
    script.shutdown = Some(Box::new(move |_| {
        running.store(false, Ordering::SeqCst);
        stopping.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {})
    }));
    let host = Arc::new(script.run().await);
    let tasks: Vec<_> = (0..64_u32)
        .map(|n| {
            let (host, begin) = (Arc::clone(&host), Arc::clone(&begin));
            tokio::spawn(async move {
                begin.wait().await;
                for round in 0..20 {
                    match (n + round) % 16 {
                        0 => host.manager.disable(&id("actor")).await.unwrap(),
                        1 => host.manager.enable(&id("actor")).await.unwrap(),
                        _ => {
                            let answer = host.get("actor/act").await;
                            assert!(
                                matches!(
                                    (answer.status, &*answer.code()),
                                    (200, "") | (404, "plugin_disabled") | (503, "plugin_starting")
                                ),
                                "{answer:?}"
                            );
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap();
    }
    host.disable("actor").await;
    assert_eq!(
        wrong.load(Ordering::SeqCst),
        0,
        "of {} calls",
        calls.load(Ordering::SeqCst)
    );
    assert!(calls.load(Ordering::SeqCst) > 0);
    assert_eq!(
        starts.load(Ordering::SeqCst),
        stops.load(Ordering::SeqCst),
        "each was shut down once"
    );
}

#[tokio::test]
async fn a_stream_of_events_ends_at_once_and_cleanly() {
    for kind in ["text/event-stream", "Text/Event-Stream; charset=utf-8"] {
        let (flag, dropped) = told();
        let flag = std::sync::Mutex::new(Some(flag));
        let script = Script::act(move |_, _| {
            let stream = Silent(flag.lock().unwrap().take().unwrap());
            let response = Response::with_type(kind, Body::from_stream(stream));
            std::future::ready(Ok(response))
        });
        // Whoever waited for it would wait for an hour.
        let host = script
            .run_with(|builder| builder.drain_timeout(Duration::from_secs(3600)))
            .await;
        let body = host.respond(get("actor/act")).await.into_body();
        let reading = tokio::spawn(body.collect());
        tokio::task::yield_now().await;
        host.disable("actor").await;
        soon(dropped).await.unwrap();
        let read = soon(reading).await.unwrap().unwrap();
        assert!(read.to_bytes().is_empty(), "an end and no error");
    }
}
