//! The store of plugins' data: one small trait, a backend in memory, and what operators do with stored data.

#[cfg(feature = "kv-conformance")]
#[cfg_attr(docsrs, doc(cfg(feature = "kv-conformance")))]
pub mod conformance;
mod error;
mod memory;
mod storage;
mod types;
mod wait;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::plugin::PluginId;

pub use error::KvError;
pub use memory::MemoryKv;
pub use storage::{KvExport, KvImport, KvImportError, KvImported, PluginStorage};
pub use types::{KvCheck, KvCommit, KvCommitted, KvEntry, KvMutation, KvQuota, KvRange, KvUsage};
pub(crate) use wait::Parker;
pub use wait::block_on;

/// A boxed future, so that backends can be chosen at run time.
pub type KvFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KvError>> + Send + 'a>>;

#[doc = include_str!("kv/contract.md")]
pub trait KvBackend: fmt::Debug + Send + Sync + 'static {
    /// Reads the entries of some keys in the order given; missing ones are left out.
    ///
    /// # Errors
    ///
    /// When the backend fails or its data is damaged.
    fn get<'a>(&'a self, plugin: &'a PluginId, keys: Vec<Bytes>) -> KvFuture<'a, Vec<KvEntry>>;

    /// Lists a range of entries in the byte order of their keys.
    ///
    /// # Errors
    ///
    /// When the backend fails or its data is damaged.
    fn list<'a>(&'a self, plugin: &'a PluginId, range: KvRange) -> KvFuture<'a, Vec<KvEntry>>;

    /// Makes all changes or none.
    ///
    /// # Errors
    ///
    /// - [`KvError::Conflict`] when a check fails.
    /// - [`KvError::NotANumber`] when a value cannot be added to, or the sum does not fit.
    /// - [`KvError::Quota`] when the plugin would use more than its quota and more than before.
    /// - [`KvError::Full`] when there is no space left.
    /// - When the backend fails or its data is damaged.
    ///
    /// # Cancellation
    ///
    /// When the future is dropped, the commit is made as a whole or not at all, possibly after the drop.
    fn commit<'a>(&'a self, plugin: &'a PluginId, commit: KvCommit) -> KvFuture<'a, KvCommitted>;

    /// What [`commit`](Self::commit) does, for a thread that may be blocked: it is done when this returns.
    ///
    /// By default the thread waits for [`commit`](Self::commit). A backend that has another thread write can save the way
    /// there and back.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    fn commit_blocking(&self, plugin: &PluginId, commit: KvCommit) -> Result<KvCommitted, KvError> {
        block_on(self.commit(plugin, commit))
    }

    /// Id of this installation: a UUID in lower case, created once together with the data.
    ///
    /// # Errors
    ///
    /// When the backend fails. A lost or damaged id is [`KvError::Corrupt`] and never replaced by a new one: what is
    /// bound to this installation would be void.
    fn instance_id(&self) -> KvFuture<'_, String>;
}

/// A shared backend is a backend.
impl<B: KvBackend + ?Sized> KvBackend for Arc<B> {
    fn get<'a>(&'a self, plugin: &'a PluginId, keys: Vec<Bytes>) -> KvFuture<'a, Vec<KvEntry>> {
        (**self).get(plugin, keys)
    }

    fn list<'a>(&'a self, plugin: &'a PluginId, range: KvRange) -> KvFuture<'a, Vec<KvEntry>> {
        (**self).list(plugin, range)
    }

    fn commit<'a>(&'a self, plugin: &'a PluginId, commit: KvCommit) -> KvFuture<'a, KvCommitted> {
        (**self).commit(plugin, commit)
    }

    fn commit_blocking(&self, plugin: &PluginId, commit: KvCommit) -> Result<KvCommitted, KvError> {
        (**self).commit_blocking(plugin, commit)
    }

    fn instance_id(&self) -> KvFuture<'_, String> {
        (**self).instance_id()
    }
}
