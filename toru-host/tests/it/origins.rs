//! Changes that a page of another site makes a browser ask for.

use http::header::{COOKIE, HOST, ORIGIN};
use http::{HeaderValue, Method, Request};
use http_body_util::Empty;
use toru_host::plugin::PluginState;
use toru_host::service::{Authorization, Identity, PluginApi};

use crate::actor::Script;
use crate::host::{Answer, Decides, Host, ask};

type Field = (&'static str, &'static str);

fn request(method: &Method, path: &str, fields: &[Field]) -> Request<Empty<bytes::Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/plugins/{path}"))
        .header(HOST, "app.example")
        .header(COOKIE, "session=1");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Empty::new()).unwrap()
}

/// A service with users that a cookie tells, and one other origin that may do what its own pages may.
fn service(host: &Host) -> PluginApi {
    let decides = Decides(|_: &_| Authorization::allow(Identity::user("admin")));
    PluginApi::builder(host.manager.clone(), decides)
        .trust_origin(HeaderValue::from_static("https://admin.example"))
        .build()
}

/// Headers as a page of another site makes a browser send them, or as nobody sends them.
const FOREIGN: [&[Field]; 17] = [
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://app.example"),
    ],
    &[
        ("sec-fetch-site", "same-site"),
        ("origin", "https://www.app.example"),
    ],
    &[("sec-fetch-site", "Same-Origin")],
    &[("sec-fetch-site", "")],
    &[
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "cross-site"),
    ],
    &[("sec-fetch-site", "same-origin, cross-site")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "")],
    &[("origin", "https://app.example.evil.example")],
    &[("origin", "https://app.example:444")],
    &[
        ("origin", "https://app.example"),
        ("origin", "https://evil.example"),
    ],
    &[
        ("origin", "https://admin.example"),
        ("origin", "https://evil.example"),
    ],
    &[("origin", "http://admin.example")],
    &[],
];

/// Headers of the application's own pages, and of those that it trusts.
const OWN: [&[Field]; 7] = [
    &[("sec-fetch-site", "same-origin")],
    &[("sec-fetch-site", "none")],
    &[
        ("sec-fetch-site", "same-origin"),
        ("origin", "https://app.example"),
    ],
    &[("origin", "https://app.example")],
    &[("origin", "http://APP.example")],
    &[("origin", "https://admin.example")],
    &[
        ("origin", "https://admin.example"),
        ("sec-fetch-site", "cross-site"),
    ],
];

fn is_refused(answer: &Answer) -> bool {
    answer.problem() == (403, "foreign_origin".into())
}

#[tokio::test]
async fn a_foreign_page_turns_nothing_on_or_off_and_own_pages_do() {
    let host = Script::default().run().await;
    let api = service(&host);
    let changes = async |path: &str, before: PluginState, after: PluginState| {
        for fields in FOREIGN {
            let answer = ask(&api, request(&Method::POST, path, fields)).await;
            assert!(is_refused(&answer), "{path} {fields:?}: {answer:?}");
            assert_eq!(host.state("actor"), before, "{path} {fields:?}");
        }
        for fields in OWN {
            let answer = ask(&api, request(&Method::POST, path, fields)).await;
            assert_eq!(answer.status, 200, "{path} {fields:?}");
            assert_eq!(host.state("actor"), after, "{path} {fields:?}");
        }
    };
    let starts = host.info("actor").counters.starts;
    changes("actor/disable", PluginState::Enabled, PluginState::Disabled).await;
    assert_eq!(host.recorded()["plugins"]["actor"]["enabled"], false);
    changes("actor/enable", PluginState::Disabled, PluginState::Enabled).await;
    assert_eq!(host.info("actor").counters.starts, starts + 1);
}

#[tokio::test]
async fn a_foreign_page_does_not_make_the_host_look_at_the_folder() {
    let host = Script::default().run().await;
    let api = service(&host);
    let path = host.place.write("new.so", "no library");
    for fields in FOREIGN {
        let answer = ask(&api, request(&Method::POST, "-/scan", fields)).await;
        assert!(is_refused(&answer), "{fields:?}");
        assert!(host.manager.rejected().is_empty(), "{fields:?}");
    }
    let answer = ask(&api, request(&Method::POST, "-/scan", OWN[0])).await;
    assert_eq!(answer.status, 200);
    let rejected = host.manager.rejected();
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].file.file_name(), path.file_name());
}

#[tokio::test]
async fn a_foreign_page_reaches_no_handler_of_a_plugin_by_any_method_that_changes_something() {
    let host = Script::act(|_, _| std::future::ready(Ok(toru_plugin_api::Response::text("acted"))))
        .run()
        .await;
    let api = service(&host);
    for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "post", "MKCOL", "get"] {
        let method: Method = method.parse().unwrap();
        for fields in FOREIGN {
            let answer = ask(&api, request(&method, "actor/act", fields)).await;
            assert!(is_refused(&answer), "{method} {fields:?}");
        }
        for fields in OWN {
            let answer = ask(&api, request(&method, "actor/act", fields)).await;
            assert_eq!(answer.text(), "acted", "{method} {fields:?}");
        }
    }
    let acted = host.info("actor").counters.calls;
    assert_eq!(acted, 8 * OWN.len() as u64);
}

#[tokio::test]
async fn reading_changes_nothing_and_is_not_asked_where_it_comes_from() {
    let host = Script::default().run().await;
    let api = service(&host);
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        for fields in FOREIGN {
            for path in ["actor", "actor/ok"] {
                let answer = ask(&api, request(&method, path, fields)).await;
                assert!(matches!(answer.status, 200 | 204), "{method} {path} {fields:?}");
            }
            for path in ["actor/enable", "actor/disable", "-/scan"] {
                let answer = ask(&api, request(&method, path, fields)).await;
                let expected = if method == Method::OPTIONS { 204 } else { 405 };
                assert_eq!(answer.status, expected, "{method} {path}");
                assert_eq!(answer.headers["allow"], "POST, OPTIONS");
            }
        }
    }
    assert_eq!(host.state("actor"), PluginState::Enabled);
}

#[tokio::test]
async fn a_form_that_pretends_to_be_another_method_is_what_it_is() {
    let host = Script::default().run().await;
    let api = service(&host);
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let sent = request(&Method::GET, "actor/disable?_method=POST", &[(name, "POST")]);
        assert_eq!(ask(&api, sent).await.status, 405, "{name}");
        let sent = request(&Method::POST, "actor/disable?_method=GET", &[(name, "GET")]);
        assert!(is_refused(&ask(&api, sent).await), "{name}");
    }
    assert_eq!(host.state("actor"), PluginState::Enabled);
}

#[tokio::test]
async fn a_credential_that_no_browser_sends_by_itself_is_not_asked_where_it_comes_from() {
    let host = Script::default().run().await;
    let decides = Decides(|_: &_| {
        Authorization::decide(async { Ok(Identity::user("robot").with_explicit_credential()) })
    });
    let api = PluginApi::new(host.manager.clone(), decides);
    for (path, state) in [
        ("actor/disable", PluginState::Disabled),
        ("actor/enable", PluginState::Enabled),
    ] {
        for fields in FOREIGN {
            let answer = ask(&api, request(&Method::POST, path, fields)).await;
            assert_eq!(answer.status, 200, "{fields:?}");
        }
        assert_eq!(host.state("actor"), state);
    }
}

#[tokio::test]
async fn the_host_that_was_asked_is_known_in_every_form() {
    let host = Script::default().run().await;
    let api = service(&host);
    let ask_at = async |uri: &str, named: &'static str, origin: &'static str| {
        let sent = Request::post(uri)
            .header(HOST, named)
            .header(ORIGIN, origin)
            .body(Empty::<bytes::Bytes>::new())
            .unwrap();
        is_refused(&ask(&api, sent).await)
    };
    const PATH: &str = "/api/plugins/actor/enable";
    for (named, origin, refused) in [
        ("app.example:8080", "http://app.example:8080", false),
        ("app.example:8080", "http://app.example", true),
        ("app.example", "http://app.example:8080", true),
        ("[::1]:8080", "http://[::1]:8080", false),
        ("[::1]:8080", "http://[::1]", true),
        ("[::1]", "http://[::2]", true),
        ("127.0.0.1", "http://localhost", true),
        ("app.example", "ftp://app.example", true),
        ("app.example", "https://user@app.example", true),
        ("app.example", "https://app.example/", true),
    ] {
        assert_eq!(ask_at(PATH, named, origin).await, refused, "{named} {origin}");
    }
    // HTTP/2 has the host in the address, which a field beside it does not change.
    let absolute = "https://app.example/api/plugins/actor/enable";
    assert!(!ask_at(absolute, "evil.example", "https://app.example").await);
    assert!(ask_at(absolute, "evil.example", "https://evil.example").await);
}

#[tokio::test]
async fn a_script_without_cookie_and_origin_is_no_browser() {
    let host = Script::default().run().await;
    let api = service(&host);
    let sent = Request::post("/api/plugins/actor/enable")
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    assert_eq!(ask(&api, sent).await.status, 200);
}
