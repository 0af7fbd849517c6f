//! What could not be checked, and what is printed for people.

use crate::checker::run;
use crate::libraries::Place;

#[test]
fn what_cannot_be_checked_is_no_finding() {
    let place = Place::new();
    let Some(library) = place.zoo("good", &[]) else {
        return;
    };
    let library = library.to_str().unwrap();
    let broken = place.write("broken.json", "{");
    for args in [
        &["/no/such/file.so"] as &[&str],
        &[],
        &[library, "--no-such-option"],
        &[library, "--rounds", "0"],
        &[library, "--config", "/no/such/file.json"],
        &[library, "--config", broken.to_str().unwrap()],
        &[library, "--license", "/no/such/file.txt"],
        &[library, "--instance", "here"],
        &[library, "--call", "greeting"],
        &[library, "--call", "/greeting", "--no-calls"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn people_are_told_what_was_found_and_what_to_do_next() {
    let place = Place::new();
    let Some(library) = place.zoo("aborts_in_init", &[]) else {
        return;
    };
    let output = run(&[library.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("  ✓ accepted "), "{text}");
    assert!(text.contains("  ✗ process  "), "{text}");
    assert!(text.contains(" next: "), "{text}");
    assert!(text.ends_with("findings: 1 failed, 0 warned\n"), "{text}");
    let progress = String::from_utf8(output.stderr).unwrap();
    assert!(progress.contains("… enabling the plugin"), "{progress}");
}

#[test]
fn what_a_plugin_prints_does_not_get_into_the_answer() {
    let place = Place::new();
    let Some(library) = place.zoo("prints", &[]) else {
        return;
    };
    let output = run(&["--json", library.to_str().unwrap(), "--rounds", "1"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["verdict"], "good");
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(printed.contains("printed by the plugin"), "{printed}");
}
