//! The host's timers and threads.

use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;

use super::ctx::{Ctx, gone};
use super::guard::{guard_drop, guard_with};
use super::op::{HostOp, spawned_op};
use super::scope::Scope;
use crate::abi::op::ToruOp;
use crate::abi::status::{TORU_DONE, TORU_PENDING};
use crate::error::PluginError;

impl Ctx {
    pub(crate) fn now(self) -> Result<u64, PluginError> {
        let rt = self.rt()?;
        // SAFETY: the table belongs to this context.
        Ok(unsafe { (rt.now)(self.raw()) })
    }

    /// An operation that ends at `deadline_ns`, or none when that has passed.
    pub(crate) fn sleep_until(self, deadline_ns: u64) -> Result<Option<HostOp>, PluginError> {
        let rt = self.rt()?;
        let mut op = ToruOp::NONE;
        // SAFETY: the table belongs to this context; `op` is ours.
        match unsafe { (rt.sleep_until)(self.raw(), deadline_ns, &raw mut op) } {
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
        let status = unsafe { (rt.spawn)(self.raw(), &raw const op) };
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
        self.rt()
            .is_ok_and(|rt| unsafe { (rt.is_worker_thread)(self.raw()) } != 0)
    }

    /// Runs work on a thread that may be blocked, unless the host refuses; then the work was dropped.
    pub(crate) fn spawn_blocking<W: BlockingWork>(self, work: W) -> Result<(), PluginError> {
        let rt = self.rt()?;
        let scope = self.scope();
        let data = Box::into_raw(Box::new(Handed {
            scope,
            ctx: self,
            work,
        }))
        .cast();
        // SAFETY: the table belongs to this context; one of the two functions gets the data, once.
        let status = unsafe { (rt.spawn_blocking)(self.raw(), Some(run::<W>), Some(cancel::<W>), data) };
        if status == TORU_DONE {
            return Ok(());
        }
        // SAFETY: refused, so it is still ours.
        drop(unsafe { Box::from_raw(data.cast::<Handed<W>>()) });
        Err(gone())
    }
}

/// What is done once on a thread that may be blocked. Dropped when that will never happen.
pub(crate) trait BlockingWork: Send + 'static {
    /// Runs the author's code, which may panic.
    fn run(&mut self);

    /// Called after a panic in `run`, with its words.
    fn panicked(&mut self, message: String);
}

struct Handed<W> {
    scope: Scope,
    ctx: Ctx,
    work: W,
}

unsafe extern "C" fn run<W: BlockingWork>(data: *mut c_void) {
    // SAFETY: handed over by `spawn_blocking`; the host calls one of the two functions, once.
    let handed = unsafe { Box::from_raw(data.cast::<Handed<W>>()) };
    let Handed { scope, ctx, mut work } = *handed;
    let ran = guard_with(&scope, Some(ctx), || {
        work.run();
        TORU_DONE
    });
    guard_drop(&scope, || {
        if let Err(message) = ran {
            work.panicked(message);
        }
        drop(work);
    });
}

unsafe extern "C" fn cancel<W: BlockingWork>(data: *mut c_void) {
    // SAFETY: as in `run`.
    let handed = unsafe { Box::from_raw(data.cast::<Handed<W>>()) };
    let Handed { scope, work, .. } = *handed;
    guard_drop(&scope, || drop(work));
}
