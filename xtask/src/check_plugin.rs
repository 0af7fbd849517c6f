//! `cargo xtask check-plugin`: what a host would say about a plugin's library.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::Result;
use crate::process::{cargo, run as run_command};
use crate::workspace::Workspace;

/// What could not be checked is told from what was found.
const NOT_CHECKED: u8 = 2;

/// Builds `plugin-checker`, runs it with these arguments and ends as it does.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<ExitCode> {
    if let Err(error) = build(workspace) {
        eprintln!("error: {error}");
        return Ok(ExitCode::from(NOT_CHECKED));
    }
    let status = checker(workspace).args(args).status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(NOT_CHECKED)))
}

/// Checks a library that has to be good, after [`build`].
pub(crate) fn is_good(workspace: &Workspace, library: &Path, args: &[&str]) -> Result {
    run_command(
        checker(workspace)
            .arg(library)
            .args(args)
            .current_dir(workspace.root()),
    )
}

/// Builds `plugin-checker`, not optimised: it is built quickly, and the host's own assertions take part.
pub(crate) fn build(workspace: &Workspace) -> Result {
    let mut command = cargo();
    command.args([
        "build",
        "--quiet",
        "--package",
        "plugin-checker",
        "--manifest-path",
    ]);
    run_command(command.arg(workspace.root().join("Cargo.toml")))
}

fn checker(workspace: &Workspace) -> Command {
    let program = format!("check-plugin{}", std::env::consts::EXE_SUFFIX);
    Command::new(workspace.target().join("debug").join(program))
}
