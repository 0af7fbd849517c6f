//! Requests whose end two readers could see in two places. What hides a second request from one of them must never work.

use crate::server::Server;

/// Follows each request, as what an attacker would hide in it.
const SMUGGLED: &str = "GET /api/plugins/wire/hello HTTP/1.1\r\nhost: test\r\n\r\n";

/// What came of a request and the one that follows it.
#[derive(Debug, PartialEq)]
struct Outcome {
    statuses: Vec<u16>,
    calls: u64,
    text: String,
}

/// Sends bytes as they are, and reads up to the end of the connection, which the server has to bring about.
async fn outcome(bytes: &str) -> Outcome {
    let server = Server::start().await;
    let mut wire = server.connect().await;
    // The server may close before it has seen all.
    let _ = wire.try_send(bytes).await;
    let (text, _) = wire.rest().await;
    let statuses = text.match_indices("HTTP/1.1 ");
    let statuses = statuses.map(|(at, _)| text[at + 9..at + 12].parse().unwrap());
    Outcome {
        statuses: statuses.collect(),
        calls: server.counters().calls,
        text,
    }
}

fn post(fields: &str, body: &str) -> String {
    format!("POST /api/plugins/wire/read HTTP/1.1\r\nhost: test\r\n{fields}\r\n{body}")
}

#[tokio::test]
async fn a_head_that_can_be_read_in_two_ways_is_refused_and_the_plugin_is_not_called() {
    let get = "GET /api/plugins/wire/hello HTTP/1.1\r\n";
    let cases = [
        post("content-length: 5\r\ncontent-length: 6\r\n", "hello"),
        post("content-length: 6\r\ncontent-length: 5\r\n", "hello"),
        post("content-length: 5, 5\r\n", "hello"),
        post("content-length: 5, 6\r\n", "hello"),
        post("content-length: +5\r\n", "hello"),
        post("content-length: -5\r\n", "hello"),
        post("content-length: 0x5\r\n", "hello"),
        post("content-length: 5 5\r\n", "hello"),
        post("content-length:\r\n", "hello"),
        post("content-length: 99999999999999999999\r\n", "hello"),
        post("content-length : 5\r\n", "hello"),
        post("content-length\r\n", "hello"),
        post("content-length\x0b: 5\r\n", "hello"),
        post("transfer-encoding : chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        post("transfer-encoding: identity\r\n", "hello"),
        post("transfer-encoding: xchunked\r\n", "hello"),
        post("transfer-encoding: chunked, identity\r\n", "hello"),
        post(
            "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
            "hello",
        ),
        post("content-length: 5\r\ntransfer-encoding: identity\r\n", "hello"),
        post("x-a: b\r\n c\r\n", ""),
        post("x-a: b\r\n\tcontent-length: 5\r\n", "hello"),
        post(" content-length: 5\r\n", "hello"),
        post("x-a: b\rcontent-length: 5\r\n", "hello"),
        post("x-a: b\0c\r\n", ""),
        post("x a: b\r\n", ""),
        format!("{get}host: test\r\n: nameless\r\n\r\n"),
        "GET  /api/plugins/wire/hello HTTP/1.1\r\nhost: test\r\n\r\n".to_owned(),
        "GET /api/plugins/wire/hello HTTP/1.1 \r\nhost: test\r\n\r\n".to_owned(),
        "GET /api/plugins/wire/hello\thello HTTP/1.1\r\nhost: test\r\n\r\n".to_owned(),
        "GET /api/plugins/wire/hello HTTP/1.2\r\nhost: test\r\n\r\n".to_owned(),
        "POST /api/plugins/wire/read HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
    ];
    for case in cases {
        let outcome = outcome(&format!("{case}{SMUGGLED}")).await;
        assert_eq!(
            (&*outcome.statuses, outcome.calls),
            (&[400][..], 0),
            "{case:?}: {outcome:?}"
        );
    }
}

/// hyper reads these in the one way that RFC 9112 allows besides refusing them, so nothing is hidden.
#[tokio::test]
async fn what_is_odd_but_has_one_reading_is_read_that_way() {
    // The same length twice is that length (section 6.3, item 5).
    let twice = post("content-length: 5\r\ncontent-length: 5\r\n", "hello");
    let last = SMUGGLED.replace("host:", "connection: close\r\nhost:");
    let found = outcome(&format!("{twice}{last}")).await;
    assert_eq!((&*found.statuses, found.calls), (&[200, 200][..], 2), "{found:?}");

    // A line may end with LF alone (section 2.2): what follows is the next line for everybody who reads it at all.
    let bare =
        "POST /api/plugins/wire/read HTTP/1.1\nhost: test\ncontent-length: 5\nconnection: close\n\nhello";
    let found = outcome(&format!("{bare}{SMUGGLED}")).await;
    assert_eq!((&*found.statuses, found.calls), (&[200][..], 1), "{found:?}");
    assert!(found.text.ends_with("\r\n\r\nhello"), "{found:?}");
}

/// Chunks win over a length, and the connection ends (section 6.3, item 3), so nothing behind it is a request.
#[tokio::test]
async fn of_a_length_and_chunks_the_chunks_count_and_nothing_behind_them_is_read() {
    for fields in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "transfer-encoding: chunked\r\ncontent-length: nonsense\r\n",
        "content-length: 60\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
    ] {
        let request = post(fields, "3\r\nabc\r\n0\r\n\r\n");
        let found = outcome(&format!("{request}{SMUGGLED}")).await;
        assert_eq!(
            (&*found.statuses, found.calls),
            (&[200][..], 1),
            "{fields}: {found:?}"
        );
        assert!(found.text.ends_with("\r\n\r\nabc"), "{fields}: {found:?}");
    }
}

/// The plugin is called with the head, before the chunks are there; its reading fails, and nothing behind them is read.
#[tokio::test]
async fn chunks_that_are_none_fail_the_plugins_reading_and_end_the_connection() {
    for body in [
        "x\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5;a=\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "4\r\nhello\r\n0\r\n\r\n",
    ] {
        let request = post("transfer-encoding: chunked\r\n", body);
        let found = outcome(&format!("{request}{SMUGGLED}")).await;
        assert_eq!(found.statuses, [400], "{body:?}: {found:?}");
        assert!(found.calls <= 1, "{body:?}: {found:?}");
    }
    // The control: chunks in order, with the extension that the standard allows.
    let request = post("transfer-encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n");
    let last = SMUGGLED.replace("host:", "connection: close\r\nhost:");
    let found = outcome(&format!("{request}{last}")).await;
    assert_eq!((&*found.statuses, found.calls), (&[200, 200][..], 2), "{found:?}");
}
