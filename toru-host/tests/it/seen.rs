//! What plugins see of requests, and who they are told it is from.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body::Frame;
use toru_host::service::{Authorization, DangerouslyAllowEveryone, HeaderPolicy, Identity, PluginApi};

use crate::bodies::Sending;
use crate::host::{Decides, Host, ask, get, post};
use crate::mirror::{Seen, mirror};
use crate::support::{Random, cases};

/// What must not be seen, however it is spelt. The value of each is `secret`.
const HIDDEN: [&str; 17] = [
    "Authorization",
    "Connection",
    "Cookie",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Toru-",
    "Toru-Anything",
    "Toru-Roles",
    "Toru-User",
    "Toru_Roles",
    "Toru_User",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

/// What looks like one of them, and what plugins need.
const SHOWN: [&str; 14] = [
    "Accept",
    "Content-Type",
    "Cookies",
    "Host",
    "Keep",
    "Origin",
    "Proxy",
    "Tea",
    "Toruuser",
    "Upgrade-Insecure-Requests",
    "X-Authorization",
    "X-Cookie",
    "X-Requested-With",
    "X-Toru-User",
];

const SECRET: &str = "secret in seen.rs";

fn service<F>(host: &Host, decide: F) -> PluginApi
where
    F: Fn(&http::request::Parts) -> Authorization + Send + Sync + 'static,
{
    PluginApi::new(host.manager.clone(), Decides(decide))
}

async fn seen<B>(api: &PluginApi, request: Request<B>) -> Seen
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    Seen::of(&ask(api, request).await)
}

/// The name in some mixture of cases, as it may come over a connection.
fn mixed(random: &mut Random, name: &str) -> HeaderName {
    let bytes = name.bytes().map(|byte| match random.below(2) {
        0 => byte.to_ascii_lowercase(),
        _ => byte.to_ascii_uppercase(),
    });
    HeaderName::from_bytes(&bytes.collect::<Vec<_>>()).unwrap()
}

fn pick(random: &mut Random, from: &[&'static str]) -> &'static str {
    from[random.below(from.len())]
}

#[tokio::test]
async fn a_plugin_that_echoes_all_it_sees_sees_no_credential_and_no_forged_identity() {
    let host = mirror().await;
    let api = service(&host, |_| {
        Authorization::allow(Identity::user("alice").with_role("reader"))
    });
    let mut random = Random::new();
    for _ in 0..cases(500, 20_000) {
        let mut request = get("mirror/x");
        let mut named = Vec::new();
        let mut expected = Vec::new();
        for number in 0..random.below(40) {
            match random.below(8) {
                0..=3 => {
                    let name = pick(&mut random, &HIDDEN);
                    let mut value = HeaderValue::from_static(SECRET);
                    if name == "Connection" {
                        // Names one that is there, one that the host adds, or nothing that makes sense.
                        let victim = pick(
                            &mut random,
                            &["Accept", "toru-user", "Toru-Roles", "close", " , "],
                        );
                        let victim = random.below(2).checked_sub(1).map_or(victim, |_| "X-Cookie");
                        named.push(victim.to_lowercase());
                        value = format!("{victim},{SECRET}").parse().unwrap();
                    }
                    let name = mixed(&mut random, name);
                    request.headers_mut().append(name, value);
                }
                _ => {
                    let name = pick(&mut random, &SHOWN);
                    let name = mixed(&mut random, name);
                    let value = format!("shown {number}");
                    expected.push((name.to_string(), value.clone()));
                    request.headers_mut().append(name, value.parse().unwrap());
                }
            }
        }
        expected.retain(|(name, _)| !named.contains(name));
        expected.push(("toru-roles".into(), "reader".into()));
        expected.push(("toru-user".into(), "alice".into()));
        let seen = seen(&api, request).await;
        for list in ["headers", "asked"] {
            for (name, value) in seen.pairs(list) {
                assert!(!value.contains(SECRET), "{name}: {value}");
            }
        }
        // Those of one name stay in order; the others may stand anywhere.
        let mut shown: Vec<(String, String)> = Vec::new();
        for (name, value) in seen.pairs("headers") {
            shown.push((name.into(), value.into()));
        }
        shown.sort_by(|(a, _), (b, _)| a.cmp(b));
        expected.sort_by(|(a, _), (b, _)| a.cmp(b));
        assert_eq!(shown, expected);
        let mut asked = seen.pairs("asked");
        asked.dedup();
        assert_eq!(
            asked,
            [
                ("toru-user", "alice"),
                ("toru-roles", "reader"),
                ("toru-user", "alice")
            ]
        );
    }
}

#[tokio::test]
async fn each_field_that_must_not_be_seen_is_removed_alone_and_twice() {
    let host = mirror().await;
    for name in HIDDEN {
        for times in [1, 2, 3] {
            let mut request = get("mirror/x");
            for _ in 0..times {
                let name: HeaderName = name.parse().unwrap();
                request
                    .headers_mut()
                    .append(name, HeaderValue::from_static(SECRET));
            }
            request.headers_mut().insert("x-shown", "1".parse().unwrap());
            let answer = crate::host::read(host.respond(request).await).await.unwrap();
            assert_eq!(Seen::of(&answer).pairs("headers"), [("x-shown", "1")], "{name}");
        }
    }
}

#[tokio::test]
async fn trailers_bring_no_credential_and_no_forged_identity_either() {
    let host = mirror().await;
    let mut trailers = HeaderMap::new();
    for name in HIDDEN {
        let name: HeaderName = name.parse().unwrap();
        trailers.append(name.clone(), HeaderValue::from_static(SECRET));
        trailers.append(name, HeaderValue::from_static(SECRET));
    }
    trailers.append("x-sum", HeaderValue::from_static("1"));
    trailers.append("x-sum", HeaderValue::from_static("2"));
    let sent = Sending::frames([Ok(Frame::data("data".into())), Ok(Frame::trailers(trailers))]);
    let answer = crate::host::read(host.respond(post("mirror/x", sent)).await).await;
    let seen = Seen::of(&answer.unwrap());
    assert_eq!(seen.pairs("trailers"), [("x-sum", "1"), ("x-sum", "2")]);
}

/// What is undone by whoever reads a name.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .unwrap()
        .into_owned()
}

const NAMES: [&str; 17] = [
    "alice",
    "",
    " ",
    "Alice Liddell",
    "a,b",
    "100%",
    "%61lice",
    "a\r\nToru-User: root",
    "nul\0",
    "tab\tbell\u{7}delete\u{7f}",
    "Jörg",
    "名前",
    "👋🏽",
    "a\u{202e}b\u{feff}",
    "ａｌｉｃｅ",
    "\"quoted\"; x=1",
    "very-long-",
];

#[tokio::test]
async fn the_user_is_exactly_the_one_of_the_authorizer() {
    let host = mirror().await;
    for name in NAMES {
        let name = if name == "very-long-" {
            name.repeat(500)
        } else {
            name.to_owned()
        };
        let user = name.clone();
        let api = service(&host, move |_| Authorization::allow(Identity::user(&user)));
        let mut request = get("mirror/x");
        request.headers_mut().append("toru-user", "root".parse().unwrap());
        request
            .headers_mut()
            .append("toru-roles", "admin".parse().unwrap());
        let seen = seen(&api, request).await;
        let told = seen.header("toru-user");
        assert_eq!(told.len(), 1, "{name:?}");
        assert!(
            told[0]
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b','),
            "{told:?}"
        );
        assert_eq!(decoded(told[0]), name);
        assert!(seen.header("toru-roles").is_empty(), "{name:?}");
    }
}

#[tokio::test]
async fn the_roles_are_exactly_those_of_the_authorizer() {
    let host = mirror().await;
    for roles in [
        vec!["admin"],
        vec!["reader", "writer"],
        vec!["a,b", "c d", "e%2Cf"],
        vec!["x\r\ny", "Jörg", "\0"],
        NAMES[1..].to_vec(),
    ] {
        let given = roles.clone();
        let api = service(&host, move |_| {
            let identity = given.iter().fold(Identity::anonymous(), Identity::with_role);
            Authorization::allow(identity)
        });
        let mut request = get("mirror/x");
        request.headers_mut().append("Toru-User", "root".parse().unwrap());
        request
            .headers_mut()
            .append("Toru-Roles", "admin".parse().unwrap());
        let seen = seen(&api, request).await;
        let told = seen.header("toru-roles");
        assert_eq!(told.len(), 1, "{roles:?}");
        let told: Vec<_> = told[0].split(',').map(decoded).collect();
        assert_eq!(told, roles);
        assert!(seen.header("toru-user").is_empty(), "nobody, but with roles");
    }
}

#[tokio::test]
async fn nobody_has_neither_name_nor_roles() {
    let host = mirror().await;
    let api = service(&host, |_| Authorization::allow(Identity::anonymous()));
    for forged in [&[][..], &["toru-user", "Toru-Roles", "TORU-USER", "toru_user"]] {
        let mut request = get("mirror/x");
        for name in forged {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, "root".parse().unwrap());
        }
        let seen = seen(&api, request).await;
        assert!(seen.pairs("headers").is_empty());
        assert!(seen.pairs("asked").is_empty());
    }
}

#[tokio::test]
async fn a_decision_that_takes_time_is_held_to_the_same() {
    let host = mirror().await;
    let api = service(&host, |head| {
        let session = head.headers[COOKIE].to_str().unwrap().to_owned();
        Authorization::decide(async move {
            tokio::task::yield_now().await;
            Ok(Identity::user(session).with_role("slow"))
        })
    });
    let mut request = get("mirror/x");
    for name in HIDDEN {
        let name: HeaderName = name.parse().unwrap();
        request
            .headers_mut()
            .append(name, HeaderValue::from_static("session 4711"));
    }
    let seen = seen(&api, request).await;
    let mut shown = seen.pairs("headers");
    shown.sort_unstable();
    assert_eq!(shown, [("toru-roles", "slow"), ("toru-user", "session%204711")]);
}

#[tokio::test]
async fn the_application_shows_and_hides_by_name() {
    let host = mirror().await;
    let names = HIDDEN.map(|name| name.parse::<HeaderName>().unwrap());
    let policy = names
        .iter()
        .cloned()
        .fold(HeaderPolicy::new(), HeaderPolicy::pass_to_plugins);
    let policy = policy.hide_from_plugins(HeaderName::from_static("x-csrf-token"));
    let api = PluginApi::builder(host.manager.clone(), DangerouslyAllowEveryone);
    let api = api.header_policy(policy).build();
    let mut request = get("mirror/x");
    for name in &names {
        request
            .headers_mut()
            .append(name, HeaderValue::from_static("x-nobody"));
    }
    request.headers_mut().append("X-CSRF-Token", "1".parse().unwrap());
    let shown = seen(&api, request).await;
    let mut shown: Vec<_> = shown.pairs("headers").into_iter().map(|(name, _)| name).collect();
    shown.sort_unstable();
    assert_eq!(shown, ["authorization", "cookie", "proxy-authorization"]);

    // What `Connection` names goes, also when plugins may see it otherwise.
    let mut request = get("mirror/x");
    request
        .headers_mut()
        .append("connection", "authorization".parse().unwrap());
    request
        .headers_mut()
        .append(AUTHORIZATION, "secret".parse().unwrap());
    assert!(seen(&api, request).await.pairs("headers").is_empty());
}

#[tokio::test]
async fn a_list_in_connection_that_never_ends_costs_one_walk() {
    let host = mirror().await;
    let mut request = get("mirror/x");
    for number in 0..80 {
        let name: HeaderName = format!("x-{number}").parse().unwrap();
        request.headers_mut().append(name, "1".parse().unwrap());
    }
    let list = "x-79,nobody,".repeat(50_000);
    request.headers_mut().append("connection", list.parse().unwrap());
    let answer = crate::host::read(host.respond(request).await).await.unwrap();
    assert_eq!(Seen::of(&answer).pairs("headers").len(), 79);
}

#[tokio::test]
async fn whom_a_request_is_for_is_told_however_it_was_said() {
    let host = mirror().await;
    let api = service(&host, |_| Authorization::allow(Identity::anonymous()));
    for (target, field, expected) in [
        ("", None, None),
        ("", Some("field.example"), Some("field.example")),
        // As HTTP/2 has it.
        ("https://target.example:8443", None, Some("target.example:8443")),
        (
            "http://target.example",
            Some("field.example"),
            Some("target.example"),
        ),
        ("http://user:secret@target.example", None, Some("target.example")),
        ("http://[::1]:80", None, Some("[::1]:80")),
    ] {
        let request = Request::get(format!("{target}/api/plugins/mirror/seen"));
        let request = match field {
            Some(field) => request.header("host", field),
            None => request,
        };
        let seen = seen(
            &api,
            request
                .body(http_body_util::Empty::<bytes::Bytes>::new())
                .unwrap(),
        )
        .await;
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(seen.header("host"), expected, "{target} {field:?}");
    }
    // An application that hides it does so here too.
    let hiding = PluginApi::builder(host.manager.clone(), DangerouslyAllowEveryone)
        .header_policy(HeaderPolicy::default().hide_from_plugins("host".parse().unwrap()))
        .build();
    let request = Request::get("http://target.example/api/plugins/mirror/seen");
    let seen = seen(
        &hiding,
        request
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .unwrap(),
    )
    .await;
    assert!(seen.header("host").is_empty());
}
