//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use toru_plugin_api::license::Date;

use crate::keys::Algorithm;

/// Makes keys and issues licences for plugins of Toru.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Answer in JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done.
#[derive(Debug, Subcommand)]
#[expect(clippy::exhaustive_enums, reason = "read by the program alone")]
pub enum Command {
    /// Make a key, in a file that only you can read.
    Keygen {
        /// How it signs.
        #[arg(long, value_enum, default_value = "ed25519")]
        algorithm: Algorithm,
        /// Name of the key, by which plugins tell several apart: 1 to 32 of a-z, 0-9 and `-`. The year is a good one.
        #[arg(long)]
        id: String,
        /// File to make. There must be none of that name.
        #[arg(long)]
        out: PathBuf,
    },
    /// Show what a plugin carries to verify licences: the public key, or for hs256 the secret itself.
    Carried(Key),
    /// Issue a licence.
    Issue {
        /// Whose key.
        #[command(flatten)]
        key: Key,
        /// What it is for.
        #[command(flatten)]
        what: What,
        /// First day, by UTC. Today by default.
        #[arg(long, value_parser = date)]
        issued: Option<Date>,
        /// Last day, by UTC. Without it the licence never ends.
        #[arg(long, value_parser = date)]
        expires: Option<Date>,
        /// Whose it is.
        #[arg(long)]
        licensee: Option<String>,
        /// Something that it unlocks; may be repeated.
        #[arg(long = "feature")]
        features: Vec<String>,
    },
    /// Show what a licence says, without asking whether it is genuine.
    Inspect {
        /// File with the licence; standard input without one.
        file: Option<PathBuf>,
    },
    /// Tell whether a plugin would accept a licence. Ends with 1 when it would not.
    Verify {
        /// Whose key.
        #[command(flatten)]
        key: Key,
        /// What it is for.
        #[command(flatten)]
        what: What,
        /// As if it were the beginning of that day, by UTC. Now by default.
        #[arg(long, value_parser = date)]
        at: Option<Date>,
        /// File with the licence; standard input without one.
        file: Option<PathBuf>,
    },
}

/// Whose key.
#[derive(Debug, Args)]
pub struct Key {
    /// File with the vendor's key. Without it, the content of such a file is taken from TORU_VENDOR_KEY.
    #[arg(long)]
    pub key: Option<PathBuf>,
}

/// What a licence is for.
#[derive(Debug, Args)]
pub struct What {
    /// Id of the plugin.
    #[arg(long)]
    pub plugin: String,
    /// Id of the installation, as its administrator reads it: a UUID in lower case.
    #[arg(long)]
    pub instance: String,
}

fn date(text: &str) -> Result<Date, String> {
    Date::parse(text).ok_or_else(|| "a day is written as 2027-12-31".to_owned())
}
