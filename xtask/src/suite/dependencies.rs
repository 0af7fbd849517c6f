//! What the crates depend on: layering, and compilers old enough.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::workspace::Workspace;
use crate::{Result, process};

/// What the core must never see.
const FOREIGN_TO_HOST: [&str; 6] = [
    "axum",
    "axum-core",
    "hyper",
    "hyper-util",
    "rusqlite",
    "libsqlite3-sys",
];

/// Fails when the core sees a web framework or a database, or the bare contract sees anything.
pub(super) fn layering(workspace: &Workspace) -> Result {
    if workspace.has_package("toru-host") {
        let tree = tree(workspace, &["-p", "toru-host", "--all-features"])?;
        if let Some(name) = FOREIGN_TO_HOST.iter().find(|name| tree.contains(**name)) {
            return Err(
                format!("toru-host depends on {name}: cargo tree -p toru-host -e normal -i {name}").into(),
            );
        }
    }
    let tree = tree(workspace, &["-p", "toru-plugin-api", "--no-default-features"])?;
    match tree.iter().find(|name| *name != "toru-plugin-api") {
        Some(name) => Err(format!("toru-plugin-api without features depends on {name}").into()),
        None => Ok(()),
    }
}

/// What the files of a folder must not say.
struct Ban {
    folder: &'static str,
    text: &'static str,
    /// What may follow the text all the same.
    except: &'static str,
    because: &'static str,
}

const BANS: [Ban; 5] = [
    Ban {
        folder: "toru-host/src",
        text: "toru_plugin_api::",
        except: "abi",
        because: "the host never uses the author's side",
    },
    Ban {
        folder: "toru-host/src/discovery",
        text: "crate::ffi",
        except: "",
        because: "discovery runs no plugin code",
    },
    Ban {
        folder: "toru-host/src/ffi",
        text: "crate::manager",
        except: "",
        because: "the unsafe door knows nothing above it",
    },
    Ban {
        folder: "toru-host/src/ffi",
        text: "crate::service",
        except: "",
        because: "the unsafe door knows nothing above it",
    },
    Ban {
        folder: "toru-plugin-api/src/abi",
        text: "std::",
        except: "",
        because: "the contract needs `core` alone",
    },
];

/// Fails when a module names another that it must not see.
pub(super) fn modules(root: &Path) -> Result {
    for ban in &BANS {
        let mut folders = vec![root.join(ban.folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    check(ban, &path, &std::fs::read_to_string(&path)?)?;
                }
            }
        }
    }
    Ok(())
}

fn check(ban: &Ban, path: &Path, source: &str) -> Result {
    for (number, line) in source.lines().enumerate() {
        let allowed = |rest: &str| !ban.except.is_empty() && rest.starts_with(ban.except);
        if line.split(ban.text).skip(1).any(|rest| !allowed(rest)) {
            let (path, number) = (path.display(), number + 1);
            return Err(format!("{path}:{number} names `{}`, but {}", ban.text, ban.because).into());
        }
    }
    Ok(())
}

/// Fails when a published crate promises a compiler that one of its dependencies refuses.
pub(super) fn rust_versions(workspace: &Workspace) -> Result {
    let mut metadata = process::cargo();
    metadata
        .args(["metadata", "--format-version", "1", "--all-features"])
        .current_dir(workspace.root());
    let metadata: Value = serde_json::from_str(&process::capture(&mut metadata)?)?;
    match too_new(&metadata).first() {
        Some(complaint) => Err(complaint.clone().into()),
        None => Ok(()),
    }
}

/// Names of the packages in a tree of ordinary dependencies.
fn tree(workspace: &Workspace, args: &[&str]) -> Result<BTreeSet<String>> {
    let mut command = process::cargo();
    command.args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let text = process::capture(command.args(args).current_dir(workspace.root()))?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect())
}

/// Complaints about dependencies whose declared compiler is newer than that of a published crate above them.
fn too_new(metadata: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> = list(&metadata["packages"])
        .into_iter()
        .map(|package| (text(&package["id"]), package))
        .collect();
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let needed = list(&node["deps"])
            .into_iter()
            .filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev"));
        edges.insert(text(&node["id"]), needed.map(|dep| text(&dep["pkg"])).collect());
    }

    let mut complaints = Vec::new();
    for id in list(&metadata["workspace_members"]).iter().map(text) {
        let Some(package) = packages.get(&id).filter(|package| package["publish"].is_null()) else {
            continue;
        };
        let promised = version(&package["rust_version"]);
        for dependency in reachable(&id, &edges).iter().filter_map(|id| packages.get(id)) {
            if version(&dependency["rust_version"]) > promised {
                complaints.push(format!(
                    "{} promises Rust {} but {} {} wants {}",
                    text(&package["name"]),
                    text(&package["rust_version"]),
                    text(&dependency["name"]),
                    text(&dependency["version"]),
                    text(&dependency["rust_version"])
                ));
            }
        }
    }
    complaints
}

fn reachable(from: &str, edges: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(id) = open.pop() {
        open.extend(
            edges
                .get(&id)
                .into_iter()
                .flatten()
                .filter(|next| !seen.contains(*next))
                .cloned(),
        );
        seen.insert(id);
    }
    seen
}

/// Major, minor and patch; missing parts, and a missing version, count as zero.
fn version(value: &Value) -> [u32; 3] {
    let mut parts = [0; 3];
    for (part, text) in parts
        .iter_mut()
        .zip(value.as_str().unwrap_or_default().split('.'))
    {
        *part = text.parse().unwrap_or(0);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn graph(wanted: &str, kind: Value) -> Value {
        json!({
            "packages": [
                {"id": "a", "name": "a", "version": "0.1.0", "rust_version": "1.85", "publish": null},
                {"id": "b", "name": "b", "version": "2.0.0", "rust_version": wanted, "publish": null},
                {"id": "x", "name": "x", "version": "0.0.0", "rust_version": "1.70", "publish": []},
            ],
            "workspace_members": ["a", "x"],
            "resolve": {"nodes": [
                {"id": "a", "deps": [{"pkg": "b", "dep_kinds": [{"kind": kind}]}]},
                {"id": "x", "deps": [{"pkg": "b", "dep_kinds": [{"kind": null}]}]},
                {"id": "b", "deps": []},
            ]},
        })
    }

    #[test]
    fn a_dependency_may_not_want_a_newer_compiler() {
        assert_eq!(too_new(&graph("1.85.0", Value::Null)), Vec::<String>::new());
        assert_eq!(
            too_new(&graph("1.86", Value::Null)),
            ["a promises Rust 1.85 but b 2.0.0 wants 1.86"]
        );
        assert_eq!(too_new(&graph("1.86", json!("dev"))), Vec::<String>::new());
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version(&json!("1.100")) > version(&json!("1.99.9")));
        assert_eq!(version(&Value::Null), [0, 0, 0]);
    }
}
