//! Panics of a Rust plugin, wherever they can happen: host and other routes go on, and the log tells message and place.

use toru_host::QuarantinePolicy;
use toru_host::error::BodyError;
use toru_host::plugin::PluginState;
use tracing::Level;

use crate::actor::{Script, told};
use crate::host::{Host, get, read, soon, until};
use crate::logs;
use crate::rust_zoo::zoo_with;
use toru_plugin_api::Response;

/// Message and place of the panic are in the log, under the plugin's id.
async fn is_logged(message: &str) {
    let told =
        || logs::find(|record| record.field("message").contains(message) && record.level == Level::ERROR);
    until(|| !told().is_empty()).await;
    for record in told() {
        assert_eq!(record.field("plugin.id"), "rust-zoo", "{record:?}");
        assert!(record.field("plugin.file").ends_with("src/lib.rs"), "{record:?}");
        assert!(record.field("plugin.line").parse::<u32>().is_ok(), "{record:?}");
    }
}

async fn running() -> Host {
    let host = zoo_with("{}").await;
    host.enable("rust-zoo").await.unwrap();
    host
}

async fn serves(host: &Host) {
    assert_eq!(host.get("rust-zoo/ok").await.text(), "ok");
}

#[tokio::test]
async fn a_panic_in_a_handler_is_a_500_without_details() {
    let host = running().await;
    for (path, message) in [
        ("first-poll", "zoo panics at the first poll"),
        ("tenth-poll", "zoo panics at the tenth poll"),
        ("before-the-future", "zoo panics before the future"),
        ("blocking", "zoo panics in a blocking handler"),
        ("not-text", "a value that is not text"),
        ("drop-of-the-payload", "a value that is not text"),
    ] {
        for _ in 0..2 {
            let answer = host.get(&format!("rust-zoo/{path}")).await;
            assert_eq!(answer.problem(), (500, "plugin_panicked".into()), "{path}");
            assert!(!answer.text().contains("zoo panics") && !answer.text().contains("lib.rs"));
        }
        is_logged(message).await;
        serves(&host).await;
    }
    host.disable("rust-zoo").await;
}

#[tokio::test]
async fn a_panic_in_a_stream_cuts_the_response_short() {
    let host = running().await;
    let response = host.respond(get("rust-zoo/stream")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(read(response).await.unwrap_err(), BodyError::Panicked);
    is_logged("zoo panics in a stream").await;
    serves(&host).await;
    host.disable("rust-zoo").await;
}

#[tokio::test]
async fn a_panic_in_a_drop_is_contained() {
    let host = running().await;
    let mut call = host.call(get("rust-zoo/drop-of-the-future"));
    let polled =
        std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut call).poll(cx))).await;
    assert!(polled.is_pending());
    drop(call);
    is_logged("zoo panics in the future's drop").await;
    assert_eq!(host.get("rust-zoo/drop-of-the-stream").await.text(), "");
    is_logged("zoo panics in the stream's drop").await;
    serves(&host).await;
    host.disable("rust-zoo").await;
}

#[tokio::test]
async fn a_panic_while_a_plugin_starts_leaves_it_failed() {
    for place in ["init", "routes", "frontend"] {
        let host = zoo_with(&format!(r#"{{"fault":"{place}"}}"#)).await;
        let error = host.enable("rust-zoo").await.unwrap_err();
        let message = format!("zoo panics at {place}");
        assert_eq!(error.code(), "init_panicked", "{error}");
        assert!(error.to_string().contains(&message), "{error}");
        assert!(error.to_string().contains("src/lib.rs:"), "{error}");
        assert_eq!(host.status("rust-zoo").state, PluginState::Failed);
        is_logged(&message).await;
    }
}

#[tokio::test]
async fn a_panic_while_a_plugin_ends_does_not_keep_it_from_ending() {
    for place in ["shutdown", "drop"] {
        let host = zoo_with(&format!(r#"{{"fault":"{place}"}}"#)).await;
        for _ in 0..2 {
            host.enable("rust-zoo").await.unwrap();
            serves(&host).await;
            host.disable("rust-zoo").await;
            assert_eq!(host.status("rust-zoo").state, PluginState::Disabled);
        }
        is_logged(&format!("zoo panics at {place}")).await;
    }
}

#[tokio::test]
async fn a_panic_in_a_task_ends_that_task() {
    let host = zoo_with(r#"{"fault":"task"}"#).await;
    host.enable("rust-zoo").await.unwrap();
    is_logged("in a task").await;
    serves(&host).await;
    host.disable("rust-zoo").await;
}

#[tokio::test]
async fn what_crosses_is_freed_by_whoever_made_it() {
    // The plugin's allocator ends the process when it is given what is not its own, and so does the host's.
    let host = running().await;
    for len in [0, 1, 511, 512, 513, 100_000] {
        let sent = vec![b'e'; len];
        let answer = host.post("rust-zoo/echo", sent.clone()).await;
        assert_eq!(answer.body, sent);
        let answer = host.get("rust-zoo/bytes").await;
        assert_eq!(
            (answer.body.len(), &answer.headers["x-owned"]),
            (100_000, &"owned".parse().unwrap())
        );
    }
    host.disable("rust-zoo").await;
}

#[tokio::test]
async fn each_panic_of_a_linked_plugin_is_told_by_its_own_message() {
    let host = Script::act(|_, request| async move { panic!("linked panic {}", request.query()) })
        .run_with(|builder| builder.quarantine(QuarantinePolicy::never()))
        .await;
    for n in 1..=3 {
        let answer = host.get(&format!("actor/act?{n}")).await;
        assert_eq!(answer.problem(), (500, "plugin_panicked".into()));
        let message = format!("panicked: linked panic {n}");
        assert_eq!(
            logs::find(|record| record.field("message") == message).len(),
            1,
            "{n}"
        );
    }
    assert_eq!(host.get("actor/ok").await.text(), "ok");
}

#[tokio::test]
async fn a_handler_that_panics_drops_what_it_held() {
    let (held, dropped) = told();
    let held = std::sync::Mutex::new(Some(held));
    let host = Script::act(move |_, _| {
        let held = held.lock().unwrap().take();
        async move {
            tokio::task::yield_now().await;
            assert!(held.is_none(), "it goes wrong after the first poll");
            Ok(Response::text("never"))
        }
    })
    .run()
    .await;
    assert_eq!(host.get("actor/act").await.status, 500);
    soon(dropped).await.unwrap();
}
