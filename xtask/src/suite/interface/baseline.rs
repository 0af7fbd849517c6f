//! The public interface of the published crates, item by item, as it was when somebody last looked at its changes.
//!
//! `public-api.txt` beside a crate's manifest has a line for each item with its signature. Items that were removed or changed
//! since that version stay behind a `-`, and each of them has to be told in `CHANGELOG.md`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use public_api::Builder;

use crate::Result;
use crate::suite::published::Published;

/// Beside the manifest.
const FILE: &str = "public-api.txt";
/// Below it, removed and changed items are told, in the first section of the changelog.
const HEADING: &str = "### Breaking changes";
/// Auto traits that nobody counts on, some of them not stable: a field may change them. `Send`, `Sync` and `Unpin` are kept.
const NO_PROMISE: [&str; 4] = [
    "core::marker::Freeze for ",
    "core::marker::UnsafeUnpin for ",
    "core::panic::unwind_safe::RefUnwindSafe for ",
    "core::panic::unwind_safe::UnwindSafe for ",
];
/// How the paths of all of this project's crates begin.
const OWN: &str = "toru_";
/// Most differences that are shown.
const SHOWN: usize = 20;

/// An interface, and what was in that of the same version before.
#[derive(Debug, Default)]
struct Baseline {
    version: String,
    /// In an order for readers: a type is followed by what it has.
    items: Vec<String>,
    removed: BTreeSet<String>,
}

/// Compares a crate's interface, as that document describes it, with the file; writes the file first if it is to be blessed.
///
/// Returns what is wrong.
pub(super) fn check(
    package: &Published,
    document: &Path,
    changelog: &str,
    bless: bool,
) -> Result<Vec<String>> {
    let path = package.folder.join(FILE);
    let known = Baseline::parse(&fs::read_to_string(&path).unwrap_or_default());
    let now = known.moved_to(package.text("version"), items(document)?);
    let mut complaints = Vec::new();
    if bless {
        fs::write(&path, now.render(package.name))?;
        println!("    {}: {} items", package.name, now.items.len());
    } else if !now.is(&known) {
        complaints.push(format!(
            "{}/{FILE} is not the public interface; look at the difference and have it written by `cargo xtask interface \
             --bless`:{}",
            package.name,
            difference(&known, &now)
        ));
    }
    for item in untold(&now.removed, changelog) {
        complaints.push(format!(
            "{} has changed or lost `{item}`: say so below `{HEADING}` in the first section of CHANGELOG.md, by its name",
            package.name
        ));
    }
    Ok(complaints)
}

/// A line for each item.
fn items(document: &Path) -> Result<Vec<String>> {
    let api = Builder::from_rustdoc_json(document)
        .omit_blanket_impls(true)
        .build();
    let api = api.map_err(|error| {
        format!("the nightly compiler tells the interface in a form that the crate public-api does not know: {error}")
    })?;
    let items = promises(api.items().map(ToString::to_string));
    if items.is_empty() {
        return Err("the documentation names no item".into());
    }
    Ok(items)
}

/// Leaves out what says nothing: auto traits that nobody counts on, and functions of foreign traits, which are as those say.
fn promises(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut of_foreign_trait: Option<String> = None;
    let mut kept = Vec::new();
    for item in items {
        if item.starts_with("impl") {
            let implemented = item.split_once(" for ").filter(|(of, _)| !of.contains(OWN));
            of_foreign_trait = implemented.map(|_| path(&item));
            if NO_PROMISE.iter().any(|no_promise| item.contains(no_promise)) {
                continue;
            }
        } else if let Some(of) = &of_foreign_trait
            && item.contains("fn ")
            && path(&item)
                .strip_prefix(&**of)
                .is_some_and(|rest| rest.starts_with("::"))
        {
            continue;
        }
        kept.push(item);
    }
    kept
}

impl Baseline {
    fn parse(text: &str) -> Self {
        let mut baseline = Self::default();
        for line in text.lines() {
            if let Some(head) = line.strip_prefix("# ") {
                baseline.version = head.rsplit(' ').next().unwrap_or_default().to_owned();
            } else if let Some(removed) = line.strip_prefix("- ") {
                baseline.removed.insert(removed.to_owned());
            } else if !line.is_empty() {
                baseline.items.push(line.to_owned());
            }
        }
        baseline
    }

    fn render(&self, name: &str) -> String {
        let mut text = format!("# {name} {}\n", self.version);
        for item in &self.items {
            let _ = writeln!(text, "{item}");
        }
        for item in &self.removed {
            let _ = writeln!(text, "- {item}");
        }
        text
    }

    /// The interface of now, which remembers what was removed as long as the version is the same.
    fn moved_to(&self, version: &str, items: Vec<String>) -> Self {
        let removed_before = self.removed.iter().filter(|_| self.version == version);
        let before = self.items.iter().chain(removed_before);
        let now: BTreeSet<&String> = items.iter().collect();
        let removed = before.filter(|item| !now.contains(item)).cloned().collect();
        Self {
            version: version.to_owned(),
            items,
            removed,
        }
    }

    /// Whether both say the same, in whatever order.
    fn is(&self, other: &Self) -> bool {
        self.version == other.version && self.removed == other.removed && self.set() == other.set()
    }

    fn set(&self) -> BTreeSet<&str> {
        self.items.iter().map(String::as_str).collect()
    }
}

fn difference(known: &Baseline, now: &Baseline) -> String {
    let (known, now) = (known.set(), now.set());
    let removed = known.difference(&now).map(|item| format!("\n      - {item}"));
    let added = now.difference(&known).map(|item| format!("\n      + {item}"));
    let all: Vec<_> = removed.chain(added).collect();
    let mut text = all.iter().take(SHOWN).cloned().collect::<String>();
    if all.len() > SHOWN {
        let _ = write!(text, "\n      and {} more", all.len() - SHOWN);
    }
    text
}

/// Those of the removed items that the changelog does not name among the breaking changes.
fn untold<'a>(removed: &'a BTreeSet<String>, changelog: &str) -> Vec<&'a str> {
    let newest = changelog.split("\n## ").nth(1).unwrap_or_default();
    let (_, told) = newest.split_once(HEADING).unwrap_or_default();
    let told = told.split("\n### ").next().unwrap_or_default();
    let words: BTreeSet<&str> = told.split(|letter: char| !is_of_name(letter)).collect();
    let is_told = |item: &str| words.contains(&*name(item));
    removed
        .iter()
        .map(String::as_str)
        .filter(|item| !is_told(item))
        .collect()
}

const fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// The name of an item: the last one of its path.
fn name(item: &str) -> String {
    path(item).rsplit("::").next().unwrap_or_default().to_owned()
}

/// The path of an item, without parameters. Of an implementation, that of the type.
fn path(item: &str) -> String {
    let item = match item.split_once(" for ") {
        Some((_, of)) if item.starts_with("impl") && of.starts_with(OWN) => of,
        // For a type of anybody's: what is implemented.
        Some((implemented, _)) if item.starts_with("impl") => implemented,
        _ => item,
    };
    // The first path of the crate itself begins with its name.
    let start = item.find(OWN).unwrap_or(0);
    let mut depth = 0_usize;
    let mut path = String::new();
    for letter in item[start..].chars() {
        match letter {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ if is_of_name(letter) || letter == ':' => path.push(letter),
            _ => break,
        }
    }
    path.trim_end_matches(':').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    const CLOSE: &str = "pub fn toru_host::Host::close(&self) -> toru_host::End";

    #[test]
    fn what_is_removed_is_remembered_until_the_next_version() {
        let items = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect();
        let first = Baseline::default().moved_to("0.1.0", items(&["pub mod toru_host", CLOSE]));
        assert_eq!(first.removed, set(&[]));
        let second = first.moved_to("0.1.0", items(&["pub mod toru_host"]));
        assert_eq!(second.removed, set(&[CLOSE]));
        assert!(
            second.moved_to("0.1.0", second.items.clone()).is(&second),
            "nothing is new"
        );
        assert!(Baseline::parse(&second.render("toru-host")).is(&second));
        assert_eq!(second.moved_to("0.2.0", second.items.clone()).removed, set(&[]));
        assert!(
            second.moved_to("0.1.0", first.items.clone()).is(&first),
            "it is back"
        );
        assert!(!first.is(&second));
    }

    #[test]
    fn a_removed_item_is_to_be_told_among_the_breaking_changes() {
        let removed = set(&[CLOSE]);
        for (changelog, is_told) in [
            ("# Changelog\n\n## Unreleased\n\n- `close` is new.\n", false),
            (
                "# Changelog\n\n## Unreleased\n\n### Breaking changes\n\n- `enclose`\n",
                false,
            ),
            (
                "# Changelog\n\n## Unreleased\n\n### Breaking changes\n\n- `Host::close` has gone.\n",
                true,
            ),
            (
                "# Changelog\n\n## Unreleased\n\n### Breaking changes\n\n### Fixed\n\n- `close`\n",
                false,
            ),
            (
                "# Changelog\n\n## Unreleased\n\n## 0.1.0\n\n### Breaking changes\n\n- `close`\n",
                false,
            ),
        ] {
            assert_eq!(untold(&removed, changelog).is_empty(), is_told, "{changelog}");
        }
    }

    #[test]
    fn items_have_the_names_by_which_people_know_them() {
        for (item, expected) in [
            (CLOSE, "close"),
            ("pub struct toru_host::kv::MemoryKv", "MemoryKv"),
            ("pub toru_host::plugin::PluginState::Failed = 3", "Failed"),
            (
                "impl core::clone::Clone for toru_host::plugin::PluginId",
                "PluginId",
            ),
            (
                "impl<T> core::convert::From<T> for toru_host::Wrapped<T> where T: Copy",
                "Wrapped",
            ),
            ("pub macro toru_plugin_api::export_plugin!", "export_plugin"),
            (
                "pub unsafe const fn toru_plugin_api::abi::bytes_from_raw<'a>(*const u8)",
                "bytes_from_raw",
            ),
        ] {
            assert_eq!(name(item), expected, "{item}");
        }
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        let all = [
            "pub struct toru_host::Host<T>",
            "impl<T> toru_host::Host<T>",
            "pub fn toru_host::Host<T>::close(&self)",
            "impl<T> core::fmt::Debug for toru_host::Host<T>",
            "pub fn toru_host::Host<T>::fmt(&self, &mut core::fmt::Formatter<'_>) -> core::fmt::Result",
            "impl<T> core::future::Future for toru_host::Host<T>",
            "pub type toru_host::Host<T>::Output = u8",
            "impl<T> toru_host::Store for toru_host::Host<T>",
            "pub fn toru_host::Host<T>::store(&self)",
            "impl<T> core::marker::Freeze for toru_host::Host<T>",
            "impl<T> core::panic::unwind_safe::UnwindSafe for toru_host::Host<T> where T: Send",
            "impl<T> !core::marker::Sync for toru_host::Host<T>",
            "pub fn toru_host::start()",
        ];
        let kept = promises(all.iter().map(|&item| item.to_owned()));
        let left_out: Vec<_> = (0..all.len())
            .filter(|&index| !kept.contains(&all[index].to_owned()))
            .collect();
        assert_eq!(left_out, [4, 9, 10]);
    }
}
