//! The program as a vendor uses it.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const INSTANCE: &str = "9f1c2f0e-8f6e-4f0b-9f0b-0a1b2c3d4e5f";
const FOR: [&str; 4] = ["--plugin", "shop", "--instance", INSTANCE];

fn run(args: &[&str], input: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_license-generator"))
        .args(args)
        .env_remove("TORU_VENDOR_KEY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that reads nothing may have ended already.
    let _ = program.stdin.take().unwrap().write_all(input.as_bytes());
    program.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap()
}

fn json(args: &[&str], input: &str) -> (bool, Value) {
    let output = run(&[args, &["--json"]].concat(), input);
    let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    (output.status.success(), value)
}

fn keygen(folder: &Path, algorithm: &str) -> String {
    let file = folder.join(format!("{algorithm}.key")).display().to_string();
    let args = ["keygen", "--algorithm", algorithm, "--id", "2026", "--out", &file];
    let output = run(&args, "");
    assert!(output.status.success(), "{}", said(&output));
    file
}

#[test]
fn a_licence_is_issued_in_one_command_and_accepted() {
    let folder = tempfile::tempdir().unwrap();
    for algorithm in ["ed25519", "hs256"] {
        let file = keygen(folder.path(), algorithm);
        let key = ["--key", &file];
        let more = [
            "--issued",
            "2026-01-10",
            "--expires",
            "2026-12-31",
            "--licensee",
            "Ann & Co",
            "--feature",
            "b",
            "--feature",
            "a",
        ];
        let (_, issued) = json(&[&["issue"], &key[..], &FOR, &more].concat(), "");
        let text = issued["key"].as_str().unwrap();
        assert!(text.starts_with(&format!("toru1.{algorithm}.2026.")), "{text}");
        assert_eq!(issued["license"]["features"], serde_json::json!(["a", "b"]));
        let verify = |what: &[&str], at: &str, text: &str| {
            json(&[&["verify"], &key[..], what, &["--at", at]].concat(), text)
        };
        let (accepted, answer) = verify(&FOR, "2026-06-01", &format!("  {text}\n"));
        assert!(
            accepted && answer["license"]["licensee"] == "Ann & Co",
            "{answer}"
        );
        let other = ["--plugin", "other", "--instance", INSTANCE];
        let changed = text.replacen('A', "B", 1);
        for (what, at, text, code) in [
            (&FOR, "2027-01-01", text, "expired"),
            (&FOR, "2025-12-31", text, "not_yet_valid"),
            (&other, "2026-06-01", text, "wrong_plugin"),
            (&FOR, "2026-06-01", &changed[..], "invalid_signature"),
            (&FOR, "2026-06-01", "", "malformed"),
        ] {
            let (accepted, answer) = verify(what, at, text);
            assert!(!accepted && answer["code"] == code, "{code}: {answer}");
        }
        let (_, shown) = json(&["inspect"], text);
        assert_eq!(
            (&shown["payload"]["plugin"], &shown["verified"]),
            (&"shop".into(), &false.into())
        );
    }
}

#[test]
fn what_the_plugin_carries_is_a_constant_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["carried", "--key", &keygen(folder.path(), "ed25519")], "");
    let text = said(&output);
    assert!(text.contains("const PUBLIC_KEY: [u8; 32] = ["), "{text}");
    let output = run(&["carried", "--key", &keygen(folder.path(), "hs256")], "");
    assert!(
        said(&output).contains("can issue licences"),
        "a secret is told as one"
    );
}

#[test]
fn keys_are_private_files_that_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = keygen(folder.path(), "ed25519");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&file).unwrap();
    let again = run(&["keygen", "--id", "2026", "--out", &file], "");
    assert!(!again.status.success() && said(&again).contains("never overwritten"));
    assert_eq!(std::fs::read(&file).unwrap(), before);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = run(&[&["issue", "--key", &file], &FOR[..]].concat(), "");
    assert!(
        !open.status.success() && said(&open).contains("chmod 600"),
        "{}",
        said(&open)
    );
}

#[test]
fn nothing_that_is_said_tells_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = keygen(folder.path(), "ed25519");
    let content: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let secret = content["secret"].as_str().unwrap();
    let broken = folder.path().join("broken.key");
    std::fs::write(
        &broken,
        format!("{{\"algorithm\":\"ed25519\",\"id\":\"X\",\"secret\":\"{secret}\"}}"),
    )
    .unwrap();
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o600)).unwrap();
    let broken = broken.display().to_string();
    for args in [
        [&["issue", "--key", &file], &FOR[..]].concat(),
        vec!["carried", "--key", &file],
        [&["issue", "--key", &broken], &FOR[..]].concat(),
        [&["issue"], &FOR[..]].concat(),
        [&["issue", "--key", &file, "--licensee", ""], &FOR[..]].concat(),
    ] {
        let text = said(&run(&args, ""));
        assert!(!text.contains(secret) && !text.is_empty(), "{args:?}: {text}");
    }
}

#[test]
fn a_key_in_the_environment_is_not_told_either() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    let folder = tempfile::tempdir().unwrap();
    let content = std::fs::read(keygen(folder.path(), "ed25519")).unwrap();
    let issue = |value: Vec<u8>| {
        Command::new(env!("CARGO_BIN_EXE_license-generator"))
            .arg("issue")
            .args(FOR)
            .env("TORU_VENDOR_KEY", OsString::from_vec(value))
            .output()
            .unwrap()
    };
    assert!(issue(content.clone()).status.success());
    let secret = serde_json::from_slice::<Value>(&content).unwrap()["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    for broken in [[&content[..], b"\xff"].concat(), [&content[..], b"x"].concat()] {
        let output = issue(broken);
        assert!(
            !output.status.success() && !said(&output).contains(&secret),
            "{}",
            said(&output)
        );
    }
}
