//! Puts the frontend where `include_bytes!` finds it: the built one, or a page that tells how to build it.

use std::path::Path;
use std::{env, fs, io};

const BUILT: &str = "frontend/dist/bundle.js";
const FALLBACK: &str = "frontend/fallback.js";

fn main() -> io::Result<()> {
    // The folder and not the file: a file that is missing would make every build start over.
    println!("cargo::rerun-if-changed=frontend/dist");
    println!("cargo::rerun-if-changed={FALLBACK}");
    let bundle = if Path::new(BUILT).is_file() {
        BUILT
    } else {
        FALLBACK
    };
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::copy(bundle, Path::new(&out).join("bundle.js")).map(drop)
}
