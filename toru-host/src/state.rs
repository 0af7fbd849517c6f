//! What the administrator asked for, and where it is kept.
//!
//! A [`StateStore`] keeps what is asked for: which plugins are to run, and with what configuration. What is true of
//! them is not stored anywhere; each host finds it out. [`FileStateStore`] is the store that needs nothing but a
//! folder.

mod desired;
mod disk;
mod document;
mod error;
mod file;
mod folder;
mod journal;
mod json;
mod lock;
mod notices;
mod utc;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::plugin::PluginId;

pub use self::desired::{Change, Desired, DesiredPlugin, StateNotice};
pub(crate) use self::disk::RealDisk;
pub use self::error::StateError;
pub use self::file::FileStateStore;
pub(crate) use self::journal::{Findings, Journal, QuarantineRecord};
pub(crate) use self::lock::FolderLock;

/// A boxed future, so that stores can be chosen at run time.
pub type StateFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StateError>> + Send + 'a>>;

/// Where it is kept what plugins are asked to do.
///
/// # What the host promises
///
/// It calls [`load`](Self::load) first, and again with each scan. It may drop a future before it is ready, and then
/// counts the outcome as unknown until the next `load`. It may call from any thread, concurrently; changes of one
/// plugin come one after the other. It never assumes that a change which failed was made, or that nobody else makes
/// changes.
///
/// # What a store owes
///
/// - A change that was acknowledged is in every later `load`, also after a loss of power.
/// - A change that was refused is not in a later `load` of this store, and does not come along with a later change.
/// - A change is made as a whole or not at all, and changes nothing but the one field of the one plugin.
/// - Plugins that this host has never heard of are kept: another host may have them.
/// - Stored text comes back byte for byte.
///
/// Nothing here speaks of files. A database that many hosts share keeps a revision per plugin: `load` remembers the
/// revisions that it saw, `save` writes where the revision is still the same and refuses with [`StateError::Changed`]
/// otherwise, and the next `load` adopts what the other host did.
///
/// # Examples
///
/// A store that forgets everything with the process:
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Mutex;
///
/// use toru_host::error::StateError;
/// use toru_host::plugin::PluginId;
/// use toru_host::state::{Change, Desired, DesiredPlugin, StateFuture, StateStore};
///
/// #[derive(Debug, Default)]
/// struct Forgetful(Mutex<BTreeMap<PluginId, DesiredPlugin>>);
///
/// impl StateStore for Forgetful {
///     fn load(&self) -> StateFuture<'_, Desired> {
///         Box::pin(async { Ok(Desired::new(self.0.lock().unwrap().clone())) })
///     }
///
///     fn save<'a>(&'a self, plugin: &'a PluginId, change: Change) -> StateFuture<'a, ()> {
///         Box::pin(async move {
///             let mut plugins = self.0.lock().unwrap();
///             let asked = plugins.entry(plugin.clone()).or_default();
///             match change {
///                 Change::Enabled(enabled) => asked.enabled = enabled,
///                 Change::Config(config) => asked.config = config,
///                 Change::License(license) => asked.license = license,
///                 _ => {
///                     let reason = "this store does not know the field".to_owned();
///                     return Err(StateError::InvalidChange { reason });
///                 }
///             }
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait StateStore: fmt::Debug + Send + Sync + 'static {
    /// Reads everything that is asked for, and adopts what was changed behind the host's back.
    ///
    /// What is damaged is, as far as possible, replaced by something older and told by
    /// [`Desired::notices`]: an error keeps the host from starting. Later errors leave the host with what it
    /// knew before.
    fn load(&self) -> StateFuture<'_, Desired>;

    /// Records one change, durably before it returns.
    ///
    /// Refuses with [`StateError::Changed`], even a change to what is so already, when what is stored is not what
    /// this store's `load` or `save` last saw. Nothing is overwritten then.
    fn save<'a>(&'a self, plugin: &'a PluginId, change: Change) -> StateFuture<'a, ()>;
}
