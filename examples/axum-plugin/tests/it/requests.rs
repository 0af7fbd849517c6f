//! Requests to the application's routes.

use std::io::Read as _;

use bytes::Bytes;
use http_body_util::Empty;
use serde_json::{Value, json};

use crate::host::{Answer, Host, read, request};
use crate::loopback::Loopback;

async fn host() -> Host {
    Host::enabled(&json!({})).await
}

#[tokio::test]
async fn extractors_get_what_was_sent_and_state_is_shared() {
    let host = host().await;
    assert_eq!(host.get("/list").await.json(), json!([]));
    for (id, text) in [(1, "milk"), (2, "eggs"), (3, "oat milk")] {
        let added = host
            .send("POST", "/list", &json!({ "text": text }).to_string())
            .await;
        assert_eq!(
            (added.status, added.json()),
            (201, json!({ "id": id, "text": text }))
        );
    }
    let found = host.get("/list?contains=oat%20milk").await;
    assert_eq!(found.json(), json!([{ "id": 3, "text": "oat milk" }]));
    assert_eq!(host.get("/list/2").await.json()["text"], "eggs");
    assert_eq!(host.send("DELETE", "/list/2", "").await.status, 204);
    assert_eq!(host.get("/list/2").await.status, 404);
    assert_eq!(host.get("/list").await.json().as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn what_extractors_refuse_has_the_status_that_axum_gives_it() {
    let host = host().await;
    for (method, path, body, status) in [
        ("POST", "/list", "no json", 400),
        ("POST", "/list", r#"{"title":"x"}"#, 422),
        ("GET", "/list/one", "", 400),
        ("DELETE", "/list/7", "", 404),
        ("PUT", "/list", "{}", 405),
        ("GET", "/nothing/here", "", 404),
    ] {
        let answer = host.send(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
    }
    let untyped = request("POST", "/list").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(read(host.respond(untyped).await).await.status, 415);
    let large = json!({ "text": "x".repeat(3 << 20) }).to_string();
    assert_eq!(host.send("POST", "/list", &large).await.status, 413);
}

async fn ask(host: &Host, method: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut asking = request(method, path);
    for (name, value) in fields {
        asking = asking.header(*name, *value);
    }
    read(host.respond(asking.body(Empty::<Bytes>::new()).unwrap()).await).await
}

#[tokio::test]
async fn layers_do_their_work() {
    let host = host().await;
    let plain = host.get("/list").await;
    assert_eq!(plain.headers["cache-control"], "no-store");
    assert!(!plain.headers.contains_key("content-encoding"));

    let text = "milk ".repeat(100);
    host.send("POST", "/list", &json!({ "text": text }).to_string())
        .await;
    let small = ask(&host, "GET", "/list", &[("accept-encoding", "gzip")]).await;
    assert_eq!(small.headers["content-encoding"], "gzip");
    assert_eq!(small.headers["vary"], "accept-encoding");
    let mut whole = String::new();
    flate2::read::GzDecoder::new(&small.body[..])
        .read_to_string(&mut whole)
        .unwrap();
    assert!(small.body.len() < whole.len());
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole[0]["text"], text);
}

#[tokio::test]
async fn head_has_no_body_and_options_is_answered_by_the_layer() {
    let host = host().await;
    let head = ask(&host, "HEAD", "/list", &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.headers["content-type"], "application/json");
    let asked = [
        ("origin", "https://elsewhere.example"),
        ("access-control-request-method", "DELETE"),
    ];
    let options = ask(&host, "OPTIONS", "/list/1", &asked).await;
    assert_eq!(options.status, 200);
    let allowed = options.headers["access-control-allow-methods"].to_str().unwrap();
    assert!(
        allowed.contains("DELETE") && !allowed.contains("PUT"),
        "{allowed}"
    );
}

#[tokio::test]
async fn a_panic_in_a_task_is_told_and_harms_nobody() {
    let host = host().await;
    for _ in 0..3 {
        let answer = host.send("POST", "/panic", "").await;
        assert_eq!(answer.status, 500);
        assert!(answer.text().contains("panicked"), "{}", answer.text());
    }
    assert_eq!(host.get("/list").await.status, 200);
    assert_eq!(host.panicked(), 0, "the calls themselves went well");
}

#[tokio::test]
async fn another_server_is_asked_and_its_answer_passed_on() {
    let server = Loopback::start(Some("all is well")).await;
    let host = Host::enabled(&json!({ "upstream": server.url(), "check_every_ms": 3_600_000 })).await;
    let answer = host.get("/upstream").await;
    assert_eq!((answer.status, answer.text()), (200, "all is well"));
    assert_eq!(answer.headers["content-type"], "text/plain");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_no_harm() {
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let host = Host::enabled(&json!({ "upstream": format!("http://{address}/") })).await;
    assert_eq!(host.get("/upstream").await.status, 502);
    let without = Host::enabled(&json!({})).await;
    assert_eq!(without.get("/upstream").await.status, 404);
}

#[tokio::test]
async fn the_frontend_is_there() {
    let host = host().await;
    let bundle = host.get("/bundle.js").await;
    assert_eq!(bundle.status, 200);
    assert!(bundle.text().contains("ToruPlugins"));
}
