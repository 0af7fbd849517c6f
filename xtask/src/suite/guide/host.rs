//! A host that was built from the packed crates, running.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use super::blocks::is_like;
use crate::Result;

/// What the host asks for.
pub(super) const TOKEN: &str = "only-for-this-walk";

/// The application, its folder and where it listens. Ends when it is dropped.
#[derive(Debug)]
pub(in crate::suite) struct Host {
    program: Child,
    /// Closed, it ends the program.
    input: Option<ChildStdin>,
    folder: PathBuf,
    address: String,
}

impl Host {
    /// Starts it with an empty folder of plugins.
    pub(in crate::suite) fn start(program: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder.join("plugins"))?;
        fs::create_dir_all(folder.join("data"))?;
        let mut program = Command::new(program)
            .arg(folder)
            .env("TOKEN", TOKEN)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("log"))?)
            .spawn()?;
        let input = program.stdin.take();
        let mut address = String::new();
        if let Some(output) = program.stdout.take() {
            BufReader::new(output).read_line(&mut address)?;
        }
        let host = Self {
            program,
            input,
            folder: folder.to_owned(),
            address: address.trim_end().to_owned(),
        };
        match host.address.is_empty() {
            true => Err(format!("the host did not start\n{}", host.log()?).into()),
            false => Ok(host),
        }
    }

    /// Where plugins are managed and asked.
    pub(super) fn api(&self) -> String {
        format!("http://{}/api/plugins", self.address)
    }

    pub(super) fn plugins(&self) -> PathBuf {
        self.folder.join("plugins")
    }

    /// Number of its process.
    pub(super) fn process(&self) -> u32 {
        self.program.id()
    }

    /// Fails unless each of these lines is like one of its log.
    pub(super) fn has_logged(&self, expected: &str) -> Result {
        let log = self.log()?;
        let is_in = |line: &&str| log.lines().any(|candidate| is_like(candidate, line));
        match expected.lines().find(|line| !is_in(line)) {
            Some(line) => Err(format!("the host has not logged\n{line}\nbut\n{log}").into()),
            None => Ok(()),
        }
    }

    fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.join("log"))?)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.input.take());
        // It waits for connections that are open; somebody may have left one.
        for _ in 0..100 {
            // An error means that it has ended by itself.
            if !matches!(self.program.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
