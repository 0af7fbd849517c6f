//! Operations, which may suspend, and the wakers that resume them.
//!
//! Both sides implement both: a plugin's handler is an operation that the host polls; a host's timer is one that
//! a plugin polls.

use core::mem::ManuallyDrop;
use core::task::{RawWaker, RawWakerVTable, Waker};

/// Resumes whoever polls an operation.
///
/// Counted references. Valid during the `poll` it is passed to; [`retain`](ToruWakerVt::retain) to keep it longer.
#[repr(C)]
#[derive(Debug)]
pub struct ToruWaker {
    /// Table of this object.
    pub vt: *const ToruWakerVt,
}

/// Functions of a [`ToruWaker`]. None of them is ever null.
#[repr(C)]
#[derive(Debug)]
pub struct ToruWakerVt {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Adds a reference and returns the pointer to keep, which may differ from `waker`. `[thread-safe] [no-block]`
    pub retain: unsafe extern "C" fn(waker: *const ToruWaker) -> *const ToruWaker,
    /// Asks for another poll; does not take a reference. Harmless when repeated or late. `[thread-safe] [no-block]`
    pub wake: unsafe extern "C" fn(waker: *const ToruWaker),
    /// Gives a reference back. `[thread-safe] [no-block]`
    pub release: unsafe extern "C" fn(waker: *const ToruWaker),
}

/// Work that may suspend.
///
/// Whoever receives one that is pending polls it until it ends and then drops it, exactly once.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruOp {
    /// The operation's own state, passed back verbatim.
    pub data: *mut core::ffi::c_void,
    /// Table of this operation.
    pub vt: *const ToruOpVt,
}

/// Functions of a [`ToruOp`].
#[repr(C)]
#[derive(Debug)]
pub struct ToruOpVt {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Goes on. `io` is typed by the call that produced the operation. Never null.
    ///
    /// Returns `TORU_DONE`, `TORU_PENDING` or an error. After anything but `TORU_PENDING` it is not called again.
    /// `waker` and `io` are lent for the call; what is written to `io` is the caller's. `[op] [no-block]`
    pub poll: Option<
        unsafe extern "C" fn(
            data: *mut core::ffi::c_void,
            waker: *const ToruWaker,
            io: *mut core::ffi::c_void,
        ) -> u32,
    >,
    /// Frees the operation; cancels it if it has not ended. Called exactly once. Never null. `[op] [no-block]`
    pub drop: Option<unsafe extern "C" fn(data: *mut core::ffi::c_void)>,
}

impl ToruOp {
    /// No operation.
    pub const NONE: Self = Self {
        data: core::ptr::null_mut(),
        vt: core::ptr::null(),
    };
}

/// Calls `f` with a `Waker` that stands for `waker` and does not own a reference.
///
/// Clones of it do. [`Waker::will_wake`] is true between wakers of the same cell.
///
/// # Safety
///
/// `waker` is valid during the call, and its table keeps the contract.
pub unsafe fn with_std_waker<R>(waker: *const ToruWaker, f: impl FnOnce(&Waker) -> R) -> R {
    // SAFETY: the table of `STD_VT` keeps the contract of `RawWaker` for any valid `ToruWaker`.
    let borrowed = ManuallyDrop::new(unsafe { Waker::from_raw(RawWaker::new(waker.cast(), &STD_VT)) });
    f(&borrowed)
}

/// The waker of the other side behind a `Waker` that [`with_std_waker`] made; `None` for any other.
#[must_use]
pub fn foreign_waker(waker: &Waker) -> Option<*const ToruWaker> {
    core::ptr::eq(waker.vtable(), &raw const STD_VT).then(|| waker.data().cast())
}

static STD_VT: RawWakerVTable = RawWakerVTable::new(std_clone, std_wake, std_wake_by_ref, std_drop);

unsafe fn std_table<'a>(waker: *const ()) -> &'a ToruWakerVt {
    // SAFETY: the data pointer of a waker with `STD_VT` is a `ToruWaker` that is alive.
    let vt = unsafe { (*waker.cast::<ToruWaker>()).vt };
    // SAFETY: a waker's table outlives the waker.
    unsafe { &*vt }
}

unsafe fn std_clone(waker: *const ()) -> RawWaker {
    // SAFETY: `waker` is the data pointer of a live waker with `STD_VT`.
    let vt = unsafe { std_table(waker) };
    // SAFETY: the table belongs to this waker.
    let kept = unsafe { (vt.retain)(waker.cast()) };
    RawWaker::new(kept.cast(), &STD_VT)
}

unsafe fn std_wake(waker: *const ()) {
    // SAFETY: the caller gives up a live waker with `STD_VT`.
    unsafe { std_wake_by_ref(waker) };
    // SAFETY: the reference behind it is given back once, here.
    unsafe { std_drop(waker) };
}

unsafe fn std_wake_by_ref(waker: *const ()) {
    // SAFETY: `waker` is the data pointer of a live waker with `STD_VT`.
    let vt = unsafe { std_table(waker) };
    // SAFETY: the table belongs to this waker.
    unsafe { (vt.wake)(waker.cast()) };
}

unsafe fn std_drop(waker: *const ()) {
    // SAFETY: `waker` is the data pointer of a live waker with `STD_VT`.
    let vt = unsafe { std_table(waker) };
    // SAFETY: the table belongs to this waker; the caller gives its reference up.
    unsafe { (vt.release)(waker.cast()) };
}
