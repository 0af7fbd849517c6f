//! Tests that count what the whole process has.

use std::process::Command;

/// Tells a process that it was started for one test.
const ALONE: &str = "TORU_TEST_ALONE";

/// Runs a test in a process of its own. `name` is the test's own name, with its modules.
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some_and(|alone| alone == *name) {
        return test();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, name)
        // One arena, and large blocks given back at once, so that what grows can be told from what is spread.
        .env("MALLOC_ARENA_MAX", "1")
        .env("MALLOC_MMAP_THRESHOLD_", "65536")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} ended with {}", output.status);
    assert!(said.contains("1 passed"), "no test has the name {name}");
}
