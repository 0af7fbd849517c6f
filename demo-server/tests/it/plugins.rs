//! Plugins for the demo server: small ones in C from the zoo of `toru-host`, and the examples where they were built.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Ids of plugins without a fault.
pub(crate) const HEALTHY: [&str; 5] = ["amber", "beryl", "coral", "diamond", "emerald"];

/// Where the plugins of one home are.
pub(crate) fn folder(home: &Path) -> PathBuf {
    home.join("plugins")
}

/// A home with the healthy plugins. `None`, and a word why, when there is no C compiler.
pub(crate) fn home() -> Option<TempDir> {
    let home = tempfile::tempdir().unwrap();
    install(home.path())?;
    Some(home)
}

/// Puts the healthy plugins there.
pub(crate) fn install(home: &Path) -> Option<()> {
    fs::create_dir_all(folder(home)).unwrap();
    fs::set_permissions(folder(home), fs::Permissions::from_mode(0o755)).unwrap();
    HEALTHY.iter().try_for_each(|id| compile(home, id, "good"))
}

/// Compiles `zoo/<name>.c` with that id into the plugins folder of `home`.
pub(crate) fn compile(home: &Path, id: &str, name: &str) -> Option<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let library = folder(home).join(format!("lib{id}.so"));
    let output = Command::new("cc")
        .args(["-O1", "-w", "-std=gnu11", "-shared", "-fPIC"])
        .args(["-fvisibility=hidden", "-pthread"])
        .arg("-I")
        .arg(root.join("toru-plugin-api/include"))
        .arg(format!("-DZOO_ID={id:?}"))
        .arg("-DZOO_MARKER=\"/dev/null\"")
        .arg("-o")
        .arg(&library)
        .arg(root.join("toru-host/tests/zoo").join(format!("{name}.c")))
        .output();
    match output {
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{words}");
        }
        Err(error) => {
            println!("skipped: no C compiler: {error}");
            return None;
        }
    }
    fs::set_permissions(&library, fs::Permissions::from_mode(0o755)).unwrap();
    Some(())
}

/// Puts the example plugins beside the others, as far as this run was told where they are.
pub(crate) fn add_examples(home: &Path) {
    for variable in ["TORU_TEST_HELLO_PLUGIN", "TORU_TEST_C_PLUGIN"] {
        let Some(library) = std::env::var_os(variable).map(PathBuf::from) else {
            println!("{variable} is not set: goes on without that plugin");
            continue;
        };
        let name = library.file_name().unwrap();
        fs::copy(&library, folder(home).join(name)).unwrap();
        fs::set_permissions(folder(home).join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}
