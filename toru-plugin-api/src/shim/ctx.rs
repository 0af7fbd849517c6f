//! The plugin's context, as the host gave it.

use std::ffi::c_void;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::bytes::ForeignBytes;
use super::op::{HostOp, spawned_op};
use super::scope::{Scope, Slot};
use crate::abi::bytes::{ToruBytes, ToruSlice};
use crate::abi::config::{TORU_CONFIG_ID, ToruConfig};
use crate::abi::host::{ToruCtx, ToruCtxVt};
use crate::abi::kv::{TORU_KV_ID, ToruKv};
use crate::abi::license::{TORU_LICENSE_ID, ToruLicense};
use crate::abi::log::{TORU_LOG_ID, ToruField, ToruLog, ToruLogRecord};
use crate::abi::op::ToruOp;
use crate::abi::rt::{TORU_RT_ID, ToruRt};
use crate::abi::status::{TORU_DONE, TORU_NOT_FOUND, TORU_PENDING};
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

    /// The scope of the instance; that of nobody once it is destroyed.
    pub(super) fn scope(self) -> Scope {
        self.0.scope.get()
    }

    #[cfg(feature = "tokio")]
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

    pub(crate) fn max_log_level(self) -> u32 {
        // SAFETY: the table belongs to this context.
        self.0
            .log
            .map_or(0, |table| unsafe { (table.max_level)(self.0.raw) })
    }

    pub(crate) fn log(self, level: u32, file: &str, line: u32, message: &str, fields: &[(&str, &str)]) {
        if let Some(table) = self.0.log {
            emit(table, self.0.raw, level, file, line, message, fields);
        }
    }

    pub(crate) fn now(self) -> Result<u64, PluginError> {
        let rt = self.rt()?;
        // SAFETY: the table belongs to this context.
        Ok(unsafe { (rt.now)(self.0.raw) })
    }

    /// An operation that ends at `deadline_ns`, or none when that has passed.
    pub(crate) fn sleep_until(self, deadline_ns: u64) -> Result<Option<HostOp>, PluginError> {
        let rt = self.rt()?;
        let mut op = ToruOp::NONE;
        // SAFETY: the table belongs to this context; `op` is ours.
        match unsafe { (rt.sleep_until)(self.0.raw, deadline_ns, &raw mut op) } {
            TORU_DONE => Ok(None),
            // SAFETY: the host filled the operation in and handed it over.
            TORU_PENDING => Ok(Some(unsafe { HostOp::new(op) })),
            _ => Err(gone()),
        }
    }

    pub(crate) fn spawn(self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Result<(), PluginError> {
        let rt = self.rt()?;
        let op = spawned_op(self, future);
        // SAFETY: the table belongs to this context; the operation keeps the contract.
        let status = unsafe { (rt.spawn)(self.0.raw, &raw const op) };
        if status == TORU_DONE {
            return Ok(());
        }
        // SAFETY: refused, so it is still ours; dropping it frees the future.
        drop(unsafe { HostOp::new(op) });
        Err(gone())
    }

    /// Whether this thread must not be blocked. A host that does not tell has no such threads.
    pub(crate) fn is_worker_thread(self) -> bool {
        // SAFETY: the table belongs to this context.
        self.0
            .rt
            .is_some_and(|rt| unsafe { (rt.is_worker_thread)(self.0.raw) } != 0)
    }

    fn rt(self) -> Result<&'static ToruRt, PluginError> {
        self.0.rt.ok_or(PluginError::Unsupported(TORU_RT_ID))
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ctx")
    }
}

/// Logs through a context that is known by its address alone; for the panic hook.
pub(super) fn log_raw(ctx: *const ToruCtx, level: u32, file: &str, line: u32, message: &str) {
    // SAFETY: only contexts that the host gave are stored, and they live as long as the process.
    let table = unsafe { table::<ToruLog>(ctx, TORU_LOG_ID) };
    if let Some(table) = table {
        emit(table, ctx, level, file, line, message, &[]);
    }
}

fn emit(
    table: &ToruLog,
    ctx: *const ToruCtx,
    level: u32,
    file: &str,
    line: u32,
    message: &str,
    fields: &[(&str, &str)],
) {
    let fields: Vec<ToruField> = fields
        .iter()
        .map(|(name, value)| ToruField {
            name: ToruSlice::new(name.as_bytes()),
            value: ToruSlice::new(value.as_bytes()),
        })
        .collect();
    let record = ToruLogRecord {
        size: size_word::<ToruLogRecord>(),
        flags: 0,
        level,
        line,
        target: ToruSlice::EMPTY,
        file: ToruSlice::new(file.as_bytes()),
        message: ToruSlice::new(message.as_bytes()),
        fields: fields.as_ptr(),
        n_fields: fields.len(),
    };
    // SAFETY: the table belongs to the context; everything in the record outlives the call.
    unsafe { (table.emit)(ctx, &raw const record) };
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

fn gone() -> PluginError {
    PluginError::other("the plugin has been disabled")
}
