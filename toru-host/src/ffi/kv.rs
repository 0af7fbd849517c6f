//! `toru.kv/1`: the store, as plugins call it.

mod arguments;

use std::ffi::c_void;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use toru_plugin_api::abi::bytes::{ToruBuf, ToruBufVt, ToruSlice};
use toru_plugin_api::abi::host::ToruCtx;
use toru_plugin_api::abi::kv::{
    ToruKv, ToruKvCheck, ToruKvCommitted, ToruKvEntry, ToruKvMutation, ToruKvPage, ToruKvRange,
};
use toru_plugin_api::abi::op::{ToruOp, ToruOpVt, ToruWaker, with_std_waker};
use toru_plugin_api::abi::status::{
    TORU_CONFLICT, TORU_DONE, TORU_GONE, TORU_INTERNAL, TORU_INVALID, TORU_PENDING, TORU_QUOTA,
    TORU_STORAGE_FULL, TORU_TIMED_OUT, TORU_TOO_LARGE, TORU_WOULD_BLOCK,
};
use toru_plugin_api::abi::{field_end, size_word, write_result};

use self::arguments::{key, may_block, mutation, read_all, read_range};
use super::context::{Context, Services};
use super::guard::{enter, guard, guard_or};
use super::op::is_worker;
use crate::kv::{KvCheck, KvCommit, KvCommitted, KvEntry, KvError, KvRange, Parker};

/// Most bytes of keys and values of one call.
const BATCH_BYTES_MAX: usize = 16 << 20;

pub(super) static TABLE: ToruKv = ToruKv {
    size: size_word::<ToruKv>(),
    flags: 0,
    get,
    list,
    commit,
    wait,
};

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, KvError>> + Send>>;

/// A call that may suspend.
struct KvOp {
    /// `None` while it is dropped alone.
    awaited: Option<Awaited>,
    /// Where the store's own timers and tasks belong: the plugin may poll from a thread of its own, or of its own runtime.
    runtime: tokio::runtime::Handle,
}

/// What a call waits for.
enum Awaited {
    Page(Answer<Page>),
    Commit(Answer<KvCommitted>),
}

static OP_VT: ToruOpVt = ToruOpVt {
    size: size_word::<ToruOpVt>(),
    flags: 0,
    poll: Some(op_poll),
    drop: Some(op_drop),
};

/// Entries in a plugin's hands, with what keeps them alive.
#[repr(C)]
struct Page {
    base: ToruBuf,
    entries: Vec<KvEntry>,
    views: Vec<ToruKvEntry>,
    cursor: Bytes,
}

// SAFETY: the table pointer is to a static, and the views point into the entries, which never change.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

static PAGE_VT: ToruBufVt = ToruBufVt {
    size: size_word::<ToruBufVt>(),
    flags: 0,
    retain: Some(page_retain),
    release: Some(page_release),
};

impl Page {
    fn new(entries: Vec<KvEntry>, cursor: Bytes) -> Self {
        let view = |entry: &KvEntry| ToruKvEntry {
            key: ToruSlice::new(&entry.key),
            value: ToruSlice::new(&entry.value),
            version: entry.version,
            expires_ms: entry.expires_ms.unwrap_or(0),
        };
        let views = entries.iter().map(view).collect();
        Self {
            base: ToruBuf {
                vt: &raw const PAGE_VT,
            },
            entries,
            views,
            cursor,
        }
    }

    /// Hands the page over; the plugin owns one reference.
    fn hand_over(self) -> ToruKvPage {
        let page = Arc::new(self);
        debug_assert_eq!(page.entries.len(), page.views.len());
        ToruKvPage {
            size: size_word::<ToruKvPage>(),
            flags: 0,
            entries: page.views.as_ptr(),
            n_entries: page.views.len(),
            cursor: ToruSlice::new(&page.cursor),
            owner: Arc::into_raw(page).cast(),
        }
    }
}

unsafe extern "C" fn page_retain(buf: *const ToruBuf) {
    // SAFETY: only pages carry this table, and the caller holds a reference.
    unsafe { Arc::increment_strong_count(buf.cast::<Page>()) };
}

unsafe extern "C" fn page_release(buf: *const ToruBuf) {
    guard_or("kv.page.release", (), || {
        // SAFETY: the caller gives its reference back.
        unsafe { Arc::decrement_strong_count(buf.cast::<Page>()) };
    });
}

unsafe extern "C" fn get(
    ctx: *const ToruCtx,
    keys: *const ToruSlice,
    n_keys: usize,
    waker: *const ToruWaker,
    out: *mut ToruKvPage,
    op: *mut ToruOp,
) -> u32 {
    guard("kv.get", || {
        // SAFETY: plugins get no other contexts than ours.
        let Some(services) = unsafe { Context::of(ctx) }.services() else {
            return TORU_GONE;
        };
        // SAFETY: the plugin lends the keys for the call.
        let keys = match unsafe { read_all(keys, n_keys) } {
            Ok(keys) => keys.into_iter().map(key).collect::<Result<Vec<_>, _>>(),
            Err(status) => return status,
        };
        let keys = match keys {
            Ok(keys) => keys,
            Err(status) => return status,
        };
        let runtime = services.runtime.clone();
        let answer: Answer<Page> = Box::pin(async move {
            Ok(Page::new(
                services.kv.get(&services.plugin, keys).await?,
                Bytes::new(),
            ))
        });
        // SAFETY: the plugin lends waker, result and operation for the call.
        unsafe { begin(KvOp::page(answer, runtime), waker, out.cast(), op) }
    })
}

unsafe extern "C" fn list(
    ctx: *const ToruCtx,
    range: *const ToruKvRange,
    waker: *const ToruWaker,
    out: *mut ToruKvPage,
    op: *mut ToruOp,
) -> u32 {
    guard("kv.list", || {
        // SAFETY: plugins get no other contexts than ours.
        let Some(services) = unsafe { Context::of(ctx) }.services() else {
            return TORU_GONE;
        };
        // SAFETY: the plugin lends the range for the call.
        let range = match unsafe { read_range(range) } {
            Ok(range) => range,
            Err(status) => return status,
        };
        let runtime = services.runtime.clone();
        let answer: Answer<Page> = Box::pin(list_page(services, range));
        // SAFETY: the plugin lends waker, result and operation for the call.
        unsafe { begin(KvOp::page(answer, runtime), waker, out.cast(), op) }
    })
}

/// One page, and the cursor behind it: the last key of a page that may not be the last.
async fn list_page(services: Arc<Services>, range: KvRange) -> Result<Page, KvError> {
    let limit = range.limit;
    let entries = services.kv.list(&services.plugin, range).await?;
    let cursor = match entries.last() {
        Some(last) if entries.len() >= limit => last.key.clone(),
        _ => Bytes::new(),
    };
    Ok(Page::new(entries, cursor))
}

unsafe extern "C" fn commit(
    ctx: *const ToruCtx,
    checks: *const ToruKvCheck,
    n_checks: usize,
    mutations: *const ToruKvMutation,
    n_mutations: usize,
    waker: *const ToruWaker,
    out: *mut ToruKvCommitted,
    op: *mut ToruOp,
) -> u32 {
    guard("kv.commit", || {
        // SAFETY: plugins get no other contexts than ours.
        let Some(services) = unsafe { Context::of(ctx) }.services() else {
            return TORU_GONE;
        };
        // SAFETY: the plugin lends the result for the call.
        let may_block = match unsafe { may_block(out) } {
            Ok(true) if is_worker() => return TORU_WOULD_BLOCK,
            Ok(may_block) => may_block,
            Err(status) => return status,
        };
        // SAFETY: the plugin lends the checks for the call.
        let checks = unsafe { read_all(checks, n_checks) };
        // SAFETY: the plugin lends the mutations for the call.
        let mutations = unsafe { read_all(mutations, n_mutations) };
        let (checks, mutations) = match (checks, mutations) {
            (Ok(checks), Ok(mutations)) => (checks, mutations),
            (Err(status), _) | (_, Err(status)) => return status,
        };
        let bytes = mutations
            .iter()
            .map(|change: &ToruKvMutation| change.key.len.saturating_add(change.value.len));
        if bytes.fold(0, usize::saturating_add) > BATCH_BYTES_MAX {
            return TORU_TOO_LARGE;
        }
        let checks = checks.into_iter().map(|check| {
            Ok(KvCheck {
                key: key(check.key)?,
                version: check.version,
            })
        });
        let mutations = mutations.into_iter().map(mutation);
        let (checks, mutations): (Result<Vec<_>, u32>, Result<Vec<_>, u32>) =
            (checks.collect(), mutations.collect());
        let (checks, mutations) = match (checks, mutations) {
            (Ok(checks), Ok(mutations)) => (checks, mutations),
            (Err(status), _) | (_, Err(status)) => return status,
        };
        let commit = KvCommit {
            checks,
            mutations,
            quota: services.kv_quota,
        };
        let runtime = services.runtime.clone();
        if may_block {
            let _inside = runtime.enter();
            let answer = services.kv.commit_blocking(&services.plugin, commit);
            // SAFETY: the plugin lends the result for the call.
            return unsafe { answer_commit(answer, out) };
        }
        let answer: Answer<KvCommitted> =
            Box::pin(async move { services.kv.commit(&services.plugin, commit).await });
        // SAFETY: the plugin lends waker, result and operation for the call.
        unsafe { begin(KvOp::commit(answer, runtime), waker, out.cast(), op) }
    })
}

unsafe extern "C" fn wait(_: *const ToruCtx, op: *mut ToruOp, io: *mut c_void, timeout_ns: u64) -> u32 {
    guard("kv.wait", || {
        if is_worker() {
            return TORU_WOULD_BLOCK;
        }
        if op.is_null() || io.is_null() {
            return TORU_INVALID;
        }
        let deadline = (timeout_ns != 0)
            .then(|| Instant::now().checked_add(Duration::from_nanos(timeout_ns)))
            .flatten();
        // SAFETY: the plugin lends the struct for the call.
        let given = unsafe { op.read() };
        if !std::ptr::eq(given.vt, &raw const OP_VT) {
            return TORU_INVALID;
        }
        // SAFETY: one of ours, which the plugin gives up with this call.
        let mut op = unsafe { Box::from_raw(given.data.cast::<KvOp>()) };
        let parker = Parker::new();
        let waker = parker.waker();
        // SAFETY: the plugin lends the result for the call.
        let advance = poll_fn(|cx| match unsafe { op.advance(cx.waker(), io) } {
            TORU_PENDING => Poll::Pending,
            status => Poll::Ready(status),
        });
        // As in `block_on`.
        let mut advance = pin!(tokio::task::unconstrained(advance));
        loop {
            match advance.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
                Poll::Pending if parker.park(deadline) => {}
                Poll::Pending => return TORU_TIMED_OUT,
                Poll::Ready(status) => return status,
            }
        }
    })
}

/// Polls once; leaves an operation behind when that was not enough.
///
/// # Safety
///
/// The pointers are valid for the call, `io` for the kind of operation.
unsafe fn begin(mut kv: KvOp, waker: *const ToruWaker, io: *mut c_void, op: *mut ToruOp) -> u32 {
    if waker.is_null() || io.is_null() || op.is_null() {
        return TORU_INVALID;
    }
    // SAFETY: the first word of a result is its size, which the plugin has written.
    let size = unsafe { io.cast::<u32>().read() };
    // A result with no room for the answer is refused before anything is done.
    if (size as usize) < kv.size_of_result() {
        return TORU_INVALID;
    }
    // SAFETY: `io` is valid for this operation, as the caller guarantees.
    let advance = |waker: &Waker| unsafe { kv.advance(waker, io) };
    // SAFETY: the waker is valid for the call, as the caller guarantees.
    let status = unsafe { with_std_waker(waker, advance) };
    if status == TORU_PENDING {
        let pending = ToruOp {
            data: Box::into_raw(Box::new(kv)).cast(),
            vt: &raw const OP_VT,
        };
        // SAFETY: the plugin lends the place for the call.
        unsafe { op.write(pending) };
    }
    status
}

/// Tells the plugin what a commit came to.
///
/// # Safety
///
/// `out` is null or writable up to its own `size`.
unsafe fn answer_commit(answer: Result<KvCommitted, KvError>, out: *mut ToruKvCommitted) -> u32 {
    let KvCommitted { version, sum, .. } = match answer {
        Ok(committed) => committed,
        Err(error) => return status_of(&error),
    };
    let committed = ToruKvCommitted {
        size: size_word::<ToruKvCommitted>(),
        flags: 0,
        version,
        sum,
    };
    // SAFETY: as the caller guarantees.
    let written = unsafe { write_result(out, committed, field_end!(ToruKvCommitted, sum)) };
    if written { TORU_DONE } else { TORU_INVALID }
}

impl KvOp {
    const fn page(answer: Answer<Page>, runtime: tokio::runtime::Handle) -> Self {
        let awaited = Some(Awaited::Page(answer));
        Self { awaited, runtime }
    }

    const fn commit(answer: Answer<KvCommitted>, runtime: tokio::runtime::Handle) -> Self {
        let awaited = Some(Awaited::Commit(answer));
        Self { awaited, runtime }
    }

    /// Bytes that the plugin's result has at least.
    const fn size_of_result(&self) -> usize {
        match self.awaited {
            Some(Awaited::Page(_)) | None => field_end!(ToruKvPage, owner),
            Some(Awaited::Commit(_)) => field_end!(ToruKvCommitted, sum),
        }
    }

    /// # Safety
    ///
    /// `io` is valid for this kind of operation.
    unsafe fn advance(&mut self, waker: &Waker, io: *mut c_void) -> u32 {
        let cx = &mut TaskContext::from_waker(waker);
        let _inside = self.runtime.enter();
        match &mut self.awaited {
            None => TORU_INVALID,
            Some(Awaited::Page(answer)) => match answer.as_mut().poll(cx) {
                Poll::Pending => TORU_PENDING,
                Poll::Ready(Err(error)) => status_of(&error),
                Poll::Ready(Ok(page)) => {
                    let page = page.hand_over();
                    let owner = page.owner;
                    // SAFETY: the `io` of this operation is a page, lent for the call.
                    if unsafe { write_result(io.cast(), page, field_end!(ToruKvPage, owner)) } {
                        return TORU_DONE;
                    }
                    // SAFETY: refused by the plugin's own struct, so the reference is given back here.
                    unsafe { page_release(owner) };
                    TORU_INVALID
                }
            },
            Some(Awaited::Commit(answer)) => match answer.as_mut().poll(cx) {
                Poll::Pending => TORU_PENDING,
                // SAFETY: the `io` of this operation is a result of this type, lent for the call.
                Poll::Ready(answer) => unsafe { answer_commit(answer, io.cast()) },
            },
        }
    }
}

impl Drop for KvOp {
    /// What a store leaves half-way may have to be given back, by a task of the host's runtime for example.
    fn drop(&mut self) {
        let inside = enter(&self.runtime);
        self.awaited = None;
        drop(inside);
    }
}

unsafe extern "C" fn op_poll(data: *mut c_void, waker: *const ToruWaker, io: *mut c_void) -> u32 {
    guard("kv.op.poll", || {
        // SAFETY: only `OP_VT` leads here, one call at a time.
        let op = unsafe { &mut *data.cast::<KvOp>() };
        // SAFETY: the plugin lends the result for the call.
        let advance = |waker: &Waker| unsafe { op.advance(waker, io) };
        // SAFETY: the plugin lends the waker for the call.
        unsafe { with_std_waker(waker, advance) }
    })
}

unsafe extern "C" fn op_drop(data: *mut c_void) {
    guard_or("kv.op.drop", (), || {
        // SAFETY: dropped once, by its holder.
        drop(unsafe { Box::from_raw(data.cast::<KvOp>()) });
    });
}

fn status_of(error: &KvError) -> u32 {
    match error {
        KvError::Conflict => TORU_CONFLICT,
        KvError::Full => TORU_STORAGE_FULL,
        KvError::KeySize | KvError::ValueSize => TORU_TOO_LARGE,
        KvError::NotANumber => TORU_INVALID,
        KvError::Quota => TORU_QUOTA,
        KvError::Backend(reason) => {
            tracing::error!(reason, "the store failed");
            TORU_INTERNAL
        }
        KvError::Corrupt(reason) => {
            tracing::error!(reason, "the stored data is damaged");
            TORU_INTERNAL
        }
    }
}
