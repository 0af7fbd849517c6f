//! Where each thread marks whose code it executes.

use std::cell::Cell;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::scanner::Entry;
use crate::ffi::context::Context;

/// One thread's mark.
pub(super) struct Slot {
    /// Odd while code of a plugin is being executed; another number each time. Written by one thread.
    sequence: AtomicU64,
    /// Whose code it is. Contexts live as long as the process.
    context: AtomicPtr<Context>,
}

/// All slots, never freed, and those whose threads have ended.
struct Slots {
    all: Vec<&'static Slot>,
    free: Vec<&'static Slot>,
}

static SLOTS: Mutex<Slots> = Mutex::new(Slots {
    all: Vec::new(),
    free: Vec::new(),
});

thread_local! {
    /// The thread's slot once it has one, and as long as it has it. Without a destructor, so it is cheap to read.
    static SLOT: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    /// Gives the slot back when the thread ends.
    static LEASE: Lease = const { Lease(Cell::new(None)) };
}

struct Lease(Cell<Option<&'static Slot>>);

impl Drop for Lease {
    fn drop(&mut self) {
        SLOT.set(None);
        if let Some(slot) = self.0.take() {
            slots().free.push(slot);
        }
    }
}

fn slots() -> std::sync::MutexGuard<'static, Slots> {
    SLOTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Executes code of a plugin's call. What that calls in turn, in the same plugin or another, is part of it.
#[inline]
pub(in crate::ffi) fn inside<R>(context: &'static Context, f: impl FnOnce() -> R) -> R {
    let Some(slot) = SLOT.get().or_else(lease) else {
        // The thread is ending.
        return f();
    };
    let before = slot.sequence.load(Ordering::Relaxed);
    if before % 2 == 1 {
        return f();
    }
    // Whoever reads it knows that the thread has left where it was before.
    slot.context
        .store(std::ptr::from_ref(context).cast_mut(), Ordering::Release);
    slot.sequence.store(before.wrapping_add(1), Ordering::Release);
    let leave = Leave(slot, before.wrapping_add(2));
    let result = f();
    drop(leave);
    result
}

/// Marks the end, also when what runs inside unwinds.
struct Leave(&'static Slot, u64);

impl Drop for Leave {
    #[inline]
    fn drop(&mut self) {
        self.0.sequence.store(self.1, Ordering::Release);
    }
}

/// Finds a slot for this thread; `None` while the thread is ending.
#[cold]
fn lease() -> Option<&'static Slot> {
    LEASE
        .try_with(|lease| {
            let mut slots = slots();
            let slot = slots.free.pop().unwrap_or_else(|| {
                let slot: &'static Slot = Box::leak(Box::new(Slot {
                    sequence: AtomicU64::new(0),
                    context: AtomicPtr::default(),
                }));
                slots.all.push(slot);
                slot
            });
            lease.0.set(Some(slot));
            SLOT.set(Some(slot));
            slot
        })
        .ok()
}

/// What all threads execute now.
pub(super) fn entries() -> Vec<Entry<&'static Context>> {
    let slots = slots();
    let entry = |(number, slot): (usize, &&'static Slot)| {
        let sequence = slot.sequence.load(Ordering::Acquire);
        if sequence % 2 == 0 {
            return None;
        }
        let context = slot.context.load(Ordering::Acquire);
        // Only if the thread is still where it was do the two belong together.
        if slot.sequence.load(Ordering::Relaxed) != sequence {
            return None;
        }
        // SAFETY: a mark names a context, and contexts live as long as the process.
        let context = unsafe { context.as_ref() }?;
        Some(Entry {
            slot: number,
            sequence,
            limit: context.stuck_after(),
            whose: context,
        })
    };
    slots.all.iter().enumerate().filter_map(entry).collect()
}
