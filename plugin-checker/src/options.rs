//! The command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use uuid::Uuid;

/// Says what a host would say about a plugin's library, and tries it out in a process of its own.
///
/// Exit code 0: nothing is wrong. 1: something is, and the report says what. 2: it could not be checked.
#[derive(Debug, Parser)]
#[command(name = "check-plugin", version)]
pub(crate) struct Options {
    /// The plugin's library.
    #[arg(required_unless_present = "child")]
    file: Option<PathBuf>,

    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Look at the file alone; no code of it runs.
    #[arg(long)]
    pub(crate) no_run: bool,

    /// Call none of its routes. Otherwise each without path parameters is asked with GET and HEAD.
    #[arg(long)]
    pub(crate) no_calls: bool,

    /// Do not call the route of that pattern; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) except: Vec<String>,

    /// Call that path with GET and HEAD as well; may be repeated. For routes with path parameters, and services.
    #[arg(long, value_name = "PATH", conflicts_with = "no_calls", value_parser = path)]
    pub(crate) call: Vec<String>,

    /// Take warnings for findings.
    #[arg(long)]
    pub(crate) strict: bool,

    /// File with the plugin's configuration in JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// File with a licence key, for a plugin that needs one.
    #[arg(long, value_name = "FILE")]
    pub(crate) license: Option<PathBuf>,

    /// Id of the installation, a UUID, for which the licence key was issued.
    #[arg(long, value_name = "UUID")]
    pub(crate) instance: Option<Uuid>,

    /// How often it is enabled and disabled to see whether anything grows.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rounds: u32,

    /// Seconds after which the process that runs it is ended.
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,

    /// This is the process that runs the plugin, by what is in that folder.
    #[arg(long, hide = true)]
    pub(crate) child: Option<PathBuf>,
}

/// A path below the plugin's own.
fn path(text: &str) -> Result<String> {
    anyhow::ensure!(text.starts_with('/'), "it starts with `/`");
    text.parse::<http::uri::PathAndQuery>()?;
    Ok(text.to_owned())
}

impl Options {
    /// The library to check.
    pub(crate) fn file(&self) -> Result<&Path> {
        self.file.as_deref().context("no library was named")
    }

    /// When the process that runs the plugin is ended.
    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}
