//! The libraries that are measured, built by cargo as anyone else's.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use serde_json::Value;

use crate::Result;

/// Where the libraries are.
#[derive(Clone, Debug)]
pub struct Libraries {
    /// The measured handlers as a plugin.
    pub plugin: PathBuf,
    /// The same plugin with a counting allocator.
    pub counted: PathBuf,
    /// The measured handlers behind a trait object.
    pub naive: PathBuf,
    /// The least that a plugin is.
    pub smallest: PathBuf,
}

impl Libraries {
    /// Builds them in release mode and copies them into `folder`.
    ///
    /// # Errors
    ///
    /// When cargo fails.
    pub fn build(folder: &Path) -> Result<Self> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let build = |name: &str, manifest: &str, args: &[&str]| -> Result<PathBuf> {
            let built = cdylib(&own.join(manifest), args)?;
            let kept = folder.join(name);
            fs::copy(built, &kept)?;
            Ok(kept)
        };
        Ok(Self {
            plugin: build("plugin.so", "plugin/Cargo.toml", &[])?,
            counted: build("counted.so", "plugin/Cargo.toml", &["--features", "counted"])?,
            naive: build("naive.so", "naive-plugin/Cargo.toml", &[])?,
            smallest: build("smallest.so", "smallest-plugin/Cargo.toml", &[])?,
        })
    }
}

/// Builds one library and asks cargo where it is.
fn cdylib(manifest: &Path, args: &[&str]) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--quiet"])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(manifest)
        .args(args)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{} was not built", manifest.display()).into());
    }
    let messages = String::from_utf8(output.stdout)?;
    let cdylib = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["kind"][0] == "cdylib")
        .find_map(|message| Some(PathBuf::from(message["filenames"][0].as_str()?)));
    cdylib.ok_or_else(|| format!("{} makes no library", manifest.display()).into())
}
