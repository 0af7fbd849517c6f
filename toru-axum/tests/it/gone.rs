//! Clients that go away.

use std::sync::atomic::Ordering;

use crate::plugin::DROPPED;
use crate::server::{Server, soon};

#[tokio::test]
async fn a_stream_is_dropped_when_its_client_goes_away() {
    let server = Server::start().await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut wire = server.connect().await;
        wire.send("GET /api/plugins/wire/ticks HTTP/1.1\r\nhost: test\r\n\r\n")
            .await;
        let head = wire.until("\r\n\r\n").await;
        assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
        wire.until("data: tick\n\n").await;
        streams.push(wire);
    }
    assert_eq!(server.counters().in_flight, 3);
    assert_eq!(
        DROPPED.load(Ordering::SeqCst),
        0,
        "they go on as long as somebody listens"
    );
    for gone in 1..=3 {
        drop(streams.pop());
        soon(async {
            while DROPPED.load(Ordering::SeqCst) < gone || server.counters().in_flight > 3 - gone as u64 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(DROPPED.load(Ordering::SeqCst), gone, "the others go on");
        for wire in &mut streams {
            wire.until("data: tick\n\n").await;
        }
    }
    assert_eq!(
        server.counters().broken_bodies,
        0,
        "a client that leaves is no fault of the plugin"
    );
}

#[tokio::test]
async fn half_a_body_is_an_error_for_the_plugin_and_no_request() {
    let server = Server::start().await;
    let mut wire = server.connect().await;
    let head = "POST /api/plugins/wire/read HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\n";
    wire.send(format!("{head}hel")).await;
    soon(async {
        while server.counters().bytes_in < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(wire);
    soon(async {
        while server.counters().in_flight > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let counters = server.counters();
    assert_eq!(counters.failed + counters.cancelled, 1, "{counters:?}");
}
