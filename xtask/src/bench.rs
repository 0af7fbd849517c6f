//! `cargo xtask bench` and `bench-http`: the benchmarks and their tables.

use crate::Result;
use crate::process::{cargo, run as run_command};
use crate::workspace::Workspace;

/// Runs the benchmarks, then the programs that print tables, as far as they are there.
pub(crate) fn run(workspace: &Workspace) -> Result {
    let package = "toru-benches";
    if !workspace.has_package(package) {
        return Err(format!("the workspace has no {package} yet").into());
    }
    run_command(
        cargo()
            .args(["bench", "--package", package])
            .current_dir(workspace.root()),
    )?;
    for program in ["table", "many", "kv"] {
        if !workspace.has_binary(package, program) {
            println!("skipped: {package} has no program {program}");
            continue;
        }
        let mut command = cargo();
        command.args(["run", "--release", "--package", package, "--bin", program]);
        run_command(command.current_dir(workspace.root()))?;
    }
    Ok(())
}

/// Measures servers under load.
pub(crate) fn http(workspace: &Workspace) -> Result {
    let mut command = cargo();
    command.args(["run", "--release", "--package", "toru-benches", "--bin", "http"]);
    run_command(command.current_dir(workspace.root()))
}
