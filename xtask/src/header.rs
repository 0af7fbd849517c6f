//! `toru_plugin.h`, generated from the contract's Rust sources.
//!
//! cbindgen translates the items of one module at a time, so that prose, constants and structs of one area stand
//! together. What it cannot see is written by hand in `preamble.h` and `trailer.h`.

mod area;
mod compile;
mod layout;
mod prose;
mod tags;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Result, workspace};

/// Writes the header.
pub(crate) fn write() -> Result {
    let path = path();
    fs::create_dir_all(folder())?;
    fs::write(&path, generate()?)?;
    println!("wrote {}", path.display());
    Ok(())
}

/// Compares the header with its sources and compiles it as C and as C++; `scratch` is a folder for the probes.
pub(crate) fn check(scratch: &Path) -> Result {
    let expected = generate()?;
    let actual = fs::read_to_string(path()).unwrap_or_default();
    if let Some(difference) = first_difference(&actual, &expected) {
        return Err(format!(
            "{} is out of date ({difference}); regenerate it: cargo xtask header",
            path().display()
        )
        .into());
    }
    compile::check(&folder(), scratch)
}

fn generate() -> Result<String> {
    let api = workspace::root().join("toru-plugin-api");
    let sources = api.join("src");
    let modules = layout::parse(&fs::read_to_string(api.join("layout.txt"))?)?;

    let mut out = String::from(
        "// toru_plugin.h: native plugins for any Rust web application\n\
         //\n\
         // Generated from toru-plugin-api/src/abi by `cargo xtask header`; do not edit.\n\
         // SPDX-License-Identifier: MIT OR Apache-2.0\n//\n",
    );
    let contract = area::module_docs(&fs::read_to_string(sources.join("abi.rs"))?);
    let contract = contract.replace(" `include/toru_plugin.h` is generated from them.", "");
    out.push_str(&prose::comment(&contract, 0));
    let _ = write!(out, "\n{}\n", include_str!("header/preamble.h"));

    for name in modules
        .iter()
        .flat_map(|module| &module.structs)
        .map(|item| &item.name)
    {
        let _ = writeln!(out, "typedef struct {name} {name};");
    }
    for module in &modules {
        let source = sources.join("abi").join(&module.name).with_extension("rs");
        let area = area::render(&source, module)?;
        out.push_str(&area);
        if module.name == "entry" {
            out.push_str(&area::declare_create_plugin(&area)?);
        }
    }

    if let Some(name) = tags::untagged(&out).first() {
        return Err(format!("the description of {name} does not say which threads may call it").into());
    }
    let trailer = include_str!("header/trailer.h").replace("@LAYOUT@\n", &layout::assertions(&modules));
    let _ = write!(out, "\n{trailer}");
    Ok(out)
}

fn folder() -> PathBuf {
    workspace::root().join("toru-plugin-api/include")
}

fn path() -> PathBuf {
    folder().join("toru_plugin.h")
}

/// Where two texts part, in words.
fn first_difference(actual: &str, expected: &str) -> Option<String> {
    if actual == expected {
        return None;
    }
    let same = actual
        .lines()
        .zip(expected.lines())
        .take_while(|(a, b)| a == b)
        .count();
    let line = expected.lines().nth(same).unwrap_or("the end");
    Some(format!("line {} should read: {line}", same + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named_by_its_line() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(
            first_difference("a\nb\n", "a\nc\n").unwrap(),
            "line 2 should read: c"
        );
        assert_eq!(
            first_difference("a\nb\n", "a\n").unwrap(),
            "line 2 should read: the end"
        );
    }

    #[test]
    fn generating_twice_gives_the_same_bytes() {
        assert_eq!(generate().unwrap(), generate().unwrap());
    }
}
