//! What one plugin stores, for those who run the host.

mod export;
mod import;
mod line;

use std::ops::Bound;
use std::sync::Arc;

pub use self::export::KvExport;
pub use self::import::{KvImport, KvImportError, KvImported};
use super::{KvBackend, KvCommit, KvEntry, KvError, KvMutation, KvQuota, KvRange, KvUsage};
use crate::clock::Clock;
use crate::plugin::PluginId;

/// Entries that are read or deleted at once: together they are at most 32 MiB.
const PAGE: usize = 32;

/// What one plugin stores: how much, out of the store, and back into it.
///
/// The plugin need not run, nor need its file be there: the data of a plugin that was removed can be looked at, saved and
/// deleted. If it runs, it sees what is changed here as if it had changed it itself.
///
/// # Examples
///
/// ```
/// use toru_host::PluginManager;
/// use toru_host::kv::KvImported;
///
/// # async fn example(manager: PluginManager) -> Result<(), Box<dyn std::error::Error>> {
/// let storage = manager.storage(&"hello".parse()?);
/// println!("{} entries, {} bytes", storage.usage().await?.keys, storage.usage().await?.bytes);
///
/// let mut saved = Vec::new();
/// let mut export = storage.export();
/// while let Some(lines) = export.next().await? {
///     saved.extend_from_slice(&lines); // or written to a file, or sent to a client
/// }
///
/// storage.clear().await?;
/// let mut import = storage.import();
/// for chunk in saved.chunks(4096) {
///     import.feed(chunk).await?;
/// }
/// let KvImported { entries, .. } = import.finish().await?;
/// println!("{entries} entries are back");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PluginStorage {
    kv: Arc<dyn KvBackend>,
    clock: Arc<dyn Clock>,
    plugin: PluginId,
    quota: KvQuota,
}

impl PluginStorage {
    pub(crate) fn new(
        kv: Arc<dyn KvBackend>,
        clock: Arc<dyn Clock>,
        plugin: PluginId,
        quota: KvQuota,
    ) -> Self {
        Self {
            kv,
            clock,
            plugin,
            quota,
        }
    }

    /// How much the plugin may store.
    #[must_use]
    pub const fn quota(&self) -> KvQuota {
        self.quota
    }

    /// How much the plugin stores. Expired entries do not count.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn usage(&self) -> Result<KvUsage, KvError> {
        let nothing = self.commit(Vec::new(), KvQuota::UNLIMITED);
        Ok(nothing.await?.usage)
    }

    /// All entries as lines of JSON. See [`KvExport`].
    pub fn export(&self) -> KvExport {
        KvExport::new(self.clone())
    }

    /// Takes in what [`export`](Self::export) made. Entries of the same keys are replaced, others stay: see
    /// [`clear`](Self::clear).
    pub fn import(&self) -> KvImport {
        KvImport::new(self.clone())
    }

    /// Deletes all entries, some at a time, and tells how many there were. What the plugin writes meanwhile may stay.
    ///
    /// # Errors
    ///
    /// When the store fails; some entries may be gone then.
    pub async fn clear(&self) -> Result<u64, KvError> {
        let (mut deleted, mut start) = (0, Bound::Unbounded);
        loop {
            let page = self.page(start).await?;
            let Some(last) = page.last() else {
                return Ok(deleted);
            };
            start = Bound::Excluded(last.key.clone());
            deleted += page.len() as u64;
            let delete = |entry: KvEntry| KvMutation::Delete { key: entry.key };
            self.commit(page.into_iter().map(delete).collect(), KvQuota::UNLIMITED)
                .await?;
        }
    }

    async fn page(&self, start: Bound<bytes::Bytes>) -> Result<Vec<KvEntry>, KvError> {
        let range = KvRange {
            start,
            end: Bound::Unbounded,
            descending: false,
            limit: PAGE,
        };
        self.kv.list(&self.plugin, range).await
    }

    async fn commit(
        &self,
        mutations: Vec<KvMutation>,
        quota: KvQuota,
    ) -> Result<super::KvCommitted, KvError> {
        let commit = KvCommit {
            checks: Vec::new(),
            mutations,
            quota,
        };
        self.kv.commit(&self.plugin, commit).await
    }
}
