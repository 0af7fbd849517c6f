//! Responses that fail half-way.

use crate::server::Server;

#[tokio::test]
async fn half_a_response_never_looks_whole() {
    let server = Server::start().await;
    for (route, length) in [("broken", None), ("broken-with-length", Some("8"))] {
        let mut wire = server.connect().await;
        wire.send(format!(
            "GET /api/plugins/wire/{route} HTTP/1.1\r\nhost: test\r\n\r\n"
        ))
        .await;
        let head = wire.head().await;
        assert_eq!(
            (head.status, head.field("content-length")),
            (200, length),
            "{route}"
        );
        let (rest, is_orderly) = wire.rest().await;
        println!(
            "{route}: {rest:?}, then {}",
            if is_orderly { "the end" } else { "a reset" }
        );
        match length {
            None => {
                assert_eq!(head.field("transfer-encoding"), Some("chunked"));
                assert!(!rest.contains("0\r\n\r\n"), "a last chunk ends it well: {rest:?}");
            }
            Some(_) => assert!(rest.len() < 8, "{rest:?}"),
        }
    }
    assert_eq!(server.counters().broken_bodies, 2);
}
