//! `cargo xtask e2e` and `cargo xtask screenshots`: the demo server as its users meet it, in a real browser.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{cargo, run as run_command};
use crate::tools::{CC, CHROMIUM};
use crate::workspace::Workspace;
use crate::{Result, examples, frontend};

/// What can be done with the browser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    /// The tests.
    Tests,
    /// Pictures of every page and state, and those of the README.
    Screenshots,
}

/// Builds everything, then runs Playwright with its arguments. `Err` inside says what is missing on this machine.
pub(crate) fn run(
    workspace: &Workspace,
    what: What,
    args: &[String],
) -> Result<std::result::Result<(), String>> {
    let missing = |reason: String| Ok(Err(reason));
    let Some(frontend) = frontend::all(workspace)
        .into_iter()
        .find(|frontend| frontend.path().ends_with("demo-server/frontend"))
    else {
        return missing("demo-server/frontend is not there".to_owned());
    };
    if let Err(reason) = frontend::can_build() {
        return missing(reason);
    }
    let (chromium, compiler) = match (CHROMIUM.ensure(), CC.ensure()) {
        (Ok(chromium), Ok(compiler)) => (chromium, compiler),
        (Err(reason), _) | (_, Err(reason)) => return missing(reason),
    };
    let plugin = match examples::hello_plugin(workspace)? {
        Ok(plugin) => plugin,
        Err(reason) => return missing(reason),
    };
    let licensed = match examples::licensed_plugin(workspace)? {
        Ok(plugin) => plugin,
        Err(reason) => return missing(reason),
    };
    // In this order: the server embeds the interface.
    frontend.build()?;
    for package in ["demo-server", "license-generator"] {
        let mut build = cargo();
        build.args(["build", "--package", package]);
        run_command(build.current_dir(workspace.root()))?;
    }

    let mut npm = Command::new("npm");
    let script = match what {
        What::Tests => "e2e",
        What::Screenshots => "screenshots",
    };
    npm.args(["run", script, "--"])
        .args(args)
        .current_dir(frontend.path())
        .env("CARGO_TARGET_DIR", workspace.target())
        .env("TORU_E2E_SERVER", program(workspace, "demo-server"))
        .env("TORU_E2E_HELLO_PLUGIN", plugin)
        .env("TORU_E2E_LICENSED_PLUGIN", licensed)
        .env(
            "TORU_E2E_LICENSE_GENERATOR",
            program(workspace, "license-generator"),
        )
        .env("TORU_E2E_CHROMIUM", chromium.get_program())
        .env("CC", words(&compiler));
    run_command(&mut npm).map_err(|error| advice(workspace, what, &error.to_string()))?;
    if what == What::Screenshots {
        println!("pictures: {}", workspace.target().join("screenshots").display());
    }
    Ok(Ok(()))
}

fn program(workspace: &Workspace, name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    workspace.target().join("debug").join(file)
}

/// A command as it was named.
fn words(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// What whoever meets a failure does next.
fn advice(workspace: &Workspace, what: What, error: &str) -> String {
    let results = workspace.target().join("e2e").join("results");
    let command = match what {
        What::Tests => "e2e",
        What::Screenshots => "screenshots",
    };
    format!(
        "{error}\n\nPictures of failed pages and the servers' logs are in {}.\n\
         One test alone:   cargo xtask {command} -- -g \"V.3\"\n\
         Step by step:     TORU_E2E_TRACE=1 cargo xtask {command} -- -g \"V.3\", then in demo-server/frontend:\n                  \
         npx playwright show-trace {}/<test>/trace.zip",
        results.display(),
        results.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_keeps_its_arguments() {
        assert_eq!(
            words(Command::new("/usr/bin/ccache").arg("gcc")),
            "/usr/bin/ccache gcc"
        );
    }
}
