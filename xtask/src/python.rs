//! Python with the packages that the test vectors of licences are checked with.

use std::path::PathBuf;
use std::process::Command;

use crate::process::run;
use crate::tools::succeeds;
use crate::workspace::Workspace;

/// What the vectors of Ed25519 are verified by.
const PACKAGE: &str = "cryptography";

/// An interpreter that has the package: the system's own, or one in a virtual environment below cargo's target folder, made
/// when it is not there. The error says what is missing.
pub(crate) fn ensure(workspace: &Workspace) -> Result<PathBuf, String> {
    let imports =
        |python: &PathBuf| succeeds(Command::new(python).args(["-c", &format!("import {PACKAGE}")]));
    let system = PathBuf::from("python3");
    if imports(&system) {
        return Ok(system);
    }
    let folder = workspace.target().join("python");
    let own = folder.join("bin/python3");
    if imports(&own) {
        return Ok(own);
    }
    println!("    python3 has no {PACKAGE}: making {} for it", folder.display());
    let made = run(Command::new(&system).args(["-m", "venv"]).arg(&folder));
    let installed = made.and_then(|()| {
        run(Command::new(&own).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            PACKAGE,
        ]))
    });
    match installed {
        Ok(()) if imports(&own) => Ok(own),
        _ => Err(format!(
            "python3 with the package {PACKAGE} is missing, so vectors of Ed25519 are not checked by another implementation \
             (Debian, Ubuntu: sudo apt-get install python3-{PACKAGE})"
        )),
    }
}
