//! Under which licences the published crates' dependencies are, and which of them come twice.

use std::collections::{BTreeMap, BTreeSet};

use super::published::CRATES;
use crate::workspace::Workspace;
use crate::{Result, process};

/// Licences that allow everything that those of this project allow, and ask for no more than to be passed on.
const LICENSES: [&str; 6] = ["Apache-2.0", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0", "Zlib"];

/// Crates that come in two versions, and why nothing can be done about it here.
const TWICE: [(&str, &str); 3] = [
    (
        "hashbrown",
        "one of them is of SQLite for browsers, where no host runs",
    ),
    ("matchit", "axum 0.8 asks for its own version to the digit"),
    (
        "syn",
        "of derive macros, which have not all moved on to version 3; nothing of it is in what they make",
    ),
];

/// A package of a tree: name, version, and licence.
type Package = (String, String, String);

/// Fails when a dependency has another licence, or comes twice without being listed, or is listed and comes once.
pub(super) fn check(workspace: &Workspace) -> Result {
    let mut complaints = Vec::new();
    let mut twice = BTreeSet::new();
    for name in CRATES {
        let packages = tree(workspace, name)?;
        println!("    {name}: {} packages", packages.len());
        for (package, version, license) in &packages {
            if !is_allowed(license)
                .ok_or_else(|| format!("{package} {version}: what licence is `{license}`?"))?
            {
                complaints.push(format!(
                    "{name} depends on {package} {version}, whose licence is `{license}`"
                ));
            }
        }
        for (package, versions) in several(&packages) {
            if !TWICE.iter().any(|(known, _)| *known == package) {
                let versions = versions.join(" and ");
                complaints.push(format!(
                    "{name} depends on {package} {versions}: cargo tree -p {name} -i {package}@…"
                ));
            }
            twice.insert(package);
        }
    }
    for (package, _) in TWICE.iter().filter(|(package, _)| !twice.contains(*package)) {
        complaints.push(format!(
            "{package} comes once by now: take it out of suite/licenses.rs"
        ));
    }
    if complaints.is_empty() {
        return Ok(());
    }
    Err(complaints.join("\n    ").into())
}

/// Everything that is compiled into a crate or for it, with all features and on every system.
fn tree(workspace: &Workspace, name: &str) -> Result<BTreeSet<Package>> {
    let mut command = process::cargo();
    command.args([
        "tree",
        "--package",
        name,
        "--all-features",
        "--edges",
        "normal,build",
    ]);
    command.args(["--target", "all", "--prefix", "none", "--format", "{p}\t{l}"]);
    let text = process::capture(command.current_dir(workspace.root()))?;
    let packages: BTreeSet<_> = text.lines().filter_map(package).collect();
    if packages.len() < 2 {
        return Err(format!("cargo tells of no dependency of {name}").into());
    }
    Ok(packages)
}

/// `serde v1.0.0 (proc-macro)`, a tab, `MIT OR Apache-2.0`, and a star where the rest was told before.
fn package(line: &str) -> Option<Package> {
    let (what, license) = line.split_once('\t')?;
    let mut words = what.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let license = license.trim_end_matches("(*)").trim();
    Some((name.to_owned(), version.to_owned(), license.to_owned()))
}

/// Packages of which there are several versions.
fn several(packages: &BTreeSet<Package>) -> BTreeMap<String, Vec<String>> {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, version, _) in packages {
        versions.entry(name.clone()).or_default().push(version.clone());
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

/// Whether a licence expression can be kept by licences that are listed. `None` when it is no expression.
fn is_allowed(expression: &str) -> Option<bool> {
    // The old way to write a choice.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let allowed = choice(&mut words)?;
    words.next().is_none().then_some(allowed)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn choice(words: &mut Words<'_>) -> Option<bool> {
    let mut allowed = all_of(words)?;
    while words.next_if_eq(&"OR").is_some() {
        allowed |= all_of(words)?;
    }
    Some(allowed)
}

fn all_of(words: &mut Words<'_>) -> Option<bool> {
    let mut allowed = one(words)?;
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words)?;
    }
    Some(allowed)
}

fn one(words: &mut Words<'_>) -> Option<bool> {
    match words.next()? {
        "(" => choice(words).filter(|_| words.next() == Some(")")),
        "OR" | "AND" | "WITH" | ")" => None,
        license => {
            // An exception only ever allows more.
            if words.next_if_eq(&"WITH").is_some() {
                words.next()?;
            }
            Some(LICENSES.contains(&license))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_allowed_if_listed_licences_can_keep_them() {
        for (expression, allowed) in [
            ("MIT", Some(true)),
            ("MIT OR GPL-3.0-only", Some(true)),
            ("MIT/Apache-2.0", Some(true)),
            ("MIT AND GPL-3.0-only", Some(false)),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", Some(true)),
            ("(MIT OR Apache-2.0) AND GPL-2.0-only", Some(false)),
            ("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", Some(true)),
            ("GPL-3.0-only", Some(false)),
            ("", None),
            ("MIT OR", None),
            ("(MIT", None),
            ("MIT Apache-2.0", None),
        ] {
            assert_eq!(is_allowed(expression), allowed, "{expression}");
        }
    }

    #[test]
    fn packages_in_two_versions_are_found() {
        let lines =
            "a v1.0.0\tMIT\na v2.0.0 (proc-macro)\tMIT (*)\nb v1.0.0 (/path)\tMIT\nb v1.0.0 (/path)\tMIT (*)";
        let packages: BTreeSet<_> = lines.lines().filter_map(package).collect();
        assert_eq!(packages.len(), 3);
        assert_eq!(
            several(&packages),
            [("a".to_owned(), vec!["1.0.0".to_owned(), "2.0.0".to_owned()])].into()
        );
    }
}
