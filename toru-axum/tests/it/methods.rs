//! HEAD and OPTIONS, where the socket shows whether a body follows.

use crate::server::Server;

#[tokio::test]
async fn head_is_get_without_its_body_and_the_connection_goes_on() {
    let server = Server::start().await;
    let mut wire = server.connect().await;
    for (path, len) in [("/api/plugins/wire/hello", Some("5")), ("/api/plugins", None)] {
        wire.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
            .await;
        let head = wire.head().await;
        assert_eq!(head.status, 200, "{path}");
        wire.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
            .await;
        // A body after HEAD would be read as this response.
        let got = wire.answer().await;
        assert_eq!(got.status, 200, "{path}");
        assert_eq!(head.field("content-type"), got.field("content-type"), "{path}");
        if len.is_some() {
            assert_eq!(
                (head.field("content-length"), got.field("content-length")),
                (len, len)
            );
        }
    }
}

#[tokio::test]
async fn a_stream_that_only_its_head_is_asked_of_is_not_produced() {
    let server = Server::start().await;
    let mut wire = server.connect().await;
    let broken = "/api/plugins/wire/broken HTTP/1.1\r\nhost: test\r\n\r\n";
    wire.send(format!("HEAD {broken}")).await;
    let head = wire.head().await;
    assert_eq!(
        (head.status, head.field("content-length")),
        (200, None),
        "{head:?}"
    );
    wire.send("GET /api/plugins/wire/hello HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    assert_eq!(wire.answer().await.body, "hello");
    assert_eq!(server.counters().broken_bodies, 0);
}

#[tokio::test]
async fn options_tells_the_methods_and_others_are_refused_with_them() {
    let server = Server::start().await;
    let mut wire = server.connect().await;
    for (path, methods) in [
        ("/api/plugins/wire/hello", "GET, HEAD, OPTIONS"),
        ("/api/plugins/wire/read", "POST, OPTIONS"),
        ("/api/plugins", "GET, HEAD, OPTIONS"),
        ("/api/plugins/wire/enable", "POST, OPTIONS"),
    ] {
        wire.send(format!("OPTIONS {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
            .await;
        let answer = wire.head().await;
        assert_eq!(
            (answer.status, answer.field("allow")),
            (204, Some(methods)),
            "{path}"
        );
        wire.send(format!("DELETE {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
            .await;
        let answer = wire.answer().await;
        assert_eq!(
            (answer.status, answer.field("allow")),
            (405, Some(methods)),
            "{path}"
        );
    }
}
