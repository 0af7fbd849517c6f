//! Turning plugins on and off, and using them, over sockets that stay open meanwhile.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::client::Client;
use crate::plugins;
use crate::server::Server;

/// One plugin in C and, if this run was told where it is, the one in Rust, each with a route of its own.
fn with_plugins(scenario: impl Fn(&Server, &str, &str)) {
    let Some(home) = plugins::home() else { return };
    plugins::add_examples(home.path());
    let server = Server::start(home.path());
    scenario(&server, "amber", "/api/plugins/amber/ok");
    if std::env::var_os("TORU_TEST_HELLO_PLUGIN").is_some() {
        scenario(&server, "hello", "/api/plugins/hello/greeting/Ada");
    }
    if std::env::var_os("TORU_TEST_C_PLUGIN").is_some() {
        scenario(&server, "c-hello", "/api/plugins/c-hello/greeting/Ada");
    }
}

/// Status and code of what a GET brings.
fn get(client: &mut Client, path: &str) -> (u16, String) {
    let answer = client.send("GET", path).unwrap();
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    (answer.status, code)
}

#[test]
fn t11_enabling_makes_the_routes_available_on_connections_that_are_open() {
    with_plugins(|server, id, path| {
        let mut clients = [server.client(), server.client(), server.client()];
        for client in &mut clients {
            assert_eq!(get(client, path), (404, "plugin_disabled".into()), "{path}");
        }
        assert_eq!(clients[0].change(id, true).unwrap().status, 200);
        for client in &mut clients {
            assert_eq!(client.send("GET", path).unwrap().status, 200, "{path}");
        }
        assert_eq!(server.get(path, None).status, 401, "with the token alone");
    });
}

#[test]
fn t12_disabling_makes_the_routes_answer_404_on_connections_that_are_open() {
    with_plugins(|server, id, path| {
        let mut clients = [server.client(), server.client(), server.client()];
        for _ in 0..3 {
            assert_eq!(clients[0].change(id, true).unwrap().status, 200);
            for client in &mut clients {
                assert_eq!(client.send("GET", path).unwrap().status, 200, "{path}");
            }
            assert_eq!(clients[1].change(id, false).unwrap().status, 200);
            for client in &mut clients {
                assert_eq!(get(client, path), (404, "plugin_disabled".into()), "{path}");
            }
        }
    });
}

#[test]
fn t11_t12_what_was_asked_for_holds_after_a_restart() {
    let Some(home) = plugins::home() else { return };
    for enabled in [true, false] {
        let server = Server::start(home.path());
        assert_eq!(server.client().change("amber", enabled).unwrap().status, 200);
        assert!(server.stop(Signal::TERM).success());
        let server = Server::start(home.path());
        let answer = server.client().send("GET", "/api/plugins/amber/ok").unwrap();
        assert_eq!(answer.status, if enabled { 200 } else { 404 });
    }
}

#[test]
fn metrics_are_told_to_whoever_has_the_token_and_to_nobody_else() {
    let Some(home) = plugins::home() else { return };
    let server = Server::start(home.path());
    let mut client = server.client();
    assert_eq!(client.change("amber", true).unwrap().status, 200);
    assert_eq!(client.send("GET", "/api/plugins/amber/ok").unwrap().status, 200);
    for token in [None, Some(""), Some("wrong")] {
        assert_eq!(server.get("/metrics", token).status, 401, "{token:?}");
    }
    let page = client.send("GET", "/metrics").unwrap();
    assert_eq!(page.status, 200);
    for line in [
        r#"toru_plugin_requests_total{plugin="amber"} 1"#,
        r#"toru_plugin_state{plugin="amber",state="enabled"} 1"#,
        r#"toru_plugin_state{plugin="beryl",state="disabled"} 1"#,
        r#"toru_plugin_request_duration_seconds_bucket{plugin="amber",le="+Inf"} 1"#,
    ] {
        let text = page.text();
        assert!(
            text.lines().any(|found| found == line),
            "{line} is missing in\n{text}"
        );
    }
}

#[test]
fn a_stream_of_events_ends_with_its_client_and_the_server_knows() {
    if std::env::var_os("TORU_TEST_HELLO_PLUGIN").is_none() {
        return println!("skipped: TORU_TEST_HELLO_PLUGIN is not set");
    }
    let Some(home) = plugins::home() else { return };
    plugins::add_examples(home.path());
    let server = Server::start(home.path());
    let mut client = server.client();
    assert_eq!(client.change("hello", true).unwrap().status, 200);

    let stream = TcpStream::connect(server.address()).unwrap();
    let token = server.token().unwrap();
    let head = "GET /api/plugins/hello/ticks?ms=10 HTTP/1.1\r\nhost: localhost\r\n";
    write!(&stream, "{head}authorization: Bearer {token}\r\n\r\n").unwrap();
    let mut lines = BufReader::new(&stream).lines();
    for number in 1..=3 {
        let event = format!("data: {number}");
        assert!(lines.any(|line| line.unwrap() == event), "{event}");
    }
    let mut in_flight = || {
        let plugins = client.plugins();
        let hello = plugins.iter().find(|plugin| plugin["id"] == "hello");
        hello.unwrap()["counters"]["in_flight"].as_u64().unwrap()
    };
    assert_eq!(in_flight(), 1);
    drop(lines);
    drop(stream);
    // Each look is a request, so this waits for nothing but the server.
    let looks = (0..100_000).find(|_| in_flight() == 0);
    assert!(looks.is_some(), "the stream goes on without its client");
}
