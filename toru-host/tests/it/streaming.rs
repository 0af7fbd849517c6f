//! Bodies in both directions, piece by piece.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use toru_host::Builder;
use toru_host::error::BodyError;
use toru_host::plugin::PluginLimits;
use toru_plugin_api::{Body, PluginError, Response, Trailers};

use crate::actor::Script;
use crate::bodies::{Passing, Sending, Streaming};
use crate::host::{Host, get, post, read};
use crate::support::cases;

const MIB: usize = 1 << 20;

/// Echoes: the body as it is with `?as-it-is`, else through a stream of the plugin's own.
async fn echo() -> Host {
    Script::act(|_, mut request| async move {
        let body = request.take_body();
        Ok(Response::new(200).with_body(match &*request.query() {
            "as-it-is" => body,
            _ => Body::from_stream(Passing(body)),
        }))
    })
    .run_with(any_size)
    .await
}

fn any_size(builder: Builder) -> Builder {
    builder.limits(PluginLimits::default().max_request_body(u64::MAX))
}

#[tokio::test]
async fn a_large_request_is_read_in_bounded_memory() {
    let host = Script::act(|_, mut request| async move {
        let (mut body, mut len) = (request.take_body(), 0);
        while let Some(frame) = body.frame().await {
            if let toru_plugin_api::Frame::Data(bytes) = frame? {
                len += bytes.len();
            }
        }
        Ok(Response::text(len.to_string()))
    })
    .run_with(any_size)
    .await;
    let len = cases(64, 1024) * MIB;
    let body = Sending::bytes(len, 64 * 1024);
    let live = Arc::clone(&body.live);
    let answer = read(host.respond(post("actor/act", body)).await).await.unwrap();
    assert_eq!(answer.text(), len.to_string());
    assert!(live.most() <= 2, "{} chunks at once", live.most());
}

#[tokio::test]
async fn a_large_response_is_produced_as_it_is_read() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let len = cases(64, 1024) * MIB;
    let host = Script::act(move |_, _| {
        let stream = Streaming {
            left: len,
            chunk: 64 * 1024,
            asked: Arc::clone(&counting),
        };
        std::future::ready(Ok(Response::new(200).with_body(Body::from_stream(stream))))
    })
    .run()
    .await;
    let mut body = host.respond(get("actor/act")).await.into_body();
    assert_eq!(
        asked.load(Ordering::SeqCst),
        0,
        "nothing is produced before it is asked for"
    );
    let (mut frames, mut total) = (0, 0);
    while let Some(frame) = body.frame().await {
        frames += 1;
        total += frame.unwrap().into_data().unwrap().len();
        assert_eq!(asked.load(Ordering::SeqCst), frames, "the producer runs ahead");
    }
    assert_eq!(total, len);
}

#[tokio::test]
async fn a_large_echo_is_bounded_both_ways() {
    let host = echo().await;
    let len = cases(64, 1024) * MIB;
    for query in ["as-it-is", "passed-on"] {
        let sent = Sending::bytes(len, 64 * 1024);
        let live = Arc::clone(&sent.live);
        let mut body = host
            .respond(post(&format!("actor/act?{query}"), sent))
            .await
            .into_body();
        let (mut frames, mut total) = (0, 0);
        while let Some(frame) = body.frame().await {
            frames += 1;
            total += frame.unwrap().into_data().unwrap().len();
            assert!(
                live.asked.load(Ordering::SeqCst) <= frames,
                "the client is not asked ahead"
            );
        }
        assert_eq!(total, len, "{query}");
        assert!(live.most() <= 2, "{query}: {} chunks at once", live.most());
    }
}

#[tokio::test]
async fn a_stream_does_not_grow_the_process() {
    const INSIDE: &str = "TORU_TEST_INSIDE";
    if std::env::var_os(INSIDE).is_none() {
        if std::env::var_os("ASAN_OPTIONS").is_some() {
            println!("skipped: a sanitizer keeps what is freed");
            return;
        }
        let inside = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "streaming::a_stream_does_not_grow_the_process",
                "--nocapture",
            ])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        assert!(
            inside.status.success(),
            "{}",
            String::from_utf8_lossy(&inside.stderr)
        );
        return;
    }
    let host = echo().await;
    let most = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap()
    };
    let mut at_first = 0;
    for (len, query) in [
        (1, "as-it-is"),
        (1, "passed-on"),
        (64, "as-it-is"),
        (64, "passed-on"),
    ] {
        let sent = Sending::bytes(len * MIB, 64 * 1024);
        let mut body = host
            .respond(post(&format!("actor/act?{query}"), sent))
            .await
            .into_body();
        while let Some(frame) = body.frame().await {
            frame.unwrap();
        }
        if len == 1 {
            at_first = most();
        }
    }
    // The kernel may tell less than before.
    let grown = most().saturating_sub(at_first);
    assert!(
        grown < 8 * 1024,
        "128 MiB streamed through took {grown} KiB more than 2 MiB"
    );
}

#[tokio::test]
async fn tiny_and_empty_frames_arrive_as_they_were_sent() {
    let host = echo().await;
    for query in ["as-it-is", "passed-on"] {
        let sent = ["", "a", "", "b", "", "", "c", ""].map(|text| Ok(Frame::data(Bytes::from(text))));
        let answer = host
            .respond(post(&format!("actor/act?{query}"), Sending::frames(sent)))
            .await;
        let mut body = answer.into_body();
        let mut frames = Vec::new();
        while let Some(frame) = body.frame().await {
            frames.push(frame.unwrap().into_data().unwrap());
        }
        assert_eq!(frames, ["", "a", "", "b", "", "", "c", ""], "{query}");
        let answer = host
            .respond(post(&format!("actor/act?{query}"), Sending::bytes(3000, 1)))
            .await;
        assert_eq!(read(answer).await.unwrap().body.len(), 3000);
    }
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let host = echo().await;
    for query in ["as-it-is", "passed-on"] {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-checksum", "1".parse().unwrap());
        trailers.append("x-twice", "a".parse().unwrap());
        trailers.append("x-twice", http::HeaderValue::from_bytes(b"\xe9").unwrap());
        let sent = [
            Ok(Frame::data(Bytes::from("data"))),
            Ok(Frame::trailers(trailers.clone())),
        ];
        let answer = host
            .respond(post(&format!("actor/act?{query}"), Sending::frames(sent)))
            .await;
        let answer = read(answer).await.unwrap();
        assert_eq!(
            (answer.text(), &answer.trailers),
            ("data", &Some(trailers)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn every_kind_of_body_arrives() {
    let host = Script::act(|_, request| async move {
        let response = Response::new(200);
        Ok(match &*request.query() {
            "empty" => response,
            "static" => response.with_body("static"),
            "small" => response.with_body(vec![b's'; 512]),
            "large" => response.with_body(vec![b'l'; 513]),
            "trailers" => {
                let trailers = Trailers::new().with("x-end", b"1".as_slice());
                let mut frames = vec![
                    toru_plugin_api::Frame::Trailers(trailers),
                    toru_plugin_api::Frame::Data("data".into()),
                ];
                response.with_body(Body::from_stream(Scripted(move || frames.pop())))
            }
            _ => return Err(PluginError::NotFound("a kind".into())),
        })
    })
    .run()
    .await;
    for (kind, body) in [
        ("empty", Vec::new()),
        ("static", b"static".to_vec()),
        ("small", vec![b's'; 512]),
        ("large", vec![b'l'; 513]),
    ] {
        let response = host.respond(get(&format!("actor/act?{kind}"))).await;
        assert_eq!(response.body().size_hint().exact(), Some(body.len() as u64));
        assert_eq!(read(response).await.unwrap().body, body, "{kind}");
    }
    let answer = host.get("actor/act?trailers").await;
    assert_eq!(
        (answer.text(), &answer.trailers.as_ref().unwrap()["x-end"]),
        ("data", &"1".parse().unwrap())
    );
}

struct Scripted<F>(F);

impl<F: FnMut() -> Option<toru_plugin_api::Frame> + Send + Unpin + 'static> toru_plugin_api::BodyStream
    for Scripted<F>
{
    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<toru_plugin_api::Frame, PluginError>>> {
        std::task::Poll::Ready((self.0)().map(Ok))
    }
}

#[tokio::test]
async fn an_error_of_the_request_reaches_the_client_whom_it_is_passed_on_to() {
    let host = echo().await;
    for query in ["as-it-is", "passed-on"] {
        let answer = host.respond(post(&format!("actor/act?{query}"), broken())).await;
        let error = read(answer).await.unwrap_err();
        assert!(
            matches!(error, BodyError::Disconnected | BodyError::Failed),
            "{query}: {error:?}"
        );
    }
}

/// Breaks after its first half.
pub(crate) fn broken() -> Sending {
    Sending::frames([
        Ok(Frame::data(Bytes::from("half"))),
        Err(std::io::Error::other("the cable was cut")),
    ])
}
