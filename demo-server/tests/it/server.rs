//! A running demo server.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::client::{Answer, Client};

/// What the server prints in front of its address.
const ADDRESS: &str = "Toru demo server: http://";

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_demo-server");

/// A demo server on a free port, with its folders below one home. Killed when it is dropped.
pub(crate) struct Server {
    process: Process,
    home: PathBuf,
    address: String,
    token: Option<String>,
    // Kept open: a server that prints to a closed pipe would fail.
    output: Lines<BufReader<ChildStdout>>,
}

/// A demo server that was started and may not listen yet. Killed when it is dropped.
pub(crate) struct Starting {
    process: Process,
    home: PathBuf,
    is_new: bool,
}

/// A process that is killed when it is dropped, and shows what it had to say when the test fails.
struct Process {
    child: Child,
    stderr: File,
}

/// How a server ended that never listened.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub(crate) fn start(home: &Path) -> Self {
        match Starting::spawn(home).ready() {
            Ok(server) => server,
            Err(ended) => panic!("the server ended with {}: {}", ended.status, ended.stderr),
        }
    }

    /// The token, if the server told of a new one.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let mut client = Client::connect(&self.address, token.map(str::to_owned)).unwrap();
        client.send("GET", path).unwrap()
    }

    /// A connection of someone who knows the token.
    pub(crate) fn client(&self) -> Client {
        let token = std::fs::read_to_string(self.home.join("data/token")).unwrap();
        Client::connect(&self.address, Some(token)).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process.child), signal).unwrap();
    }

    /// A connection of somebody who is not known.
    pub(crate) fn stranger(&self) -> Client {
        Client::connect(&self.address, None).unwrap()
    }

    /// The next line that the server prints.
    pub(crate) fn line(&mut self) -> String {
        self.output.next().expect("the server prints on").unwrap()
    }

    /// What the server has logged so far.
    pub(crate) fn log(&mut self) -> String {
        self.process.stderr()
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn stop(self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.ended()
    }

    /// Waits for the end.
    pub(crate) fn ended(mut self) -> ExitStatus {
        self.process.child.wait().unwrap()
    }
}

impl Starting {
    /// Starts a server and does not wait for anything.
    pub(crate) fn spawn(home: &Path) -> Self {
        Self::spawn_with(home, &mut Command::new(PROGRAM))
    }

    /// The same with another program in the place of the server.
    pub(crate) fn spawn_with(home: &Path, command: &mut Command) -> Self {
        let settings: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        let is_new = !home.join("data/token").exists();
        let stderr = tempfile::tempfile().unwrap();
        let child = command
            .env("TORU_DEMO_LISTEN", "127.0.0.1:0")
            .env("TORU_DEMO_PLUGINS", home.join("plugins"))
            .env("TORU_DEMO_DATA", home.join("data"))
            .env_remove("TORU_DEMO_TOKEN")
            .env_remove("TORU_DEMO_ADMIN_PASSWORD")
            .env("RUST_LOG", "warn")
            .envs(settings)
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone().unwrap())
            .spawn()
            .unwrap();
        Self {
            process: Process { child, stderr },
            home: home.to_owned(),
            is_new,
        }
    }

    /// Waits until the server listens, or has ended without doing so.
    pub(crate) fn ready(mut self) -> Result<Server, Ended> {
        let mut output = BufReader::new(self.process.child.stdout.take().unwrap()).lines();
        // A test binary in the place of the server has a word to say first.
        let address = output.find_map(|line| Some(line.unwrap().strip_prefix(ADDRESS)?.to_owned()));
        let Some(address) = address else {
            return Err(Ended {
                status: self.process.child.wait().unwrap(),
                stderr: self.process.stderr(),
            });
        };
        let mut line = || output.next().expect("the server prints on").unwrap();
        assert!(line().starts_with("plugins folder:"));
        // The line about the token is printed before the server answers, if at all.
        let token = self.is_new.then(|| {
            let line = line();
            let told = line.strip_prefix("API token:        in ").unwrap();
            let token = std::fs::read_to_string(told).unwrap();
            assert!(!line.contains(&token), "this is no terminal");
            token
        });
        Ok(Server {
            process: self.process,
            home: self.home,
            address,
            token,
            output,
        })
    }
}

impl Process {
    fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.stderr.rewind().unwrap();
        self.stderr.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.stderr());
        }
    }
}
