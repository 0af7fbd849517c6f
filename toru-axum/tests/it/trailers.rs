//! Trailers, as far as HTTP/1.1 and hyper carry them.

use crate::server::Server;

fn request(fields: &str) -> String {
    format!(
        "POST /api/plugins/wire/trailers HTTP/1.1\r\nhost: test\r\n{fields}transfer-encoding: chunked\r\n\
         trailer: x-checksum\r\n\r\n3\r\nabc\r\n0\r\nx-checksum: 900150983cd24fb0\r\n\r\n"
    )
}

#[tokio::test]
async fn trailers_of_a_request_reach_the_plugin() {
    let server = Server::start().await;
    let mut wire = server.connect().await;
    wire.send(request("")).await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("x-checksum"), "{answer:?}");
}

/// hyper sends trailers to whom asks for them by `TE`, and only those that the head announced by `Trailer`, a field of the
/// connection that no plugin can set. So a client of HTTP/1.1 gets none, and a response that is whole without them.
#[tokio::test]
async fn trailers_of_a_response_are_left_out_on_http_1_and_it_is_whole_without_them() {
    let server = Server::start().await;
    for fields in ["", "te: trailers\r\nconnection: te\r\n"] {
        let mut wire = server.connect().await;
        wire.send(request(fields)).await;
        let answer = wire.answer().await;
        assert_eq!(
            (answer.status, answer.field("trailer")),
            (200, None),
            "{answer:?}"
        );
        assert!(!answer.body.contains("x-end"), "{answer:?}");
        wire.send("GET /api/plugins/wire/hello HTTP/1.1\r\nhost: test\r\n\r\n")
            .await;
        assert_eq!(wire.answer().await.body, "hello", "the connection goes on");
    }
}
