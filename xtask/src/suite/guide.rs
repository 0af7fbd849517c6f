//! The development guide, followed from its text: what it shows is written, built, run and asked, in order.

mod blocks;
mod host;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use self::blocks::{Block, Purpose, blocks, change, commands, is_like};
pub(super) use self::host::Host;
use self::host::TOKEN;
use crate::Result;
use crate::tools::{GDB, succeeds};

/// Where readers have the project itself, beside what they write.
const PROJECT: &str = "toru";
/// How a host is started, as the guide says it.
const START: &str = "cargo xtask demo";

/// How long a reader waits for commands.
const PATIENCE: [&str; 3] = ["--kill-after", "5", "600"];
/// What a reader asks from another terminal while a debugger waits; a debugger knows no function of their shell.
const ASK: &str = "curl -sS -H \"Authorization: Bearer $TOKEN\" \"$TORU/guestbook/hello/Ann\"";
/// Where the answer to that goes.
const ANSWER: &str = ".answer";

/// Where the guide is followed.
#[derive(Debug)]
pub(super) struct Site<'a> {
    /// The project itself.
    pub(super) root: &'a Path,
    /// An empty folder, outside of any workspace.
    pub(super) folder: &'a Path,
    /// What cargo builds there goes here, to be built anew only where it has changed.
    pub(super) target: &'a Path,
    /// The folder of the packed crate that the guide is about.
    pub(super) api: &'a Path,
    pub(super) host: &'a Host,
}

/// What came of following the guide.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) blocks: usize,
    /// Why something was left out.
    pub(super) skipped: Option<String>,
}

/// Follows the guide to its end.
pub(super) fn follow(text: &str, site: &Site<'_>) -> Result<Followed> {
    let blocks = blocks(text)?;
    site.prepare()?;
    let mut walk = Walk {
        site,
        settings: String::new(),
        folder: site.folder.to_owned(),
        skipped: None,
    };
    for block in &blocks {
        walk.pass(block)
            .map_err(|error| format!("the guide, line {}: {error}", block.line))?;
    }
    Ok(Followed {
        blocks: blocks.len(),
        skipped: walk.skipped,
    })
}

impl Site<'_> {
    fn prepare(&self) -> Result {
        link(self.root, &self.folder.join(PROJECT))?;
        fs::create_dir(self.folder.join(".cargo"))?;
        let config = format!(
            "[patch.crates-io]\ntoru-plugin-api = {{ path = {:?} }}\n\n[build]\nrustflags = [\"-Dwarnings\"]\n",
            self.api
        );
        fs::write(self.folder.join(".cargo/config.toml"), config)?;
        Ok(())
    }
}

/// How far a reader has come.
struct Walk<'a> {
    site: &'a Site<'a>,
    /// What each of their shells knows.
    settings: String,
    /// Where they are.
    folder: PathBuf,
    /// Why they left something out.
    skipped: Option<String>,
}

impl Walk<'_> {
    fn pass(&mut self, block: &Block<'_>) -> Result {
        let text = &*block.text;
        match block.purpose {
            Purpose::File(path) => self.write(path, text),
            Purpose::Add(path) => {
                let before = self.read(path)?;
                self.write(path, &format!("{before}\n{text}"))
            }
            Purpose::Change(path) => {
                let after = change(&self.read(path)?, text)?;
                self.write(path, &after)
            }
            Purpose::Host if text.contains(START) => Ok(()),
            Purpose::Host => Err(format!("a host is started by `{START}`").into()),
            Purpose::Settings => {
                self.settings += &self.own_values(text);
                Ok(())
            }
            Purpose::Run => self.run(text).map(drop),
            Purpose::Console => self.converse(text),
            Purpose::Debugger => self.debug(text),
            Purpose::Log => self.site.host.has_logged(text),
            // Compiled, and some of them run, by the tests of the crate's documentation.
            Purpose::Doctest => Ok(()),
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        match path.strip_prefix("$PLUGINS/") {
            Some(path) => self.site.host.plugins().join(path),
            None => self.folder.join(path),
        }
    }

    fn read(&self, path: &str) -> Result<String> {
        Ok(fs::read_to_string(self.path(path)).map_err(|error| format!("{path}: {error}"))?)
    }

    fn write(&self, path: &str, text: &str) -> Result {
        let file = self.path(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&file, text).map_err(|error| format!("{path}: {error}"))?;
        let is_script = file.extension().is_some_and(|extension| extension == "js");
        if is_script && succeeds(Command::new("node").arg("--version")) {
            crate::process::run(Command::new("node").arg("--check").arg(&file))?;
        }
        Ok(())
    }

    /// The settings, with the values of this walk in place of a reader's.
    fn own_values(&self, text: &str) -> String {
        let host = self.site.host;
        let lines = text.lines().map(|line| {
            let name = line.strip_prefix("export ").and_then(|rest| rest.split_once('='));
            match name {
                Some(("TORU", _)) => format!("export TORU='{}'\n", host.api()),
                Some(("TOKEN", _)) => format!("export TOKEN='{TOKEN}'\n"),
                Some(("PLUGINS", _)) => format!("export PLUGINS='{}'\n", host.plugins().display()),
                _ => format!("{line}\n"),
            }
        });
        lines.collect()
    }

    /// Runs commands where the reader is, and goes where they lead. Says what they wrote.
    fn run(&mut self, script: &str) -> Result<String> {
        self.at_home()?;
        println!("    $ {}", script.trim_end().replace('\n', "\n      "));
        let place = self.site.folder.join(".place");
        let script = format!(
            "set -eu\n{}{script}\npwd -P >'{}'\n",
            self.settings,
            place.display()
        );
        let mut shell = Command::new("timeout");
        shell
            .args(PATIENCE)
            .args(["sh", "-c", &script])
            .current_dir(&self.folder);
        // A reader has a shell of their own, which knows nothing of the cargo that runs this program.
        for (name, _) in std::env::vars() {
            if name == "CARGO" || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                shell.env_remove(name);
            }
        }
        let output = shell.stderr(Stdio::piped()).output()?;
        let said = String::from_utf8(output.stdout)?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("ended with {}\n{said}{complaint}", output.status).into());
        }
        self.folder = PathBuf::from(fs::read_to_string(place)?.trim_end());
        Ok(said)
    }

    /// A new package builds where all of them do, by the versions that everything else was tested with.
    fn at_home(&self) -> Result {
        let is_new = self.folder.join("Cargo.toml").is_file() && !self.folder.join("target").exists();
        if is_new {
            fs::create_dir_all(self.site.target)?;
            link(self.site.target, &self.folder.join("target"))?;
            fs::copy(self.site.root.join("Cargo.lock"), self.folder.join("Cargo.lock"))?;
        }
        Ok(())
    }

    fn converse(&mut self, session: &str) -> Result {
        let commands = commands(session, "$ ");
        if commands.is_empty() {
            return Err("a session without a command behind `$ `".into());
        }
        for command in commands {
            let said = self.run(&command.line)?;
            if !is_like(&said, &command.answer) {
                return Err(format!("`{}` answered\n{said}and not\n{}", command.line, command.answer).into());
            }
        }
        Ok(())
    }

    /// Has a debugger do what the session says, beside a request for what it waits for.
    fn debug(&mut self, session: &str) -> Result {
        if let Err(reason) = GDB.ensure() {
            self.skipped = Some(reason);
            return Ok(());
        }
        // Where it waits for a line that is not the handler's, it would do so for good.
        let mut gdb = format!(
            "timeout --kill-after 5 60 gdb --batch -p {} -ex 'set confirm off'",
            self.site.host.process()
        );
        let mut expected = String::new();
        for command in commands(session, "(gdb) ") {
            // What the guide says is asked from another terminal.
            if command.line == "continue" {
                gdb += &format!(" -ex 'shell {ASK} >{ANSWER} &'");
            }
            gdb += &format!(" -ex '{}'", command.line);
            expected += &format!("…{}", command.answer.trim_end());
        }
        let said = self.run(&format!("{gdb} 2>&1 || true"))?;
        if said.contains("ptrace: Operation not permitted") {
            let reason = "the system lets no debugger attach to a process that is not its child";
            self.skipped = Some(reason.to_owned());
            return Ok(());
        }
        if !is_like(&said, &format!("{expected}…")) {
            return Err(format!("the debugger said\n{said}and not\n{expected}").into());
        }
        if self.read(ANSWER)?.is_empty() {
            return Err("the request was not answered when the debugger had let go".into());
        }
        Ok(())
    }
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> Result {
    Ok(std::os::unix::fs::symlink(to, at)?)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> Result {
    Err("the guide is for systems with symbolic links and a shell".into())
}
