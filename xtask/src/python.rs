//! Python, with packages that the checks need.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{capture, run};
use crate::tools::succeeds;
use crate::workspace::Workspace;

/// A package of the Python Package Index.
struct Package {
    /// What is imported.
    module: &'static str,
    /// What is installed.
    requirement: &'static str,
}

/// What the vectors of Ed25519 are verified by.
const CRYPTOGRAPHY: Package = Package {
    module: "cryptography",
    requirement: "cryptography",
};

/// The Zig compiler, which no package of Debian brings.
const ZIG: Package = Package {
    module: "ziglang",
    requirement: "ziglang==0.17.*",
};

/// An interpreter with which the test vectors of licences are checked. The error says what is missing.
pub(crate) fn ensure(workspace: &Workspace) -> Result<PathBuf, String> {
    CRYPTOGRAPHY.ensure(workspace).ok_or_else(|| {
        "python3 with the package cryptography is missing, so vectors of Ed25519 are not checked by another implementation \
         (Debian, Ubuntu: sudo apt-get install python3-cryptography)"
            .to_owned()
    })
}

/// The Zig compiler of the package index.
pub(crate) fn zig(workspace: &Workspace) -> Option<PathBuf> {
    let python = ZIG.ensure(workspace)?;
    let file = "import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), 'zig'))";
    let file = capture(Command::new(python).args(["-c", file])).ok()?;
    Some(PathBuf::from(file.trim())).filter(|file| file.exists())
}

impl Package {
    /// An interpreter that has the package: the system's own, or one in a virtual environment below cargo's target folder,
    /// made when it is not there.
    fn ensure(&self, workspace: &Workspace) -> Option<PathBuf> {
        let system = Path::new("python3");
        if self.is_there(system) {
            return Some(system.to_owned());
        }
        let folder = workspace.target().join("python");
        let own = folder.join("bin/python3");
        if self.is_there(&own) {
            return Some(own);
        }
        println!(
            "    python3 has no {}: installing it in {}",
            self.module,
            folder.display()
        );
        if !own.exists() {
            run(Command::new(system).args(["-m", "venv"]).arg(&folder)).ok()?;
        }
        let mut install = Command::new(&own);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        run(install.arg(self.requirement)).ok()?;
        self.is_there(&own).then_some(own)
    }

    fn is_there(&self, python: &Path) -> bool {
        succeeds(Command::new(python).args(["-c", &format!("import {}", self.module)]))
    }
}
