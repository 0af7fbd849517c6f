//! Plugins that take the process with them while they start.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::plugins::{self, HEALTHY};
use crate::random::cases;
use crate::server::{Server, Starting};
use crate::wishes::state_file;

/// The plugin that takes the process with it.
const DEADLY: &str = "deadly";
/// Ends a process by abort, by `_exit(3)`, and by touching memory that is not there.
const ABORTED: End = End::Signal(6);
const EXITED: End = End::Code(3);
const FAULTED: End = End::Signal(11);

/// Names in the zoo, how far each plugin comes, and how the process ends.
const WAYS: [(&str, &str, End); 7] = [
    ("aborts_in_a_constructor", "open", ABORTED),
    ("aborts_in_create_plugin", "open", ABORTED),
    ("aborts_in_create", "create", ABORTED),
    ("aborts_in_init", "init", ABORTED),
    ("aborts_when_it_is_destroyed_unstarted", "init", ABORTED),
    ("exits_in_init", "init", EXITED),
    ("faults_in_init", "init", FAULTED),
];

#[derive(Clone, Copy, Debug)]
enum End {
    Code(i32),
    Signal(i32),
}

#[test]
fn l21_what_dies_when_it_is_enabled_is_quarantined_and_all_others_run() {
    for_each_way("when it is enabled", |home, way| {
        let server = Server::start(home);
        for id in HEALTHY {
            assert_eq!(server.client().change(id, true).unwrap().status, 200);
        }
        dies(server, way);

        starts_with_it_quarantined(home, way);
        let server = starts_with_it_quarantined(home, way);
        let cleared = server.client().change(DEADLY, false).unwrap();
        assert_eq!(cleared.status, 200, "{}", cleared.json());
        let server = restarted(server, home);
        assert_eq!(of(&server, DEADLY)["state"], "disabled");
        assert_eq!(of(&server, DEADLY)["error"], Value::Null);

        dies(server, way);
        let server = starts_with_it_quarantined(home, way);
        dies(server, way);
        starts_with_it_quarantined(home, way);
        true
    });
}

#[test]
fn l21_what_dies_when_the_host_starts_is_quarantined_and_all_others_run() {
    for_each_way("when the host starts", |home, way| {
        let ids = HEALTHY.into_iter().chain([DEADLY]);
        let plugins: serde_json::Map<_, _> = ids
            .map(|id| (id.to_owned(), json!({ "enabled": true })))
            .collect();
        let file = state_file(home);
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(file, json!({ "version": 1, "plugins": plugins }).to_string()).unwrap();
        let Err(ended) = Starting::spawn(home).ready() else {
            panic!("the host starts with {way:?}");
        };
        assert_end(ended.status, way);

        // Who starts several plugins at once may not know which one it was, and die once more.
        let comes_up = Starting::spawn(home).ready().is_ok();
        starts_with_it_quarantined(home, way);
        starts_with_it_quarantined(home, way);
        comes_up
    });
}

type Way = (&'static str, &'static str, End);

/// Runs a scenario for each way to die, each time without what was remembered of the last one. It tells whether the
/// first start after the crash came up.
fn for_each_way(when: &str, scenario: impl Fn(&Path, Way) -> bool) {
    let (mut runs, mut held) = (0, 0);
    for way in WAYS {
        let Some(home) = plugins::home() else { return };
        plugins::compile(home.path(), DEADLY, way.0).unwrap();
        for _ in 0..cases(3, 100) {
            runs += 1;
            held += usize::from(scenario(home.path(), way));
            fs::remove_dir_all(state_file(home.path()).parent().unwrap()).unwrap();
        }
    }
    println!("dies {when}: the next host comes up {held} of {runs} times");
    assert_eq!(held, runs);
}

/// Enables the deadly plugin, of which the server dies.
fn dies(server: Server, way: Way) {
    let answer = server.client().change(DEADLY, true);
    assert!(answer.is_err(), "the server lives on: {}", answer.unwrap().json());
    assert_end(server.ended(), way);
}

fn assert_end(status: std::process::ExitStatus, way: Way) {
    match way.2 {
        End::Code(code) => assert_eq!(status.code(), Some(code), "{way:?}"),
        End::Signal(signal) => assert_eq!(status.signal(), Some(signal), "{way:?}"),
    }
}

/// Starts a server, in which exactly the deadly plugin is quarantined.
fn starts_with_it_quarantined(home: &Path, way: Way) -> Server {
    let server = Server::start(home);
    for id in HEALTHY {
        let status = of(&server, id);
        assert_eq!(
            (&status["desired"], &status["state"], &status["error"]),
            (&json!("enabled"), &json!("enabled"), &Value::Null),
            "{id} beside {way:?}"
        );
    }
    let status = of(&server, DEADLY);
    assert_eq!(
        (&status["desired"], &status["state"]),
        (&json!("enabled"), &json!("quarantined")),
        "{way:?}"
    );
    let error = &status["error"];
    assert_eq!(
        (&error["code"], &error["stage"]),
        (&json!("crashed_while_starting"), &json!(way.1)),
        "{way:?}"
    );
    server
}

fn restarted(server: Server, home: &Path) -> Server {
    drop(server);
    Server::start(home)
}

/// The status of one plugin.
fn of(server: &Server, id: &str) -> Value {
    let plugins = server.client().plugins();
    let plugin = plugins.iter().find(|plugin| plugin["id"] == id);
    plugin.unwrap()["status"].clone()
}
