//! The plugin's context, as the host gave it.

use std::ffi::c_void;
use std::fmt;

use super::bytes::ForeignBytes;
use super::scope::{Scope, Slot};
use crate::abi::bytes::{ToruBytes, ToruSlice};
use crate::abi::config::{TORU_CONFIG_ID, ToruConfig};
use crate::abi::host::{ToruCtx, ToruCtxVt};
use crate::abi::kv::{TORU_KV_ID, ToruKv};
use crate::abi::license::{TORU_LICENSE_ID, ToruLicense};
use crate::abi::log::{TORU_LOG_ID, ToruLog};
use crate::abi::rt::{TORU_RT_ID, ToruRt};
use crate::abi::status::{TORU_DONE, TORU_NOT_FOUND};
use crate::abi::{size_word, table_of};
use crate::bytes::Bytes;
use crate::error::PluginError;

/// A context and the tables behind it, looked up once. Lives as long as the process, like the context itself.
#[derive(Clone, Copy)]
pub(crate) struct Ctx(&'static Tables);

struct Tables {
    raw: *const ToruCtx,
    config: Option<&'static ToruConfig>,
    kv: Option<&'static ToruKv>,
    license: Option<&'static ToruLicense>,
    log: Option<&'static ToruLog>,
    rt: Option<&'static ToruRt>,
    scope: Slot,
}

// SAFETY: the context and its tables are made for use from any thread.
unsafe impl Send for Tables {}
// SAFETY: as above.
unsafe impl Sync for Tables {}

impl Ctx {
    /// # Safety
    ///
    /// `raw` is a context that keeps the contract: it lives as long as the process.
    pub(super) unsafe fn new(raw: *const ToruCtx) -> Self {
        let tables = Tables {
            raw,
            // SAFETY: the caller vouches for the context; id and table belong together.
            config: unsafe { table(raw, TORU_CONFIG_ID) },
            // SAFETY: as above.
            kv: unsafe { table(raw, TORU_KV_ID) },
            // SAFETY: as above.
            license: unsafe { table(raw, TORU_LICENSE_ID) },
            // SAFETY: as above.
            log: unsafe { table(raw, TORU_LOG_ID) },
            // SAFETY: as above.
            rt: unsafe { table(raw, TORU_RT_ID) },
            scope: Slot::new(),
        };
        Self(Box::leak(Box::new(tables)))
    }

    pub(super) fn raw(self) -> *const ToruCtx {
        self.0.raw
    }

    /// The context in one word, for a place that holds no more than that.
    pub(super) const fn into_word(self) -> *const c_void {
        (&raw const *self.0).cast()
    }

    /// # Safety
    ///
    /// `word` is of [`into_word`](Self::into_word), or null.
    pub(super) unsafe fn from_word(word: *const c_void) -> Option<Self> {
        // SAFETY: as the caller guarantees; the tables live as long as the process.
        unsafe { word.cast::<Tables>().as_ref() }.map(Self)
    }

    /// The scope of the instance; that of nobody once it is destroyed.
    pub(super) fn scope(self) -> Scope {
        self.0.scope.get()
    }

    #[cfg(any(feature = "tokio", feature = "tracing"))]
    pub(super) fn slot(self) -> &'static Slot {
        &self.0.scope
    }

    pub(super) fn kv(self) -> Option<&'static ToruKv> {
        self.0.kv
    }

    pub(crate) fn info(self, key: u32) -> &'static str {
        let mut out = ToruSlice::EMPTY;
        // SAFETY: contexts live as long as the process.
        let vt = unsafe { table_of::<_, ToruCtxVt>(self.0.raw) };
        // SAFETY: the table belongs to this context; `out` is ours.
        let status = unsafe { (vt.info)(self.0.raw, key, &raw mut out) };
        if status != TORU_DONE {
            return "";
        }
        // SAFETY: the host keeps facts unchanged for the life of the process.
        let bytes = unsafe { out.as_bytes::<'static>() };
        bytes
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    pub(crate) fn config(self) -> Result<Bytes, PluginError> {
        let table = self.0.config.ok_or(PluginError::Unsupported(TORU_CONFIG_ID))?;
        let mut out = ToruBytes::EMPTY;
        // SAFETY: the table belongs to this context; `out` is ours.
        let status = unsafe { (table.get)(self.0.raw, &raw mut out) };
        if status != TORU_DONE {
            return Err(PluginError::Config("the plugin has been disabled".to_owned()));
        }
        // SAFETY: the host handed one reference of the bytes over.
        Ok(Bytes::foreign(unsafe { ForeignBytes::from_raw(out) }))
    }

    /// The licence key, or `None` when there is none.
    pub(crate) fn license(self) -> Result<Option<Bytes>, PluginError> {
        let table = self.0.license.ok_or(PluginError::Unsupported(TORU_LICENSE_ID))?;
        let mut out = ToruBytes::EMPTY;
        // SAFETY: the table belongs to this context; `out` is ours.
        match unsafe { (table.get)(self.0.raw, &raw mut out) } {
            // SAFETY: the host handed one reference of the bytes over.
            TORU_DONE => Ok(Some(Bytes::foreign(unsafe { ForeignBytes::from_raw(out) }))),
            TORU_NOT_FOUND => Ok(None),
            _ => Err(gone()),
        }
    }

    pub(super) fn log_table(self) -> Option<&'static ToruLog> {
        self.0.log
    }

    pub(super) fn rt(self) -> Result<&'static ToruRt, PluginError> {
        self.0.rt.ok_or(PluginError::Unsupported(TORU_RT_ID))
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ctx")
    }
}

/// The table of an extension, if the host offers it whole.
///
/// # Safety
///
/// `ctx` keeps the contract, and `T` is the table that `id` stands for.
unsafe fn table<T>(ctx: *const ToruCtx, id: &str) -> Option<&'static T> {
    // SAFETY: the caller vouches for the context.
    let vt = unsafe { table_of::<_, ToruCtxVt>(ctx) };
    // SAFETY: the table belongs to this context.
    let found = unsafe { (vt.ext)(ctx, id.as_ptr(), id.len()) }.cast::<c_void>();
    if found.is_null() {
        return None;
    }
    // SAFETY: every extension's table starts with its size.
    let size = unsafe { found.cast::<u32>().read() };
    // SAFETY: large enough, of the type that `id` stands for, and alive as long as the process.
    (size >= size_word::<T>()).then(|| unsafe { &*found.cast::<T>() })
}

pub(super) fn gone() -> PluginError {
    PluginError::other("the plugin has been disabled")
}
