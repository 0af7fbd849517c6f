//! Where things are, and which packages there are.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Result, process};

/// The workspace as cargo describes it.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    metadata: Value,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self> {
        let root = root();
        let json = process::capture(
            process::cargo()
                .args(["metadata", "--format-version", "1", "--no-deps"])
                .current_dir(&root),
        )?;
        let metadata: Value = serde_json::from_str(&json)?;
        let target = metadata["target_directory"]
            .as_str()
            .ok_or("cargo names no target folder")?;
        Ok(Self {
            target: PathBuf::from(target),
            root,
            metadata,
        })
    }

    /// Folder of the root manifest.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Folder of what cargo builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Whether the workspace has a package of that name.
    pub(crate) fn has_package(&self, name: &str) -> bool {
        self.package(name).is_some()
    }

    /// Whether that package has a program of that name.
    pub(crate) fn has_binary(&self, package: &str, binary: &str) -> bool {
        let targets = self
            .package(package)
            .and_then(|package| package["targets"].as_array());
        targets.into_iter().flatten().any(|target| {
            let is_binary = target["kind"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"));
            is_binary && target["name"] == binary
        })
    }

    fn package(&self, name: &str) -> Option<&Value> {
        let packages = self.metadata["packages"].as_array()?;
        packages.iter().find(|package| package["name"] == name)
    }
}

/// Folder of the root manifest: the parent of this crate's.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}
