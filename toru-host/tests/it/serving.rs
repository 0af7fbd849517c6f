//! Services of tower as a plugin's routes.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use toru_host::plugin::PluginLimits;
use toru_plugin_api::{BodyError, Mount, PluginError};

use crate::bodies::Sending;
use crate::host::{get, poll_once, post, read, soon, until};
use crate::native::{BoxError, Script, Served, ServiceOf, served};

/// Says what it was asked.
fn telling() -> ServiceOf {
    ServiceOf::new(|request| async move {
        let mount = request.extensions().get::<Mount>().unwrap();
        let text = format!("{} {} at {}", request.method(), request.uri(), mount.path());
        Ok(served(Full::new(Bytes::from(text))))
    })
}

#[tokio::test]
async fn a_service_sees_the_path_below_its_prefix_and_is_told_where_that_is() {
    let host = Script::serve(telling()).run().await;
    for (outer, inner) in [
        ("/served", "/"),
        ("/served/", "/"),
        ("/served?a=1", "/?a=1"),
        ("/served/a/b/", "/a/b/"),
        ("/served/a%20b/%C3%A9?x=%2F&y", "/a%20b/%C3%A9?x=%2F&y"),
        ("/served/served/x", "/served/x"),
    ] {
        let answer = host.get(&format!("native{outer}")).await;
        let expected = format!("GET {inner} at /api/plugins/native/served");
        assert_eq!((answer.status, answer.text()), (200, expected.as_str()));
    }
    assert_eq!(host.get("native/servedx").await.status, 404);
}

#[tokio::test]
async fn at_the_root_it_leaves_other_routes_and_the_hosts_own_alone() {
    let script = Script {
        prefix: Some("/"),
        ..Script::serve(telling())
    };
    let host = script.run().await;
    for path in ["/a", "/a/", "/a/b?c"] {
        let answer = host.get(&format!("native{path}")).await;
        assert_eq!(answer.text(), format!("GET {path} at /api/plugins/native"));
    }
    assert_eq!(
        host.get("native/act").await.status,
        404,
        "a route that is more specific"
    );
    assert_eq!(
        host.get("native/").await.headers["content-type"],
        "application/json",
        "the plugin itself"
    );
    assert_eq!(host.get("native/bundle.js").await.status, 404);
}

#[tokio::test]
async fn a_prefix_that_makes_no_sense_is_told_to_the_administrator() {
    for prefix in ["served", "", "/{tenant}"] {
        let script = Script {
            prefix: Some(prefix),
            ..Script::serve(telling())
        };
        let host = script.load(|builder| builder).await;
        let refused = host.enable("native").await.unwrap_err();
        let reason =
            std::error::Error::source(&refused).map_or_else(|| refused.to_string(), ToString::to_string);
        assert!(
            reason.contains("of a service starts with"),
            "{prefix:?}: {reason}"
        );
    }
}

#[tokio::test]
async fn every_method_reaches_it_and_head_has_no_body() {
    let host = Script::serve(telling()).run().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"] {
        let request = Request::builder()
            .method(method)
            .uri("/api/plugins/native/served/x")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let answer = read(host.respond(request).await).await.unwrap();
        assert!(
            answer.text().starts_with(&format!("{method} /x ")),
            "{}",
            answer.text()
        );
    }
    let head = Request::head("/api/plugins/native/served/x").body(Empty::<Bytes>::new());
    let answer = read(host.respond(head.unwrap()).await).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}

#[tokio::test]
async fn repeated_and_binary_fields_survive_in_both_directions() {
    let seen: Arc<Mutex<HeaderMap>> = Arc::default();
    let seeing = Arc::clone(&seen);
    let host = Script::serve(ServiceOf::new(move |request| {
        *seeing.lock().unwrap() = request.headers().clone();
        let mut response = served(Full::new(Bytes::from("text")));
        for value in [&b"one"[..], b"two", b"\xFF\x80"] {
            let value = HeaderValue::from_bytes(value).unwrap();
            response.headers_mut().append("x-many", value);
        }
        *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
        std::future::ready(Ok(response))
    }))
    .run()
    .await;
    let mut request = get("native/served");
    for value in [&b"a"[..], b"b", b"\xFE\x81"] {
        let value = HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().append("x-sent", value);
    }
    let answer = read(host.respond(request).await).await.unwrap();
    assert_eq!(answer.status, 418);
    let all = |headers: &HeaderMap, name| {
        let values = headers.get_all(name).iter();
        values.map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(all(&answer.headers, "x-many"), [&b"one"[..], b"two", b"\xFF\x80"]);
    assert_eq!(
        all(&seen.lock().unwrap(), "x-sent"),
        [&b"a"[..], b"b", b"\xFE\x81"]
    );
}

/// Sends back what it gets, frame by frame.
fn echoing() -> ServiceOf {
    // Through a stream of its own: the body itself would go back to the host as it is.
    ServiceOf::new(|request| async move {
        let mut body = request.into_body();
        let stream = stream_of(move |cx| {
            Pin::new(&mut body)
                .poll_frame(cx)
                .map(|next| next.map(|frame| frame.map_err(BoxError::from)))
        });
        Ok(served(StreamBody::new(stream)))
    })
}

/// A stream made of a function.
fn stream_of<T, F>(poll: F) -> impl futures_core::Stream<Item = T> + Send
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<T>> + Send + Unpin,
{
    struct Polled<F>(F);
    impl<T, F: FnMut(&mut Context<'_>) -> Poll<Option<T>> + Unpin> futures_core::Stream for Polled<F> {
        type Item = T;
        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
            (self.0)(cx)
        }
    }
    Polled(poll)
}

#[tokio::test]
async fn bodies_stream_through_it_no_faster_than_they_are_read() {
    let any_size = PluginLimits::default().max_request_body(u64::MAX);
    let host = Script::serve(echoing())
        .run_with(|builder| builder.limits(any_size))
        .await;
    let sent = Sending::bytes(usize::MAX, 1000);
    let live = Arc::clone(&sent.live);
    let mut body = host.respond(post("native/served", sent)).await.into_body();
    assert_eq!(
        live.asked.load(Ordering::SeqCst),
        0,
        "nothing is read before it is asked for"
    );
    for read in 1..=100 {
        let frame = soon(body.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap().len(), 1000);
        assert_eq!(live.asked.load(Ordering::SeqCst), read);
        assert!(live.most() <= 2);
    }
}

#[tokio::test]
async fn trailers_pass_in_both_directions() {
    let host = Script::serve(echoing()).run().await;
    let mut last = HeaderMap::new();
    last.append("x-sum", "1".parse().unwrap());
    last.append("x-sum", HeaderValue::from_bytes(b"\xFF").unwrap());
    let sent = Sending::frames([Ok(Frame::data("a".into())), Ok(Frame::trailers(last.clone()))]);
    let answer = read(host.respond(post("native/served", sent)).await)
        .await
        .unwrap();
    assert_eq!((answer.text(), answer.trailers.as_ref()), ("a", Some(&last)));
}

#[tokio::test]
async fn a_body_that_goes_back_as_it_is_is_the_hosts_own_again() {
    let host = Script::serve(ServiceOf::new(|request| {
        std::future::ready(Ok(served(request.into_body())))
    }))
    .run()
    .await;
    assert_eq!(host.post("native/served", "text").await.text(), "text");
    assert_eq!(host.get("native/served").await.text(), "");
}

#[tokio::test]
async fn it_is_called_when_it_is_ready_and_not_before() {
    let (is_ready, waiting) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(Mutex::new(None::<Waker>)),
    );
    let (readiness, waiter) = (Arc::clone(&is_ready), Arc::clone(&waiting));
    // The service itself panics when it is called first.
    let service = telling().ready_by(move |cx| {
        if readiness.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(()));
        }
        *waiter.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    });
    let host = Script::serve(service).run().await;
    let mut call = host.call(get("native/served"));
    assert!(poll_once(&mut call).await.is_pending());
    is_ready.store(true, Ordering::SeqCst);
    waiting.lock().unwrap().take().unwrap().wake();
    let Ok(response) = soon(call).await;
    assert_eq!(response.status(), 200);

    let refusing =
        telling().ready_by(|_| Poll::Ready(Err(PluginError::Status(503, "too much".into()).into())));
    let host = Script::serve(refusing).run().await;
    assert_eq!(host.get("native/served").await.status, 503);
}

#[tokio::test]
async fn its_errors_become_answers_that_do_not_tell_their_text() {
    type Fails = fn() -> BoxError;
    let cases: [(Fails, u16); 4] = [
        (|| "secret".into(), 500),
        (|| PluginError::Conflict("secret".into()).into(), 409),
        (|| BodyError::TooLarge.into(), 413),
        (|| std::io::Error::other(BodyError::TimedOut).into(), 400),
    ];
    for (error, status) in cases {
        let failing = ServiceOf::new(move |_| std::future::ready(Err::<Served, _>(error())));
        let answer = Script::serve(failing).run().await.get("native/served").await;
        assert_eq!(answer.status, status);
        assert!(!answer.text().contains("secret"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_body_that_fails_cuts_the_response_short() {
    let host = Script::serve(ServiceOf::new(|_| {
        let frames = [Ok(Frame::data(Bytes::from("a"))), Err(BoxError::from("broken"))];
        let mut frames = frames.into_iter();
        let stream = stream_of(move |_| Poll::Ready(frames.next()));
        std::future::ready(Ok(served(StreamBody::new(stream))))
    }))
    .run()
    .await;
    let response = host.respond(get("native/served")).await;
    assert_eq!(response.status(), 200);
    read(response).await.unwrap_err();
}

/// Counts when it is dropped.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn its_future_and_body_are_dropped_when_the_client_goes_away_or_the_plugin_is_disabled() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&dropped);
    let service = ServiceOf::new(move |request| {
        let counts = Counts(Arc::clone(&counting));
        async move {
            if request.method() == Method::GET {
                std::future::pending::<()>().await;
            }
            let stream = stream_of(move |_| {
                let _held = &counts;
                Poll::<Option<Result<Frame<Bytes>, BoxError>>>::Pending
            });
            Ok(served(StreamBody::new(stream)))
        }
    });
    let host = Script::serve(service)
        .run_with(|builder| builder.drain_timeout(std::time::Duration::ZERO))
        .await;
    let mut call = host.call(get("native/served"));
    assert!(poll_once(&mut call).await.is_pending());
    drop(call);
    until(|| dropped.load(Ordering::SeqCst) == 1).await;

    let response = host.respond(post("native/served", Empty::<Bytes>::new())).await;
    drop(response);
    until(|| dropped.load(Ordering::SeqCst) == 2).await;

    let mut call = host.call(get("native/served"));
    assert!(poll_once(&mut call).await.is_pending());
    // A call that nobody polls keeps its place.
    let call = tokio::spawn(call);
    let streaming = host.respond(post("native/served", Empty::<Bytes>::new())).await;
    host.disable("native").await;
    assert_eq!(dropped.load(Ordering::SeqCst), 4);
    let Ok(response) = soon(call).await.unwrap();
    assert_eq!(response.status(), 503);
    read(streaming).await.unwrap_err();
}
