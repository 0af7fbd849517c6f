//! Header fields of responses that stay in the house, and those that the host adds.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::HeaderName;
use http::header::{CONTENT_TYPE, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use toru_host::service::{DangerouslyAllowEveryone, HeaderPolicy, PluginApi};
use toru_plugin_api::{Body, BodyStream, Frame, PluginError, Response, Trailers};

use crate::actor::Script;
use crate::bodies::Passing;
use crate::host::{Answer, Host, ask, get, post, read};
use crate::logs;

/// What would act on the whole site, or on the connection, or speak for the host.
const REMOVED: [&str; 17] = [
    "Alt-Svc",
    "Clear-Site-Data",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Connection",
    "Service-Worker-Allowed",
    "Set-Cookie",
    "Strict-Transport-Security",
    "TE",
    "Toru-Anything",
    "Toru-Roles",
    "Toru-User",
    "Toru_User",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

/// Those among them that an application may let through.
const ALLOWABLE: [&str; 5] = [
    "alt-svc",
    "clear-site-data",
    "service-worker-allowed",
    "set-cookie",
    "strict-transport-security",
];

/// What looks like one of them, or is nobody's business.
const PASSED: [&str; 14] = [
    "Access-Control-Allow-Origin",
    "Alt-Svcs",
    "Cache-Control",
    "Content-Security-Policy",
    "ETag",
    "Location",
    "Proxy-Status",
    "Set-Cookie2",
    "Tor-User",
    "Toruser",
    "Trailers",
    "Vary",
    "X-Set-Cookie",
    "X-Toru-User",
];

type Fields = Arc<Vec<(String, String)>>;

fn fields(given: &[(&str, &str)]) -> Fields {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Arc::new(given.iter().map(owned).collect())
}

/// A plugin that answers with these fields and a body; or with none, when the query says so.
async fn answering(given: Fields) -> Host {
    Script::act(move |_, request| {
        let body = if request.query() == "empty" { "" } else { "body" };
        let start = Response::new(200).with_body(body);
        let add = |response: Response, (name, value): &(String, String)| {
            response.with_header(name.clone(), value.clone())
        };
        std::future::ready(Ok(given.iter().fold(start, add)))
    })
    .run()
    .await
}

fn values<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let values = answer.headers.get_all(name).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn each_field_that_must_not_pass_is_removed_in_every_case_and_number() {
    for name in REMOVED {
        for spelt in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
            let given = [
                ("x-before", "1"),
                (spelt.as_str(), "x-nobody"),
                ("x-between", "2"),
                (name, "x-nobody"),
                (spelt.as_str(), ""),
            ];
            let host = answering(fields(&given)).await;
            let answer = host.get("actor/act").await;
            assert_eq!((answer.status, answer.text()), (200, "body"), "{spelt}");
            assert!(
                !answer.headers.contains_key(name),
                "{spelt}: {:?}",
                answer.headers
            );
            assert_eq!(
                (values(&answer, "x-before"), values(&answer, "x-between")),
                (vec!["1"], vec!["2"])
            );
        }
    }
}

#[tokio::test]
async fn everything_else_passes_with_repeated_fields_in_order() {
    let mut given = Vec::new();
    for value in ["first", "", "third, with a comma"] {
        given.extend(PASSED.map(|name| (name, value)));
    }
    // Something that is removed, so that the rest is looked at as well.
    given.push(("Set-Cookie", "a=1"));
    let host = answering(fields(&given)).await;
    let answer = host.get("actor/act").await;
    for name in PASSED {
        assert_eq!(
            values(&answer, name),
            ["first", "", "third, with a comma"],
            "{name}"
        );
    }
    assert!(values(&answer, "set-cookie").is_empty());
}

#[tokio::test]
async fn what_connection_names_is_removed_in_every_case_and_list() {
    let given = [
        ("Connection", "close, X-One ,,x-TWO"),
        ("x-one", "1"),
        ("x-two", "2"),
        ("X-Two", "2"),
        ("CONNECTION", "x-three"),
        ("x-three", "3"),
        ("x-four", "4"),
        ("close", "5"),
    ];
    let host = answering(fields(&given)).await;
    let answer = host.get("actor/act").await;
    for name in ["connection", "x-one", "x-two", "x-three", "close"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
    assert_eq!(values(&answer, "x-four"), ["4"]);
}

#[tokio::test]
async fn a_plugin_cannot_name_away_what_the_host_adds() {
    let given = [
        ("connection", "x-content-type-options, content-type"),
        ("x-content-type-options", "sniff"),
        ("content-type", "text/html"),
    ];
    let host = answering(fields(&given)).await;
    let answer = host.get("actor/act").await;
    assert_eq!(values(&answer, "x-content-type-options"), ["nosniff"]);
    assert_eq!(values(&answer, "content-type"), ["application/octet-stream"]);

    let policy = HeaderPolicy::new()
        .hide_from_clients(CONTENT_TYPE)
        .hide_from_clients(X_CONTENT_TYPE_OPTIONS);
    let api = PluginApi::builder(host.manager.clone(), DangerouslyAllowEveryone);
    let answer = ask(&api.header_policy(policy).build(), get("actor/act")).await;
    assert_eq!(values(&answer, "x-content-type-options"), ["nosniff"]);
    assert_eq!(values(&answer, "content-type"), ["application/octet-stream"]);
}

#[tokio::test]
async fn types_are_not_guessed() {
    let host = answering(fields(&[])).await;
    let answer = host.get("actor/act").await;
    assert_eq!(values(&answer, "x-content-type-options"), ["nosniff"]);
    assert_eq!(values(&answer, "content-type"), ["application/octet-stream"]);
    let empty = host.get("actor/act?empty").await;
    assert_eq!(values(&empty, "x-content-type-options"), ["nosniff"]);
    assert!(
        !empty.headers.contains_key("content-type"),
        "there is nothing to tell of"
    );

    let given = [
        ("Content-Type", "text/css"),
        ("X-Content-Type-Options", "something-of-tomorrow"),
    ];
    let host = answering(fields(&given)).await;
    let answer = host.get("actor/act").await;
    assert_eq!(
        values(&answer, "x-content-type-options"),
        ["something-of-tomorrow"]
    );
    assert_eq!(values(&answer, "content-type"), ["text/css"]);
}

/// The names that were logged as removed, in the tests of this process.
fn logged(name: &str) -> usize {
    logs::find(|record| record.field("header") == name && record.field("plugin.id") == "actor").len()
}

#[tokio::test]
async fn what_is_removed_is_logged_once_for_each_plugin_and_name() {
    let given = [
        ("Toru-Logged-Once", "1"),
        ("toru-logged-once", "2"),
        ("connection", "x-logged-once"),
        ("x-logged-once", "3"),
    ];
    let host = answering(fields(&given)).await;
    for _ in 0..3 {
        host.get("actor/act").await;
    }
    assert_eq!((logged("toru-logged-once"), logged("x-logged-once")), (1, 1));
    host.disable("actor").await;
    host.enable("actor").await.unwrap();
    host.get("actor/act").await;
    assert_eq!(logged("toru-logged-once"), 1, "also when it was started anew");
}

#[tokio::test]
async fn a_plugin_that_makes_names_up_does_not_fill_the_log() {
    let host = Script::act(|_, request| async move {
        let name = format!("toru-made-up-{}", request.query());
        Ok(Response::text("body").with_header(name, "1"))
    })
    .run()
    .await;
    for number in 0..100 {
        let answer = host.get(&format!("actor/act?{number}")).await;
        assert!(
            !answer
                .headers
                .keys()
                .any(|name| name.as_str().starts_with("toru-"))
        );
    }
    let made_up = logs::find(|record| record.field("header").starts_with("toru-made-up-"));
    assert_eq!(made_up.len(), 32);
}

#[tokio::test]
async fn the_application_lets_through_and_hides_by_name() {
    let mut given: Vec<_> = REMOVED.map(|name| (name, "x-nobody")).into();
    given.extend([("Set-Cookie", "b=2"), ("x-internal", "1"), ("x-other", "1")]);
    let host = answering(fields(&given)).await;
    let all = REMOVED.map(|name| name.to_lowercase().parse::<HeaderName>().unwrap());
    let policy = all
        .into_iter()
        .fold(HeaderPolicy::new(), HeaderPolicy::pass_to_clients);
    let policy = policy.hide_from_clients(HeaderName::from_static("x-internal"));
    let api = PluginApi::builder(host.manager.clone(), DangerouslyAllowEveryone);
    let answer = ask(&api.header_policy(policy).build(), get("actor/act")).await;
    for name in REMOVED.map(str::to_lowercase) {
        let is_there = answer.headers.contains_key(&name);
        assert_eq!(is_there, ALLOWABLE.contains(&&*name), "{name}");
    }
    assert_eq!(values(&answer, "set-cookie"), ["x-nobody", "b=2"]);
    assert_eq!(values(&answer, "x-other"), ["1"]);
    assert!(!answer.headers.contains_key("x-internal"));
    // One service lets it through, another one for the same plugins does not.
    let answer = host.get("actor/act").await;
    assert!(!answer.headers.contains_key("set-cookie"));
    assert_eq!(values(&answer, "x-internal"), ["1"]);

    // What `Connection` names goes, also when it may pass otherwise.
    let host = answering(fields(&[("connection", "set-cookie"), ("set-cookie", "a=1")])).await;
    let policy = HeaderPolicy::new().pass_to_clients(SET_COOKIE);
    let api = PluginApi::builder(host.manager.clone(), DangerouslyAllowEveryone);
    let answer = ask(&api.header_policy(policy).build(), get("actor/act")).await;
    assert!(!answer.headers.contains_key("set-cookie"));
}

/// A body of trailers alone.
struct Ending(Option<Trailers>);

impl BodyStream for Ending {
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame, PluginError>>> {
        Poll::Ready(self.0.take().map(|trailers| Ok(Frame::Trailers(trailers))))
    }
}

#[tokio::test]
async fn trailers_lose_what_a_header_loses() {
    let host = Script::act(|_, request| async move {
        Ok(Response::new(200).with_body(match &*request.query() {
            "own" => {
                let mut trailers = Trailers::new().with("X-Sum", b"1".as_slice());
                for name in REMOVED {
                    trailers = trailers.with(name, b"x-sum".as_slice());
                }
                Body::from_stream(Ending(Some(trailers.with("x-sum", b"2".as_slice()))))
            }
            "as-it-is" => request.into_body(),
            _ => Body::from_stream(Passing(request.into_body())),
        }))
    })
    .run()
    .await;
    for query in ["own", "as-it-is", "passed-on"] {
        let mut trailers = http::HeaderMap::new();
        trailers.append("x-sum", "1".parse().unwrap());
        for name in REMOVED {
            trailers.append(name.parse::<HeaderName>().unwrap(), "x-sum".parse().unwrap());
        }
        trailers.append("x-sum", "2".parse().unwrap());
        let sent = crate::bodies::Sending::frames([Ok(http_body::Frame::trailers(trailers))]);
        let answer = read(host.respond(post(&format!("actor/act?{query}"), sent)).await).await;
        let trailers = answer.unwrap().trailers.unwrap();
        let sums: Vec<_> = trailers.get_all("x-sum").iter().collect();
        assert_eq!(sums, ["1", "2"], "{query}");
        assert_eq!(trailers.len(), 2, "{query}: {trailers:?}");
    }
}
