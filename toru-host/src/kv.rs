//! The store of plugins' data: one small trait, and a backend in memory.

mod error;
mod memory;
mod types;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::plugin::PluginId;

pub use error::KvError;
pub use memory::MemoryKv;
pub use types::{KvCheck, KvCommit, KvCommitted, KvEntry, KvMutation, KvQuota, KvRange, KvUsage};

/// A boxed future, so that backends can be chosen at run time.
pub type KvFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KvError>> + Send + 'a>>;

/// Where plugins' data is kept.
///
/// The host passes keys and values that keep the limits, and the id of the plugin whose data is meant. A backend keeps
/// the data of different plugins apart, reads from one consistent snapshot, and acknowledges a commit when it is as
/// durable as the backend promises. Every function may be called from any thread, concurrently.
pub trait KvBackend: fmt::Debug + Send + Sync + 'static {
    /// Reads the entries of some keys in the order given; missing ones are left out.
    fn get<'a>(&'a self, plugin: &'a PluginId, keys: Vec<Bytes>) -> KvFuture<'a, Vec<KvEntry>>;

    /// Lists a range of entries in the byte order of their keys.
    fn list<'a>(&'a self, plugin: &'a PluginId, range: KvRange) -> KvFuture<'a, Vec<KvEntry>>;

    /// Makes all changes or none. [`KvError::Conflict`] when a check fails, [`KvError::Quota`] when the plugin would
    /// use more than its quota and more than before.
    fn commit<'a>(&'a self, plugin: &'a PluginId, commit: KvCommit) -> KvFuture<'a, KvCommitted>;

    /// Id of this installation: a UUID in lower case, created once together with the data.
    fn instance_id(&self) -> KvFuture<'_, String>;
}
