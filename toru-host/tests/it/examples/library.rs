//! Where the examples' libraries come from: `cargo xtask test` names them, and otherwise they are built here.

use std::collections::BTreeMap;
use std::env::var_os;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::foreign;

/// The examples in Rust, as packages.
const PACKAGES: [&str; 4] = ["hello-plugin", "system-monitor", "licensed-plugin", "axum-plugin"];

/// The library of each example; `None` for those that have no compiler here.
pub(super) fn all() -> Vec<Option<Vec<u8>>> {
    let rust = PACKAGES.map(|package| Some(fs::read(of_package(package)).unwrap()));
    let others = [
        named("c-plugin").or_else(|| owned(foreign::c_plugin())),
        named("cpp-plugin").or_else(|| owned(foreign::cpp_plugin())),
        named("zig-plugin").or_else(|| owned(foreign::zig_plugin())),
    ];
    rust.into_iter().chain(others).collect()
}

fn owned(library: Option<&[u8]>) -> Option<Vec<u8>> {
    library.map(<[u8]>::to_vec)
}

/// What `TORU_TEST_C_PLUGIN` names for `c-plugin`.
fn variable(example: &str) -> Option<PathBuf> {
    let name = format!("TORU_TEST_{}", example.replace('-', "_").to_uppercase());
    var_os(name).map(PathBuf::from)
}

fn named(example: &str) -> Option<Vec<u8>> {
    Some(fs::read(variable(example)?).unwrap())
}

fn of_package(package: &str) -> PathBuf {
    static BUILT: OnceLock<BTreeMap<&str, PathBuf>> = OnceLock::new();
    variable(package).unwrap_or_else(|| BUILT.get_or_init(build)[package].clone())
}

/// Cargo builds no `cdylib` for a test by itself. Not optimised: most of what they depend on is there already.
fn build() -> BTreeMap<&'static str, PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--lib"]);
    for package in PACKAGES {
        cargo.args(["--package", package]);
    }
    let output = cargo
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // What the tests themselves are built with is not meant for plugins, such as a sanitizer.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("RUSTC")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let library = |package: &str| target.join(format!("debug/lib{}.so", package.replace('-', "_")));
    PACKAGES.map(|package| (package, library(package))).into()
}
