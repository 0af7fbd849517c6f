//! C plugins whose responses break a rule, and some that look as if they did.

use http_body_util::BodyExt;
use toru_host::error::BodyError;

use crate::host::{get, read};
use crate::zoo::{self, Zoo};

async fn refused(zoo: &Zoo, number: i32, status: u32) {
    let answer = zoo.fault(number).await;
    assert_eq!(
        answer.problem(),
        (502, "invalid_response".into()),
        "{number}: {answer:?}"
    );
    assert_eq!(zoo.count("status").await, status, "{number}");
}

#[tokio::test]
async fn a_status_outside_of_200_to_599_is_refused() {
    let Some(zoo) = zoo::running("bad_status").await else {
        return;
    };
    for status in [0, 1, 99, 100, 101, 199, 600, 999, 1000, 65535] {
        refused(&zoo, status, 17).await;
    }
    for status in [200, 204, 299, 404, 599] {
        assert_eq!(zoo.fault(status).await.status, u16::try_from(status).unwrap());
    }
}

#[tokio::test]
async fn header_names_and_values_are_checked() {
    let Some(zoo) = zoo::running("headers").await else {
        return;
    };
    for (number, name, value) in [
        (0, "x-good", b"good".as_slice()),
        (1, "x-upper", b"good"),
        (2, "x-empty", b""),
        (3, "x-8-bit", b"caf\xe9"),
        (4, "x-tab", b"a\tb"),
        (5, "x-static", b"static"),
    ] {
        let answer = zoo.fault(number).await;
        assert_eq!(
            (answer.status, answer.headers[name].as_bytes()),
            (200, value),
            "{number}"
        );
    }
    for number in 6..=20 {
        refused(&zoo, number, 17).await;
    }
    zoo.serves().await;
}

#[tokio::test]
async fn headers_are_limited_in_number_and_size() {
    let Some(zoo) = zoo::running("many_headers").await else {
        return;
    };
    let all = zoo.fault(256).await;
    assert_eq!(all.headers.get_all("x-many").iter().count(), 256);
    let longest = 16 * 1024 - "x-long".len();
    let longest = i32::try_from(longest).unwrap();
    assert_eq!(zoo.fault(-longest).await.status, 200);
    for number in [257, 300, 1000, -(longest + 1), -60_000] {
        refused(&zoo, number, 17).await;
    }
}

#[tokio::test]
async fn headers_that_are_not_there_are_refused() {
    let Some(zoo) = zoo::running("headers_without_an_array").await else {
        return;
    };
    refused(&zoo, 0, 17).await;
    refused(&zoo, 1, 17).await;
}

#[tokio::test]
async fn a_body_that_makes_no_sense_is_refused() {
    let Some(zoo) = zoo::running("unusable_body").await else {
        return;
    };
    for number in 0..=10 {
        refused(&zoo, number, 17).await;
    }
    assert_eq!(
        zoo.count("released").await,
        0,
        "what was refused stays the plugin's"
    );
}

#[tokio::test]
async fn a_response_that_cannot_be_read_is_refused_and_a_longer_one_with_a_zero_tail_is_fine() {
    let Some(zoo) = zoo::running("unusable_response").await else {
        return;
    };
    for (number, status) in [(0, 17), (1, 17), (2, 17), (3, 18), (4, 18)] {
        refused(&zoo, number, status).await;
    }
    assert_eq!(zoo.fault(5).await.text(), "body");
}

#[tokio::test]
async fn an_error_has_its_own_status_or_500() {
    let Some(zoo) = zoo::running("answers_with_an_error").await else {
        return;
    };
    for (given, seen) in [
        (400, 400),
        (418, 418),
        (599, 599),
        (200, 500),
        (0, 500),
        (600, 500),
        (101, 500),
    ] {
        assert_eq!(zoo.fault(given).await.problem(), (seen, "plugin_error".into()));
    }
}

#[tokio::test]
async fn a_bad_frame_is_an_error_and_never_a_clean_end() {
    let Some(zoo) = zoo::running("bad_frame").await else {
        return;
    };
    for (number, expected) in [
        (0, BodyError::Invalid),
        (1, BodyError::Invalid),
        (2, BodyError::Invalid),
        (3, BodyError::Invalid),
        (4, BodyError::Invalid),
        (5, BodyError::Invalid),
        (6, BodyError::Failed),
        (7, BodyError::Panicked),
        (8, BodyError::Failed),
    ] {
        let response = zoo.host.respond(get(&format!("{}/fault?{number}", zoo.id))).await;
        assert_eq!(response.status(), 200);
        assert_eq!(read(response).await.unwrap_err(), expected, "{number}");
        assert_eq!(zoo.count("released").await, u32::try_from(number).unwrap() + 1);
    }
    zoo.host.disable(&zoo.id).await;
}

#[tokio::test]
async fn nothing_follows_trailers() {
    let Some(zoo) = zoo::running("bad_frame").await else {
        return;
    };
    // The plugin would go on for ever.
    let mut body = zoo
        .host
        .respond(get(&format!("{}/fault?9", zoo.id)))
        .await
        .into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "good");
    assert!(body.frame().await.unwrap().unwrap().is_trailers());
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_stream_keeps_the_length_that_it_promised_or_fails() {
    let Some(zoo) = zoo::running("hint_lies").await else {
        return;
    };
    assert_eq!(zoo.fault(4).await.text(), "xxxx");
    for number in [0, 3, 5, 100] {
        let response = zoo.host.respond(get(&format!("{}/fault?{number}", zoo.id))).await;
        assert_eq!(read(response).await.unwrap_err(), BodyError::Invalid, "{number}");
    }
}

#[tokio::test]
async fn the_host_does_not_call_back_while_it_is_called() {
    let Some(zoo) = zoo::running("hint_takes_a_lock").await else {
        return;
    };
    assert_eq!(zoo.fault(0).await.status, 200);
    assert_eq!(zoo.count("called").await, 0);
}

#[tokio::test]
async fn null_and_zero_are_empty_wherever_that_is_legal() {
    let Some(zoo) = zoo::running("empty_everywhere").await else {
        return;
    };
    for path in ["none", "b", "o", "s"] {
        let answer = zoo.host.get(&format!("{}/{path}", zoo.id)).await;
        assert_eq!((answer.status, answer.text()), (200, ""), "{path}");
        assert_eq!(answer.headers["x-empty"], "", "{path}");
    }
    let bundle = zoo.host.get(&format!("{}/bundle.js", zoo.id)).await;
    assert_eq!((bundle.status, bundle.text()), (200, ""));
}
