//! The public interface of the published crates: what has changed in it, and whose types stand in that of the core.

mod baseline;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::published;
use crate::process::{self, cargo_nightly};
use crate::workspace::Workspace;
use crate::{Result, tools};

/// The crates whose types and traits may stand in the public interface of `toru-host`. A new major version of any of them
/// is a new major version of `toru-host`.
const ALLOWED: [&str; 14] = [
    // The language's own.
    "std",
    "core",
    "alloc",
    // What every framework on tower speaks, stable for years.
    "bytes",
    "futures_core",
    "http",
    "http_body",
    "tower_service",
    // A helper of its macro, in the bounds of a generated `Unpin` that names no type of it otherwise.
    "pin_project_lite",
    // Plain values can be written out.
    "serde",
    "serde_core",
    // And described: the OpenAPI document is made from the values' own types.
    "utoipa",
    // The id of an installation.
    "uuid",
    // The contract: plugins that are linked into the application.
    "toru_plugin_api",
];

/// Fails when a public interface is not that of its baseline, or that of the core shows a type of another crate.
///
/// `Some` is the reason why nobody looked. With `bless`, the baselines are written.
pub(crate) fn check(workspace: &Workspace, bless: bool) -> Result<Option<String>> {
    if !tools::has_nightly() {
        return Ok(Some(
            "no nightly toolchain, which alone tells the interface as data (rustup toolchain install nightly)"
                .to_owned(),
        ));
    }
    let changelog = fs::read_to_string(workspace.root().join("CHANGELOG.md"))?;
    let mut complaints = Vec::new();
    for package in published::all(workspace)? {
        let document = describe(workspace, package.name)?;
        complaints.extend(baseline::check(&package, &document, &changelog, bless)?);
        if package.name == "toru-host" {
            complaints.extend(strangers(&serde_json::from_str(&fs::read_to_string(
                &document,
            )?)?)?);
        }
    }
    if complaints.is_empty() {
        return Ok(None);
    }
    Err(complaints.join("\n    ").into())
}

/// Has the interface of a package written down as data.
fn describe(workspace: &Workspace, package: &str) -> Result<PathBuf> {
    let target = workspace.target().join("xtask/interface");
    let mut command = cargo_nightly();
    command
        .args([
            "rustdoc",
            "--quiet",
            "--package",
            package,
            "--lib",
            "--all-features",
        ])
        .arg("--target-dir")
        .arg(&target)
        .args([
            "--",
            "-Z",
            "unstable-options",
            "--output-format",
            "json",
            "--cap-lints",
            "allow",
        ]);
    process::run(command.current_dir(workspace.root()))?;
    Ok(target.join(format!("doc/{}.json", package.replace('-', "_"))))
}

fn strangers(document: &Value) -> Result<Option<String>> {
    let foreign = foreign(document)?;
    Ok(foreign.first().map(|first| {
        format!(
            "{} of foreign crates in the public interface of toru-host, first {first}; what may be there is listed in \
             xtask/src/suite/interface.rs",
            foreign.len()
        )
    }))
}

/// Types and traits of crates that are not allowed, with the place that shows them.
fn foreign(document: &Value) -> Result<BTreeSet<String>> {
    // A document of another form must not look like one in which there is nothing to find.
    let index = document["index"].as_object().filter(|index| !index.is_empty());
    let index = index.ok_or("the documentation lists nothing; has its format changed?")?;
    let mut shown = Vec::new();
    for item in index.values().filter(|item| item["crate_id"] == 0) {
        if !is_derived(item) {
            named(&item["inner"], &mut |id| shown.push((id, item)));
        }
    }
    let mut own = 0;
    let mut foreign = BTreeSet::new();
    for (id, item) in shown {
        let path = &document["paths"][&id];
        let Some(number) = path["crate_id"].as_u64() else {
            continue;
        };
        if number == 0 {
            own += 1;
            continue;
        }
        let name = &document["external_crates"][number.to_string()]["name"];
        let name = name
            .as_str()
            .ok_or("a crate has no name; has the format changed?")?;
        if !ALLOWED.contains(&name) {
            let words = path["path"].as_array().into_iter().flatten();
            let words: Vec<_> = words.filter_map(Value::as_str).collect();
            let span = &item["span"];
            let file = span["filename"].as_str().unwrap_or("?");
            foreign.insert(format!("{} at {file}:{}", words.join("::"), span["begin"][0]));
        }
    }
    if own == 0 {
        return Err("the documentation names no type of the crate itself; has its format changed?".into());
    }
    Ok(foreign)
}

/// Whether an item is an implementation that nobody wrote: of an auto trait, or of a trait for all types.
fn is_derived(item: &Value) -> bool {
    let implementation = &item["inner"]["impl"];
    implementation["is_synthetic"] == true || !implementation["blanket_impl"].is_null()
}

/// Finds whatever is named in a signature: types, traits, and what is re-exported.
fn named(value: &Value, found: &mut impl FnMut(String)) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| named(value, found)),
        Value::Object(fields) => {
            // A path in a signature, or the source of a re-export.
            if fields.contains_key("path") || fields.contains_key("source") {
                match &fields.get("id") {
                    Some(Value::Number(id)) => found(id.to_string()),
                    Some(Value::String(id)) => found(id.clone()),
                    _ => {}
                }
            }
            fields.values().for_each(|value| named(value, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A crate with a type of its own, and a function or the like with this inside.
    fn document(inner: Value) -> Value {
        json!({
            "index": {
                "1": {"crate_id": 0, "span": {"filename": "own.rs", "begin": [7, 1]}, "inner": inner},
                "2": {"crate_id": 0, "inner": {"function": {"sig": {"output": path(10)}}}},
                "3": {"crate_id": 4, "inner": {"function": {"sig": {"output": path(12)}}}},
            },
            "paths": {
                "10": {"crate_id": 0, "path": ["own", "Own"]},
                "11": {"crate_id": 3, "path": ["http", "request", "Request"]},
                "12": {"crate_id": 4, "path": ["tokio", "runtime", "Handle"]},
                "13": {"crate_id": 5, "path": ["rusqlite", "Error"]},
            },
            "external_crates": {"3": {"name": "http"}, "4": {"name": "tokio"}, "5": {"name": "rusqlite"}},
        })
    }

    fn path(id: u32) -> Value {
        json!({"resolved_path": {"path": "Any", "id": id, "args": null}})
    }

    fn found(inner: Value) -> Vec<String> {
        foreign(&document(inner)).unwrap().into_iter().collect()
    }

    #[test]
    fn own_and_allowed_types_may_be_shown() {
        let nothing: [&str; 0] = [];
        assert_eq!(found(json!({"function": {"sig": {"output": path(10)}}})), nothing);
        assert_eq!(
            found(json!({"function": {"sig": {"inputs": [["a", path(11)]]}}})),
            nothing
        );
    }

    #[test]
    fn a_foreign_type_is_found_wherever_it_stands() {
        let tokio = ["tokio::runtime::Handle at own.rs:7"];
        let inside = json!({"resolved_path": {"path": "Request", "id": 11, "args":
            {"angle_bracketed": {"args": [{"type": path(12)}]}}}});
        assert_eq!(found(json!({"function": {"sig": {"output": inside}}})), tokio);
        let bound = json!({"trait_bound": {"trait": {"path": "Any", "id": 12}}});
        assert_eq!(
            found(json!({"function": {"generics": {"params": [bound]}}})),
            tokio
        );
        assert_eq!(found(json!({"struct_field": path(12)})), tokio);
        assert_eq!(
            found(json!({"use": {"source": "tokio::runtime::Handle", "id": 12}})),
            tokio
        );
        let error = json!({"impl": {"trait": {"path": "From", "id": 11, "args": [path(13)]}, "for": path(10),
            "is_synthetic": false, "blanket_impl": null}});
        assert_eq!(found(error), ["rusqlite::Error at own.rs:7"]);
    }

    #[test]
    fn implementations_that_nobody_wrote_are_no_part_of_it() {
        for (synthetic, blanket) in [(true, Value::Null), (false, json!({"generic": "T"}))] {
            let inner = json!({"impl": {"trait": {"path": "Any", "id": 12}, "for": path(10),
                "is_synthetic": synthetic, "blanket_impl": blanket}});
            assert!(found(inner).is_empty());
        }
    }

    #[test]
    fn a_document_of_another_form_is_refused() {
        assert!(foreign(&json!({})).is_err());
        assert!(foreign(&json!({"index": {"1": {"crate_id": 0, "inner": {}}}})).is_err());
    }
}
