//! The built library of one plugin in a host of its own, for plugins' integration tests.
//!
//! Unit tests of a plugin need no host: see the feature `testing` of `toru-plugin-api`. What they cannot show is what the
//! library itself does: whether it is accepted, what is sealed into it, how it behaves as code of its own. [`load`] installs it in
//! a temporary folder, starts a host with data in memory, and enables it.
//!
//! ```toml
//! [dev-dependencies]
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! toru-host = { version = "0.1", features = ["testing"] }
//! ```
//!
//! # Examples
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! // After `cargo build --release`.
//! let host = toru_host::testing::load("target/release/libhello_plugin.so").await?;
//! let response = host.get("/greeting/world").await?;
//! assert_eq!(response.status(), 200);
//! assert_eq!(response.body(), r#"{"message":"Hello, world!"}"#);
//! host.shutdown().await;
//! # Ok(())
//! # }
//! ```

use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use tempfile::TempDir;
use tower_service::Service;

use crate::error::{BodyError, ManagerError};
use crate::manager::{Builder, PluginManager};
use crate::plugin::PluginId;
use crate::service::{DangerouslyAllowEveryone, PluginApi};

/// Installs a library in a host of its own, and enables the plugin in it.
///
/// Within a tokio runtime that has timers, as any host.
///
/// # Errors
///
/// When there is no such file, the host finds no plugin in it, or the plugin does not start.
pub async fn load(library: impl AsRef<Path>) -> Result<TestHost, TestHostError> {
    load_with(library, |builder| builder).await
}

/// As [`load`], in a host that is built in another way.
///
/// # Errors
///
/// As [`load`].
pub async fn load_with(
    library: impl AsRef<Path>,
    change: impl FnOnce(Builder) -> Builder,
) -> Result<TestHost, TestHostError> {
    let folder = tempfile::tempdir()?;
    let plugins = folder.path().join("plugins");
    fs::create_dir(&plugins)?;
    // Whatever the umask says: a host takes nothing that others may write to.
    let installed = plugins.join("plugin.so");
    fs::copy(library.as_ref(), &installed)?;
    #[cfg(unix)]
    for (path, mode) in [(&plugins, 0o755), (&installed, 0o644)] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        let mode: Permissions = mode;
        fs::set_permissions(path, mode)?;
    }
    let manager = change(PluginManager::builder(&plugins)).start().await?;
    let Some(found) = manager.list().into_iter().find(|plugin| plugin.file.is_some()) else {
        let rejected = manager.rejected().into_iter().next();
        let reason = rejected.map_or_else(
            || "the host does not say why".to_owned(),
            |rejected| rejected.message,
        );
        return Err(TestHostError::Rejected { reason });
    };
    manager.enable(&found.id).await?;
    let api = PluginApi::new(manager.clone(), DangerouslyAllowEveryone);
    Ok(TestHost {
        id: found.id,
        manager,
        api,
        _folder: folder,
    })
}

/// A host that runs the plugin of one library. See [`load`].
#[derive(Debug)]
pub struct TestHost {
    id: PluginId,
    manager: PluginManager,
    api: PluginApi,
    /// Removed with the host.
    _folder: TempDir,
}

impl TestHost {
    /// The plugin's id.
    #[must_use]
    pub const fn id(&self) -> &PluginId {
        &self.id
    }

    /// The host, to disable and enable the plugin, or to look at what is known of it.
    #[must_use]
    pub const fn manager(&self) -> &PluginManager {
        &self.manager
    }

    /// Sends a GET request for a path below the plugin's own, and reads the response to its end.
    ///
    /// # Errors
    ///
    /// When the response's body is cut short.
    ///
    /// # Panics
    ///
    /// When the path is no path.
    pub async fn get(&self, path: &str) -> Result<Response<Bytes>, BodyError> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// Sends a POST request. See [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Result<Response<Bytes>, BodyError> {
        self.ask(Method::POST, path, body.into()).await
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Response<Bytes>, BodyError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        let uri = Uri::try_from(path);
        *request.uri_mut() = uri.unwrap_or_else(|error| panic!("`{path}` is no path: {error}"));
        self.request(request).await
    }

    /// Sends any request, whose path is below the plugin's own, and reads the response to its end.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub async fn request(&self, request: Request<Bytes>) -> Result<Response<Bytes>, BodyError> {
        let (mut head, body) = request.into_parts();
        let path = format!("{}/{}{}", self.manager.base_path(), self.id, head.uri);
        head.uri = Uri::try_from(&*path).unwrap_or_else(|error| panic!("`{path}` is no path: {error}"));
        let request = Request::from_parts(head, Whole(Some(body)));
        let Ok(response) = self.api.clone().call(request).await;
        let (head, mut body) = response.into_parts();
        let mut all = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            if let Ok(data) = frame?.into_data() {
                all.extend_from_slice(&data);
            }
        }
        Ok(Response::from_parts(head, all.freeze()))
    }

    /// Stops the plugin and the host, and removes the folder.
    pub async fn shutdown(self) {
        self.manager.shutdown().await;
    }
}

/// Why a library does not run in a host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestHostError {
    /// The file cannot be read, or not be installed.
    #[error("the library cannot be installed; was it built?")]
    Io(#[from] io::Error),
    /// The plugin did not start.
    #[error(transparent)]
    Manager(#[from] ManagerError),
    /// The file is no plugin that a host would list.
    #[error("the host rejects the library: {reason}")]
    Rejected {
        /// What the host says about it.
        reason: String,
    },
}

/// A body in one piece.
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let rest = self.0.take().filter(|bytes| !bytes.is_empty());
        Poll::Ready(rest.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
