//! `cargo xtask bench`: the benchmarks and their table.

use crate::Result;
use crate::process::{cargo, run as run_command};
use crate::workspace::Workspace;

/// Runs the benchmarks, then prints the table of ratios when there is one.
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
    if !workspace.has_binary(package, "table") {
        println!("skipped: {package} has no program table");
        return Ok(());
    }
    let mut table = cargo();
    table.args(["run", "--release", "--package", package, "--bin", "table"]);
    run_command(table.current_dir(workspace.root()))
}
