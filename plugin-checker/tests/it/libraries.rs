//! Libraries to check, built by the run itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A folder of its own, which a test's libraries lie in.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// The plugin of the zoo of that name. `None`, and a word why, when there is no compiler.
    pub(crate) fn zoo(&self, name: &str, defines: &[&str]) -> Option<PathBuf> {
        let zoo = root().join("toru-host/tests/zoo");
        let mut defines = defines.to_vec();
        let marker = format!("ZOO_MARKER={:?}", self.path("constructor-ran"));
        defines.push(&marker);
        if !defines.iter().any(|define| define.starts_with("ZOO_ID=")) {
            defines.push("ZOO_ID=\"zoo\"");
        }
        let flags = ["-O1", "-w", "-std=gnu11", "-pthread"];
        self.compile(&[zoo.join(format!("{name}.c"))], "libzoo.so", &flags, &defines)
    }

    /// `examples/c-plugin`.
    pub(crate) fn c_plugin(&self) -> Option<PathBuf> {
        let folder = root().join("examples/c-plugin");
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let sources: Vec<_> = entries
            .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
            .collect();
        let flags = ["-O2", "-std=c11", "-pthread", "-Wl,-z,noexecstack"];
        self.compile(&sources, "libc_plugin.so", &flags, &[])
    }

    fn compile(&self, sources: &[PathBuf], name: &str, flags: &[&str], defines: &[&str]) -> Option<PathBuf> {
        let library = self.path(name);
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-fvisibility=hidden"])
            .args(flags)
            .arg("-I")
            .arg(root().join("toru-plugin-api/include"))
            .args(defines.iter().map(|define| format!("-D{define}")))
            .arg("-o")
            .arg(&library)
            .args(sources)
            .output();
        let Ok(output) = output else {
            println!("skipped: no C compiler");
            return None;
        };
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Some(library)
    }
}

/// `examples/hello-plugin` and the Rust plugin of the zoo, with debug information.
pub(crate) fn rust() -> &'static (PathBuf, PathBuf) {
    static BUILT: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
        let output = Command::new(env!("CARGO"))
            .args(["build", "-p", "hello-plugin", "-p", "rust-zoo", "--target-dir"])
            .arg(&target)
            .current_dir(root())
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
        let library = |name: &str| target.join("debug").join(name);
        (library("libhello_plugin.so"), library("librust_zoo.so"))
    })
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
