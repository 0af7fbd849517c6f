//! Bodies and events, piece by piece.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::host::{Host, event, request, soon};
use crate::loopback::Loopback;

/// A request body without an end, which counts its pieces.
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let piece = self.0.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(format!("{piece}\n").into()))))
    }
}

#[tokio::test]
async fn a_body_without_an_end_streams_through_no_faster_than_it_is_read() {
    let host = Host::enabled(&json!({})).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let echo = request("POST", "/echo").header("content-type", "text/plain");
    let response = host.respond(echo.body(Endless(Arc::clone(&sent))).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "text/plain");
    let mut body = response.into_body();
    for piece in 0..1000 {
        let frame = soon(body.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), format!("{piece}\n"));
        assert!(sent.load(Ordering::SeqCst) <= piece + 2);
    }
}

#[tokio::test]
async fn events_reach_all_who_follow_and_end_when_the_plugin_is_disabled() {
    let host = Host::enabled(&json!({})).await;
    let (mut one, mut other) = (host.follow().await, host.follow().await);
    host.send("POST", "/list", r#"{"text":"milk"}"#).await;
    host.send("DELETE", "/list/1", "").await;
    for events in [&mut one, &mut other] {
        let added = event(events).await;
        assert_eq!(added, "event: added\ndata: {\"id\":1,\"text\":\"milk\"}\n\n");
        assert!(event(events).await.starts_with("event: removed\n"));
    }
    drop(other);
    host.disable().await;
    // Events have no end of their own, so this is one, and no error.
    soon(one.collect()).await.unwrap();
    assert_eq!(host.get("/list").await.status, 404);
}

#[tokio::test]
async fn a_task_in_the_background_tells_what_it_sees() {
    let server = Loopback::start(Some("all is well")).await;
    let host = Host::enabled(&json!({ "upstream": server.url(), "check_every_ms": 1 })).await;
    let mut events = host.follow().await;
    for _ in 0..3 {
        assert_eq!(
            event(&mut events).await,
            "event: upstream\ndata: {\"status\":200}\n\n"
        );
    }
}
