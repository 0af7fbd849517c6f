//! Errors that handlers return, and what clients see of them.

use toru_plugin_api::{BodyError, KvError, PluginError, Response};

use crate::actor::Script;
use crate::logs;

const SECRET: &str = "the password is 12345 in errors.rs";

fn error(number: &str) -> PluginError {
    let secret = || SECRET.to_owned();
    match number {
        "0" => PluginError::BadRequest(secret()),
        "1" => PluginError::Body(BodyError::TooLarge),
        "2" => PluginError::Body(BodyError::Disconnected),
        "3" => PluginError::Config(secret()),
        "4" => PluginError::Conflict(secret()),
        "5" => PluginError::Forbidden(secret()),
        "6" => PluginError::Kv(KvError::Full),
        "7" => PluginError::Kv(KvError::Internal),
        "8" => PluginError::NotFound(secret()),
        "9" => PluginError::other(secret()),
        "10" => PluginError::Status(418, secret()),
        "11" => PluginError::Status(200, secret()),
        "12" => PluginError::Status(9999, secret()),
        _ => PluginError::Unsupported("toru.gpu/1"),
    }
}

#[tokio::test]
async fn an_error_of_a_handler_becomes_its_status_and_its_text_stays_in_the_log() {
    let host = Script::act(|_, request| async move { Err(error(&request.query())) })
        .run()
        .await;
    let statuses = [
        400, 413, 400, 500, 409, 403, 507, 500, 404, 500, 418, 500, 500, 501,
    ];
    for (number, status) in statuses.into_iter().enumerate() {
        let answer = host.get(&format!("actor/act?{number}")).await;
        // Whoever could not read a body because of its size says so like the host itself.
        let code = if status == 413 {
            "body_too_large"
        } else {
            "plugin_error"
        };
        assert_eq!(answer.problem(), (status, code.into()), "{number}");
        assert!(!answer.text().contains("password"), "{}", answer.text());
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    assert!(!logs::containing(SECRET).is_empty());
}

#[tokio::test]
async fn a_blocking_handler_fails_in_the_same_way() {
    let host = Script::block(|_, request| match &*request.query() {
        "fine" => Ok(Response::text("fine")),
        query => Err(error(query)),
    })
    .run()
    .await;
    assert_eq!(host.get("actor/block?fine").await.text(), "fine");
    assert_eq!(
        host.get("actor/block?8").await.problem(),
        (404, "plugin_error".into())
    );
}

#[tokio::test]
async fn a_response_of_the_authors_that_breaks_a_rule_is_a_502() {
    let host = Script::act(|_, request| async move {
        let response = Response::text("body");
        Ok(match &*request.query() {
            "0" => response.with_status(99),
            "1" => response.with_header("bad name", "value"),
            "2" => response.with_header("name", "two\nlines"),
            _ => (0..300).fold(response, |response, _| response.with_header("x-many", "1")),
        })
    })
    .run()
    .await;
    for number in 0..4 {
        let answer = host.get(&format!("actor/act?{number}")).await;
        assert_eq!(answer.problem(), (502, "invalid_response".into()), "{number}");
    }
}
