//! The parts that are written for browsers: installed, checked and built by npm.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::process::{capture, run};
use crate::workspace::Workspace;

/// Least version of Node.js: major, minor.
const NODE_MIN: (u32, u32) = (20, 19);
/// Where there may be one, below the root.
const FOLDERS: [&str; 2] = ["demo-server/frontend", "examples/system-monitor/frontend"];

/// A folder with a `package.json`.
#[derive(Debug)]
pub(crate) struct Frontend(PathBuf);

/// All that there are.
pub(crate) fn all(workspace: &Workspace) -> Vec<Frontend> {
    let folders = FOLDERS.iter().map(|folder| workspace.root().join(folder));
    let present = folders.filter(|folder| folder.join("package.json").is_file());
    present.map(Frontend).collect()
}

/// `Err` says why nothing can be built here, and what to do.
pub(crate) fn can_build() -> std::result::Result<(), String> {
    let what = format!("Node.js {}.{} or newer with npm", NODE_MIN.0, NODE_MIN.1);
    let Ok(version) = capture(Command::new("node").arg("--version")) else {
        return Err(format!("{what} is missing: install it (https://nodejs.org)"));
    };
    if parse(&version).is_none_or(|version| version < NODE_MIN) {
        let version = version.trim();
        return Err(format!(
            "{what} is needed, and node is {version}: install a newer one"
        ));
    }
    let npm = capture(Command::new("npm").arg("--version"));
    npm.map(drop)
        .map_err(|_| "npm is missing: install it (Debian, Ubuntu: sudo apt-get install npm)".to_owned())
}

impl Frontend {
    /// Builds what is embedded.
    pub(crate) fn build(&self) -> Result {
        self.install()?;
        self.npm(["run", "build"])
    }

    /// Lints, types, tests, and the build.
    pub(crate) fn check(&self) -> Result {
        self.install()?;
        let manifest = fs::read_to_string(self.0.join("package.json"))?;
        for script in ["lint", "typecheck", "test"] {
            if manifest.contains(&format!("\"{script}\":")) {
                self.npm(["run", script])?;
            }
        }
        self.npm(["run", "build"])
    }

    /// Installs exactly what is locked, unless that was done already.
    fn install(&self) -> Result {
        let time = |file: &str| fs::metadata(self.0.join(file)).and_then(|file| file.modified());
        let (asked, installed) = (time("package-lock.json"), time("node_modules/.package-lock.json"));
        if matches!((asked, installed), (Ok(asked), Ok(installed)) if installed >= asked) {
            return Ok(());
        }
        self.npm(["ci", "--no-audit", "--no-fund"])
    }

    fn npm(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result {
        let mut npm = Command::new("npm");
        // Browsers are the system's own.
        npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        run(npm.args(args).current_dir(&self.0))
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// Major and minor number of a version such as `v20.19.1`.
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{NODE_MIN, parse};

    #[test]
    fn versions_of_node_are_compared_as_numbers() {
        for (version, is_enough) in [
            ("v20.19.0\n", true),
            ("v20.9.0", false),
            ("v18.20.4", false),
            ("v22.1.0", true),
            ("v100.0.0", true),
            ("20.19.0", false),
            ("", false),
        ] {
            let enough = parse(version).is_some_and(|version| version >= NODE_MIN);
            assert_eq!(enough, is_enough, "{version:?}");
        }
    }
}
