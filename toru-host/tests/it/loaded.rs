//! The host for plugins' integration tests.

use toru_host::testing::{TestHostError, load, load_with};

use crate::host::soon;
use crate::rust_zoo;
use crate::support::Place;

#[tokio::test]
async fn a_built_library_answers_in_a_host_of_its_own() {
    let host = soon(load(&rust_zoo::stable().hello)).await.unwrap();
    assert_eq!(host.id().as_str(), "hello");
    let response = soon(host.get("/greeting/World")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.body(), r#"{"message":"Hello, World!"}"#);
    let echoed = soon(host.post("/echo", "body")).await.unwrap();
    assert_eq!(echoed.body(), "body");
    let asked = http::Request::put("/echo?x").body("x".into()).unwrap();
    assert_eq!(soon(host.request(asked)).await.unwrap().status(), 405);
    soon(host.post("/count", "")).await.unwrap();
    soon(host.manager().disable(host.id())).await.unwrap();
    assert_eq!(soon(host.get("/count")).await.unwrap().status(), 404);
    soon(host.manager().enable(host.id())).await.unwrap();
    let counted = soon(host.get("/count")).await.unwrap();
    assert_eq!(counted.body(), r#"{"count":1}"#);
    soon(host.shutdown()).await;
}

#[tokio::test]
async fn two_hosts_know_nothing_of_each_other() {
    let library = &rust_zoo::stable().hello;
    let first = soon(load(library)).await.unwrap();
    let second = soon(load_with(library, |builder| builder.base_path("/p")))
        .await
        .unwrap();
    soon(first.post("/count", "")).await.unwrap();
    assert_eq!(soon(second.get("/count")).await.unwrap().body(), r#"{"count":0}"#);
    soon(first.shutdown()).await;
    assert_eq!(soon(second.get("/count")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_no_plugin_is_said_to_be_none() {
    let missing = soon(load("no/such/library.so")).await.unwrap_err();
    assert!(matches!(missing, TestHostError::Io(_)), "{missing}");
    let place = Place::new();
    place.write("text.so", b"no library");
    let rejected = soon(load(place.plugins().join("text.so"))).await.unwrap_err();
    assert!(matches!(rejected, TestHostError::Rejected { .. }), "{rejected}");
}
