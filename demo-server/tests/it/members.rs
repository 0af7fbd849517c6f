//! Users, of the running server and on the command line.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;
use serde_json::json;

use crate::plugins;
use crate::server::{PROGRAM, Server, Starting};

const PASSWORD: &str = "correct horse battery staple";
const JSON: (&str, &str) = ("content-type", "application/json");
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");

/// A server whose administrator has [`PASSWORD`].
fn start(home: &Path, log: &str) -> Server {
    let mut command = Command::new(PROGRAM);
    command
        .env("TORU_DEMO_ADMIN_PASSWORD", PASSWORD)
        .env("RUST_LOG", log);
    Starting::spawn_with(home, &mut command).ready().unwrap()
}

/// Signs in; the status, and the cookie.
fn sign_in(server: &Server, name: &str, password: &str) -> (u16, Option<String>) {
    let body = json!({"username": name, "password": password}).to_string();
    let answer = server
        .stranger()
        .send_with("POST", "/api/session", &[JSON, OWN], &body);
    let answer = answer.unwrap();
    (answer.status, answer.cookie)
}

/// Runs `demo-server user`.
fn user(home: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(PROGRAM)
        .arg("user")
        .args(args)
        .env("TORU_DEMO_DATA", home.join("data"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_first_start_makes_an_administrator_and_tells_the_password_once() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::start(home.path());
    let line = server.line();
    let password = line.strip_prefix("sign in as:       admin, password ").unwrap();
    let password = password.split(' ').next().unwrap().to_owned();
    assert_eq!(password.len(), 23);
    let (status, cookie) = sign_in(&server, "admin", &password);
    assert_eq!(status, 200);
    assert!(server.stop(Signal::TERM).success());

    let mut server = Server::start(home.path());
    let cookie = cookie.unwrap();
    let answer = server
        .stranger()
        .send_with("GET", "/api/plugins", &[("cookie", &cookie)], "");
    assert_eq!(answer.unwrap().status, 200, "the session survived");
    assert_eq!(sign_in(&server, "admin", &password).0, 200);
    server.signal(Signal::TERM);
    assert_eq!(server.line(), "stopped", "not printed again");
}

#[test]
fn the_administrators_password_can_be_given_and_is_not_printed_then() {
    let home = tempfile::tempdir().unwrap();
    let mut server = start(home.path(), "warn");
    assert_eq!(sign_in(&server, "admin", PASSWORD).0, 200);
    assert_eq!(sign_in(&server, "admin", "wrong").0, 401);
    server.signal(Signal::TERM);
    assert_eq!(server.line(), "stopped");

    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    command.env("TORU_DEMO_ADMIN_PASSWORD", "short");
    let Err(ended) = Starting::spawn_with(home.path(), &mut command).ready() else {
        panic!("a short password is refused");
    };
    assert!(ended.stderr.contains("choose another"), "{}", ended.stderr);
}

#[test]
fn a_secret_that_is_no_text_is_refused_and_not_replaced_by_another() {
    for name in ["TORU_DEMO_TOKEN", "TORU_DEMO_ADMIN_PASSWORD"] {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(PROGRAM);
        command.env(name, OsStr::from_bytes(b"a secret of many \xff characters"));
        let Err(ended) = Starting::spawn_with(home.path(), &mut command).ready() else {
            panic!("{name} is taken for none");
        };
        assert!(
            ended.stderr.contains(name) && ended.stderr.contains("UTF-8"),
            "{}",
            ended.stderr
        );
        assert!(!home.path().join("data/token").exists());
    }
}

#[test]
fn users_are_changed_while_the_server_runs() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), "warn");
    let run = |args: &[&str], input: &str| user(home.path(), args, input);
    assert!(run(&["add", "ada"], "the password of ada\n").status.success());
    let made_up = text(&run(&["add", "Bob", "--role", "admin"], "").stdout);
    let (_, bobs) = made_up.split_once("password: ").expect("printed once");
    let bobs = bobs.split(' ').next().unwrap();
    let list = text(&run(&["list"], "").stdout);
    let list: Vec<Vec<&str>> = list
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(list, [["ada", "user"], ["admin", "admin"], ["bob", "admin"]]);
    assert_eq!(sign_in(&server, "bob", bobs).0, 200);
    let (status, ada) = sign_in(&server, "ada", "the password of ada");
    assert_eq!(status, 200);

    assert!(run(&["password", "ada"], "another password\n").status.success());
    let ada = ada.unwrap();
    let who = server
        .stranger()
        .send_with("GET", "/api/session", &[("cookie", &ada)], "");
    assert_eq!(who.unwrap().status, 401, "signed out at once");
    assert_eq!(sign_in(&server, "ada", "the password of ada").0, 401);
    assert_eq!(sign_in(&server, "ada", "another password").0, 200);
    assert!(run(&["remove", "ada"], "").status.success());
    assert_eq!(sign_in(&server, "ada", "another password").0, 401);

    for (args, input, told) in [
        (&["add", "bob"][..], "a long password\n", "already"),
        (&["add", "a b"], "a long password\n", "at most 32"),
        (&["add", "token"], "a long password\n", "is not `token`"),
        (&["add", "eve"], "short\n", "choose another"),
        (&["remove", "eve"], "", "user list"),
        (&["password", "eve"], "a long password\n", "user list"),
    ] {
        let output = run(args, input);
        assert!(!output.status.success(), "{args:?}");
        assert!(
            text(&output.stderr).contains(told),
            "{args:?}: {}",
            text(&output.stderr)
        );
    }
    assert!(run(&["remove", "bob"], "").status.success());
    let output = run(&["remove", "admin"], "");
    assert!(text(&output.stderr).contains("last administrator"));
    assert_eq!(sign_in(&server, "admin", PASSWORD).0, 200);
}

#[test]
fn data_that_other_users_get_at_is_refused_by_the_server_and_the_command_line() {
    let home = tempfile::tempdir().unwrap();
    assert!(start(home.path(), "warn").stop(Signal::TERM).success());
    let data = home.path().join("data");
    for (path, loose, private, told) in [
        (data.clone(), 0o755, 0o700, "chmod 700"),
        (data.join("demo.db"), 0o644, 0o600, "chmod 600"),
    ] {
        fs::set_permissions(&path, Permissions::from_mode(loose)).unwrap();
        let output = user(home.path(), &["list"], "");
        let stderr = text(&output.stderr);
        assert!(!output.status.success() && stderr.contains(told), "{stderr}");
        let Err(ended) = Starting::spawn(home.path()).ready() else {
            panic!("{} is used", path.display());
        };
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
        fs::set_permissions(&path, Permissions::from_mode(private)).unwrap();
        assert!(user(home.path(), &["list"], "").status.success());
    }
}

#[test]
fn a_user_uses_plugins_and_manages_none() {
    let Some(home) = plugins::home() else { return };
    let server = start(home.path(), "warn");
    assert!(
        user(home.path(), &["add", "ada"], "the password of ada\n")
            .status
            .success()
    );
    assert_eq!(server.client().change("amber", true).unwrap().status, 200);
    let ada = sign_in(&server, "ada", "the password of ada").1.unwrap();
    let admin = sign_in(&server, "admin", PASSWORD).1.unwrap();
    let mut client = server.stranger();
    let mut send = |method: &str, path: &str, cookie: &str| {
        let fields = [("cookie", cookie), OWN];
        client.send_with(method, path, &fields, "").unwrap()
    };
    let states = || {
        let plugins = server.client().plugins();
        let states = plugins.iter().map(|plugin| plugin["status"].to_string());
        states.collect::<Vec<_>>()
    };
    let before = states();
    for path in [
        "/api/plugins",
        "/api/plugins/amber",
        "/api/plugins/amber/ok",
        "/api/session",
    ] {
        assert_eq!(send("GET", path, &ada).status, 200, "{path}");
    }
    plugins::compile(home.path(), "new", "good").unwrap();
    for path in [
        "beryl/enable",
        "amber/disable",
        "-/scan",
        "none/enable",
        "amber/-/storage",
    ] {
        let answer = send("POST", &format!("/api/plugins/{path}"), &ada);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (403, &json!("forbidden")),
            "{path}"
        );
    }
    assert_eq!(send("GET", "/metrics", &admin).status, 401, "for the token alone");
    assert_eq!(states(), before, "nothing was done");
    // An administrator may, unless a page of another site asks.
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200)] {
        let fields = [("cookie", &*admin), ("sec-fetch-site", site)];
        let answer = server
            .stranger()
            .send_with("POST", "/api/plugins/beryl/enable", &fields, "");
        assert_eq!(answer.unwrap().status, status, "{site}");
        assert_eq!(states() == before, status != 200);
    }
    assert_eq!(send("POST", "/api/plugins/-/scan", &admin).status, 200);
    assert_eq!(states().len(), before.len() + 1);
}

#[test]
fn a_proxy_that_tells_no_address_is_warned_about() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    command
        .arg("--behind-tls-proxy")
        .env("TORU_DEMO_ADMIN_PASSWORD", PASSWORD);
    let mut server = Starting::spawn_with(home.path(), &mut command).ready().unwrap();
    let body = json!({"username": "admin", "password": PASSWORD}).to_string();
    for (told, is_warned) in [
        ("192.0.2.1", false),
        ("[2001:db8::1]", false),
        ("192.0.2.1, unknown", true),
    ] {
        let fields = [JSON, OWN, ("x-forwarded-for", told)];
        let answer = server
            .stranger()
            .send_with("POST", "/api/session", &fields, &body);
        assert_eq!(answer.unwrap().status, 200);
        assert_eq!(server.log().contains("X-Forwarded-For"), is_warned, "{told}");
    }
}

#[test]
fn no_secret_is_ever_logged() {
    let home = tempfile::tempdir().unwrap();
    let mut server = start(home.path(), "trace");
    let token = server.token().unwrap().to_owned();
    let cookie = sign_in(&server, "admin", PASSWORD).1.unwrap();
    let id = cookie.split_once('=').unwrap().1.to_owned();
    assert_eq!(sign_in(&server, "admin", "a wrong password").0, 401);
    assert_eq!(sign_in(&server, "a-password-as-a-name", PASSWORD).0, 401);
    let mut stranger = server.stranger();
    for path in [
        "/api/session",
        "/api/plugins",
        "/api/nothing?secret=in-a-query",
        "/",
        "/metrics",
    ] {
        stranger
            .send_with("GET", path, &[("cookie", &cookie)], "")
            .unwrap();
        server.client().send("GET", path).unwrap();
    }
    let broken = format!("{cookie}x");
    stranger
        .send_with("GET", "/api/plugins", &[("cookie", &broken)], "")
        .unwrap();
    let body = json!({"username": "admin", "password": 7, "x": PASSWORD}).to_string();
    stranger
        .send_with("POST", "/api/session", &[JSON, OWN], &body)
        .unwrap();
    let fields = [("cookie", &*cookie), OWN];
    let out = stranger.send_with("DELETE", "/api/session", &fields, "").unwrap();
    assert_eq!(out.status, 204);
    let log = server.log();
    assert!(
        log.contains("sign-in failed") && log.contains("path=\"/api/nothing\""),
        "{log}"
    );
    assert!(log.contains("signed in") && log.contains("signed out"));
    for secret in [
        PASSWORD,
        "a wrong password",
        "a-password-as-a-name",
        "in-a-query",
        "$argon2id",
        &token,
        &id,
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn other_machines_are_served_without_tls_only_where_that_is_meant() {
    for (args, is_refused) in [
        (&[][..], true),
        (&["--insecure-http"], false),
        (&["--behind-tls-proxy"], false),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(PROGRAM);
        // An option of the command line comes before the setting of these tests.
        command.args(["--listen", "0.0.0.0:0"]).args(args);
        match Starting::spawn_with(home.path(), &mut command).ready() {
            Ok(server) => {
                assert!(!is_refused);
                assert!(server.stop(Signal::TERM).success());
            }
            Err(ended) => {
                assert!(is_refused, "{}", ended.stderr);
                assert!(ended.stderr.contains("--behind-tls-proxy"), "{}", ended.stderr);
            }
        }
    }
}
