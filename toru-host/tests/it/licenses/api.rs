//! Licence keys over HTTP: what administrators see and change, and what nobody is told.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{BAD, GOOD, accept, picky};
use crate::host::{Answer, Host, id, read};
use crate::logs;

async fn send(host: &Host, method: Method, kind: &str, body: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri("/api/plugins/actor/-/license")
        .header("content-type", kind)
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    read(host.respond(request).await).await.unwrap()
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn administrators_see_a_key_by_its_ends_alone() {
    let (script, _) = picky();
    let host = script.load(|builder| builder).await;
    host.enable("actor").await.unwrap_err();
    let shown = json_of(&host.get("actor/-/license").await);
    let expected = json!({
        "key": null,
        "asked_for": true,
        "instance_id": host.manager.instance_id(),
        "variable": "TORU_LICENSE_ACTOR",
    });
    assert_eq!(shown, expected);
    let body = json!({ "key": GOOD }).to_string();
    let given = send(&host, Method::PUT, "application/json; charset=utf-8", &body).await;
    assert_eq!(given.status, 200);
    assert_eq!(json_of(&given)["status"]["state"], "enabled");
    let shown = json_of(&host.get("actor/-/license").await);
    assert_eq!(
        shown["key"],
        json!({ "masked": "toru1.ed25519.2026.…VUkU", "source": "stored" })
    );
    let bad = json!({ "key": BAD }).to_string();
    let given = send(&host, Method::PUT, "application/json", &bad).await;
    assert_eq!(
        given.status, 200,
        "the key is recorded, whatever the plugin says to it"
    );
    assert_eq!(json_of(&given)["status"]["error"]["code"], "license_expired");
    let taken = send(&host, Method::DELETE, "text/plain", "").await;
    assert_eq!(taken.status, 200);
    assert_eq!(json_of(&taken)["status"]["error"]["code"], "license_missing");
    assert_eq!(host.recorded()["plugins"]["actor"].get("license"), None);
}

#[tokio::test]
async fn a_body_that_brings_no_key_is_refused_without_being_told_back() {
    let (script, _) = picky();
    let host = script.load(|builder| builder).await;
    let secret = "THE-SECRET";
    let large = json!({ "key": secret.repeat(20_000) }).to_string();
    let long = json!({ "key": secret.repeat(2_000) }).to_string();
    for (kind, body, status, code) in [
        (
            "text/plain",
            json!({ "key": secret }).to_string(),
            415,
            "unsupported_media_type",
        ),
        (
            "application/jsonp",
            json!({ "key": secret }).to_string(),
            415,
            "unsupported_media_type",
        ),
        ("application/json", String::new(), 400, "invalid_body"),
        ("application/json", json!(secret).to_string(), 400, "invalid_body"),
        (
            "application/json",
            json!([secret]).to_string(),
            400,
            "invalid_body",
        ),
        (
            "application/json",
            json!({ "key": null }).to_string(),
            400,
            "invalid_body",
        ),
        (
            "application/json",
            json!({ "key": secret, secret: 1 }).to_string(),
            400,
            "invalid_body",
        ),
        (
            "application/json",
            format!("{{\"key\": \"{secret}"),
            400,
            "invalid_body",
        ),
        (
            "application/json",
            json!({ "key": " " }).to_string(),
            400,
            "invalid_license",
        ),
        (
            "application/json",
            json!({ "key": format!("{secret}\0") }).to_string(),
            400,
            "invalid_license",
        ),
        ("application/json", long, 400, "invalid_license"),
        ("application/json", large, 413, "body_too_large"),
    ] {
        let answer = send(&host, Method::PUT, kind, &body).await;
        assert_eq!(
            answer.problem(),
            (status, code.into()),
            "{kind} {}",
            answer.text()
        );
        assert!(!answer.text().contains(secret), "{}", answer.text());
    }
    assert_eq!(host.manager.license(&id("actor")).unwrap().key, None);
}

#[tokio::test]
async fn no_key_is_told_to_anybody_but_its_plugin() {
    let (mut script, _) = picky();
    script.license = Some(Box::new(|ctx| Box::pin(async move { accept(ctx) })));
    let host = script.load(|builder| builder).await;
    let mut told = String::new();
    for key in [GOOD, BAD, GOOD, ""] {
        let body = json!({ "key": key }).to_string();
        let method = if key.is_empty() {
            Method::DELETE
        } else {
            Method::PUT
        };
        told += send(&host, method, "application/json", &body).await.text();
        let _ = host.enable("actor").await;
        for path in ["", "actor", "actor/-/license", "actor/act"] {
            told += host.get(path).await.text();
        }
        told += &format!("{:?} {:?}", host.manager, host.manager.list());
        told += &format!("{:?}", host.manager.license(&id("actor")));
    }
    let logged = format!("{:?}", logs::find(|_| true));
    assert!(logged.contains("another licence key"), "{logged}");
    told += &logged;
    for part in [GOOD, BAD].iter().flat_map(|key| key.split('.').skip(3)) {
        assert!(!told.contains(part), "{part} in {told}");
    }
}
