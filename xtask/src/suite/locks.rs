//! Where the lock files say that packages come from.

use std::fs;

use crate::workspace::Workspace;
use crate::{Result, frontend};

const CARGO_REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
const NPM_REGISTRY: &str = "https://registry.npmjs.org/";

/// Fails when a lock file names another place than the public registries.
pub(super) fn check(workspace: &Workspace) -> Result {
    let root = workspace.root();
    for lock in [
        "Cargo.lock",
        "benches/smallest-plugin/Cargo.lock",
        "fuzz/Cargo.lock",
    ] {
        if let Ok(text) = fs::read_to_string(root.join(lock)) {
            refuse(lock, &cargo_strangers(&text))?;
        }
    }
    for frontend in frontend::all(workspace) {
        let lock = frontend.path().join("package-lock.json");
        refuse(
            &lock.display().to_string(),
            &npm_strangers(&fs::read_to_string(&lock)?),
        )?;
    }
    Ok(())
}

fn cargo_strangers(lock: &str) -> Vec<&str> {
    let sources = lock.lines().filter_map(|line| line.strip_prefix("source = "));
    sources
        .map(|source| source.trim_matches('"'))
        .filter(|source| *source != CARGO_REGISTRY)
        .collect()
}

fn npm_strangers(lock: &str) -> Vec<&str> {
    let resolved = lock
        .lines()
        .filter_map(|line| line.trim().strip_prefix("\"resolved\": \""));
    let addresses = resolved.map(|address| address.trim_end_matches([',', '"']));
    addresses
        // A folder of our own is no address.
        .filter(|address| address.contains("://") && !address.starts_with(NPM_REGISTRY))
        .collect()
}

fn refuse(lock: &str, strangers: &[&str]) -> Result {
    match strangers {
        [] => Ok(()),
        [first, ..] => Err(format!("{lock} takes packages from elsewhere, first {first}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_registries_are_no_strangers() {
        let lock =
            format!("name = \"a\"\nsource = \"{CARGO_REGISTRY}\"\nsource = \"git+https://example.org/b\"\n");
        assert_eq!(cargo_strangers(&lock), ["git+https://example.org/b"]);
        let lock = format!(
            "  \"resolved\": \"{NPM_REGISTRY}a/-/a-1.0.0.tgz\",\n  \"resolved\": \"packages/own\",\n  \"resolved\": \"https://example.org/b.tgz\",\n"
        );
        assert_eq!(npm_strangers(&lock), ["https://example.org/b.tgz"]);
    }
}
