//! Plugins with one fault each, and the code that each is reported with.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::checker::{Answer, check};
use crate::libraries::{Place, rust};

/// What a plugin of the zoo comes to, if it can be compiled.
fn zoo(name: &str, defines: &[&str]) -> Option<Answer> {
    let place = Place::new();
    let library = place.zoo(name, defines)?;
    Some(check(&library, &[]))
}

#[test]
fn what_is_no_library_is_told() {
    let place = Place::new();
    let answer = check(&place.write("libtext.so", "some text"), &[]);
    assert_eq!(answer.failed(), [("library", "not_a_library")]);
    assert!(answer.json["library"].is_null() && answer.json["run"].is_null());
    let library = place.path("folder.so");
    fs::create_dir(&library).unwrap();
    assert_eq!(check(&library, &[]).failed(), [("place", "not_a_regular_file")]);
}

#[test]
fn a_wrong_id_is_told() {
    let Some(answer) = zoo("good", &["ZOO_ID=\"Not an id\""]) else {
        return;
    };
    assert_eq!(answer.failed(), [("metadata", "invalid_metadata")]);
    assert!(answer.message("invalid_metadata").contains(" id "));
}

#[test]
fn what_no_host_offers_is_told() {
    let Some(answer) = zoo("good", &["TORU_NOTE_REQUIRES=\"com.example.none/1\""]) else {
        return;
    };
    assert_eq!(answer.failed(), [("metadata", "extension_missing")]);
    assert!(answer.message("extension_missing").contains("com.example.none/1"));
    let known = ["TORU_NOTE_REQUIRES=TORU_KV_ID", "TORU_NOTE_LICENSE=\"MIT\""];
    let Some(answer) = zoo("good", &known) else { return };
    assert_eq!(answer.failed(), []);
    let metadata = &answer.json["metadata"];
    assert_eq!(metadata["requires"], serde_json::json!(["toru.kv/1"]));
    assert_eq!(metadata["license"], "MIT");
}

#[test]
fn a_missing_function_is_told() {
    let Some(answer) = zoo("good", &["create_plugin=other"]) else {
        return;
    };
    assert_eq!(answer.failed(), [("structure", "symbol_missing")]);
}

#[test]
fn a_symbol_that_nobody_has_is_told() {
    let Some(answer) = zoo("needs_a_symbol_that_nobody_has", &[]) else {
        return;
    };
    assert_eq!(answer.failed(), [("enable", "unresolved_symbol")]);
}

#[test]
fn damage_behind_a_good_note_is_told() {
    let place = Place::new();
    let Some(library) = place.zoo("good", &[]) else {
        return;
    };
    let bytes = fs::read(&library).unwrap();
    let cut = place.write("libcut.so", &bytes[..bytes.len() - 100]);
    let answer = check(&cut, &[]);
    assert!(
        answer.failed().contains(&("library", "malformed_library")),
        "{answer:?}"
    );
}

#[test]
fn a_crash_is_told_with_its_signal_and_how_far_the_plugin_had_come() {
    for (name, signal, stage) in [
        ("aborts_in_init", "SIGABRT", "initialised"),
        ("faults_in_init", "SIGSEGV", "initialised"),
        ("aborts_in_create", "SIGABRT", "instance was created"),
        ("aborts_in_a_constructor", "SIGABRT", "library was opened"),
        ("exits_in_init", "exit code 3", "initialised"),
    ] {
        let Some(answer) = zoo(name, &[]) else { return };
        assert_eq!(answer.failed(), [("process", "crashed_while_starting")], "{name}");
        let message = answer.message("crashed_while_starting");
        assert!(
            message.contains(signal) && message.contains(stage),
            "{name}: {message}"
        );
    }
}

#[test]
fn init_that_hangs_is_told() {
    let place = Place::new();
    let pipe = place.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo");
        return;
    }
    let define = format!("ZOO_PIPE={pipe:?}");
    let Some(library) = place.zoo("init_blocks_its_thread", &[&define]) else {
        return;
    };
    assert_eq!(check(&library, &[]).failed(), [("enable", "init_timeout")]);
}

#[test]
fn a_handler_that_holds_its_thread_is_told() {
    let place = Place::new();
    let pipe = place.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo");
        return;
    }
    let define = format!("ZOO_PIPE={pipe:?}");
    let Some(library) = place.zoo("hangs", &[&define]) else {
        return;
    };
    let answer = check(&library, &[]);
    assert!(
        answer.failed().contains(&("calls", "requests_hang")),
        "{:#}",
        answer.json
    );
    assert!(answer.message("requests_hang").contains("GET /fault"));
    // What takes longer than it may is ended, and told.
    let answer = check(&library, &["--timeout", "1"]);
    assert_eq!(answer.failed(), [("process", "hung")]);
    assert!(answer.message("hung").contains("calling GET /fault"));
}

#[test]
fn panics_are_told_with_their_place() {
    let place = Place::new();
    for (fault, name, code) in [
        ("init", "enable", "init_panicked"),
        ("routes", "enable", "init_panicked"),
        ("shutdown", "disable", "plugin_panicked"),
        ("drop", "disable", "plugin_panicked"),
    ] {
        let config = place.write("config.json", format!("{{\"fault\":\"{fault}\"}}"));
        let args = [
            "--no-calls",
            "--rounds",
            "1",
            "--config",
            config.to_str().unwrap(),
        ];
        let answer = check(&rust().1, &args);
        assert!(
            answer.failed().contains(&(name, code)),
            "{fault}: {:#}",
            answer.json
        );
        let message = answer.message(code);
        assert!(message.contains(&format!("zoo panics at {fault}")), "{message}");
        assert!(message.contains("src/lib.rs:"), "{message}");
    }
}

#[test]
fn a_route_that_panics_is_told() {
    let answer = check(&rust().0, &["--rounds", "1"]);
    assert!(answer.failed().contains(&("calls", "plugin_panicked")));
    let message = answer.message("plugin_panicked");
    assert!(
        message.contains("GET /panic") && message.contains("src/lib.rs:"),
        "{message}"
    );
}

#[test]
fn an_answer_against_the_rules_of_http_is_told() {
    let Some(answer) = zoo("bad_status", &[]) else {
        return;
    };
    assert!(
        answer.failed().contains(&("calls", "invalid_response")),
        "{:#}",
        answer.json
    );
}

#[test]
fn what_is_left_behind_is_told() {
    let Some(answer) = zoo("leaves_a_thread_behind", &[]) else {
        return;
    };
    let failed = answer.failed();
    for name in ["left-behind", "left-behind-again"] {
        assert!(failed.contains(&(name, "leftover_threads")), "{failed:?}");
    }
    let Some(answer) = zoo("leaves_a_file_open", &[]) else {
        return;
    };
    assert_eq!(
        answer.failed(),
        [
            ("left-behind", "leftover_files"),
            ("left-behind-again", "leftover_files")
        ]
    );
    assert!(answer.message("leftover_files").contains("/dev/zero"));
}

#[test]
fn growth_is_told() {
    let Some(answer) = zoo("grows", &[]) else { return };
    assert_eq!(answer.failed(), [("growth", "grows")]);
    let grown = answer.json["run"]["bytes_per_round"].as_i64().unwrap();
    assert!(grown > 32 << 10, "{grown}");
    let Some(answer) = zoo("good", &[]) else { return };
    assert_eq!(answer.failed(), [], "one that keeps nothing does not grow");
}

#[test]
fn calls_after_the_end_are_told() {
    let Some(answer) = zoo("keeps_its_context", &[]) else {
        return;
    };
    assert_eq!(answer.failed(), [("late-calls", "late_call")]);
}

#[test]
fn a_script_that_registers_something_else_is_told() {
    for (script, code) in [
        ("window.ToruPlugins.other = {}", Some("bundle_id")),
        ("export {}", Some("bundle_unregistered")),
        ("(window.ToruPlugins ??= {}).zoo = {}", None),
    ] {
        let define = format!("ZOO_SCRIPT={script:?}");
        let Some(answer) = zoo("bundle_of_another", &[&define]) else {
            return;
        };
        let expected: Vec<_> = code.into_iter().map(|code| ("bundle", code)).collect();
        assert_eq!(answer.failed(), expected, "{script}");
    }
}

#[test]
fn where_the_file_lies_is_a_warning() {
    let place = Place::new();
    let Some(library) = place.zoo("good", &[]) else {
        return;
    };
    let odd = place.path("plugin.bin");
    fs::rename(library, &odd).unwrap();
    fs::set_permissions(&odd, fs::Permissions::from_mode(0o666)).unwrap();
    let answer = check(&odd, &["--no-run"]);
    assert_eq!(answer.failed(), []);
    let codes: Vec<_> = answer
        .checks("warning")
        .into_iter()
        .map(|(_, code, _)| code)
        .collect();
    assert_eq!(codes, ["name_passed_over", "insecure_permissions"]);
    let strict = check(&odd, &["--no-run", "--strict"]);
    assert_eq!(strict.exit, Some(1), "unless warnings count");
}
