//! What is counted of each plugin.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty, Full};
use toru_host::QuarantinePolicy;
use toru_host::plugin::PluginCounters;
use toru_plugin_api::{self as plugin, PluginError, Response};

use crate::actor::{Script, restart};
use crate::bodies::Streaming;
use crate::host::{Host, get, post, read, soon, until};
use crate::rust_zoo::zoo_with;
use crate::zoo;

fn counted(host: &Host, plugin: &str) -> PluginCounters {
    host.info(plugin).counters
}

/// What a call added, but for its time.
async fn added(host: &Host, plugin: &str, call: impl Future<Output = ()>) -> PluginCounters {
    let before = counted(host, plugin);
    call.await;
    let after = counted(host, plugin);
    assert!(after.time_ns >= before.time_ns);
    let mut added = PluginCounters::default();
    added.starts = after.starts - before.starts;
    added.calls = after.calls - before.calls;
    added.in_flight = after.in_flight - before.in_flight;
    added.panicked = after.panicked - before.panicked;
    added.failed = after.failed - before.failed;
    added.invalid_responses = after.invalid_responses - before.invalid_responses;
    added.cancelled = after.cancelled - before.cancelled;
    added.stopped = after.stopped - before.stopped;
    added.broken_bodies = after.broken_bodies - before.broken_bodies;
    added.bytes_in = after.bytes_in - before.bytes_in;
    added.bytes_out = after.bytes_out - before.bytes_out;
    added
}

/// One call, and what else.
fn one_call(change: impl FnOnce(&mut PluginCounters)) -> PluginCounters {
    let mut counters = PluginCounters::default();
    counters.calls = 1;
    change(&mut counters);
    counters
}

/// A plugin that does what the query says.
fn actor() -> Script {
    Script {
        block: Some(Box::new(|_, _| Ok(Response::text("blocked")))),
        ..Script::act(|_, request| async move {
            match &*request.query().into_owned() {
                "error" => Err(PluginError::other("no")),
                "panic" => panic!("as asked for"),
                "forever" => std::future::pending().await,
                _ => {
                    let body = request.into_body().collect(1 << 20).await?;
                    Ok(Response::new(200).with_body(body))
                }
            }
        })
    }
}

#[tokio::test]
async fn each_outcome_of_a_call_is_counted_once_and_nothing_else_is() {
    let host = actor().run().await;
    let call = async |path: &str| drop(host.get(path).await);
    let fine = one_call(|counters| counters.bytes_out = 2);
    assert_eq!(added(&host, "actor", call("actor/ok")).await, fine);
    let blocked = one_call(|counters| counters.bytes_out = 7);
    assert_eq!(added(&host, "actor", call("actor/block")).await, blocked);
    let failed = one_call(|counters| counters.failed = 1);
    assert_eq!(added(&host, "actor", call("actor/act?error")).await, failed);
    let panicked = one_call(|counters| counters.panicked = 1);
    assert_eq!(added(&host, "actor", call("actor/act?panic")).await, panicked);
    let nothing = PluginCounters::default();
    assert_eq!(added(&host, "actor", call("actor/nowhere")).await, nothing);
    let echo = async { drop(host.post("actor/act", "12345").await) };
    let both = one_call(|counters| (counters.bytes_in, counters.bytes_out) = (5, 5));
    assert_eq!(added(&host, "actor", echo).await, both);
    let head = async {
        let request = Request::head("/api/plugins/actor/ok")
            .body(Empty::<Bytes>::new())
            .unwrap();
        assert_eq!(host.respond(request).await.status(), 200);
    };
    assert_eq!(added(&host, "actor", head).await, one_call(|_| ()));
}

#[tokio::test]
async fn an_invalid_answer_is_counted_as_such() {
    let Some(host) = zoo::host_of("unusable_response").await else {
        return;
    };
    host.enable("unusable-response").await.unwrap();
    let call = async { assert_eq!(host.get("unusable-response/fault?0").await.status, 502) };
    let invalid = one_call(|counters| counters.invalid_responses = 1);
    assert_eq!(added(&host, "unusable-response", call).await, invalid);
}

#[tokio::test]
async fn calls_are_in_flight_until_they_are_answered_or_given_up() {
    let host = actor().run().await;
    let mut call = Box::pin(host.call(get("actor/act?forever")));
    assert!(futures(&mut call).await.is_none());
    assert_eq!(counted(&host, "actor").in_flight, 1);
    drop(call);
    let after = counted(&host, "actor");
    assert_eq!((after.calls, after.in_flight, after.cancelled), (1, 0, 1));
    assert!(after.time_ns > 0);

    // One that nobody ever polled has come all the same.
    drop(host.call(get("actor/act")));
    let after = counted(&host, "actor");
    assert_eq!((after.calls, after.in_flight, after.cancelled), (2, 0, 2));
}

#[tokio::test]
async fn calls_that_end_with_their_plugin_are_counted_as_stopped() {
    let host = actor()
        .load(|builder| builder.drain_timeout(std::time::Duration::from_millis(1)))
        .await;
    host.enable("actor").await.unwrap();
    let call = tokio::spawn(host.call(get("actor/act?forever")));
    until(|| counted(&host, "actor").in_flight == 1).await;
    host.disable("actor").await;
    assert_eq!(soon(call).await.unwrap().unwrap().status(), 503);
    let after = counted(&host, "actor");
    assert_eq!((after.calls, after.in_flight, after.stopped), (1, 0, 1));
}

#[tokio::test]
async fn a_response_that_streams_is_in_flight_to_its_end() {
    let host = Script::act(|_, _| async {
        let stream = Streaming {
            left: 1000,
            chunk: 300,
            asked: Arc::default(),
        };
        Ok(Response::new(200).with_body(plugin::Body::from_stream(stream)))
    })
    .run()
    .await;
    let mut response = host.respond(get("actor/act")).await;
    let before = counted(&host, "actor");
    assert_eq!((before.calls, before.in_flight, before.bytes_out), (1, 1, 0));
    soon(response.body_mut().frame()).await.unwrap().unwrap();
    assert_eq!(counted(&host, "actor").bytes_out, 300);
    while soon(response.body_mut().frame()).await.is_some() {}
    let after = counted(&host, "actor");
    assert_eq!((after.in_flight, after.bytes_out), (0, 1000));

    // One that nobody reads to its end.
    let response = host.respond(get("actor/act")).await;
    assert_eq!(counted(&host, "actor").in_flight, 1);
    drop(response);
    let after = counted(&host, "actor");
    assert_eq!((after.in_flight, after.cancelled, after.broken_bodies), (0, 0, 0));
}

#[tokio::test]
async fn a_panic_in_a_stream_counts_as_panic_and_as_broken_body_and_towards_quarantine() {
    let host = zoo_with("{}")
        .await
        .restart_with(|builder| builder.quarantine(QuarantinePolicy::new(2, std::time::Duration::MAX)))
        .await;
    host.enable("rust-zoo").await.unwrap();
    for state in [
        toru_host::plugin::PluginState::Enabled,
        toru_host::plugin::PluginState::Quarantined,
    ] {
        let call = async {
            let response = host.respond(get("rust-zoo/stream")).await;
            assert!(read(response).await.is_err());
        };
        let broken = one_call(|counters| (counters.panicked, counters.broken_bodies) = (1, 1));
        let mut counted = added(&host, "rust-zoo", call).await;
        counted.bytes_out = 0;
        assert_eq!(counted, broken);
        assert_eq!(host.state("rust-zoo"), state);
    }
}

#[tokio::test]
async fn a_body_that_is_passed_on_counts_both_ways() {
    let host = Script::act(|_, request| async move { Ok(Response::new(200).with_body(request.into_body())) })
        .run()
        .await;
    let call = async { assert_eq!(host.post("actor/act", "1234567").await.text(), "1234567") };
    let both = one_call(|counters| (counters.bytes_in, counters.bytes_out) = (7, 7));
    assert_eq!(added(&host, "actor", call).await, both);
}

#[tokio::test]
async fn counts_go_on_over_starts_and_begin_anew_with_the_host() {
    let host = actor().run().await;
    host.get("actor/ok").await;
    host.disable("actor").await;
    host.enable("actor").await.unwrap();
    host.get("actor/ok").await;
    let after = counted(&host, "actor");
    assert_eq!((after.starts, after.calls, after.bytes_out), (2, 2, 4));
    let host = restart(host).await;
    let after = counted(&host, "actor");
    assert_eq!((after.starts, after.calls), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_when_many_call_at_once() {
    let host = Arc::new(actor().run().await);
    let callers: Vec<_> = (0..32)
        .map(|caller| {
            let host = Arc::clone(&host);
            tokio::spawn(async move {
                for call in 0..50 {
                    match (caller + call) % 4 {
                        0 => drop(host.get("actor/act?error").await),
                        1 => drop(host.post("actor/act", "four").await),
                        2 => drop(host.get("actor/block").await),
                        _ => drop(host.call(post("actor/act", Full::new(Bytes::from("unread"))))),
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        soon(caller).await.unwrap();
    }
    let after = counted(&host, "actor");
    assert_eq!(after.calls, 1600);
    assert_eq!((after.failed, after.cancelled, after.in_flight), (400, 400, 0));
    assert_eq!((after.bytes_in, after.bytes_out), (1600, 400 * 4 + 400 * 7));
}

/// Polls once.
async fn futures<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
