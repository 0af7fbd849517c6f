//! Calls to the store.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::bytes::ForeignBytes;
use super::ctx::Ctx;
use super::op::HostOp;
use super::waker::with_waker;
use crate::abi::bytes::{ToruBytes, ToruSlice};
use crate::abi::kv::{
    TORU_KV_ADD, TORU_KV_DELETE, TORU_KV_SET, ToruKvCommitted, ToruKvEntry, ToruKvMutation, ToruKvPage,
};
use crate::abi::op::ToruOp;
use crate::abi::size_word;
use crate::abi::status::{TORU_DONE, TORU_INVALID, TORU_PENDING};
use crate::bytes::Bytes;
use crate::error::KvError;

/// Reads one key.
pub(crate) struct KvGet<'a> {
    ctx: Ctx,
    key: &'a [u8],
    op: Option<HostOp>,
}

impl<'a> KvGet<'a> {
    pub(crate) const fn new(ctx: Ctx, key: &'a [u8]) -> Self {
        Self { ctx, key, op: None }
    }

    fn advance(&mut self, cx: &mut Context<'_>, page: &mut ToruKvPage) -> Result<Poll<u32>, KvError> {
        if let Some(op) = &mut self.op {
            // SAFETY: the `io` of `get` is a page.
            return Ok(unsafe { op.poll(cx, (&raw mut *page).cast()) });
        }
        let table = self.ctx.kv().ok_or(KvError::Unsupported)?;
        let key = ToruSlice::new(self.key);
        let mut op = ToruOp::NONE;
        // SAFETY: the table belongs to the context; everything passed outlives the call.
        let status = with_waker(cx.waker(), |waker| unsafe {
            (table.get)(self.ctx.raw(), &raw const key, 1, waker, page, &raw mut op)
        });
        // SAFETY: filled in by the host when it is pending.
        Ok(unsafe { keep(&mut self.op, op, status) })
    }
}

impl Future for KvGet<'_> {
    type Output = Result<Option<Bytes>, KvError>;

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
            TORU_DONE => Poll::Ready(Ok(first_value(&page))),
            status => Poll::Ready(Err(KvError::from_status(status))),
        }
    }
}

/// The value of the first entry, with the page's owner. Releases the page when there is none.
fn first_value(page: &ToruKvPage) -> Option<Bytes> {
    let mut bytes = ToruBytes {
        ptr: std::ptr::null(),
        len: 0,
        owner: page.owner,
    };
    let found = page.n_entries > 0 && !page.entries.is_null();
    if found {
        // SAFETY: the page has that many entries, alive as long as its owner.
        let ToruKvEntry { value, .. } = unsafe { page.entries.read() };
        bytes = ToruBytes {
            ptr: value.ptr,
            len: value.len,
            owner: page.owner,
        };
    }
    // SAFETY: the host handed one reference of the owner over with the page.
    let bytes = unsafe { ForeignBytes::from_raw(bytes) };
    found.then(|| Bytes::foreign(bytes))
}

/// Writes one key, deletes it or adds to it. Comes to the sum, 0 where nothing is added.
pub(crate) struct KvWrite<'a> {
    ctx: Ctx,
    kind: u32,
    key: &'a [u8],
    value: &'a [u8],
    delta: i64,
    op: Option<HostOp>,
}

impl<'a> KvWrite<'a> {
    pub(crate) const fn set(ctx: Ctx, key: &'a [u8], value: &'a [u8]) -> Self {
        Self {
            ctx,
            kind: TORU_KV_SET,
            key,
            value,
            delta: 0,
            op: None,
        }
    }

    pub(crate) const fn add(ctx: Ctx, key: &'a [u8], delta: i64) -> Self {
        Self {
            ctx,
            kind: TORU_KV_ADD,
            key,
            value: &[],
            delta,
            op: None,
        }
    }

    pub(crate) const fn delete(ctx: Ctx, key: &'a [u8]) -> Self {
        Self {
            ctx,
            kind: TORU_KV_DELETE,
            key,
            value: &[],
            delta: 0,
            op: None,
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>, out: &mut ToruKvCommitted) -> Result<Poll<u32>, KvError> {
        if let Some(op) = &mut self.op {
            // SAFETY: the `io` of `commit` is a result of this type.
            return Ok(unsafe { op.poll(cx, (&raw mut *out).cast()) });
        }
        let table = self.ctx.kv().ok_or(KvError::Unsupported)?;
        let mutation = ToruKvMutation {
            kind: self.kind,
            flags: 0,
            key: ToruSlice::new(self.key),
            value: ToruSlice::new(self.value),
            delta: self.delta,
            ttl_ms: 0,
        };
        let mut op = ToruOp::NONE;
        // SAFETY: the table belongs to the context; everything passed outlives the call.
        let status = with_waker(cx.waker(), |waker| unsafe {
            let ctx = self.ctx.raw();
            (table.commit)(
                ctx,
                std::ptr::null(),
                0,
                &raw const mutation,
                1,
                waker,
                out,
                &raw mut op,
            )
        });
        // SAFETY: filled in by the host when it is pending.
        Ok(unsafe { keep(&mut self.op, op, status) })
    }
}

impl Future for KvWrite<'_> {
    type Output = Result<i64, KvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut out = ToruKvCommitted {
            size: size_word::<ToruKvCommitted>(),
            flags: 0,
            version: 0,
            sum: 0,
        };
        match std::task::ready!(self.advance(cx, &mut out)?) {
            TORU_DONE => Poll::Ready(Ok(out.sum)),
            // Nothing else of a call that this crate makes is invalid.
            TORU_INVALID if self.kind == TORU_KV_ADD => Poll::Ready(Err(KvError::NotANumber)),
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
