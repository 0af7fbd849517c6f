//! Disabled while something is under way.

use bytes::Bytes;
use http_body_util::Empty;
use serde_json::json;

use crate::host::{Host, request, soon, until};
use crate::loopback::Loopback;

#[tokio::test]
async fn a_request_to_another_server_that_hangs_ends_with_the_plugin() {
    let server = Loopback::start(None).await;
    let host = Host::enabled(&json!({ "upstream": server.url(), "check_every_ms": 3_600_000 })).await;
    let asking = request("GET", "/upstream").body(Empty::<Bytes>::new()).unwrap();
    // One by the handler, and one by the task in the background.
    let (response, ()) = tokio::join!(host.respond(asking), async {
        until(|| server.asked() == 2).await;
        assert_eq!(server.open(), 2);
        host.disable().await;
    });
    assert_eq!(response.status(), 503);
    until(|| server.open() == 0).await;
}

#[tokio::test]
async fn a_task_in_the_background_is_gone_when_the_plugin_is_disabled() {
    let server = Loopback::start(Some("all is well")).await;
    let host = Host::enabled(&json!({ "upstream": server.url(), "check_every_ms": 1 })).await;
    until(|| server.asked() > 3).await;
    host.disable().await;
    // It kept a connection open.
    until(|| server.open() == 0).await;
    let asked = server.asked();
    host.enable().await;
    until(|| server.asked() > asked + 3).await;
}

#[tokio::test]
async fn a_plugin_can_be_disabled_after_a_task_of_it_panicked() {
    let host = Host::enabled(&json!({})).await;
    for _ in 0..3 {
        let panicking = request("POST", "/panic").body(Empty::<Bytes>::new()).unwrap();
        assert_eq!(soon(host.respond(panicking)).await.status(), 500);
        host.disable().await;
        host.enable().await;
    }
    assert_eq!(host.get("/list").await.status, 200);
}
