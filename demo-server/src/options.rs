//! What can be chosen at the start.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// Toru's demo server: runs native plugins and shows how to embed them.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Address to listen on.
    #[arg(long, env = "TORU_DEMO_LISTEN", default_value = "127.0.0.1:7300")]
    pub listen: SocketAddr,

    /// Folder with the plugins; made if it is missing.
    #[arg(long, env = "TORU_DEMO_PLUGINS", default_value = "./plugins")]
    pub plugins: PathBuf,

    /// Folder for the server's own data; made if it is missing.
    #[arg(long, env = "TORU_DEMO_DATA", default_value = "./data")]
    pub data: PathBuf,

    /// Token for the API, at least 16 characters. Without one, the server makes one up, keeps it in the data folder and
    /// prints it once. Not an option of the command line, where every user of the machine could read it.
    #[arg(skip = std::env::var("TORU_DEMO_TOKEN").ok())]
    pub token: Option<String>,
}
