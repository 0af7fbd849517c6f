//! The Rust plugins of the tests, built by the run itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use toru_host::QuarantinePolicy;

use crate::host::{Host, install};
use crate::support::Place;

/// Libraries of one compiler.
pub(crate) struct Built {
    pub(crate) hello: PathBuf,
    pub(crate) zoo: PathBuf,
}

/// The plugins by this compiler.
pub(crate) fn stable() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut built = build(Command::new(env!("CARGO")), "plugins");
        if let Some(hello) = std::env::var_os("TORU_TEST_HELLO_PLUGIN") {
            built.hello = hello.into();
        }
        built
    })
}

/// The plugins by the nightly compiler. `None`, and a word why, when there is none.
pub(crate) fn nightly() -> Option<&'static Built> {
    static BUILT: OnceLock<Option<Built>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let rustup = || {
            let mut command = Command::new("rustup");
            command.args(["run", "nightly"]);
            command
        };
        let version = rustup().args(["rustc", "--version"]).output();
        if !version.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let mut cargo = rustup();
        cargo.arg("cargo");
        Some(build(cargo, "plugins-nightly"))
    });
    if built.is_none() {
        println!("skipped: no nightly compiler");
    }
    built.as_ref()
}

fn build(mut cargo: Command, folder: &str) -> Built {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let output = cargo
        .args([
            "build",
            "--release",
            "-p",
            "hello-plugin",
            "-p",
            "rust-zoo",
            "--target-dir",
        ])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // What the tests themselves are built with is not meant for plugins, such as a sanitizer.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("RUSTC")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Built {
        hello: target.join("release/libhello_plugin.so"),
        zoo: target.join("release/librust_zoo.so"),
    }
}

/// A host that knows the Rust zoo, with that configuration, and lets it panic as often as it likes.
pub(crate) async fn zoo_with(config: &str) -> Host {
    let place = Place::new();
    install(&place, &stable().zoo, "zoo.so");
    configure(&place, "rust-zoo", config);
    Host::with(place, |builder| builder.quarantine(QuarantinePolicy::never())).await
}

/// Gives a plugin its configuration.
pub(crate) fn configure(place: &Place, plugin: &str, config: &str) {
    let folder = place.plugins().join(".metadata");
    std::fs::create_dir(&folder).unwrap();
    let text = format!(r#"{{"version":1,"plugins":{{"{plugin}":{{"config":{config}}}}}}}"#);
    std::fs::write(folder.join("config.json"), text).unwrap();
}
