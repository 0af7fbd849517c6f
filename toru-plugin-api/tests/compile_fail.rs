//! Plugins that must not compile, and what the compiler says about them: one in each file of `ui`.
//!
//! Each line of a file that begins with `//~` stands somewhere in what the compiler says about that file. The rest of it
//! changes with the compiler, and is not compared.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A crate that has every file as a program, and this crate without features.
const MANIFEST: &str =
    "[package]\nname = \"ui\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n";

/// What the compiler says about each file, by its name.
fn compile(sources: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    let programs = folder.join("src/bin");
    let _ = fs::remove_dir_all(&programs);
    fs::create_dir_all(&programs).unwrap();
    fs::write(
        folder.join("Cargo.toml"),
        format!("{MANIFEST}toru-plugin-api = {{ path = {own:?} }}\n"),
    )
    .unwrap();
    // What it names is there already, so that nothing has to be fetched.
    fs::copy(
        own.parent().unwrap().join("Cargo.lock"),
        folder.join("Cargo.lock"),
    )
    .unwrap();
    for (name, source) in sources {
        fs::write(programs.join(name).with_extension("rs"), source).unwrap();
    }
    let output = Command::new(env!("CARGO"))
        .args([
            "check",
            "--bins",
            "--offline",
            "--quiet",
            "--keep-going",
            "--message-format",
            "json",
        ])
        .arg("--target-dir")
        .arg(folder.join("target"))
        .current_dir(&folder)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("RUSTC")
        .output()
        .unwrap();
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        let target = &message["target"];
        if target["kind"][0] != "bin" {
            continue;
        }
        let name = target["name"].as_str().unwrap().to_owned();
        let text = said.entry(name).or_default();
        // Also that it was compiled at all: such a message says nothing.
        if message["message"]["level"] == "error" {
            text.push_str(message["message"]["rendered"].as_str().unwrap());
        }
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    for name in sources.keys() {
        assert!(said.contains_key(name), "nothing is known of {name}: {errors}");
    }
    said
}

#[test]
fn mistakes_are_told_with_what_to_do_about_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut sources = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        sources.insert(name, fs::read_to_string(path).unwrap());
    }
    let said = compile(&sources);
    let mut complaints = String::new();
    for (name, source) in &sources {
        let said = &said[name];
        let expected: Vec<_> = source
            .lines()
            .filter_map(|line| line.strip_prefix("//~ "))
            .collect();
        if expected.is_empty() != said.is_empty() {
            complaints += &format!(
                "{name} should {}compile:\n{said}\n",
                if said.is_empty() { "not " } else { "" }
            );
        }
        for words in expected.iter().filter(|words| !said.contains(**words)) {
            complaints += &format!("{name} does not say `{words}`, but:\n{said}\n");
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
    assert!(said["good"].is_empty() && said.len() > 15, "{:?}", said.keys());
}
