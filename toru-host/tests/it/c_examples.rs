//! The examples in C, C++ and Zig, as strangers would build them, in a real host.

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use toru_host::kv::{KvQuota, MemoryKv};
use toru_host::plugin::{PluginLimits, PluginState};

use crate::foreign;
use crate::host::{Host, get, poll_once, post, read, soon};
use crate::logs;
use crate::rust_zoo::configure;
use crate::slow_stores::Slow;
use crate::support::Place;

/// Installs what was compiled, if it could be.
fn install(place: &Place, name: &str, library: Option<&[u8]>) -> Option<()> {
    place.write(name, library?);
    Some(())
}

fn c_plugin(place: &Place) -> Option<()> {
    install(place, "c.so", foreign::c_plugin())
}

fn cpp_plugin(place: &Place) -> Option<()> {
    install(place, "cpp.so", foreign::cpp_plugin())
}

fn zig_plugin(place: &Place) -> Option<()> {
    install(place, "zig.so", foreign::zig_plugin())
}

/// The plugin in C on that store, enabled.
async fn c_on(store: impl toru_host::kv::KvBackend) -> Option<Host> {
    let place = Place::new();
    c_plugin(&place)?;
    let host = Host::with(place, |builder| builder.kv(store)).await;
    host.enable("c-hello").await.unwrap();
    Some(host)
}

#[tokio::test]
async fn c_greets_with_the_configured_word() {
    for (config, expected) in [
        ("{}", r#"{"message":"Hello, \"Ü!"}"#),
        (r#"{"word": "Grüß Gott"}"#, r#"{"message":"Grüß Gott, \"Ü!"}"#),
    ] {
        let place = Place::new();
        if c_plugin(&place).is_none() {
            return;
        }
        configure(&place, "c-hello", config);
        let host = Host::new(place).await;
        host.enable("c-hello").await.unwrap();
        assert_eq!(host.get("c-hello/greeting/%22%C3%9C").await.text(), expected);
        for bad in ["%FF", "%", &"a".repeat(257)] {
            assert_eq!(host.get(&format!("c-hello/greeting/{bad}")).await.status, 400);
        }
    }
}

#[tokio::test]
async fn c_does_not_start_with_a_configuration_that_it_does_not_understand() {
    for config in [
        r#"{"word": ""}"#,
        r#"{"word": 1}"#,
        r#"{"words": "Hello"}"#,
        r#"{"word": "a\nb"}"#,
        &format!(r#"{{"word": "{}"}}"#, "a".repeat(65)),
    ] {
        let place = Place::new();
        if c_plugin(&place).is_none() {
            return;
        }
        configure(&place, "c-hello", config);
        let host = Host::new(place).await;
        let error = host.enable("c-hello").await.unwrap_err();
        assert_eq!(error.code(), "init_failed", "{config}");
        assert!(
            error.to_string().contains("the configuration has to be"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn c_counts_whether_the_store_answers_at_once_or_later() {
    async fn counts(host: Host) {
        assert_eq!(host.get("c-hello/count").await.text(), r#"{"count":0}"#);
        for n in 1..=3 {
            assert_eq!(
                host.post("c-hello/count", "").await.text(),
                format!(r#"{{"count":{n}}}"#)
            );
        }
        host.disable("c-hello").await;
        host.enable("c-hello").await.unwrap();
        assert_eq!(host.get("c-hello/count").await.text(), r#"{"count":3}"#);
    }
    let Some(host) = c_on(MemoryKv::new()).await else {
        return;
    };
    counts(host).await;
    let Some(host) = c_on(Slow::new(MemoryKv::new())).await else {
        return;
    };
    counts(host).await;
}

#[tokio::test]
async fn c_drops_the_operation_of_a_store_when_its_client_goes_away() {
    let Some(host) = c_on(Slow::new(MemoryKv::new())).await else {
        return;
    };
    for _ in 0..20 {
        let mut call = host.call(get("c-hello/count"));
        assert!(poll_once(&mut call).await.is_pending());
        drop(call);
        let mut call = host.call(post("c-hello/count", Full::new(Bytes::new())));
        assert!(poll_once(&mut call).await.is_pending());
        drop(call);
    }
    assert_eq!(host.get("c-hello/count").await.status, 200);
    assert_eq!(host.info("c-hello").counters.cancelled, 40);
    host.disable("c-hello").await;
}

#[tokio::test]
async fn c_streams_frame_by_frame_and_ends_when_nobody_reads() {
    let Some(host) = c_on(MemoryKv::new()).await else {
        return;
    };
    assert_eq!(host.get("c-hello/countdown/3").await.text(), "3\n2\n1\n");
    let mut body = host.respond(get("c-hello/countdown/1000000")).await.into_body();
    for expected in ["1000000\n", "999999\n"] {
        let frame = soon(body.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), expected, "one frame each");
    }
    drop(body);
    for bad in ["0", "-1", "1000001", "x", "99999999", "1%00"] {
        assert_eq!(
            host.get(&format!("c-hello/countdown/{bad}")).await.status,
            400,
            "{bad}"
        );
    }
    host.disable("c-hello").await;
    assert_eq!(host.state("c-hello"), PluginState::Disabled);
}

#[tokio::test]
async fn c_reads_a_request_in_the_frames_in_which_it_comes() {
    let Some(host) = c_on(MemoryKv::new()).await else {
        return;
    };
    let empty = host.post("c-hello/measure", "").await;
    assert_eq!(empty.text(), r#"{"bytes":0,"lines":0}"#);
    let long = "line\n".repeat(100_000);
    let whole = host.post("c-hello/measure", long).await;
    assert_eq!(whole.text(), r#"{"bytes":500000,"lines":100000}"#);

    let (sender, frames) = mpsc::channel::<Bytes>(1);
    let frames = ReceiverStream::new(frames).map(|bytes| Ok::<_, std::io::Error>(Frame::data(bytes)));
    let mut call = host.call(post("c-hello/measure", StreamBody::new(frames)));
    for piece in ["a\n", "b"] {
        assert!(poll_once(&mut call).await.is_pending(), "it waits for more");
        sender.send(piece.into()).await.unwrap();
    }
    drop(sender);
    let Ok(response) = soon(call).await;
    assert_eq!(read(response).await.unwrap().text(), r#"{"bytes":3,"lines":1}"#);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    type Compile = fn(&Place) -> Option<()>;
    let plugins: [(Compile, &str, &str); 2] = [
        (c_plugin, "c-hello", "c-hello/measure"),
        (cpp_plugin, "cpp-words", "cpp-words/words"),
    ];
    for (compile, id, path) in plugins {
        let place = Place::new();
        if compile(&place).is_none() {
            return;
        }
        let limits = PluginLimits::default().max_request_body(1000);
        let host = Host::with(place, |builder| builder.limits(limits)).await;
        host.enable(id).await.unwrap();
        let frames = tokio_stream::iter(vec![Bytes::from(vec![b'a'; 600]); 2]);
        let frames = frames.map(|bytes| Ok::<_, std::io::Error>(Frame::data(bytes)));
        let response = host.respond(post(path, StreamBody::new(frames))).await;
        let answer = read(response).await.unwrap();
        assert_eq!(answer.problem(), (413, "body_too_large".into()), "{id}");
        assert_eq!(host.post(path, "a").await.status, 200);
    }
}

#[tokio::test]
async fn c_tells_what_its_store_refuses() {
    let place = Place::new();
    if c_plugin(&place).is_none() {
        return;
    }
    let quota = KvQuota {
        keys: 0,
        ..KvQuota::default()
    };
    let host = Host::with(place, |builder| builder.kv_quota(quota)).await;
    host.enable("c-hello").await.unwrap();
    assert_eq!(host.post("c-hello/count", "").await.status, 507);
    assert_eq!(host.get("c-hello/count").await.text(), r#"{"count":0}"#);
}

#[tokio::test]
async fn cpp_counts_words_however_they_come() {
    let place = Place::new();
    if cpp_plugin(&place).is_none() {
        return;
    }
    let host = Host::new(place).await;
    host.enable("cpp-words").await.unwrap();
    let answer = host.post("cpp-words/words", "One two, ONE; three two one").await;
    assert_eq!(answer.text(), r#"{"one":3,"three":1,"two":2}"#);
    assert_eq!(host.post("cpp-words/words", "").await.text(), "{}");

    let (sender, frames) = mpsc::channel::<Bytes>(1);
    let frames = ReceiverStream::new(frames).map(|bytes| Ok::<_, std::io::Error>(Frame::data(bytes)));
    let mut call = host.call(post("cpp-words/words", StreamBody::new(frames)));
    for piece in ["on", "e tw", "o"] {
        assert!(poll_once(&mut call).await.is_pending());
        sender.send(piece.into()).await.unwrap();
    }
    drop(sender);
    let Ok(response) = soon(call).await;
    assert_eq!(read(response).await.unwrap().text(), r#"{"one":1,"two":1}"#);
}

#[tokio::test]
async fn an_exception_of_cpp_ends_its_request_and_nothing_else() {
    let place = Place::new();
    if cpp_plugin(&place).is_none() {
        return;
    }
    let host = Host::with(place, |builder| {
        builder.quarantine(toru_host::QuarantinePolicy::never())
    })
    .await;
    for _ in 0..3 {
        host.enable("cpp-words").await.unwrap();
        let answer = host.get("cpp-words/element/9").await;
        assert_eq!(answer.problem(), (500, "plugin_panicked".into()));
        let told = logs::find(|record| {
            record.field("plugin.id") == "cpp-words" && record.field("message").contains("array::at")
        });
        assert!(!told.is_empty(), "the author learns what it was");
        assert_eq!(host.get("cpp-words/element/x").await.status, 400);
        let answer = host.get("cpp-words/element/1").await;
        assert_eq!(answer.text(), r#"{"element":"water"}"#);
        let mut call = host.call(post("cpp-words/words", Full::new(Bytes::from_static(b"left"))));
        let _ = poll_once(&mut call).await;
        drop(call);
        host.disable("cpp-words").await;
    }
}

#[tokio::test]
async fn zig_answers_and_reads_frame_by_frame() {
    let place = Place::new();
    if zig_plugin(&place).is_none() {
        return;
    }
    let limits = PluginLimits::default().max_request_body(1000);
    let host = Host::with(place, |builder| builder.limits(limits)).await;
    for _ in 0..10 {
        host.enable("zig-hello").await.unwrap();
        let greeting = host.get("zig-hello/greeting/Ada").await;
        assert_eq!(greeting.text(), r#"{"message":"Hello, Ada!"}"#);
        assert_eq!(host.get("zig-hello/greeting/%22").await.status, 400);
        let long = "a".repeat(200);
        assert_eq!(host.get(&format!("zig-hello/greeting/{long}")).await.status, 400);
        assert_eq!(
            host.post("zig-hello/sum", vec![200, 100, 1]).await.text(),
            r#"{"sum":301}"#
        );

        let (sender, frames) = mpsc::channel::<Bytes>(1);
        let frames = ReceiverStream::new(frames).map(|bytes| Ok::<_, std::io::Error>(Frame::data(bytes)));
        let mut call = host.call(post("zig-hello/sum", StreamBody::new(frames)));
        for piece in [vec![1, 2], vec![3]] {
            assert!(poll_once(&mut call).await.is_pending());
            sender.send(piece.into()).await.unwrap();
        }
        drop(sender);
        let Ok(response) = soon(call).await;
        assert_eq!(read(response).await.unwrap().text(), r#"{"sum":6}"#);

        let mut left = host.call(post("zig-hello/sum", Full::new(Bytes::from(vec![0; 900]))));
        let _ = poll_once(&mut left).await;
        drop(left);
        host.disable("zig-hello").await;
    }
}

#[tokio::test]
async fn both_are_disabled_and_enabled_again_and_again() {
    let place = Place::new();
    if c_plugin(&place).and(cpp_plugin(&place)).is_none() {
        return;
    }
    let host = Host::new(place).await;
    for n in 1..=50 {
        host.enable("c-hello").await.unwrap();
        host.enable("cpp-words").await.unwrap();
        assert_eq!(
            host.post("c-hello/count", "").await.text(),
            format!(r#"{{"count":{n}}}"#)
        );
        assert_eq!(host.get("c-hello/later").await.status, 200);
        assert_eq!(host.post("cpp-words/words", "a").await.text(), r#"{"a":1}"#);
        host.disable("cpp-words").await;
        host.disable("c-hello").await;
    }
}
