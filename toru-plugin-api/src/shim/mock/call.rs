//! A call to a route, from the side of whoever makes it.

use std::any::Any;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::answer::Answer;
use super::exchange::{Exchange, Head};
use crate::abi::exchange::ToruExchange;
use crate::abi::op::{ToruOp, ToruWaker};
use crate::abi::route::{TORU_SCRATCH_ALIGN_MAX, TORU_SCRATCH_MAX};
use crate::abi::status::{TORU_INVALID, TORU_PENDING};
use crate::shim::op::HostOp;
use crate::shim::waker::with_waker;

pub(super) type Start = unsafe extern "C" fn(
    *const c_void,
    *const c_void,
    *const ToruExchange,
    *const ToruWaker,
    *mut u8,
    *mut ToruOp,
) -> u32;

/// What a route's handler is called with.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) start: Start,
    pub(super) user: *const c_void,
    pub(super) plugin: *const c_void,
}

// SAFETY: both pointers are the plugin's own and only passed to `start`, which is thread-safe by contract.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

/// Memory that a handler's future may live in.
#[repr(C, align(16))]
struct Scratch([MaybeUninit<u8>; TORU_SCRATCH_MAX]);

const _: () = assert!(align_of::<Scratch>() >= TORU_SCRATCH_ALIGN_MAX as usize);

/// A call to a route. Dropping it cancels the call.
pub(crate) struct Call {
    // Dropped first: it may live in the scratch, and uses the exchange.
    op: Option<HostOp>,
    ended: bool,
    target: Target,
    exchange: Arc<Exchange>,
    scratch: Box<MaybeUninit<Scratch>>,
    /// What keeps the instance.
    _instance: Arc<dyn Any + Send + Sync>,
}

impl Call {
    /// Prepares a call; nothing of the plugin runs before the first poll.
    ///
    /// # Safety
    ///
    /// What `target` names is alive for as long as `instance` is kept.
    pub(super) unsafe fn new(target: Target, head: Head, instance: Arc<dyn Any + Send + Sync>) -> Self {
        Self {
            op: None,
            ended: false,
            target,
            exchange: Exchange::new(head),
            scratch: Box::new_uninit(),
            _instance: instance,
        }
    }

    /// Polls the handler. What the call came to: a status, and the answer if there is one.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(u32, Option<Answer>)> {
        if self.ended {
            return Poll::Ready((TORU_INVALID, None));
        }
        let ex: *const ToruExchange = Arc::as_ptr(&self.exchange).cast();
        let status = match &mut self.op {
            // SAFETY: the `io` of a handler's operation is its exchange.
            Some(op) => unsafe { op.poll(cx, ex.cast_mut().cast()) },
            None => self.start(cx, ex),
        };
        let Poll::Ready(status) = status else {
            return Poll::Pending;
        };
        self.ended = true;
        self.op = None;
        Poll::Ready((status, self.exchange.take_answer()))
    }

    fn start(&mut self, cx: &Context<'_>, ex: *const ToruExchange) -> Poll<u32> {
        let Target { start, user, plugin } = self.target;
        let scratch = self.scratch.as_mut_ptr().cast::<u8>();
        let mut op = ToruOp::NONE;
        // SAFETY: the instance is alive, as `new` asked for; exchange and scratch outlive the operation, `op` the call.
        let status = with_waker(cx.waker(), |waker| unsafe {
            start(user, plugin, ex, waker, scratch, &raw mut op)
        });
        if status != TORU_PENDING {
            return Poll::Ready(status);
        }
        // SAFETY: filled in by the plugin, which is pending.
        self.op = Some(unsafe { HostOp::new(op) });
        Poll::Pending
    }
}
