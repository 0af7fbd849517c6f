//! What can be chosen at the start.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

use crate::database::users::Role;
use crate::hosts::Hosts;

const TOKEN: &str = "TORU_DEMO_TOKEN";
const ADMIN_PASSWORD: &str = "TORU_DEMO_ADMIN_PASSWORD";

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
    #[arg(long, global = true, env = "TORU_DEMO_DATA", default_value = "./data")]
    pub data: PathBuf,

    /// Token for the API, at least 16 characters. Without one, the server makes one up, keeps it in the data folder and
    /// prints it once, on a terminal. Not an option of the command line, where every user of the machine could read it.
    #[arg(skip = std::env::var_os(TOKEN))]
    pub token: Option<OsString>,

    /// Password for the user `admin`, who is made at the first start. Without one, the server makes one up and prints it
    /// once: also where its output is no terminal, since it is kept nowhere else.
    #[arg(skip = std::env::var_os(ADMIN_PASSWORD).filter(|given| !given.is_empty()))]
    pub admin_password: Option<OsString>,

    /// A proxy in front of this server ends TLS, passes `Host` on and adds the client's address to `X-Forwarded-For`; nobody
    /// else can reach this server. Cookies are for TLS alone then.
    #[arg(long, env = "TORU_DEMO_BEHIND_TLS_PROXY")]
    pub behind_tls_proxy: bool,

    /// Listen for other machines without TLS, although everybody in between can read passwords and the token.
    #[arg(long, env = "TORU_DEMO_INSECURE_HTTP")]
    pub insecure_http: bool,

    /// A name under which browsers reach this server, without a port. May be repeated. A server that listens on this machine
    /// alone answers under `localhost`, `127.0.0.1` and `[::1]` beside it; any other under these names alone, if one is given.
    #[arg(long, env = "TORU_DEMO_PUBLIC_HOST", value_delimiter = ',')]
    pub public_host: Vec<String>,

    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program does beside serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Add, list and remove users, or give them another password. A server may be running meanwhile.
    #[command(subcommand)]
    User(UserCommand),
}

/// What is done with users.
#[derive(Clone, Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user. The password is asked for, or read from the input's first line; without one, it is made up and printed.
    Add {
        /// Letters of a to z, digits, `.`, `_` and `-`, at most 32.
        name: String,
        /// What they may do: `user` uses plugins, `admin` also turns them on and off.
        #[arg(long, default_value = "user")]
        role: Role,
    },
    /// List the users with their roles.
    List,
    /// Give a user another password, as for `add`, and sign them out everywhere.
    Password {
        /// Whose.
        name: String,
    },
    /// Remove a user and sign them out everywhere.
    Remove {
        /// Whom.
        name: String,
    },
}

impl Options {
    /// The token that was given.
    ///
    /// # Errors
    ///
    /// When it is not UTF-8: another one in its place would be a surprise.
    pub fn given_token(&self) -> Result<Option<&str>> {
        self.token.as_deref().map(|given| text(TOKEN, given)).transpose()
    }

    /// The administrator's password that was given.
    ///
    /// # Errors
    ///
    /// When it is not UTF-8.
    pub fn given_admin_password(&self) -> Result<Option<&str>> {
        let given = self.admin_password.as_deref();
        given.map(|given| text(ADMIN_PASSWORD, given)).transpose()
    }

    /// Looks whether passwords could be read on their way.
    ///
    /// # Errors
    ///
    /// When other machines can reach the server without TLS, and nobody said that this is meant.
    pub fn check_exposure(&self) -> Result<()> {
        ensure!(
            self.is_loopback() || self.behind_tls_proxy || self.insecure_http,
            "other machines can reach {}, and everybody in between could read passwords and the token; put a proxy that \
             ends TLS in front and say --behind-tls-proxy, or listen on 127.0.0.1, or say --insecure-http if that is meant",
            self.listen
        );
        Ok(())
    }

    /// The names under which the server answers.
    #[must_use]
    pub fn hosts(&self) -> Hosts {
        // Else nobody knows them but the network, or the proxy.
        let are_known = self.is_loopback() && !self.behind_tls_proxy;
        if are_known || !self.public_host.is_empty() {
            Hosts::own_and(&self.public_host)
        } else {
            Hosts::any()
        }
    }

    fn is_loopback(&self) -> bool {
        self.listen.ip().to_canonical().is_loopback()
    }
}

/// What a variable of the environment says.
fn text<'a>(name: &str, value: &'a OsStr) -> Result<&'a str> {
    let reason = || format!("{name} is not UTF-8; give it another value, or none to have one made up");
    value.to_str().with_context(reason)
}
