//! Request bodies that are larger than a plugin may be sent.

use std::sync::Arc;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::Full;
use toru_host::error::BodyError;
use toru_host::plugin::{PluginCounters, PluginLimits};
use toru_plugin_api::{Body, Response};

use crate::actor::Script;
use crate::bodies::{Passing, Sending};
use crate::host::{Host, id, post, read};
use crate::mirror::with_mirror;

/// Most bytes by default.
const MAX: usize = 2 << 20;

fn counted(host: &Host) -> PluginCounters {
    host.info("actor").counters
}

/// A plugin that reads requests to their end and answers how long they were.
fn reader() -> Script {
    Script {
        block: Some(Box::new(|_, mut request| {
            let body = request.take_body().collect_blocking(usize::MAX)?;
            Ok(Response::text(body.len().to_string()))
        })),
        ..Script::act(|_, mut request| async move {
            let body = request.take_body().collect(usize::MAX).await?;
            Ok(Response::text(body.len().to_string()))
        })
    }
}

#[tokio::test]
async fn a_body_that_tells_a_length_over_the_limit_never_reaches_the_plugin() {
    let host = reader().run().await;
    for path in ["actor/act", "actor/large", "actor/block"] {
        for len in [MAX + 1, 2 * MAX] {
            let answer = host.post(path, vec![b'x'; len]).await;
            assert_eq!(answer.problem(), (413, "body_too_large".into()), "{path}");
            assert_eq!(answer.headers["content-type"], "application/problem+json");
        }
    }
    let after = counted(&host);
    assert_eq!((after.calls, after.bytes_in, after.rejected), (0, 0, 0));
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_passes_whether_it_tells_its_length_or_not() {
    let host = reader().run().await;
    for path in ["actor/act", "actor/block"] {
        let whole = host.post(path, vec![b'x'; MAX]).await;
        assert_eq!((whole.status, whole.text()), (200, "2097152"), "{path}");
        let pieces = post(path, Sending::bytes(MAX, 64 * 1024));
        let pieces = read(host.respond(pieces).await).await.unwrap();
        assert_eq!((pieces.status, pieces.text()), (200, "2097152"), "{path}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_fails_where_it_is_read_and_becomes_the_same_answer() {
    let host = reader().run().await;
    for path in ["actor/act", "actor/large", "actor/block"] {
        for (len, chunk) in [(MAX + 1, 64 * 1024), (2 * MAX, 2 * MAX), (MAX + 1, MAX)] {
            let before = counted(&host);
            let sent = Sending::bytes(len, chunk);
            let live = Arc::clone(&sent.live);
            let answer = read(host.respond(post(path, sent)).await).await.unwrap();
            assert_eq!(answer.problem(), (413, "body_too_large".into()), "{path} {len}");
            assert!(live.most() <= 2, "what is too large is not kept");
            let after = counted(&host);
            assert_eq!((after.calls - before.calls, after.failed - before.failed), (1, 1));
            assert!(after.bytes_in - before.bytes_in <= MAX as u64);
        }
    }
}

#[tokio::test]
async fn the_plugin_is_told_that_it_is_too_large_and_the_same_again_whenever_it_asks() {
    let host = Script::act(|_, mut request| async move {
        let mut body = request.take_body();
        let mut told = Vec::new();
        for _ in 0..4 {
            told.push(match body.frame().await {
                None => "end".to_owned(),
                Some(Ok(_)) => "data".to_owned(),
                Some(Err(error)) => format!("{error:?}"),
            });
        }
        Ok(Response::text(told.join(" ")))
    })
    .run()
    .await;
    let answer = read(
        host.respond(post("actor/act", Sending::bytes(2 * MAX, MAX)))
            .await,
    )
    .await;
    let told = answer.unwrap().text().to_owned();
    assert!(told.starts_with("data TooLarge"), "{told}");
    assert!(!told.contains("data TooLarge data"), "{told}");
}

#[tokio::test]
async fn an_echo_of_too_much_never_ends_cleanly() {
    let host = Script::act(|_, mut request| async move {
        let mut body = request.take_body();
        Ok(Response::new(200).with_body(match &*request.query() {
            "as-it-is" => body,
            "passed-on" => Body::from_stream(Passing(body)),
            _ => {
                // Whoever does not care about the error gives it to the client.
                while let Some(Ok(_)) = body.frame().await {}
                body
            }
        }))
    })
    .run()
    .await;
    for (query, error) in [
        ("as-it-is", BodyError::TooLarge),
        ("passed-on", BodyError::Failed),
        ("read-before", BodyError::TooLarge),
    ] {
        let sent = post(&format!("actor/act?{query}"), Sending::bytes(MAX + 1, 64 * 1024));
        let response = host.respond(sent).await;
        assert_eq!(response.status(), 200, "{query}");
        assert_eq!(read(response).await.unwrap_err(), error, "{query}");
    }
}

#[tokio::test]
async fn an_echo_keeps_the_limit_of_responses_and_the_length_that_was_promised() {
    let host = Script::act(|_, request| async move {
        let response = Response::new(200);
        let response = match &*request.query() {
            "" => response,
            promised => response.with_header("content-length", promised.to_owned()),
        };
        Ok(response.with_body(request.into_body()))
    })
    .run_with(|builder| builder.limits(PluginLimits::new().max_response_body(10)))
    .await;
    let echo = async |promised: &str, body: Sending| {
        let response = host.respond(post(&format!("actor/act?{promised}"), body)).await;
        let status = response.status().as_u16();
        (status, read(response).await.map(|answer| answer.body.len()))
    };
    let pieces = |len| Sending::bytes(len, 3);
    assert_eq!(echo("", pieces(10)).await, (200, Ok(10)));
    assert_eq!(echo("", pieces(11)).await, (200, Err(BodyError::TooLarge)));
    assert_eq!(echo("10", pieces(10)).await, (200, Ok(10)));
    assert_eq!(echo("7", pieces(6)).await, (200, Err(BodyError::Invalid)));
    assert_eq!(echo("7", pieces(8)).await, (200, Err(BodyError::Invalid)));
    let with_trailers = Sending::frames([
        Ok(Frame::data(Bytes::from("six..."))),
        Ok(Frame::trailers(http::HeaderMap::new())),
    ]);
    assert_eq!(echo("7", with_trailers).await, (200, Err(BodyError::Invalid)));
    // What tells its length beforehand is not even begun.
    for (promised, body) in [("", "eleven bytes"), ("3", "four"), ("5", "four")] {
        let response = host
            .respond(post(
                &format!("actor/act?{promised}"),
                Full::new(Bytes::from(body)),
            ))
            .await;
        let answer = read(response).await.unwrap();
        assert_eq!(answer.problem(), (502, "invalid_response".into()), "{promised}");
    }
}

#[tokio::test]
async fn plugins_have_limits_of_their_own() {
    let host = reader()
        .run_with(|builder| {
            let usual = PluginLimits::new().max_request_body(4);
            with_mirror(builder)
                .limits(usual)
                .plugin_limits(id("mirror"), usual.max_request_body(0))
        })
        .await;
    host.enable("mirror").await.unwrap();
    assert_eq!(host.post("actor/act", "four").await.text(), "4");
    assert_eq!(host.post("actor/act", "five!").await.code(), "body_too_large");
    assert_eq!(host.post("mirror/x", "").await.status, 200);
    let refused = host.post("mirror/x", "x").await;
    assert_eq!(refused.problem(), (413, "body_too_large".into()));
    assert!(refused.text().contains(" 0 bytes"), "{}", refused.text());
}

#[tokio::test]
async fn a_body_that_nobody_reads_harms_nobody() {
    let host = Script::default().run().await;
    let sent = http::Request::get("/api/plugins/actor/ok")
        .body(Sending::bytes(2 * MAX, 1024))
        .unwrap();
    assert_eq!(read(host.respond(sent).await).await.unwrap().text(), "ok");
    assert_eq!(counted(&host).bytes_in, 0);
}
