//! The examples in C, C++ and Zig, compiled as strangers would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// `examples/c-plugin`. `None`, and a word why, when there is no compiler.
pub(crate) fn c_plugin() -> Option<&'static [u8]> {
    static LIBRARY: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| compile("c-plugin", "cc", "c", &["-std=c11"]));
    told("c-plugin", library)
}

/// `examples/cpp-plugin`, as [`c_plugin`].
pub(crate) fn cpp_plugin() -> Option<&'static [u8]> {
    static LIBRARY: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let flags = ["-std=c++17", "-Wl,--version-script,exports.map"];
    let library = LIBRARY.get_or_init(|| compile("cpp-plugin", "c++", "cpp", &flags));
    told("cpp-plugin", library)
}

/// `examples/zig-plugin`, as [`c_plugin`].
pub(crate) fn zig_plugin() -> Option<&'static [u8]> {
    static LIBRARY: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    told("zig-plugin", LIBRARY.get_or_init(compile_zig))
}

fn told(name: &str, library: &'static Option<Vec<u8>>) -> Option<&'static [u8]> {
    if library.is_none() {
        println!("skipped: no compiler for examples/{name}");
    }
    library.as_deref()
}

fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap()
}

/// Compiles the sources of that kind in `examples/<name>`, with every warning an error.
fn compile(name: &str, compiler: &str, kind: &str, flags: &[&str]) -> Option<Vec<u8>> {
    let folder = root().join("examples").join(name);
    let sources: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == kind))
        .collect();
    let target = tempfile::tempdir().unwrap();
    let library = target.path().join("plugin.so");
    let output = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O1", "-fvisibility=hidden", "-pthread"])
        .args([
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Wconversion",
            "-Wshadow",
            "-Werror",
        ])
        .arg("-Wl,-z,noexecstack")
        .args(flags)
        .arg("-I")
        .arg(root().join("toru-plugin-api/include"))
        .args(sources)
        .arg("-o")
        .arg(&library)
        .current_dir(folder)
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(fs::read(library).unwrap())
}

/// By its own script; `ZIG` may name the compiler.
fn compile_zig() -> Option<Vec<u8>> {
    let zig = std::env::var_os("ZIG").unwrap_or_else(|| "zig".into());
    Command::new(&zig).arg("version").output().ok()?;
    let target = tempfile::tempdir().unwrap();
    let library = target.path().join("zig.so");
    let output = Command::new(root().join("examples/zig-plugin/build.sh"))
        .arg(&library)
        .env("ZIG", zig)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(fs::read(library).unwrap())
}
