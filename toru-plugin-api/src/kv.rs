//! A plugin's stored data.

use std::future::Future;

use crate::bytes::Bytes;
use crate::error::KvError;
use crate::shim::{Ctx, KvGet, KvWrite};

/// A store of keys and values.
///
/// Keys are 1 to 1024 bytes, values up to 1 MiB. A key that is missing and one with an empty value are two things.
/// A plugin sees its own data and nobody else's.
pub trait PluginKvStore {
    /// The value of a key, or `None` when it does not exist.
    ///
    /// # Errors
    ///
    /// When the key is empty or too long, or the store fails.
    fn get(
        &self,
        key: impl AsRef<[u8]> + Send,
    ) -> impl Future<Output = Result<Option<Bytes>, KvError>> + Send;

    /// Stores a value. It is durable when this returns.
    ///
    /// # Errors
    ///
    /// When key or value break a limit, there is no space left, or the store fails.
    fn set(
        &self,
        key: impl AsRef<[u8]> + Send,
        value: impl AsRef<[u8]> + Send,
    ) -> impl Future<Output = Result<(), KvError>> + Send;

    /// Deletes a key; no error when it does not exist.
    ///
    /// # Errors
    ///
    /// When the key is empty or too long, or the store fails.
    fn delete(&self, key: impl AsRef<[u8]> + Send) -> impl Future<Output = Result<(), KvError>> + Send;

    /// Adds to the decimal number stored under a key, 0 when it does not exist, and returns the sum. It is durable when
    /// this returns, and no increment is lost however many run at once.
    ///
    /// # Errors
    ///
    /// When the entry is no number, the sum does not fit, the key breaks a limit, or the store fails.
    fn increment(
        &self,
        key: impl AsRef<[u8]> + Send,
        delta: i64,
    ) -> impl Future<Output = Result<i64, KvError>> + Send;
}

/// The store that the host gives to this plugin.
#[derive(Clone, Copy, Debug)]
pub struct Kv(Ctx);

impl Kv {
    pub(crate) const fn new(ctx: Ctx) -> Self {
        Self(ctx)
    }
}

impl PluginKvStore for Kv {
    async fn get(&self, key: impl AsRef<[u8]> + Send) -> Result<Option<Bytes>, KvError> {
        KvGet::new(self.0, key.as_ref()).await
    }

    async fn set(&self, key: impl AsRef<[u8]> + Send, value: impl AsRef<[u8]> + Send) -> Result<(), KvError> {
        KvWrite::set(self.0, key.as_ref(), value.as_ref()).await.map(drop)
    }

    async fn delete(&self, key: impl AsRef<[u8]> + Send) -> Result<(), KvError> {
        KvWrite::delete(self.0, key.as_ref()).await.map(drop)
    }

    async fn increment(&self, key: impl AsRef<[u8]> + Send, delta: i64) -> Result<i64, KvError> {
        KvWrite::add(self.0, key.as_ref(), delta).await
    }
}
