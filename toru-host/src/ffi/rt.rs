//! `toru.rt/1`: the host's clock, timers and threads.

use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Sleep;
use toru_plugin_api::abi::host::ToruCtx;
use toru_plugin_api::abi::op::{ToruOp, ToruOpVt, ToruWaker, with_std_waker};
use toru_plugin_api::abi::rt::ToruRt;
use toru_plugin_api::abi::size_word;
use toru_plugin_api::abi::status::{TORU_DONE, TORU_GONE, TORU_INVALID, TORU_PENDING};

use super::context::Context;
use super::guard::{guard, guard_or};
use super::op::{PluginOp, Task, is_worker, on_worker};

pub(super) static TABLE: ToruRt = ToruRt {
    size: size_word::<ToruRt>(),
    flags: 0,
    now,
    sleep_until,
    spawn,
    spawn_blocking,
    is_worker_thread,
};

/// The background work of one instance.
#[derive(Debug)]
pub(super) struct Tasks {
    set: Mutex<TaskSet>,
    /// What blocks takes threads that all plugins and the application share.
    blocking: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct TaskSet {
    set: JoinSet<()>,
    ended: bool,
}

impl Tasks {
    /// Of which so much may block at a time.
    pub(super) fn new(max_blocking: usize) -> Self {
        // A plugin that may have no requests has work of its own all the same.
        let permits = max_blocking.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            set: Mutex::default(),
            blocking: Arc::new(Semaphore::new(permits)),
        }
    }

    /// Adds work unless the instance has ended.
    fn add(&self, spawn: impl FnOnce(&mut JoinSet<()>)) -> bool {
        let mut tasks = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.set.try_join_next().is_some() {}
        if !tasks.ended {
            spawn(&mut tasks.set);
        }
        !tasks.ended
    }

    /// Takes no more work, cancels what there is, and waits until the last of it is gone.
    pub(super) async fn end(&self) {
        let mut set = {
            let mut tasks = self.set.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.ended = true;
            std::mem::take(&mut tasks.set)
        };
        set.shutdown().await;
    }
}

unsafe extern "C" fn now(ctx: *const ToruCtx) -> u64 {
    // SAFETY: plugins get no other contexts than ours.
    let elapsed = unsafe { Context::of(ctx) }.epoch.elapsed();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// A timer in a plugin's hands.
struct Timer(Sleep);

static TIMER_VT: ToruOpVt = ToruOpVt {
    size: size_word::<ToruOpVt>(),
    flags: 0,
    poll: Some(timer_poll),
    drop: Some(timer_drop),
};

unsafe extern "C" fn sleep_until(ctx: *const ToruCtx, deadline_ns: u64, op: *mut ToruOp) -> u32 {
    guard("rt.sleep_until", || {
        // SAFETY: plugins get no other contexts than ours.
        let context = unsafe { Context::of(ctx) };
        let Some(services) = context.services() else {
            return TORU_GONE;
        };
        let elapsed = u64::try_from(context.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if deadline_ns <= elapsed {
            return TORU_DONE;
        }
        let _runtime = services.runtime.enter();
        let timer = Timer(tokio::time::sleep(Duration::from_nanos(deadline_ns - elapsed)));
        let pending = ToruOp {
            data: Box::into_raw(Box::new(timer)).cast(),
            vt: &raw const TIMER_VT,
        };
        // SAFETY: the plugin lends the place for the call.
        unsafe { op.write(pending) };
        TORU_PENDING
    })
}

unsafe extern "C" fn timer_poll(data: *mut c_void, waker: *const ToruWaker, _: *mut c_void) -> u32 {
    guard("rt.timer.poll", || {
        // SAFETY: only `TIMER_VT` leads here, one call at a time.
        let timer = unsafe { &mut *data.cast::<Timer>() };
        // SAFETY: timers live in boxes and stay there.
        let sleep = unsafe { Pin::new_unchecked(&mut timer.0) };
        // SAFETY: the plugin's waker is valid for the call.
        let polled = unsafe {
            with_std_waker(waker, |waker| {
                Future::poll(sleep, &mut TaskContext::from_waker(waker))
            })
        };
        if matches!(polled, Poll::Ready(())) {
            TORU_DONE
        } else {
            TORU_PENDING
        }
    })
}

unsafe extern "C" fn timer_drop(data: *mut c_void) {
    guard_or("rt.timer.drop", (), || {
        // SAFETY: dropped once, by its holder.
        drop(unsafe { Box::from_raw(data.cast::<Timer>()) });
    });
}

unsafe extern "C" fn spawn(ctx: *const ToruCtx, op: *const ToruOp) -> u32 {
    guard("rt.spawn", || {
        // SAFETY: plugins get no other contexts than ours.
        let context = unsafe { Context::of(ctx) };
        let Some(services) = context.services() else {
            return TORU_GONE;
        };
        if op.is_null() {
            return TORU_INVALID;
        }
        // SAFETY: the plugin lends the struct for the call.
        let op = unsafe { op.read() };
        // SAFETY: handed over, unless it is given back below.
        let Some(op) = (unsafe { PluginOp::new(op) }) else {
            return TORU_INVALID;
        };
        let mut op = Some(op);
        let added = context.tasks.add(|set| {
            if let Some(op) = op.take() {
                set.spawn_on(Task::new(op, context), &services.runtime);
            }
        });
        // On an error it stays the plugin's.
        std::mem::forget(op);
        if added { TORU_DONE } else { TORU_GONE }
    })
}

/// Blocking work of a plugin, run or cancelled once.
struct Work {
    run: Option<unsafe extern "C" fn(*mut c_void)>,
    cancel: Option<unsafe extern "C" fn(*mut c_void)>,
    data: *mut c_void,
}

// SAFETY: the plugin handed the data over to be used on another thread.
unsafe impl Send for Work {}

impl Work {
    fn run_within(mut self, _permit: OwnedSemaphorePermit) {
        if let Some(run) = self.run.take() {
            // SAFETY: the plugin asked for this call, once.
            unsafe { run(self.data) };
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let (Some(_), Some(cancel)) = (self.run, self.cancel) {
            // SAFETY: it was never run, and never will be.
            on_worker(|| unsafe { cancel(self.data) });
        }
    }
}

unsafe extern "C" fn spawn_blocking(
    ctx: *const ToruCtx,
    run: Option<unsafe extern "C" fn(data: *mut c_void)>,
    cancel: Option<unsafe extern "C" fn(data: *mut c_void)>,
    data: *mut c_void,
) -> u32 {
    guard("rt.spawn_blocking", || {
        // SAFETY: plugins get no other contexts than ours.
        let context = unsafe { Context::of(ctx) };
        let Some(services) = context.services() else {
            return TORU_GONE;
        };
        if run.is_none() {
            return TORU_INVALID;
        }
        let (tasks, runtime) = (&context.tasks, services.runtime.clone());
        let blocking = Arc::clone(&tasks.blocking);
        let added = tasks.add(|set| {
            let work = Work { run, cancel, data };
            match Arc::clone(&blocking).try_acquire_owned() {
                Ok(permit) => {
                    set.spawn_blocking_on(move || work.run_within(permit), &services.runtime);
                }
                Err(_) => {
                    set.spawn_on(
                        when_there_is_room(tasks, runtime, blocking, work),
                        &services.runtime,
                    );
                }
            }
        });
        if added { TORU_DONE } else { TORU_GONE }
    })
}

/// Begins work that blocks when other work of the instance has ended. Cancels it when the instance ends first.
async fn when_there_is_room(tasks: &'static Tasks, runtime: Handle, blocking: Arc<Semaphore>, work: Work) {
    if let Ok(permit) = blocking.acquire_owned().await {
        tasks.add(|set| {
            set.spawn_blocking_on(move || work.run_within(permit), &runtime);
        });
    }
}

unsafe extern "C" fn is_worker_thread(_: *const ToruCtx) -> u32 {
    u32::from(is_worker())
}
