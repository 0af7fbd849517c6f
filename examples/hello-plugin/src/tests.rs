//! Unit tests of a plugin: no library is built, no host is started.

use std::time::Duration;

use serde_json::{Value, json};
use toru_plugin_api::Frame;
use toru_plugin_api::testing::{MockHost, MockResponse, Running};

use super::Hello;

async fn hello(host: &MockHost) -> Running<Hello> {
    host.start().await.unwrap()
}

async fn value(mut response: MockResponse) -> Value {
    assert_eq!(response.header("content-type"), Some("application/json"));
    response.json().await.unwrap()
}

#[test]
fn people_are_greeted_by_their_names() {
    MockHost::block_on(async {
        let hello = hello(&MockHost::new()).await;
        let greeting = value(hello.get("/greeting/J%C3%B6rg").send().await).await;
        assert_eq!(greeting, json!({ "message": "Hello, Jörg!" }));
        assert_eq!(hello.get("/greeting").send().await.status(), 404);
        assert_eq!(hello.post("/greeting/x").send().await.status(), 405);
    });
}

#[test]
fn counts_are_stored_and_survive_a_restart() {
    MockHost::block_on(async {
        let host = MockHost::new();
        let first = hello(&host).await;
        assert_eq!(
            value(first.get("/count").send().await).await,
            json!({ "count": 0 })
        );
        for count in 1..=3 {
            let counted = value(first.post("/count").send().await).await;
            assert_eq!(counted, json!({ "count": count }));
        }
        assert!(first.shutdown().await.is_clean());
        assert_eq!(host.stored("count").unwrap(), b"3".as_slice().into());
        let second = hello(&host).await;
        assert_eq!(
            value(second.get("/count").send().await).await,
            json!({ "count": 3 })
        );
    });
}

#[test]
fn a_count_that_was_damaged_is_a_fault_and_is_not_overwritten() {
    MockHost::block_on(async {
        let host = MockHost::new();
        host.store("count", "many");
        let hello = hello(&host).await;
        let mut response = hello.post("/count").send().await;
        assert_eq!(response.status(), 500);
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["code"], "plugin_error");
        let logs = host.logs();
        assert!(
            logs.iter()
                .any(|record| record.message.contains("is not a number"))
        );
        assert_eq!(host.stored("count").unwrap(), b"many".as_slice().into());
    });
}

#[test]
fn a_panic_is_this_requests_alone() {
    MockHost::block_on(async {
        let host = MockHost::new();
        let hello = hello(&host).await;
        let mut response = hello.get("/panic").send().await;
        let problem: Value = response.json().await.unwrap();
        assert_eq!(
            (response.status(), &problem["code"]),
            (500, &json!("plugin_panicked"))
        );
        assert!(!problem.to_string().contains("somebody asked"), "not for clients");
        let logs = host.logs();
        assert!(
            logs.iter()
                .any(|record| record.message.contains("somebody asked for a panic"))
        );
        assert_eq!(hello.get("/greeting/x").send().await.status(), 200);
    });
}

#[test]
fn what_is_sent_comes_back() {
    MockHost::block_on(async {
        let hello = hello(&MockHost::new()).await;
        let sent = hello.post("/echo").header("content-type", "text/x").body("Hi");
        let mut response = sent.send().await;
        assert_eq!(response.header("content-type"), Some("text/x"));
        assert_eq!(response.text().await.unwrap(), "Hi");
    });
}

#[test]
fn waits_are_as_long_as_asked_and_no_longer_than_allowed() {
    MockHost::block_on(async {
        let host = MockHost::new().skip_waits();
        let hello = hello(&host).await;
        let waited = value(hello.get("/slow?ms=20000").send().await).await;
        assert_eq!(waited, json!({ "waited_ms": 20_000 }));
        for wrong in ["60001", "-1", "x"] {
            let response = hello.get(&format!("/slow?ms={wrong}")).send().await;
            assert_eq!(response.status(), 400, "{wrong}");
        }
    });
}

#[test]
fn ticks_end_when_the_client_leaves() {
    MockHost::block_on(async {
        let host = MockHost::new();
        let hello = hello(&host).await;
        let mut ticks = hello.get("/ticks?ms=1000").send().await;
        for tick in 1..=2 {
            let mut next = std::pin::pin!(ticks.frame());
            let early = std::future::poll_fn(|cx| std::task::Poll::Ready(next.as_mut().poll(cx))).await;
            assert!(early.is_pending(), "not before its time");
            hello.advance(Duration::from_secs(1));
            let Some(Ok(Frame::Data(data))) = next.await else {
                panic!("no tick");
            };
            assert_eq!(data, format!("data: {tick}\n\n").into());
        }
        drop(ticks);
        let left = "a client has left after 2 ticks";
        assert!(host.logs().iter().any(|record| record.message == left));
    });
}
