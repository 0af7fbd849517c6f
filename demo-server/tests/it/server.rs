//! A running demo server and a client for it.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A demo server on a free port, with its folders below one home. Killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    token: Option<String>,
    // Kept open: a server that prints to a closed pipe would fail.
    _output: Lines<BufReader<ChildStdout>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    body: String,
}

impl Server {
    pub(crate) fn start(home: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_demo-server"))
            .args(["--listen", "127.0.0.1:0"])
            .arg("--plugins")
            .arg(home.join("plugins"))
            .arg("--data")
            .arg(home.join("data"))
            .env_remove("TORU_DEMO_TOKEN")
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || {
            output
                .next()
                .expect("the server prints three lines or two")
                .unwrap()
        };
        let address = line()
            .strip_prefix("Toru demo server: http://")
            .unwrap()
            .to_owned();
        assert!(line().starts_with("plugins folder:"));
        // The line with the token is printed before the server answers, if at all.
        let token_file = home.join("data/token");
        let is_new = !home.join("token-was-seen").exists();
        let token = is_new.then(|| {
            std::fs::write(home.join("token-was-seen"), "").unwrap();
            let line = line();
            let token = line
                .strip_prefix("API token:")
                .unwrap()
                .split_whitespace()
                .next()
                .unwrap()
                .to_owned();
            assert_eq!(token, std::fs::read_to_string(token_file).unwrap());
            token
        });
        Self {
            child,
            address,
            token,
            _output: output,
        }
    }

    /// The token, if the server printed one.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub(crate) fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let authorization = token
            .map(|token| format!("authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{authorization}\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer {
            status,
            body: body.to_owned(),
        }
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn stop(mut self, signal: Signal) -> ExitStatus {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
        self.child.wait().unwrap()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
