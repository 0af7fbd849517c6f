//! Plugins that nothing is wrong with, and what is told about them.

use serde_json::json;

use crate::checker::check;
use crate::libraries::{Place, root, rust};

/// Every check of a plugin that can be run.
const RUN: [&str; 11] = [
    "enable",
    "calls",
    "disable",
    "left-behind",
    "enable-again",
    "disable-again",
    "disable-while-called",
    "cancelled-calls",
    "growth",
    "left-behind-again",
    "late-calls",
];

#[test]
fn the_rust_example_is_good() {
    // It has a route that panics, which is asked for by nobody but people.
    let answer = check(&rust().0, &["--except", "/panic", "--call", "/greeting/World"]);
    assert_eq!(answer.failed(), []);
    for name in RUN.iter().chain(&["bundle", "accepted", "library", "metadata"]) {
        assert!(answer.passed(name), "{name}: {:#}", answer.json);
    }
    let json = &answer.json;
    assert_eq!(json["schema"], 1);
    assert_eq!(json["metadata"]["id"], "hello");
    assert_eq!(json["metadata"]["abi"], json!([1, 0]));
    assert_eq!(json["is_sealed"], false);
    assert_eq!(json["library"]["exports"], json!(["create_plugin"]));
    assert!(
        json["library"]["needed"]
            .as_array()
            .unwrap()
            .contains(&json!("libc.so.6"))
    );
    assert!(json["library"]["glibc"].as_str().unwrap().starts_with("2."));
    let calls = json["run"]["calls"].as_array().unwrap();
    let ticks = calls.iter().find(|call| call["pattern"] == "/ticks").unwrap();
    assert_eq!(
        (&ticks["status"], &ticks["has_ended"]),
        (&json!(200), &json!(false))
    );
    assert!(calls.iter().all(|call| call["pattern"] != "/panic"));
    let greeting = calls.iter().find(|call| call["pattern"] == "/greeting/World");
    assert_eq!(greeting.unwrap()["status"], 200);
    assert!(
        answer
            .checks("warning")
            .iter()
            .any(|(_, code, _)| *code == "debug_info")
    );
}

#[test]
fn the_c_example_is_good() {
    let place = Place::new();
    let Some(library) = place.c_plugin() else { return };
    let answer = check(&library, &["--strict"]);
    assert_eq!(answer.failed(), []);
    for name in RUN {
        assert!(answer.passed(name), "{name}: {:#}", answer.json);
    }
    assert!(answer.json["metadata"]["route"].is_null(), "it has no page");
}

#[test]
fn a_plugin_that_needs_a_licence_is_good_with_a_key_for_the_installation() {
    let Some(library) = std::env::var_os("TORU_TEST_LICENSED_PLUGIN") else {
        return println!("skipped: TORU_TEST_LICENSED_PLUGIN is not set");
    };
    let key = root().join("examples/licensed-plugin/example-license.txt");
    let key = ["--license", key.to_str().unwrap()];
    let answer = check(library.as_ref(), &key);
    assert_eq!(answer.failed(), [("enable", "license_wrong_instance")]);
    let instance = ["--instance", "5b7ed3ff-30f8-4a94-a1ee-c42ba27c03cd"];
    let answer = check(library.as_ref(), &[key, instance].concat());
    assert_eq!(answer.failed(), []);
}

#[test]
fn nothing_of_a_plugin_runs_where_that_is_not_wanted() {
    let place = Place::new();
    let Some(library) = place.zoo("good", &[]) else {
        return;
    };
    let answer = check(&library, &["--no-run"]);
    assert_eq!(answer.failed(), []);
    assert!(!place.path("constructor-ran").exists());
    assert!(answer.json["run"].is_null());
    check(&library, &[]);
    assert!(place.path("constructor-ran").exists(), "the other way it runs");
}

#[test]
fn no_route_is_called_where_that_is_not_wanted() {
    let answer = check(&rust().0, &["--no-calls", "--rounds", "1"]);
    assert_eq!(answer.failed(), []);
    assert_eq!(answer.json["run"]["calls"], json!([]));
    assert!(!answer.passed("calls"));
    assert!(answer.passed("growth"));
}
