//! An application with the plugin, on a socket.

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use toru_axum::{DangerouslyAllowEveryone, PluginLimits, PluginManager};
use toru_host::plugin::PluginCounters;

use crate::plugin::plugin;
use crate::wire::Wire;

/// A guard against tests that hang; nothing is measured with it.
const TOO_LONG: Duration = Duration::from_secs(120);

/// Waits for something that happens soon, or fails.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(TOO_LONG, future).await {
        Ok(output) => output,
        Err(_) => panic!("this takes too long"),
    }
}

/// A running server. It ends with the test's runtime.
pub(crate) struct Server {
    manager: PluginManager,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(PluginLimits::default()).await
    }

    pub(crate) async fn start_with(limits: PluginLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manager = PluginManager::builder(folder.path().join("plugins"))
            .limits(limits)
            .register_static(plugin())
            .start()
            .await
            .unwrap();
        manager.enable(&"wire".parse().unwrap()).await.unwrap();
        let app: axum::Router = toru_axum::router(manager.clone(), DangerouslyAllowEveryone);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            manager,
            address,
            _folder: folder,
        }
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Wire {
        Wire::connect(self.address).await
    }

    pub(crate) fn counters(&self) -> PluginCounters {
        self.manager.get(&"wire".parse().unwrap()).unwrap().counters
    }
}
