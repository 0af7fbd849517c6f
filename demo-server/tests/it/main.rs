//! The demo server as a process, the way a person runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(
    clippy::print_stdout,
    reason = "tests tell what they skip and what they counted"
)]

mod client;
mod counting;
mod crashes;
#[path = "../../../toru-host/tests/common/disk.rs"]
mod disk;
#[path = "../../build/embed.rs"]
mod embed;
mod embedding;
mod keeper;
mod kills;
mod listing;
mod lock;
mod members;
mod naive;
mod pages;
mod plugins;
mod power;
#[path = "../../../toru-host/tests/common/random.rs"]
mod random;
mod server;
mod sessions;
mod site;
mod sockets;
mod throttling;
mod wishes;

use rustix::process::Signal;
use server::Server;

#[test]
fn it_starts_without_plugins_and_stops_cleanly_when_told_to() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = tempfile::tempdir().unwrap();
        let server = Server::start(home.path());
        let list = server.get("/api/plugins", server.token());
        assert_eq!(list.status, 200);
        assert_eq!(list.json()["plugins"], serde_json::json!([]));
        assert!(home.path().join("plugins").is_dir(), "the plugins folder is made");
        assert!(server.stop(signal).success());
    }
}

#[test]
fn nothing_is_shown_without_the_token() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    for path in [
        "/api/plugins",
        "/api/plugins/hello",
        "/api/plugins/hello/x",
        "/api/plugins/hello/bundle.js",
    ] {
        for token in [None, Some(""), Some("wrong"), Some(&server.token().unwrap()[1..])] {
            let answer = server.get(path, token);
            assert_eq!(
                (answer.status, &answer.json()["code"]),
                (401, &"unauthenticated".into()),
                "{path} {token:?}"
            );
        }
    }
    assert_eq!(server.get("/healthz", None).status, 200);
}

#[test]
fn a_server_of_this_machine_answers_under_no_name_of_another_site() {
    for (args, others) in [
        (&[][..], [421, 421]),
        (&["--public-host", "demo.example"], [200, 421]),
        (&["--behind-tls-proxy"], [200, 200]),
        (
            &["--behind-tls-proxy", "--public-host", "demo.example"],
            [200, 421],
        ),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut command = std::process::Command::new(server::PROGRAM);
        let server = server::Starting::spawn_with(home.path(), command.args(args));
        let server = server.ready().unwrap();
        let mut client = server.stranger();
        let mut status = |host: &str| {
            client.host = host.to_owned();
            client.send("GET", "/healthz").unwrap().status
        };
        for own in [server.address(), "localhost:1", "[::1]"] {
            assert_eq!(status(own), 200, "{args:?} {own}");
        }
        assert_eq!(
            ["demo.example:80", "evil.example"].map(status),
            others,
            "{args:?}"
        );
    }
}

#[test]
fn the_token_is_told_of_once_and_stays_valid() {
    let home = tempfile::tempdir().unwrap();
    let first = Server::start(home.path());
    let token = first.token().expect("told of at the first start").to_owned();
    assert!(first.stop(Signal::TERM).success());
    let second = Server::start(home.path());
    assert_eq!(second.token(), None, "not told of again");
    assert_eq!(second.get("/api/plugins", Some(&token)).status, 200);
}

#[test]
fn a_file_that_is_no_plugin_is_listed_with_its_reason() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("plugins")).unwrap();
    std::fs::write(home.path().join("plugins/text.so"), "this is no library").unwrap();
    let server = Server::start(home.path());
    let list = server.get("/api/plugins", server.token()).json();
    assert_eq!(list["rejected"][0]["code"], "not_a_library");
    assert_eq!(list["plugins"], serde_json::json!([]));
}
