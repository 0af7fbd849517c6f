//! The call cell: one allocation that holds an exchange and all that belongs to it.
//!
//! The plugin sees three objects in it, the exchange, its waker and its responder, and gets scratch memory behind
//! it. The cell lives as long as anybody holds a reference: the host's future, a waker, a retained exchange, a responder.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use http::request::Parts;
use toru_plugin_api::abi::bytes::ToruSlice;
use toru_plugin_api::abi::exchange::{ToruExchange, ToruHeader, ToruResponder};
use toru_plugin_api::abi::op::ToruWaker;
use toru_plugin_api::abi::route::{TORU_HEAD, TORU_PARAMS_MAX, TORU_SCRATCH_ALIGN_MAX};
use toru_plugin_api::abi::size_word;

use super::body::RequestBody;
use super::exchange::{HasTables, Tables, version_number};
use super::guard::guard_or;
use super::op::on_worker;
use super::response::Answer;
use super::route::RouteMatch;
use super::waker::Wakeup;
use crate::identity::Identity;
use crate::lane::Lane;

/// Nobody has answered yet.
const OPEN: u8 = 0;
/// Somebody is writing the answer.
const ANSWERING: u8 = 1;
/// The answer is there.
const ANSWERED: u8 = 2;
/// Nobody waits for an answer any more.
const CANCELLED: u8 = 3;
/// The last responder went away without an answer.
const ABANDONED: u8 = 4;
/// The host's future has the answer.
const TAKEN: u8 = 5;

#[repr(C)]
pub(super) struct Cell<B> {
    pub(super) exchange: ToruExchange,
    pub(super) waker: ToruWaker,
    pub(super) responder: ToruResponder,
    refs: AtomicUsize,
    pub(super) responders: AtomicUsize,
    phase: AtomicU8,
    pub(super) detached: AtomicBool,
    body_taken: AtomicBool,
    pub(super) wakeup: Wakeup,
    answer: UnsafeCell<Option<Answer>>,
    on_cancel: Mutex<Option<OnCancel>>,
    params: [MaybeUninit<ToruSlice>; TORU_PARAMS_MAX],
    pub(super) head: Parts,
    /// Its fields are beside those of the head, which has none of these names: adding them would make its map grow.
    pub(super) identity: Identity,
    body: UnsafeCell<Option<B>>,
    pub(super) fields: OnceLock<Box<[ToruHeader]>>,
    layout: Layout,
    pub(super) lane: &'static Lane,
}

/// What a plugin wants called when nobody waits any more.
pub(super) struct OnCancel {
    callback: unsafe extern "C" fn(*mut c_void),
    drop: Option<unsafe extern "C" fn(*mut c_void)>,
    data: *mut c_void,
}

impl OnCancel {
    pub(super) const fn new(
        callback: unsafe extern "C" fn(*mut c_void),
        drop: Option<unsafe extern "C" fn(*mut c_void)>,
        data: *mut c_void,
    ) -> Self {
        Self { callback, drop, data }
    }

    pub(super) fn fire(self) {
        // SAFETY: the plugin asked for this call, once, from any thread.
        on_worker(|| unsafe { (self.callback)(self.data) });
    }

    /// Gives it back to a plugin that is told so: nothing of it is called.
    pub(super) const fn refuse(mut self) {
        self.drop = None;
        std::mem::forget(self);
    }
}

impl Drop for OnCancel {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            // SAFETY: the plugin asked for this call, once, when the callback has returned or never will be called.
            on_worker(|| unsafe { drop(self.data) });
        }
    }
}

/// Why an answer was not accepted.
pub(super) enum Refused {
    Answered,
    Cancelled,
}

impl<B> Cell<B> {
    /// Alignment of a cell, good for any scratch as well.
    const ALIGN: usize = {
        let own = align_of::<Self>();
        let scratch = TORU_SCRATCH_ALIGN_MAX as usize;
        if own > scratch { own } else { scratch }
    };
    /// Where the scratch starts. The same for all routes, so that nothing is worked out for each call.
    const SCRATCH: usize = size_of::<Self>().next_multiple_of(Self::ALIGN);

    /// Takes the body; `None` when it was taken.
    pub(super) fn take_body(&self) -> Option<B> {
        if self.body_taken.swap(true, Ordering::AcqRel) {
            return None;
        }
        // SAFETY: the flag lets one caller in, ever.
        unsafe { &mut *self.body.get() }.take()
    }

    /// Claims the right to answer. Whoever gets it calls [`answer`](Self::answer).
    pub(super) fn claim(&self) -> Result<(), Refused> {
        match self
            .phase
            .compare_exchange(OPEN, ANSWERING, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => Ok(()),
            Err(CANCELLED | ABANDONED) => Err(Refused::Cancelled),
            Err(_) => Err(Refused::Answered),
        }
    }

    /// Stores the answer; the caller holds the claim. Gives it back when nobody waits any more: its body is still the plugin's.
    pub(super) fn answer(&self, answer: Answer) -> Result<(), Box<Option<Answer>>> {
        // SAFETY: the claim was given once, and readers wait for `ANSWERED`.
        unsafe { *self.answer.get() = Some(answer) };
        let answered = self
            .phase
            .compare_exchange(ANSWERING, ANSWERED, Ordering::AcqRel, Ordering::Acquire);
        match answered {
            Ok(_) => Ok(()),
            // SAFETY: as above; nobody reads an answer that was not announced.
            Err(_) => Err(Box::new(unsafe { &mut *self.answer.get() }.take())),
        }
    }

    /// The place of the answer, if one is there and nobody has it. Only the host's future calls this.
    ///
    /// It is lent where it lies, since moving it costs more than looking at it.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "the phase lets one caller in, ever")]
    pub(super) fn claim_answer(&self) -> Option<&mut Option<Answer>> {
        if self.phase.load(Ordering::Acquire) != ANSWERED {
            return None;
        }
        // Only the host's future changes the phase after that.
        self.phase.store(TAKEN, Ordering::Relaxed);
        // SAFETY: written before `ANSWERED` was stored, and from here on the caller's alone: the phase never comes back.
        Some(unsafe { &mut *self.answer.get() })
    }

    pub(super) fn is_answered(&self) -> bool {
        self.phase.load(Ordering::Acquire) == ANSWERED
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.phase.load(Ordering::Acquire) == ABANDONED
    }

    /// Whether a responder was taken.
    pub(super) fn is_detached(&self) -> bool {
        self.detached.load(Ordering::Acquire)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.phase.load(Ordering::Acquire) == CANCELLED
    }

    /// The last responder went away.
    pub(super) fn abandon(&self) {
        let _ = self
            .phase
            .compare_exchange(OPEN, ABANDONED, Ordering::AcqRel, Ordering::Acquire);
        self.wakeup.wake();
    }

    /// Nobody waits any more. Tells the plugin if it asked for that, and drops what it left for that case. An answer
    /// that nobody took is dropped as well. Only the host's future calls this, while its permit is there.
    #[inline(always)]
    pub(super) fn cancel(&self) {
        // Most calls end like this: the host has the answer, and nobody took a responder.
        if self.phase.load(Ordering::Acquire) != TAKEN || self.is_detached() {
            self.cancel_unanswered();
        }
    }

    fn cancel_unanswered(&self) {
        let unanswered = |phase| matches!(phase, OPEN | ANSWERING).then_some(CANCELLED);
        let phase = self
            .phase
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, unanswered);
        if self.is_detached() {
            let waiting = self
                .on_cancel
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            match waiting {
                Some(on_cancel) if phase == Ok(OPEN) => on_cancel.fire(),
                waiting => drop(waiting),
            }
        }
        // Whoever is answering just now finds out in `answer`.
        if phase == Err(ANSWERED)
            && let Some(answer) = self.claim_answer()
        {
            *answer = None;
        }
    }

    /// Remembers what to call on cancellation; gives it back when that is now, or when one is there already.
    pub(super) fn set_on_cancel(&self, on_cancel: OnCancel) -> Result<(), OnCancel> {
        let mut slot = self.on_cancel.lock().unwrap_or_else(PoisonError::into_inner);
        if self.phase.load(Ordering::Acquire) != OPEN || slot.is_some() {
            return Err(on_cancel);
        }
        *slot = Some(on_cancel);
        Ok(())
    }
}

/// A counted reference to a cell.
pub(super) struct CellRef<B>(NonNull<Cell<B>>);

// SAFETY: everything shared in a cell is atomic, behind a lock, written before it is shared, or claimed by one
// party; the body and the answer may be taken, and so moved, by any thread.
unsafe impl<B: Send> Send for CellRef<B> {}
// SAFETY: as above.
unsafe impl<B: Send> Sync for CellRef<B> {}

impl<B: RequestBody> CellRef<B> {
    /// Makes a cell with room for the route's scratch.
    #[inline(always)]
    pub(super) fn new(
        head: Parts,
        identity: Identity,
        body: B,
        matched: &RouteMatch<'_>,
        op_size: usize,
        lane: &'static Lane,
    ) -> Self {
        let layout = layout_of::<B>(op_size);
        let n_headers = head.headers.len() + identity.n_fields();
        // SAFETY: a cell is not empty.
        let memory = unsafe { alloc(layout) }.cast::<Cell<B>>();
        let Some(place) = NonNull::new(memory) else {
            handle_alloc_error(layout)
        };
        let cell = Cell {
            exchange: ToruExchange {
                size: size_word::<ToruExchange>(),
                flags: 0,
                vt: Tables::<B>::exchange(),
                method: matched.method,
                version: version_number(head.version),
                n_headers: u16::try_from(n_headers).unwrap_or(u16::MAX),
                method_name: ToruSlice::EMPTY,
                path: ToruSlice::EMPTY,
                query: ToruSlice::EMPTY,
                params: std::ptr::null(),
                n_params: 0,
                deadline_ns: 0,
                trace_id: [0; 16],
                span_id: [0; 8],
            },
            waker: ToruWaker {
                vt: Tables::<B>::waker(),
            },
            responder: ToruResponder {
                vt: Tables::<B>::responder(),
            },
            refs: AtomicUsize::new(1),
            responders: AtomicUsize::new(0),
            phase: AtomicU8::new(OPEN),
            detached: AtomicBool::new(false),
            body_taken: AtomicBool::new(false),
            wakeup: Wakeup::default(),
            answer: UnsafeCell::new(None),
            on_cancel: Mutex::new(None),
            params: [MaybeUninit::uninit(); TORU_PARAMS_MAX],
            head,
            identity,
            body: UnsafeCell::new(Some(body)),
            fields: OnceLock::new(),
            layout,
            lane,
        };
        // SAFETY: fresh memory of the right size and alignment.
        unsafe { place.write(cell) };
        // SAFETY: just written, and nobody else knows it yet.
        let cell = unsafe { &mut *place.as_ptr() };
        let path = cell.head.uri.path().as_bytes();
        let own = path.get(matched.prefix_len..).unwrap_or_default();
        cell.exchange.method_name = ToruSlice::new(cell.head.method.as_str().as_bytes());
        cell.exchange.path = ToruSlice::new(own);
        cell.exchange.query = ToruSlice::new(cell.head.uri.query().unwrap_or_default().as_bytes());
        for (slot, param) in cell.params.iter_mut().zip(matched.params()) {
            slot.write(ToruSlice::new(own.get(param).unwrap_or_default()));
        }
        cell.exchange.n_params = matched.params().len();
        // SAFETY: the cell is alive; the address is taken without a reference, so that it stays usable for good.
        let params = unsafe { &raw const (*place.as_ptr()).params };
        // SAFETY: as above; nobody else knows the cell yet.
        unsafe { (*place.as_ptr()).exchange.params = params.cast() };
        Self(place)
    }
}

impl<B> CellRef<B> {
    pub(super) fn cell(&self) -> &Cell<B> {
        // SAFETY: alive while a reference is held.
        unsafe { self.0.as_ref() }
    }

    /// Whether only the head of the response is asked for.
    pub(super) fn is_head(&self) -> bool {
        self.cell().exchange.method == TORU_HEAD
    }

    pub(super) fn exchange(&self) -> *const ToruExchange {
        self.0.as_ptr().cast()
    }

    pub(super) fn waker(&self) -> *const ToruWaker {
        // SAFETY: the cell is alive; the pointer keeps the provenance of the whole cell.
        unsafe { &raw const (*self.0.as_ptr()).waker }
    }

    pub(super) fn responder(&self) -> *const ToruResponder {
        // SAFETY: as above.
        unsafe { &raw const (*self.0.as_ptr()).responder }
    }

    pub(super) fn scratch(&self) -> *mut u8 {
        // SAFETY: the allocation reaches at least up to the offset.
        unsafe { self.0.as_ptr().cast::<u8>().add(Cell::<B>::SCRATCH) }
    }

    /// Adds a reference that is held outside of Rust.
    pub(super) fn retain_raw(&self) {
        self.cell().refs.fetch_add(1, Ordering::Relaxed);
    }

    /// A reference of the one who holds `raw`, not counted: for use during a call only.
    ///
    /// # Safety
    ///
    /// `raw` points to a cell, with the provenance of all of it, to which a reference is held during `'static` use
    /// of the result, which is not dropped.
    pub(super) const unsafe fn borrowed(raw: *const Cell<B>) -> std::mem::ManuallyDrop<Self> {
        // SAFETY: as the caller guarantees.
        std::mem::ManuallyDrop::new(Self(unsafe { NonNull::new_unchecked(raw.cast_mut()) }))
    }
}

impl<B> Clone for CellRef<B> {
    fn clone(&self) -> Self {
        self.retain_raw();
        Self(self.0)
    }
}

impl<B> Drop for CellRef<B> {
    fn drop(&mut self) {
        let refs = &self.cell().refs;
        // Whoever sees 1 holds the only reference, so nobody else can add one and the count need not be changed.
        if refs.load(Ordering::Acquire) != 1 && refs.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        std::sync::atomic::fence(Ordering::Acquire);
        let layout = self.cell().layout;
        // The request and an answer that nobody took are dropped here; a body's drop may be foreign to us.
        guard_or("exchange.drop", (), || {
            // SAFETY: the last reference is gone; nobody uses the cell any more.
            unsafe { self.0.as_ptr().drop_in_place() };
        });
        // SAFETY: allocated with this layout in `new`.
        unsafe { dealloc(self.0.as_ptr().cast(), layout) };
    }
}

/// Layout of a cell with scratch behind it.
fn layout_of<B>(op_size: usize) -> Layout {
    let size = Cell::<B>::SCRATCH + op_size;
    // The route asked for at most 1 KiB, as was checked when it was registered.
    Layout::from_size_align(size, Cell::<B>::ALIGN).expect("a cell and 1 KiB are a possible layout")
}
