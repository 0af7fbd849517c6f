//! Programs from outside the workspace: finding them, and installing them where that is possible.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::process;

/// A program that some task needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// Environment variable that names another program for it, or empty.
    variable: &'static str,
    name: &'static str,
    /// Debian's package.
    package: &'static str,
}

/// The C compiler.
pub(crate) const CC: Tool = Tool {
    variable: "CC",
    name: "cc",
    package: "gcc libc6-dev",
};
/// The C++ compiler.
pub(crate) const CXX: Tool = Tool {
    variable: "CXX",
    name: "c++",
    package: "g++",
};
/// The instrumenting simulator, for counting instructions.
pub(crate) const VALGRIND: Tool = Tool {
    variable: "",
    name: "valgrind",
    package: "valgrind",
};
/// The debugger.
pub(crate) const GDB: Tool = Tool {
    variable: "",
    name: "gdb",
    package: "gdb",
};

/// The browser.
pub(crate) const CHROMIUM: Tool = Tool {
    variable: "TORU_E2E_CHROMIUM",
    name: "chromium",
    package: "chromium",
};

impl Tool {
    /// The tool, installed first if need be. The error says what is missing and how to get it.
    pub(crate) fn ensure(self) -> Result<Command, String> {
        if let Some(named) = self.named() {
            return command(&named)
                .ok_or_else(|| format!("{} names {named}, which is not there", self.variable));
        }
        if find(self.name).is_none() && find("apt-get").is_some() && is_root() {
            println!(
                "    {} is missing: apt-get install --yes {}",
                self.name, self.package
            );
            self.install();
        }
        command(self.name).ok_or_else(|| self.how_to_get())
    }

    /// What the environment names for it.
    fn named(self) -> Option<String> {
        let variable = Some(self.variable).filter(|variable| !variable.is_empty())?;
        env::var(variable).ok().filter(|named| !named.trim().is_empty())
    }

    fn how_to_get(self) -> String {
        let Self {
            variable,
            name,
            package,
        } = self;
        let other = match variable {
            "" => String::new(),
            variable => format!(", or name another one in {variable}"),
        };
        format!("{name} is missing: install it (Debian, Ubuntu: sudo apt-get install {package}){other}")
    }

    fn install(self) {
        let mut install = Command::new("apt-get");
        install
            .args(["install", "--yes", "--no-install-recommends"])
            .args(self.package.split(' '))
            .env("DEBIAN_FRONTEND", "noninteractive");
        if process::run(&mut install).is_err() {
            // The package lists may be absent or old.
            let updated = process::run(Command::new("apt-get").arg("update"));
            if let Err(error) = updated.and_then(|()| process::run(&mut install)) {
                println!("    {error}");
            }
        }
    }
}

/// The Zig compiler on this machine: what `ZIG` names, or `zig`.
pub(crate) fn zig() -> Option<PathBuf> {
    let named = env::var("ZIG").ok().filter(|named| !named.is_empty());
    find(named.as_deref().unwrap_or("zig"))
}

/// Whether rustup has the nightly toolchain.
pub(crate) fn has_nightly() -> bool {
    succeeds(process::cargo_nightly().arg("--version"))
}

/// Whether a command runs and ends well; what it says is thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// A command from words such as `ccache gcc`, if there is a program of the first one's name.
fn command(words: &str) -> Option<Command> {
    let mut words = words.split_whitespace();
    let mut command = Command::new(find(words.next()?)?);
    command.args(words);
    Some(command)
}

/// Looks a program up, by path or in `PATH`.
fn find(name: &str) -> Option<PathBuf> {
    if name.contains(std::path::MAIN_SEPARATOR) {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let folders = env::var_os("PATH")?;
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&folders)
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
}

fn is_root() -> bool {
    process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_name_and_by_path_only_if_it_exists() {
        assert!(find("no-such-program-at-all").is_none());
        assert!(find("/no/such/folder/cc").is_none());
        let this = env::current_exe().unwrap();
        assert_eq!(find(this.to_str().unwrap()), Some(this));
    }

    #[test]
    fn commands_may_have_arguments_of_their_own() {
        let this = env::current_exe().unwrap();
        let words = format!("{} -m64", this.display());
        let command = command(&words).unwrap();
        assert_eq!(command.get_program(), this);
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["-m64"]);
    }

    #[test]
    fn a_missing_tool_is_named_together_with_its_package() {
        let tool = Tool {
            variable: "",
            name: "no-such-program-at-all",
            package: "no-such-package",
        };

        let text = tool.how_to_get();
        assert!(text.contains(tool.name) && text.contains(tool.package), "{text}");
    }
}
