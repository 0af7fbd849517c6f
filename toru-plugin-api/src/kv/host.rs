//! The store that the host offers.

use super::{BlockingKv, KvCommitted, KvEntry, KvPage, KvRange, KvTransaction, PluginKvStore};
use crate::bytes::Bytes;
use crate::error::KvError;
use crate::shim::{Change, Ctx, Key, KvRead, KvWrite, Wanted};

/// The store that the host gives to this plugin.
#[derive(Clone, Copy, Debug)]
pub struct Kv(Ctx);

impl Kv {
    pub(crate) const fn new(ctx: Ctx) -> Self {
        Self(ctx)
    }

    /// The same for code that blocks, such as that of a route registered as blocking.
    ///
    /// # Examples
    ///
    /// ```
    /// use toru_plugin_api::{PluginContext, PluginError, Request, Response};
    ///
    /// struct Visits { ctx: PluginContext }
    ///
    /// impl Visits {
    ///     // Registered with `PluginRoute::blocking_get`.
    ///     fn count(&self, _: Request) -> Result<Response, PluginError> {
    ///         let count = self.ctx.kv.blocking().increment("visits", 1)?;
    ///         Ok(Response::text(count.to_string()))
    ///     }
    /// }
    /// ```
    #[must_use]
    pub const fn blocking(&self) -> BlockingKv {
        BlockingKv::new(*self)
    }

    pub(crate) const fn ctx(self) -> Ctx {
        self.0
    }
}

impl PluginKvStore for Kv {
    async fn get_many<K: AsRef<[u8]> + Sync>(&self, keys: &[K]) -> Result<Vec<Option<KvEntry>>, KvError> {
        let wanted: Vec<Key<'_>> = keys.iter().map(|key| Key::new(key.as_ref())).collect();
        let page = KvRead::new(self.0, Wanted::Keys(&wanted)).await?;
        // In the order asked for, with the missing ones left out.
        let mut found = page.entries().peekable();
        let next = |key: &K| found.next_if(|entry| *entry.key == *key.as_ref());
        Ok(keys.iter().map(next).collect())
    }

    async fn list(&self, range: &KvRange) -> Result<KvPage, KvError> {
        let page = KvRead::new(self.0, Wanted::Range(&range.lend())).await?;
        Ok(KvPage::read(&page))
    }

    async fn commit(&self, transaction: &KvTransaction) -> Result<KvCommitted, KvError> {
        let (checks, changes) = transaction.lend();
        KvWrite::new(self.0, &checks, &changes).await
    }

    async fn get(&self, key: impl AsRef<[u8]> + Send) -> Result<Option<Bytes>, KvError> {
        let wanted = [Key::new(key.as_ref())];
        let page = KvRead::new(self.0, Wanted::Keys(&wanted)).await?;
        Ok(page.first_value())
    }

    async fn set(&self, key: impl AsRef<[u8]> + Send, value: impl AsRef<[u8]> + Send) -> Result<(), KvError> {
        let changes = [Change::set(key.as_ref(), value.as_ref(), None)];
        KvWrite::new(self.0, &[], &changes).await.map(drop)
    }
}
