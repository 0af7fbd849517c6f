//! Calls to the store.

mod arguments;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

pub(crate) use self::arguments::{Change, Check, Key, Range, Wanted};
use super::bytes::{ForeignBytes, release};
use super::ctx::Ctx;
use super::op::HostOp;
use super::waker::with_waker;
use crate::abi::bytes::{ToruBytes, ToruSlice};
use crate::abi::kv::{TORU_KV_BLOCKING, ToruKvCommitted, ToruKvEntry, ToruKvPage};
use crate::abi::op::ToruOp;
use crate::abi::size_word;
use crate::abi::status::{TORU_DONE, TORU_INVALID, TORU_PENDING, TORU_TOO_LARGE};
use crate::bytes::Bytes;
use crate::error::KvError;
use crate::kv::{KvCommitted, KvEntry};

/// Reads entries.
pub(crate) struct KvRead<'a> {
    ctx: Ctx,
    wanted: Wanted<'a>,
    op: Option<HostOp>,
}

impl<'a> KvRead<'a> {
    pub(crate) const fn new(ctx: Ctx, wanted: Wanted<'a>) -> Self {
        Self {
            ctx,
            wanted,
            op: None,
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>, page: &mut ToruKvPage) -> Result<Poll<u32>, KvError> {
        if let Some(op) = &mut self.op {
            // SAFETY: the `io` of `get` and `list` is a page.
            return Ok(unsafe { op.poll(cx, (&raw mut *page).cast()) });
        }
        let table = self.ctx.kv().ok_or(KvError::Unsupported)?;
        let (ctx, wanted) = (self.ctx.raw(), self.wanted);
        let mut op = ToruOp::NONE;
        let status = with_waker(cx.waker(), |waker| match wanted {
            Wanted::Keys(keys) => {
                // SAFETY: the table belongs to the context; everything passed outlives the call.
                unsafe { (table.get)(ctx, keys.as_ptr().cast(), keys.len(), waker, page, &raw mut op) }
            }
            Wanted::Range(range) => {
                // SAFETY: as above.
                unsafe { (table.list)(ctx, &raw const range.0, waker, page, &raw mut op) }
            }
        });
        // SAFETY: filled in by the host when it is pending.
        Ok(unsafe { keep(&mut self.op, op, status) })
    }
}

impl Future for KvRead<'_> {
    type Output = Result<Page, KvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut page = ToruKvPage {
            size: size_word::<ToruKvPage>(),
            flags: 0,
            entries: std::ptr::null(),
            n_entries: 0,
            cursor: ToruSlice::EMPTY,
            owner: std::ptr::null(),
        };
        match std::task::ready!(self.advance(cx, &mut page)?) {
            TORU_DONE => Poll::Ready(Ok(Page(page))),
            TORU_TOO_LARGE if self.wanted.has_odd_key() => Poll::Ready(Err(KvError::KeySize)),
            status => Poll::Ready(Err(KvError::from_status(status))),
        }
    }
}

/// Entries that the host keeps alive, by one reference of their owner.
pub(crate) struct Page(ToruKvPage);

// SAFETY: a page never changes, and its owner's functions are thread-safe by contract.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

impl Page {
    fn raw(&self) -> &[ToruKvEntry] {
        if self.0.n_entries == 0 || self.0.entries.is_null() {
            return &[];
        }
        // SAFETY: the page has that many entries, alive and unchanged as long as its owner.
        unsafe { std::slice::from_raw_parts(self.0.entries, self.0.n_entries) }
    }

    /// The value of the first entry, without copying it.
    pub(crate) fn first_value(&self) -> Option<Bytes> {
        self.raw().first().map(|entry| self.share(entry.value))
    }

    /// The entries, without copying keys and values.
    pub(crate) fn entries(&self) -> impl Iterator<Item = KvEntry> + '_ {
        self.raw().iter().map(|entry| KvEntry {
            key: self.share(entry.key),
            value: self.share(entry.value),
            version: entry.version,
            expires: (entry.expires_ms != 0)
                .then(|| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(entry.expires_ms)))
                .flatten(),
        })
    }

    /// Where the next page starts; empty behind the last one.
    pub(crate) fn cursor(&self) -> &[u8] {
        // SAFETY: readable as long as the owner, which is as long as `self`.
        unsafe { self.0.cursor.as_bytes() }.unwrap_or_default()
    }

    fn share(&self, slice: ToruSlice) -> Bytes {
        let shared = ToruBytes {
            ptr: slice.ptr,
            len: slice.len,
            owner: self.0.owner,
        };
        // SAFETY: the reference is not given up here: it is cloned, and `self` keeps its own.
        let borrowed = std::mem::ManuallyDrop::new(unsafe { ForeignBytes::from_raw(shared) });
        Bytes::foreign(ForeignBytes::clone(&borrowed))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let owner = ToruBytes {
            owner: self.0.owner,
            ..ToruBytes::EMPTY
        };
        // SAFETY: the host handed one reference of the owner over with the page; given back once.
        unsafe { release(&owner) };
    }
}

/// Makes all changes or none.
pub(crate) struct KvWrite<'a> {
    ctx: Ctx,
    checks: &'a [Check<'a>],
    changes: &'a [Change<'a>],
    flags: u32,
    op: Option<HostOp>,
}

impl<'a> KvWrite<'a> {
    pub(crate) const fn new(ctx: Ctx, checks: &'a [Check<'a>], changes: &'a [Change<'a>]) -> Self {
        Self {
            ctx,
            checks,
            changes,
            flags: 0,
            op: None,
        }
    }

    /// Polled only on threads that may be blocked, where it ends with the first poll.
    pub(crate) const fn blocking(mut self) -> Self {
        self.flags = TORU_KV_BLOCKING;
        self
    }

    /// What of it is too large.
    fn too_large(&self) -> KvError {
        if self.checks.iter().any(Check::has_odd_key) || self.changes.iter().any(Change::has_odd_key) {
            KvError::KeySize
        } else if self.changes.iter().any(Change::has_long_value) {
            KvError::ValueSize
        } else {
            KvError::CallSize
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>, out: &mut ToruKvCommitted) -> Result<Poll<u32>, KvError> {
        if let Some(op) = &mut self.op {
            // SAFETY: the `io` of `commit` is a result of this type.
            return Ok(unsafe { op.poll(cx, (&raw mut *out).cast()) });
        }
        let table = self.ctx.kv().ok_or(KvError::Unsupported)?;
        let (ctx, checks, changes) = (self.ctx.raw(), self.checks, self.changes);
        let mut op = ToruOp::NONE;
        let (first_check, first_change) = (checks.as_ptr().cast(), changes.as_ptr().cast());
        let (n_checks, n_changes) = (checks.len(), changes.len());
        // SAFETY: the table belongs to the context; everything passed outlives the call.
        let status = with_waker(cx.waker(), |waker| unsafe {
            let op = &raw mut op;
            (table.commit)(
                ctx,
                first_check,
                n_checks,
                first_change,
                n_changes,
                waker,
                out,
                op,
            )
        });
        // SAFETY: filled in by the host when it is pending.
        Ok(unsafe { keep(&mut self.op, op, status) })
    }
}

impl Future for KvWrite<'_> {
    type Output = Result<KvCommitted, KvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut out = ToruKvCommitted {
            size: size_word::<ToruKvCommitted>(),
            flags: self.flags,
            version: 0,
            sum: 0,
        };
        match std::task::ready!(self.advance(cx, &mut out)?) {
            TORU_DONE => Poll::Ready(Ok(KvCommitted {
                version: out.version,
                sum: out.sum,
            })),
            // Nothing else of a call that this crate makes is invalid.
            TORU_INVALID if self.changes.iter().any(Change::is_add) => Poll::Ready(Err(KvError::NotANumber)),
            TORU_TOO_LARGE => Poll::Ready(Err(self.too_large())),
            status => Poll::Ready(Err(KvError::from_status(status))),
        }
    }
}

/// Keeps the operation of a pending call.
///
/// # Safety
///
/// When `status` is pending, `op` was filled in by the host and belongs to the caller.
unsafe fn keep(slot: &mut Option<HostOp>, op: ToruOp, status: u32) -> Poll<u32> {
    if status == TORU_PENDING {
        // SAFETY: as the caller guarantees.
        *slot = Some(unsafe { HostOp::new(op) });
        return Poll::Pending;
    }
    Poll::Ready(status)
}
