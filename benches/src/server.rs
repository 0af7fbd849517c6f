//! A whole server on a socket: the measured plugin with everything on, and the same handlers native beside it.

use std::fmt::Debug;
use std::io::Write as _;
use std::path::Path;
use std::{fs, io};

use axum::serve::Listener;
use axum::{Router, ServiceExt as _};
use http::header::AUTHORIZATION;
use http::request::Parts;
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use toru_axum::{
    Access, Authorization, Authorizer, HeaderPolicy, Identity, PluginApi, PluginLayer, PluginLimits,
    PluginManager, Refusal,
};
use tower_layer::Layer as _;

use crate::{Result, native};

/// Path of the native handlers; as long as the plugin's, since taking a path apart takes its time.
pub const NATIVE: &str = "/api/natives/bench";
/// Path of the plugin's.
pub const PLUGIN: &str = "/api/plugins/bench";
/// What every request sends as its token.
pub const TOKEN: &str = "Bearer 0123456789abcdef0123456789abcdef";

/// How plugins are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// In front of the application.
    Layer,
    /// As routes of its router.
    Route,
}

/// The check of an application: one token, compared in constant time.
struct Token(Identity);

impl Authorizer for Token {
    fn authorize(&self, head: &Parts, _: Access<'_>) -> Authorization {
        let sent = head.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        if sent.is_some_and(|sent| sent.ct_eq(TOKEN.as_bytes()).into()) {
            Authorization::allow(self.0.clone())
        } else {
            Authorization::refuse(Refusal::Unauthenticated)
        }
    }
}

/// Prints its address, and serves until the process is killed.
///
/// # Errors
///
/// When the plugins do not start, or there is no socket.
pub async fn run(mount: Mount, plugins: &Path) -> Result {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let ready = || writeln!(io::stdout(), "{address}");
    serve(mount, plugins, listener, ready).await
}

/// Enables every plugin of the folder, says so, and serves whoever the listener brings, for good.
///
/// # Errors
///
/// When the plugins do not start.
pub async fn serve<L>(
    mount: Mount,
    plugins: &Path,
    listener: L,
    ready: impl FnOnce() -> io::Result<()>,
) -> Result
where
    L: Listener,
    L::Addr: Debug,
{
    // More requests at a time than the load has, so that none is turned away; the gate is there and counts.
    let limits = PluginLimits::default().max_in_flight(1024);
    let manager = PluginManager::builder(plugins).limits(limits).start().await?;
    for plugin in manager.list() {
        manager.enable(&plugin.id).await?;
    }
    let identity = Identity::user("bench")
        .with_role("admin")
        .with_explicit_credential();
    let api = PluginApi::builder(manager, Token(identity))
        .header_policy(HeaderPolicy::new())
        .build();
    ready()?;
    let app: Router = native::below(NATIVE);
    match mount {
        Mount::Layer => {
            let app = PluginLayer::from(api).layer(app);
            axum::serve(listener, app.into_make_service()).await?;
        }
        Mount::Route => axum::serve(listener, toru_axum::mount_on(app, api)).await?,
    }
    Ok(())
}

/// Makes a folder with the measured plugin and others beside it, `count` in all.
///
/// # Errors
///
/// When files cannot be written.
pub fn install(folder: &Path, plugin: &Path, other: &Path, count: usize) -> Result {
    fs::create_dir_all(folder)?;
    fs::copy(plugin, folder.join("libbench.so"))?;
    crate::copies::copies(other, folder, count - 1)?;
    Ok(())
}
