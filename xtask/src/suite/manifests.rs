//! What the published crates say about themselves: in their manifests, their guides, and beside them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::published::{self, Published};
use crate::Result;
use crate::workspace::Workspace;

/// Slugs of crates.io's categories that are in use here. Others are refused: crates.io drops unknown ones without a word.
const CATEGORIES: [&str; 4] = [
    "api-bindings",
    "database-implementations",
    "web-programming",
    "web-programming::http-server",
];
/// Longest description that crates.io shows whole in a list, in characters.
const DESCRIPTION_MAX: usize = 120;
/// Files that each package carries, from the root of the repository.
const CARRIED: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md"];

/// Fails with all that is missing.
pub(super) fn check(workspace: &Workspace) -> Result {
    let mut complaints = Vec::new();
    for package in published::all(workspace)? {
        let readme = fs::read_to_string(package.folder.join("README.md")).unwrap_or_default();
        let mut found = about_manifest(&package);
        found.extend(about_files(workspace, &package)?);
        found.extend(about_readme(&package, &readme));
        complaints.extend(
            found
                .into_iter()
                .map(|complaint| format!("{}: {complaint}", package.name)),
        );
    }
    if complaints.is_empty() {
        return Ok(());
    }
    Err(complaints.join("\n    ").into())
}

fn about_manifest(package: &Published) -> Vec<String> {
    let mut complaints = Vec::new();
    for field in ["description", "license", "readme", "rust_version", "edition"] {
        if package.text(field).is_empty() {
            complaints.push(format!("`{}` is missing", field.replace('_', "-")));
        }
    }
    let description = package.text("description");
    if description.chars().count() > DESCRIPTION_MAX || description.ends_with('.') {
        complaints.push(format!(
            "the description is a line of up to {DESCRIPTION_MAX} characters without a full stop"
        ));
    }
    let documentation = format!("https://docs.rs/{}", package.name);
    if package.text("documentation") != documentation {
        complaints.push(format!("`documentation` is not {documentation}"));
    }
    let keywords = package.list("keywords");
    if keywords.is_empty() || keywords.len() > 5 {
        complaints.push("crates.io takes one to five keywords".to_owned());
    }
    for keyword in keywords.iter().filter(|keyword| !is_keyword(keyword)) {
        complaints.push(format!(
            "`{keyword}` is no keyword: up to 20 letters, digits, `-`, `_` and `+`, a letter first"
        ));
    }
    let categories = package.list("categories");
    if categories.is_empty() || categories.len() > 5 {
        complaints.push("crates.io takes one to five categories".to_owned());
    }
    for category in categories
        .iter()
        .filter(|category| !CATEGORIES.contains(category))
    {
        complaints.push(format!(
            "the category `{category}` is not listed in suite/manifests.rs; does crates.io have it?"
        ));
    }
    let docs = &package.manifest["metadata"]["docs"]["rs"];
    if docs["all-features"] != true {
        complaints.push("`[package.metadata.docs.rs]` does not say `all-features = true`".to_owned());
    }
    complaints
}

fn is_keyword(text: &str) -> bool {
    let mut letters = text.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphanumeric());
    begins
        && text.len() <= 20
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "-_+".contains(letter))
}

/// What is packed is what is listed: the manifest's `include` is not told by cargo but by what it would pack.
fn about_files(workspace: &Workspace, package: &Published) -> Result<Vec<String>> {
    let mut list = crate::process::cargo();
    list.args(["package", "--list", "--allow-dirty", "--package", package.name]);
    let packed = crate::process::capture(list.current_dir(workspace.root()))?;
    let packed: BTreeSet<&str> = packed.lines().collect();
    let mut complaints = Vec::new();
    for file in CARRIED {
        if !packed.contains(file) {
            complaints.push(format!(
                "{file} is not packed: link it into the folder, and name it in `include`"
            ));
        } else if fs::read(package.folder.join(file))? != fs::read(workspace.root().join(file))? {
            complaints.push(format!("{file} is not that of the repository"));
        }
    }
    let is_foreign = |file: &&&str| file.starts_with("tests/") || file.ends_with("public-api.txt");
    if let Some(file) = packed.iter().find(is_foreign) {
        complaints.push(format!(
            "{file} is packed, and nobody who uses the crate needs it"
        ));
    }
    Ok(complaints)
}

fn about_readme(package: &Published, readme: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if !readme.starts_with(&format!("# {}\n", package.name)) {
        complaints.push("README.md does not begin with the crate's name".to_owned());
    }
    if !readme.contains("CHANGELOG.md") {
        complaints.push("README.md does not tell of CHANGELOG.md".to_owned());
    }
    let version = package.text("rust_version");
    if !readme.contains(&format!("Rust {version}")) {
        complaints.push(format!("README.md does not say that it needs Rust {version}"));
    }
    let declared = features(&package.manifest);
    let told = table(readme);
    for feature in declared.difference(&told) {
        complaints.push(format!(
            "README.md has no row for the feature `{feature}` under `## Features`"
        ));
    }
    for feature in told.difference(&declared) {
        complaints.push(format!(
            "README.md tells of a feature `{feature}` that is not there"
        ));
    }
    complaints
}

/// The features that people choose. None is made of an optional dependency by cargo alone: all of those stand behind `dep:`.
fn features(manifest: &Value) -> BTreeSet<String> {
    let features = manifest["features"].as_object().into_iter().flatten();
    let chosen = features.map(|(name, _)| name.clone());
    chosen.filter(|name| name != "default").collect()
}

/// First cells of the rows below `## Features`.
fn table(readme: &str) -> BTreeSet<String> {
    let Some((_, section)) = readme.split_once("\n## Features\n") else {
        return BTreeSet::new();
    };
    let section = section.split("\n## ").next().unwrap_or_default();
    let names = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    names.map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;

    const README: &str = "# toru-host\n\nNeeds Rust 1.88, see CHANGELOG.md.\n\n## Features\n\n| Feature | |\n|---|---|\n\
                          | `metrics` | counts |\n\n## More\n\n| `no-feature` | |\n";

    fn package(field: &str, value: Value) -> Published {
        let mut manifest = json!({
            "description": "Hosts plugins", "license": "MIT", "readme": "README.md", "rust_version": "1.88",
            "edition": "2024", "documentation": "https://docs.rs/toru-host", "keywords": ["plugin"],
            "categories": ["web-programming"], "features": {"default": [], "metrics": ["dep:metrics"]},
            "metadata": {"docs": {"rs": {"all-features": true}}},
        });
        manifest[field] = value;
        Published {
            name: "toru-host",
            folder: PathBuf::new(),
            manifest,
        }
    }

    #[test]
    fn a_whole_manifest_is_good_and_whatever_is_missing_is_told() {
        assert_eq!(
            about_manifest(&package("edition", json!("2024"))),
            Vec::<String>::new()
        );
        for (field, value, complaint) in [
            ("description", Value::Null, "`description` is missing"),
            ("description", json!("Hosts plugins."), "full stop"),
            ("rust_version", Value::Null, "`rust-version` is missing"),
            (
                "documentation",
                json!("https://example.org"),
                "`documentation` is not",
            ),
            ("keywords", json!([]), "one to five keywords"),
            ("keywords", json!(["two words"]), "`two words` is no keyword"),
            ("categories", json!([]), "one to five categories"),
            ("categories", json!(["web"]), "the category `web`"),
            ("metadata", Value::Null, "docs.rs"),
        ] {
            let found = about_manifest(&package(field, value.clone()));
            assert_eq!(found.len(), 1, "{field} {value}: {found:?}");
            assert!(found[0].contains(complaint), "{found:?}");
        }
    }

    #[test]
    fn features_and_their_table_agree() {
        let good = package("edition", json!("2024"));
        assert_eq!(about_readme(&good, README), Vec::<String>::new());
        let more = package("features", json!({"metrics": [], "testing": []}));
        assert_eq!(
            about_readme(&more, README),
            ["README.md has no row for the feature `testing` under `## Features`"]
        );
        let fewer = package("features", json!({}));
        assert_eq!(
            about_readme(&fewer, README),
            ["README.md tells of a feature `metrics` that is not there"]
        );
        assert_eq!(about_readme(&good, "").len(), 4);
    }
}
