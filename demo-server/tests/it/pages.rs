//! Pages and files of the interface, what goes with them, and what is compressed.

use std::io::Read;

use axum::body::Body;
use demo_server::assets::{Asset, Assets};
use demo_server::clock::Clock;
use demo_server::metrics;
use metrics_exporter_prometheus::PrometheusBuilder;
use toru_host::PluginManager;
use tower::ServiceExt;

use crate::site::{PASSWORD, Site, TOKEN, request, sign_in};

const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

/// An interface of two files. Their forms tell themselves apart here.
static TABLE: [Asset; 2] = [
    Asset {
        path: "index.html",
        media_type: "text/html; charset=utf-8",
        is_hashed: false,
        hash: "aaaa",
        plain: b"<!doctype html>",
        brotli: Some(b"br"),
        gzip: Some(b"gz"),
    },
    Asset {
        path: "assets/index-Bx12_-34.js",
        media_type: "text/javascript; charset=utf-8",
        is_hashed: true,
        hash: "bbbb",
        plain: b"let a;",
        brotli: None,
        gzip: Some(b"gz"),
    },
];

async fn built(home: &std::path::Path) -> Site {
    Site::open_with(home, Clock::manual(), Assets::new(&TABLE), false).await
}

#[tokio::test]
async fn pages_carry_a_strict_policy_whether_the_interface_was_built_or_not() {
    let home = tempfile::tempdir().unwrap();
    for (site, start) in [
        (built(home.path()).await, "<!doctype html>"),
        (
            Site::open(tempfile::tempdir().unwrap().path()).await,
            "<!doctype html>\n<html",
        ),
    ] {
        for path in [
            "/",
            "/login",
            "/plugins",
            "/plugins/hello",
            "/p/hello",
            "/p/hello/deep.er",
            "/?x=1",
        ] {
            let reply = site.get(path, &[]).await;
            assert_eq!(reply.status, 200, "{path}");
            assert!(reply.body.starts_with(start.as_bytes()));
            for (name, value) in [
                ("content-type", "text/html; charset=utf-8"),
                ("content-security-policy", POLICY),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cache-control", "no-cache"),
            ] {
                assert_eq!(reply.header(name), value, "{path} {name}");
            }
            assert!(reply.header("permissions-policy").contains("camera=()"));
            assert!(
                !reply.headers.contains_key("strict-transport-security"),
                "not over TLS"
            );
            assert!(!reply.headers.contains_key("set-cookie"));
        }
        assert_eq!(site.get("/nothing", &[]).await.status, 404);
        assert_eq!(site.ask("POST", "/", &[]).await.status, 405);
    }
}

#[tokio::test]
async fn the_page_in_the_place_of_the_interface_needs_no_script_and_tells_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let page = Site::open(home.path()).await.get("/", &[]).await;
    let text = String::from_utf8(page.body).unwrap();
    for told in ["cargo xtask demo", "npm ci", "npm run build"] {
        assert!(text.contains(told), "{told}");
    }
    for banned in [
        "<script",
        "onclick",
        "onload",
        "javascript:",
        "http://",
        "https://",
    ] {
        assert!(!text.contains(banned), "{banned}");
    }
}

#[tokio::test]
async fn nothing_below_the_api_is_ever_a_page() {
    let home = tempfile::tempdir().unwrap();
    let site = built(home.path()).await;
    let bearer = format!("Bearer {TOKEN}");
    for path in [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/plugins/none/x",
        "/api/session/x",
        "/api/index.html",
    ] {
        for method in ["GET", "POST", "PATCH"] {
            let reply = site.ask(method, path, &[("accept", "text/html")]).await;
            assert_eq!(
                reply.problem(),
                (401, "unauthenticated".to_owned()),
                "{method} {path}"
            );
            let reply = site.ask(method, path, &[("authorization", &bearer)]).await;
            assert_eq!(reply.problem().0, 404, "{method} {path}");
        }
    }
    // Nor is what only looks like it, or a file that is not there.
    for path in [
        "//api/plugins",
        "/API/plugins",
        "/%61pi/plugins",
        "/assets/none.js",
        "/assets/none",
        "/x.js",
    ] {
        let reply = site.get(path, &[("accept", "text/html")]).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(
            reply.header("content-type"),
            "text/plain; charset=utf-8",
            "{path}"
        );
    }
}

#[tokio::test]
async fn files_come_in_the_form_that_the_client_likes_and_only_once() {
    let home = tempfile::tempdir().unwrap();
    let site = built(home.path()).await;
    let script = "/assets/index-Bx12_-34.js";
    for (path, accepted, coding, etag, body) in [
        ("/", "", "", "\"aaaa\"", "<!doctype html>"),
        ("/", "gzip, deflate, br", "br", "\"aaaa-br\"", "br"),
        ("/plugins", "gzip", "gzip", "\"aaaa-gz\"", "gz"),
        (script, "br", "", "\"bbbb\"", "let a;"),
        (script, "br, gzip;q=0.1", "gzip", "\"bbbb-gz\"", "gz"),
        (script, "identity;q=0, br", "", "\"bbbb\"", "let a;"),
    ] {
        let accept = ("accept-encoding", accepted);
        let reply = site.get(path, &[accept]).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-encoding"), coding, "{path} {accepted}");
        assert_eq!(reply.header("etag"), etag, "{path} {accepted}");
        assert_eq!(reply.body, body.as_bytes(), "{path} {accepted}");
        assert_eq!(reply.header("vary"), "Accept-Encoding");
        let again = site.get(path, &[accept, ("if-none-match", etag)]).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), etag);
        assert_eq!(again.header("cache-control"), reply.header("cache-control"));
        let other = site.get(path, &[accept, ("if-none-match", "\"cccc\"")]).await;
        assert_eq!(other.status, 200);
    }
    let reply = site.get(script, &[]).await;
    assert_eq!(
        reply.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(reply.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(reply.header("content-security-policy"), POLICY);
}

#[tokio::test]
async fn lists_are_compressed_and_what_holds_secrets_or_streams_is_not() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("plugins")).unwrap();
    for index in 0..20 {
        let file = home.path().join(format!("plugins/text{index}.so"));
        std::fs::write(file, "this is no library").unwrap();
    }
    let site = Site::open(home.path()).await;
    let bearer = format!("Bearer {TOKEN}");
    let known = [("authorization", &*bearer), ("accept-encoding", "gzip")];
    let list = site.get("/api/plugins", &known).await;
    assert_eq!(list.header("content-encoding"), "gzip");
    assert_eq!(list.header("vary"), "accept-encoding");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*list.body)
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.contains("not_a_library"));
    // Nothing is refused after it was done because no form of the answer is wanted.
    let none = [known[0], ("accept-encoding", "identity;q=0")];
    assert_eq!(site.ask("POST", "/api/plugins/-/scan", &none).await.status, 200);
    let plain = site.get("/api/plugins", &known[..1]).await;
    assert!(!plain.headers.contains_key("content-encoding"));
    let name = "x".repeat(4000);
    let reply = site
        .send(
            [192, 0, 2, 1],
            sign_in(&name, PASSWORD, &[("accept-encoding", "gzip")]),
        )
        .await;
    assert_eq!(reply.header("content-encoding"), "");
}

#[tokio::test]
async fn requests_have_ids_that_clients_cannot_choose() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let one = site.get("/healthz", &[("x-request-id", "chosen")]).await;
    let other = site.get("/healthz", &[]).await;
    assert_eq!((one.status.as_u16(), &*one.body), (200, &b"ok\n"[..]));
    assert_eq!(one.header("x-request-id").len(), 36);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    let home = tempfile::tempdir().unwrap();
    let proxied = Site::open_with(home.path(), Clock::manual(), Assets::new(&[]), true).await;
    let proxied = proxied.get("/healthz", &[("x-request-id", "of-the-proxy")]).await;
    assert_eq!(proxied.header("x-request-id"), "of-the-proxy");
}

#[tokio::test]
async fn ids_that_no_proxy_makes_up_are_replaced() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open_with(home.path(), Clock::manual(), Assets::new(&[]), true).await;
    for (id, is_kept) in [
        (&*"x".repeat(128), true),
        ("a-B_9.:+/=@", true),
        (&"x".repeat(129), false),
        ("a b", false),
        ("a\"b", false),
        ("<b>", false),
        ("\u{e9}", false),
        ("", false),
    ] {
        let reply = site.get("/healthz", &[("x-request-id", id)]).await;
        let given = reply.header("x-request-id");
        assert_eq!(given == id, is_kept, "{id:?}");
        assert!(is_kept || given.len() == 36, "{id:?}");
    }
    let two = [("x-request-id", "a"), ("x-request-id", "b")];
    let reply = site.get("/healthz", &two).await;
    assert_eq!(reply.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn metrics_are_kept_by_no_cache() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let manager = PluginManager::builder(home.path().join("others")).start();
    let exporter = PrometheusBuilder::new().build_recorder().handle();
    let router = metrics::router(manager.await.unwrap(), exporter, site.desk.gatekeeper.clone());
    for (token, status) in [(TOKEN, 200), ("wrong", 401)] {
        let bearer = format!("Bearer {token}");
        let request = request("GET", "/metrics", &[("authorization", &bearer)], Body::empty());
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn every_answer_keeps_browsers_from_guessing_and_other_sites_from_using_it() {
    let home = tempfile::tempdir().unwrap();
    let site = built(home.path()).await;
    let bearer = format!("Bearer {TOKEN}");
    for (method, path) in [
        ("GET", "/healthz"),
        ("GET", "/"),
        ("POST", "/"),
        ("GET", "/x.js"),
        ("GET", "/api/nothing"),
        ("GET", "/api/session"),
        ("PUT", "/api/session"),
        ("GET", "/api/plugins"),
        ("GET", "/api/plugins-openapi.json"),
        ("GET", "/api/plugins/none/x"),
    ] {
        for fields in [&[][..], &[("authorization", &*bearer)]] {
            let reply = site.ask(method, path, fields).await;
            assert_eq!(
                reply.header("x-content-type-options"),
                "nosniff",
                "{method} {path}"
            );
            let policy = reply.header("cross-origin-resource-policy");
            assert_eq!(policy, "same-origin", "{method} {path}");
        }
    }
}
