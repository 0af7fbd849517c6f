//! The crates that are published, and what cargo says about them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::workspace::Workspace;
use crate::{Result, process};

/// In the order in which they depend on each other.
pub(super) const CRATES: [&str; 4] = ["toru-plugin-api", "toru-host", "toru-kv-sqlite", "toru-axum"];

/// A crate, as its manifest describes it.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) name: &'static str,
    /// Folder of its manifest.
    pub(super) folder: PathBuf,
    pub(super) manifest: Value,
}

impl Published {
    /// A field that is a text; empty when there is none.
    pub(super) fn text(&self, field: &str) -> &str {
        self.manifest[field].as_str().unwrap_or_default()
    }

    /// A field that is a list of texts.
    pub(super) fn list(&self, field: &str) -> Vec<&str> {
        let values = self.manifest[field].as_array().into_iter().flatten();
        values.filter_map(Value::as_str).collect()
    }
}

/// All of them. Fails when the workspace publishes another crate, or does not publish one of these.
pub(super) fn all(workspace: &Workspace) -> Result<Vec<Published>> {
    let mut metadata = process::cargo();
    metadata
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(workspace.root());
    let metadata: Value = serde_json::from_str(&process::capture(&mut metadata)?)?;
    from(&metadata)
}

fn from(metadata: &Value) -> Result<Vec<Published>> {
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let published: Vec<_> = packages
        .iter()
        .filter(|package| package["publish"].is_null())
        .collect();
    let other = published
        .iter()
        .filter_map(|package| package["name"].as_str())
        .find(|name| !CRATES.contains(name));
    if let Some(other) = other {
        return Err(format!(
            "{other} would be published: set `publish = false`, or list it in suite/published.rs"
        )
        .into());
    }
    let find = |name: &'static str| {
        let manifest = published.iter().find(|package| package["name"] == name);
        let manifest = manifest.ok_or_else(|| format!("{name} is not published any more"))?;
        let path = Path::new(manifest["manifest_path"].as_str().unwrap_or_default());
        Ok(Published {
            name,
            folder: path.parent().unwrap_or(path).to_owned(),
            manifest: (**manifest).clone(),
        })
    };
    CRATES.into_iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, publish: &Value) -> Value {
        json!({"name": name, "publish": publish, "manifest_path": format!("/w/{name}/Cargo.toml")})
    }

    #[test]
    fn all_of_them_and_no_other_crate_are_published() {
        let mut packages: Vec<_> = CRATES.map(|name| package(name, &Value::Null)).into();
        packages.push(package("xtask", &json!([])));
        let found = from(&json!({ "packages": packages })).unwrap();
        assert_eq!(found[1].folder, Path::new("/w/toru-host"));
        packages.push(package("toru-benches", &Value::Null));
        let error = from(&json!({ "packages": packages })).unwrap_err().to_string();
        assert!(error.starts_with("toru-benches would be published"), "{error}");
        let error = from(&json!({ "packages": packages[1..4] }))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("toru-plugin-api is not"), "{error}");
    }
}
