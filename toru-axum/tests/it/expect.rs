//! `Expect: 100-continue`.

use crate::server::Server;

fn post(route: &str, len: usize) -> String {
    format!(
        "POST /api/plugins/wire/{route} HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: {len}\r\n\r\n"
    )
}

#[tokio::test]
async fn who_waits_is_told_to_go_on_when_the_plugin_reads() {
    let server = Server::start().await;
    let mut wire = server.connect().await;
    wire.send(post("read", 5)).await;
    assert_eq!(wire.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    wire.send("hello").await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, &*answer.body), (200, "hello"));
}

#[tokio::test]
async fn who_wants_to_send_too_much_is_told_at_once() {
    let server = Server::start().await;
    let mut wire = server.connect().await;
    wire.send(post("read", (2 << 20) + 1)).await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.body.contains("\"body_too_large\""), "{answer:?}");
    let counters = server.counters();
    assert_eq!((counters.calls, counters.bytes_in), (0, 0));
}

#[tokio::test]
async fn who_waits_is_not_asked_for_what_the_plugin_does_not_read() {
    let server = Server::start().await;
    for (route, status) in [("ignore", 200), ("no-such-route", 404), ("hello", 405)] {
        let mut wire = server.connect().await;
        wire.send(post(route, 5)).await;
        assert_eq!(wire.answer().await.status, status, "{route}");
    }
}
