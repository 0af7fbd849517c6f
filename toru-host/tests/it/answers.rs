//! Responses that break a rule, contradict themselves, or have no body.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Method, Request};
use http_body_util::Empty;
use toru_host::error::BodyError;
use toru_host::plugin::PluginLimits;
use toru_plugin_api::{Body, BodyStream, Bytes, Frame, PluginError, Response};

use crate::actor::Script;
use crate::host::{Answer, Host, get, read};

/// Yields pieces of a text, and counts nothing.
struct Pieces(Vec<&'static str>);

impl BodyStream for Pieces {
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame, PluginError>>> {
        let next = self.0.pop();
        Poll::Ready(next.map(|text| Ok(Frame::Data(Bytes::from_static(text.as_bytes())))))
    }
}

fn pieces(pieces: &[&'static str]) -> Body {
    Body::from_stream(Pieces(pieces.iter().rev().copied().collect()))
}

/// A plugin that answers what a function makes of the query, on a worker or on a thread of its own.
fn answering(answer: fn(&str) -> Response) -> Script {
    Script {
        block: Some(Box::new(move |_, request| Ok(answer(&request.query())))),
        ..Script::act(move |_, request| std::future::ready(Ok(answer(&request.query()))))
    }
}

async fn request(host: &Host, method: Method, path: &str) -> Result<Answer, BodyError> {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/plugins/{path}"))
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    read(host.respond(request).await).await
}

const HANDLERS: [&str; 2] = ["actor/act", "actor/block"];

#[tokio::test]
async fn a_response_with_an_invalid_status_name_or_value_is_refused() {
    let host = answering(|query| {
        let response = Response::text("body");
        match query {
            "name-empty" => response.with_header("", "value"),
            "name-space" => response.with_header("bad name", "value"),
            "name-colon" => response.with_header("name:", "value"),
            "name-newline" => response.with_header("x\r\nset-cookie", "value"),
            "name-8-bit" => response.with_header("naïve", "value"),
            "value-newline" => response.with_header("x-a", "two\r\nset-cookie: a=1"),
            "value-nul" => response.with_header("x-a", "a\0b"),
            "value-delete" => response.with_header("x-a", "a\x7fb"),
            status => response.with_status(status.parse().unwrap()),
        }
    })
    .run()
    .await;
    let wrong = [
        "name-empty",
        "name-space",
        "name-colon",
        "name-newline",
        "name-8-bit",
        "value-newline",
        "value-nul",
        "value-delete",
        "0",
        "99",
        "100",
        "101",
        "199",
        "600",
        "1000",
        "65535",
    ];
    for path in HANDLERS {
        for query in wrong {
            let answer = host.get(&format!("{path}?{query}")).await;
            assert_eq!(
                answer.problem(),
                (502, "invalid_response".into()),
                "{path} {query}"
            );
            assert!(!answer.headers.contains_key("set-cookie"));
        }
    }
    let counters = host.info("actor").counters;
    let wrong = u64::try_from(wrong.len()).unwrap() * 2;
    assert_eq!((counters.invalid_responses, counters.failed), (wrong, 0));
}

/// A header of exactly so many bytes, with the type that `Response::text` gives.
fn header_of(len: usize) -> Response {
    let given = "content-typetext/plain; charset=utf-8".len();
    let names = ["x-a", "x-b"];
    let left = len - given - names[0].len() - names[1].len();
    Response::text("fits")
        .with_header(names[0], "a".repeat(left / 2))
        .with_header(names[1], "b".repeat(left - left / 2))
}

#[tokio::test]
async fn a_header_of_more_than_16_kib_is_refused() {
    let host = answering(|query| header_of(query.parse().unwrap())).run().await;
    for path in HANDLERS {
        assert_eq!(host.get(&format!("{path}?16384")).await.text(), "fits");
        for len in [16_385, 100_000] {
            let answer = host.get(&format!("{path}?{len}")).await;
            assert_eq!(answer.problem(), (502, "invalid_response".into()), "{path} {len}");
        }
    }
    let host = answering(|query| header_of(query.parse().unwrap()))
        .run_with(|builder| builder.limits(PluginLimits::new().max_response_header(100)))
        .await;
    assert_eq!(host.get("actor/act?100").await.text(), "fits");
    assert_eq!(host.get("actor/act?101").await.code(), "invalid_response");
}

#[tokio::test]
async fn a_length_that_contradicts_a_whole_body_is_refused() {
    let host = answering(|query| {
        let lengths = query.split('&').filter(|length| *length != "none");
        lengths.fold(Response::text("four"), |response, length| {
            response.with_header("Content-Length", length.to_owned())
        })
    })
    .run()
    .await;
    for path in HANDLERS {
        for query in ["none", "4", "4&4"] {
            let answer = host.get(&format!("{path}?{query}")).await;
            assert_eq!((answer.status, answer.text()), (200, "four"), "{query}");
            assert!(
                !answer.headers.contains_key("content-length"),
                "the server tells it"
            );
        }
        for query in [
            "3",
            "5",
            "0",
            "x",
            "+4",
            "4,4",
            "4&5",
            "4&x",
            "18446744073709551616",
        ] {
            let answer = host.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.problem(), (502, "invalid_response".into()), "{query}");
        }
        let head = request(&host, Method::HEAD, &format!("{path}?5")).await.unwrap();
        assert_eq!((head.status, head.body.len()), (502, 0));
    }
}

#[tokio::test]
async fn a_stream_that_contradicts_its_length_never_ends_cleanly() {
    let host = answering(|query| {
        let response = Response::new(200).with_body(pieces(&["one", "", "two"]));
        match query {
            "" => response,
            length => response.with_header("content-length", length.to_owned()),
        }
    })
    .run()
    .await;
    for path in HANDLERS {
        for query in ["", "6"] {
            let answer = host.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.text(), "onetwo", "{query}");
            assert!(!answer.headers.contains_key("content-length"));
        }
        for query in ["0", "3", "5", "7", "1000"] {
            let response = host.respond(get(&format!("{path}?{query}"))).await;
            assert_eq!(response.status(), 200);
            assert_eq!(read(response).await.unwrap_err(), BodyError::Invalid, "{query}");
        }
        for query in ["six", "-6"] {
            assert_eq!(
                host.get(&format!("{path}?{query}")).await.code(),
                "invalid_response"
            );
        }
    }
    assert_eq!(host.info("actor").counters.broken_bodies, 10);
    assert_eq!(host.info("actor").counters.in_flight, 0);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_or_never_ends_cleanly() {
    let host = answering(|query| {
        let response = Response::new(200);
        match query {
            "fits" => response.with_body("ten bytes!"),
            "whole" => response.with_body("eleven byte"),
            "stream-fits" => response.with_body(pieces(&["ten ", "bytes!"])),
            "stream" => response.with_body(pieces(&["ten ", "bytes!", "!"])),
            "stream-at-once" => response.with_body(pieces(&["eleven byte"])),
            promised => response
                .with_header("content-length", promised.to_owned())
                .with_body(pieces(&["ten ", "bytes!", "!"])),
        }
    })
    .run_with(|builder| builder.limits(PluginLimits::new().max_response_body(10)))
    .await;
    for path in HANDLERS {
        for query in ["fits", "stream-fits"] {
            assert_eq!(host.get(&format!("{path}?{query}")).await.text(), "ten bytes!");
        }
        for query in ["whole", "11", "18446744073709551615"] {
            let answer = host.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.problem(), (502, "invalid_response".into()), "{query}");
        }
        for query in ["stream", "stream-at-once"] {
            let response = host.respond(get(&format!("{path}?{query}"))).await;
            assert_eq!(response.status(), 200);
            assert_eq!(read(response).await.unwrap_err(), BodyError::TooLarge, "{query}");
        }
    }
}

/// Status, body and what the header says of them.
fn shown(answer: &Answer) -> (u16, &str, Option<&str>, Option<&str>) {
    let header = |name| answer.headers.get(name).map(|value| value.to_str().unwrap());
    let (length, media) = (header("content-length"), header("content-type"));
    (answer.status, answer.text(), length, media)
}

#[tokio::test]
async fn a_status_that_has_no_body_gets_none() {
    let host = answering(|query| {
        let (status, body) = query.split_once('-').unwrap();
        let response = Response::new(status.parse().unwrap());
        match body {
            "none" => response,
            "whole" => response.with_body("body"),
            "typed" => response
                .with_header("content-type", "text/plain")
                .with_body("body"),
            "stream" => response.with_body(pieces(&["bo", "dy"])),
            length => response.with_header("content-length", length.to_owned()),
        }
    })
    .run()
    .await;
    for path in HANDLERS {
        for method in [Method::GET, Method::HEAD] {
            let ask = async |query: &str| {
                let path = format!("{path}?{query}");
                request(&host, method.clone(), &path).await.unwrap()
            };
            for status in [204, 205, 304] {
                for body in ["none", "whole", "stream"] {
                    let answer = ask(&format!("{status}-{body}")).await;
                    assert_eq!(shown(&answer), (status, "", None, None), "{method} {body}");
                    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
                }
                let typed = ask(&format!("{status}-typed")).await;
                assert_eq!(shown(&typed), (status, "", None, Some("text/plain")));
            }
            // What it would be long is told by the one that may.
            let unchanged = ask("304-4711").await;
            assert_eq!(shown(&unchanged), (304, "", Some("4711"), None));
        }
        let promises = host.get(&format!("{path}?204-5")).await;
        assert_eq!(promises.problem(), (502, "invalid_response".into()));
    }
    assert_eq!(host.info("actor").counters.in_flight, 0, "streams are released");
}

#[tokio::test]
async fn a_head_has_the_header_of_a_get_and_no_body() {
    let host = answering(|query| match query {
        "none" => Response::new(200),
        "whole" => Response::text("body"),
        "stream" => Response::new(200).with_body(pieces(&["bo", "dy"])),
        "promised" => Response::new(200)
            .with_header("content-length", "4")
            .with_body(pieces(&["bo", "dy"])),
        length => Response::new(200).with_header("content-length", length.to_owned()),
    })
    .run()
    .await;
    let octets = Some("application/octet-stream");
    for path in HANDLERS {
        for (query, length, media) in [
            ("none", Some("0"), None),
            ("whole", Some("4"), Some("text/plain; charset=utf-8")),
            ("stream", None, octets),
            ("promised", Some("4"), octets),
            ("4711", Some("4711"), None),
        ] {
            let answer = request(&host, Method::HEAD, &format!("{path}?{query}")).await;
            assert_eq!(shown(&answer.unwrap()), (200, "", length, media), "{query}");
        }
    }
    assert_eq!(host.info("actor").counters.in_flight, 0, "streams are released");
}

#[tokio::test]
async fn a_head_has_no_body_whatever_goes_wrong() {
    let host = answering(|_| Response::new(99)).run().await;
    host.manager.get(&crate::host::id("actor")).unwrap();
    for path in [
        "actor/act",
        "actor/nowhere",
        "actor/%2e%2e",
        "actor/enable",
        "nobody/x",
        "nobody",
        "actor/bundle.js",
        "actor",
        "-/scan",
    ] {
        let answer = host.get(path).await;
        let head = request(&host, Method::HEAD, path).await.unwrap();
        assert_eq!((head.status, &head.body[..]), (answer.status, &b""[..]), "{path}");
        assert_eq!(
            head.headers.get("content-type"),
            answer.headers.get("content-type")
        );
    }
}
