//! A plugin's stored data.

mod blocking;
mod entry;
mod host;
mod range;
mod transaction;

use std::future::Future;
use std::time::{Duration, SystemTime};

pub use self::blocking::BlockingKv;
pub use self::entry::{KvCommitted, KvEntry};
pub use self::host::Kv;
pub use self::range::{KvPage, KvPages, KvRange};
pub use self::transaction::KvTransaction;
use crate::bytes::Bytes;
use crate::error::KvError;

/// A store of keys and values.
///
/// Keys are 1 to 1024 bytes, values up to 1 MiB. A key that is missing and one with an empty value are two things.
/// Every write gets a version that never repeats, so that whoever read an entry can find out whether it is still the
/// same. A plugin sees its own data and nobody else's. What was written is durable when the call returns.
///
/// Three functions are the whole of it: [`get_many`](Self::get_many), [`list`](Self::list) and
/// [`commit`](Self::commit). The others are what authors need most, made of these.
///
/// # Cancellation
///
/// When the future of a write is dropped, the write is made as a whole or not at all, possibly after the drop.
///
/// # Examples
///
/// ```
/// use toru_plugin_api::{KvError, KvRange, KvTransaction, PluginContext, PluginKvStore};
///
/// async fn rename(ctx: PluginContext, from: &str, to: &str) -> Result<(), KvError> {
///     let Some(user) = ctx.kv.get_entry(from).await? else { return Ok(()) };
///     let change = KvTransaction::new()
///         .check(from, user.version) // nobody has changed it since
///         .check(to, None) // nobody has that name yet
///         .set(to, &user.value)
///         .delete(from);
///     ctx.kv.commit(&change).await.map(drop)
/// }
///
/// async fn count(ctx: PluginContext) -> Result<usize, KvError> {
///     let mut users = ctx.kv.pages(KvRange::prefix("user/"));
///     let mut count = 0;
///     while let Some(page) = users.next().await? {
///         count += page.entries.len();
///     }
///     Ok(count)
/// }
/// ```
pub trait PluginKvStore: Sync {
    /// The entries of some keys in the order given, `None` for each that does not exist, all of one moment.
    ///
    /// # Errors
    ///
    /// When a key is empty or too long, there are more than 10,000 of them, or the store fails.
    fn get_many<K: AsRef<[u8]> + Sync>(
        &self,
        keys: &[K],
    ) -> impl Future<Output = Result<Vec<Option<KvEntry>>, KvError>> + Send;

    /// The first entries of a range, in the byte order of their keys, all of one moment.
    ///
    /// # Errors
    ///
    /// When the store fails.
    fn list(&self, range: &KvRange) -> impl Future<Output = Result<KvPage, KvError>> + Send;

    /// Makes all changes of a transaction or none.
    ///
    /// # Errors
    ///
    /// [`KvError::Conflict`] when one of its checks fails. When an entry is no number that can be added to, a key or
    /// value breaks a limit, all of them together are larger than 16 MiB or more than 10,000, the quota is used up,
    /// there is no space left, or the store fails.
    fn commit(
        &self,
        transaction: &KvTransaction,
    ) -> impl Future<Output = Result<KvCommitted, KvError>> + Send;

    /// The value of a key, or `None` when it does not exist.
    ///
    /// # Errors
    ///
    /// When the key is empty or too long, or the store fails.
    fn get(
        &self,
        key: impl AsRef<[u8]> + Send,
    ) -> impl Future<Output = Result<Option<Bytes>, KvError>> + Send {
        async move { Ok(self.get_entry(key).await?.map(|entry| entry.value)) }
    }

    /// The entry of a key with its version, or `None` when it does not exist.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    fn get_entry(
        &self,
        key: impl AsRef<[u8]> + Send,
    ) -> impl Future<Output = Result<Option<KvEntry>, KvError>> + Send {
        async move {
            let key = key.as_ref().to_vec();
            Ok(self.get_many(&[key]).await?.pop().flatten())
        }
    }

    /// Stores a value.
    ///
    /// # Errors
    ///
    /// When key or value break a limit, the quota is used up, there is no space left, or the store fails.
    fn set(
        &self,
        key: impl AsRef<[u8]> + Send,
        value: impl AsRef<[u8]> + Send,
    ) -> impl Future<Output = Result<(), KvError>> + Send {
        let transaction = KvTransaction::new().set(key, value);
        async move { self.commit(&transaction).await.map(drop) }
    }

    /// Stores a value for some time, rounded up to milliseconds. From then on the key does not exist.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    fn set_for(
        &self,
        key: impl AsRef<[u8]> + Send,
        value: impl AsRef<[u8]> + Send,
        time: Duration,
    ) -> impl Future<Output = Result<(), KvError>> + Send {
        let transaction = KvTransaction::new().set_for(key, value, time);
        async move { self.commit(&transaction).await.map(drop) }
    }

    /// Deletes a key; no error when it does not exist.
    ///
    /// # Errors
    ///
    /// When the key is empty or too long, or the store fails.
    fn delete(&self, key: impl AsRef<[u8]> + Send) -> impl Future<Output = Result<(), KvError>> + Send {
        let transaction = KvTransaction::new().delete(key);
        async move { self.commit(&transaction).await.map(drop) }
    }

    /// Adds to the decimal number stored under a key, 0 when it does not exist, and returns the sum. No increment is
    /// lost however many run at once.
    ///
    /// # Errors
    ///
    /// When the entry is no number, the sum does not fit, the key breaks a limit, or the store fails.
    fn increment(
        &self,
        key: impl AsRef<[u8]> + Send,
        delta: i64,
    ) -> impl Future<Output = Result<i64, KvError>> + Send {
        let transaction = KvTransaction::new().add(key, delta);
        async move { Ok(self.commit(&transaction).await?.sum) }
    }

    /// Stores a value if the entry still has that version, or, for `None`, still does not exist. Returns the new version.
    ///
    /// # Errors
    ///
    /// [`KvError::Conflict`] when somebody else was faster: read again, and try again. Otherwise as
    /// [`set`](Self::set).
    fn compare_and_set(
        &self,
        key: impl AsRef<[u8]> + Send,
        version: impl Into<Option<u64>> + Send,
        value: impl AsRef<[u8]> + Send,
    ) -> impl Future<Output = Result<u64, KvError>> + Send {
        let transaction = KvTransaction::new().check(&key, version).set(key, value);
        async move { Ok(self.commit(&transaction).await?.version) }
    }

    /// Deletes an entry if it still has that version.
    ///
    /// # Errors
    ///
    /// As [`compare_and_set`](Self::compare_and_set).
    fn compare_and_delete(
        &self,
        key: impl AsRef<[u8]> + Send,
        version: u64,
    ) -> impl Future<Output = Result<(), KvError>> + Send {
        let transaction = KvTransaction::new().check(&key, version).delete(key);
        async move { self.commit(&transaction).await.map(drop) }
    }

    /// Stores what a function makes of the value, `None` for a key that does not exist or is to be deleted, and returns
    /// the new version. Reads and tries again as often as somebody else was faster, so no change of anybody is lost. An
    /// entry that expires keeps the time that it has left.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    ///
    /// # Examples
    ///
    /// ```
    /// use toru_plugin_api::{KvError, PluginContext, PluginKvStore};
    ///
    /// async fn remember(ctx: PluginContext, visitor: &str) -> Result<(), KvError> {
    ///     let add = |visitors: Option<&[u8]>| {
    ///         let mut visitors = visitors.unwrap_or_default().to_vec();
    ///         visitors.extend_from_slice(visitor.as_bytes());
    ///         visitors.push(b'\n');
    ///         Some(visitors)
    ///     };
    ///     ctx.kv.update("visitors", add).await.map(drop)
    /// }
    /// ```
    fn update(
        &self,
        key: impl AsRef<[u8]> + Send,
        mut change: impl FnMut(Option<&[u8]>) -> Option<Vec<u8>> + Send,
    ) -> impl Future<Output = Result<Option<u64>, KvError>> + Send {
        async move {
            let key = key.as_ref().to_vec();
            loop {
                let entry = self.get_entry(&key).await?;
                let version = entry.as_ref().map(|entry| entry.version);
                let made = match (change(entry.as_ref().map(|entry| &*entry.value)), version) {
                    (Some(value), _) => {
                        let left = entry
                            .and_then(|entry| entry.expires)
                            .map(|expires| expires.duration_since(SystemTime::now()).unwrap_or_default());
                        let transaction = KvTransaction::new().check(&key, version);
                        let transaction = match left {
                            Some(left) => transaction.set_for(&key, value, left),
                            None => transaction.set(&key, value),
                        };
                        self.commit(&transaction)
                            .await
                            .map(|committed| Some(committed.version))
                    }
                    (None, Some(version)) => self.compare_and_delete(&key, version).await.map(|()| None),
                    (None, None) => return Ok(None),
                };
                if made != Err(KvError::Conflict) {
                    return made;
                }
            }
        }
    }

    /// All entries of a range, page by page. Entries that are written meanwhile are seen or not; no other is left out
    /// or seen twice.
    fn pages(&self, range: KvRange) -> KvPages<'_, Self>
    where
        Self: Sized,
    {
        KvPages::new(self, range)
    }

    /// The value of a key, read as JSON, or `None` when it does not exist.
    ///
    /// # Errors
    ///
    /// [`KvError::Malformed`] when the value is not the JSON expected. Otherwise as [`get`](Self::get).
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]> + Send,
    ) -> impl Future<Output = Result<Option<T>, KvError>> + Send {
        async move {
            let entry = self.get_entry(key).await?;
            entry.map(|entry| entry.json()).transpose()
        }
    }

    /// Stores a value as JSON.
    ///
    /// # Errors
    ///
    /// [`KvError::Malformed`] when the value has no JSON form, as maps have whose keys are no texts. Otherwise as
    /// [`set`](Self::set).
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    fn set_json<T: serde::Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]> + Send,
        value: &T,
    ) -> impl Future<Output = Result<(), KvError>> + Send {
        let value = serde_json::to_vec(value).map_err(|_| KvError::Malformed);
        async move { self.set(key, value?).await }
    }
}
