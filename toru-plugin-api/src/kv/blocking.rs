//! The store for code that blocks.

use std::future::Future;
use std::time::Duration;

use super::{Kv, KvCommitted, KvEntry, KvPage, KvRange, KvTransaction, PluginKvStore};
use crate::bytes::Bytes;
use crate::error::KvError;
use crate::shim::{KvWrite, block_on};

/// A plugin's stored data, for code that blocks. See [`Kv::blocking`].
///
/// Each function waits on the calling thread until the store has answered. On a thread that the host needs for other
/// calls, which is every thread that runs asynchronous handlers, all of them answer with [`KvError::WouldBlock`], always,
/// so that this is found while the plugin is written. They are for routes registered as blocking, for work spawned as
/// blocking, and for threads of the plugin's own. What they do and how they fail is told at [`PluginKvStore`].
#[derive(Clone, Copy, Debug)]
pub struct BlockingKv(Kv);

impl BlockingKv {
    pub(super) const fn new(kv: Kv) -> Self {
        Self(kv)
    }

    fn wait<T>(self, answer: impl Future<Output = Result<T, KvError>>) -> Result<T, KvError> {
        if self.0.ctx().is_worker_thread() {
            return Err(KvError::WouldBlock);
        }
        block_on(answer)
    }
}

/// Functions that do what those of [`PluginKvStore`] do.
macro_rules! blocking {
    ($($(#[$attribute:meta])* $name:ident$([$($generics:tt)*])?($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        impl BlockingKv {
            $(
                #[doc = concat!("See [`PluginKvStore::", stringify!($name), "`].")]
                ///
                /// # Errors
                ///
                #[doc = concat!("As [`PluginKvStore::", stringify!($name), "`], and on a thread that must not be blocked.")]
                $(#[$attribute])*
                pub fn $name$(<$($generics)*>)?(&self, $($argument: $type),*) -> Result<$result, KvError> {
                    self.wait(Waiting(self.0).$name($($argument),*))
                }
            )*
        }
    };
}

blocking! {
    get(key: impl AsRef<[u8]> + Send) -> Option<Bytes>;
    get_entry(key: impl AsRef<[u8]> + Send) -> Option<KvEntry>;
    get_many[K: AsRef<[u8]> + Sync](keys: &[K]) -> Vec<Option<KvEntry>>;
    list(range: &KvRange) -> KvPage;
    commit(transaction: &KvTransaction) -> KvCommitted;
    set(key: impl AsRef<[u8]> + Send, value: impl AsRef<[u8]> + Send) -> ();
    set_for(key: impl AsRef<[u8]> + Send, value: impl AsRef<[u8]> + Send, time: Duration) -> ();
    delete(key: impl AsRef<[u8]> + Send) -> ();
    increment(key: impl AsRef<[u8]> + Send, delta: i64) -> i64;
    compare_and_set(
        key: impl AsRef<[u8]> + Send,
        version: impl Into<Option<u64>> + Send,
        value: impl AsRef<[u8]> + Send
    ) -> u64;
    compare_and_delete(key: impl AsRef<[u8]> + Send, version: u64) -> ();
    update(
        key: impl AsRef<[u8]> + Send,
        change: impl FnMut(Option<&[u8]>) -> Option<Vec<u8>> + Send
    ) -> Option<u64>;
}

#[cfg(feature = "json")]
impl BlockingKv {
    /// See [`PluginKvStore::get_json`].
    ///
    /// # Errors
    ///
    /// As [`PluginKvStore::get_json`], and on a thread that must not be blocked.
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]> + Send,
    ) -> Result<Option<T>, KvError> {
        self.wait(Waiting(self.0).get_json(key))
    }

    /// See [`PluginKvStore::set_json`].
    ///
    /// # Errors
    ///
    /// As [`PluginKvStore::set_json`], and on a thread that must not be blocked.
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn set_json<T: serde::Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]> + Send,
        value: &T,
    ) -> Result<(), KvError> {
        self.wait(Waiting(self.0).set_json(key, value))
    }
}

/// The store, with commits that the host makes while the calling thread waits. Its futures are polled nowhere else than in
/// [`BlockingKv::wait`].
#[derive(Clone, Copy, Debug)]
struct Waiting(Kv);

impl PluginKvStore for Waiting {
    async fn get_many<K: AsRef<[u8]> + Sync>(&self, keys: &[K]) -> Result<Vec<Option<KvEntry>>, KvError> {
        self.0.get_many(keys).await
    }

    async fn list(&self, range: &KvRange) -> Result<KvPage, KvError> {
        self.0.list(range).await
    }

    async fn commit(&self, transaction: &KvTransaction) -> Result<KvCommitted, KvError> {
        let (checks, changes) = transaction.lend();
        KvWrite::new(self.0.ctx(), &checks, &changes).blocking().await
    }

    async fn get(&self, key: impl AsRef<[u8]> + Send) -> Result<Option<Bytes>, KvError> {
        self.0.get(key).await
    }
}
