//! An allocator whose memory is nobody else's: whoever else frees it, or whose memory this one is given, ends the process.

#![expect(unsafe_code, reason = "an allocator is unsafe by nature")]

use std::alloc::{GlobalAlloc, Layout, System};

/// In front of every allocation.
const MARK: u64 = 0x7A6F_6F7A_6F6F_7A6F;
/// What freed memory is filled with.
const POISON: u8 = 0xDD;

struct Marked;

#[global_allocator]
static GLOBAL: Marked = Marked;

/// The allocation with its mark in front, and where it begins behind that.
fn widened(layout: Layout) -> Option<(Layout, usize)> {
    let front = layout.align().max(32);
    let size = layout.size().checked_add(front)?;
    Some((Layout::from_size_align(size, front).ok()?, front))
}

// SAFETY: every allocation is one of `System`, from its front on.
unsafe impl GlobalAlloc for Marked {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((wide, front)) = widened(layout) else {
            return std::ptr::null_mut();
        };
        // SAFETY: not empty.
        let begin = unsafe { System.alloc(wide) };
        if begin.is_null() {
            return begin;
        }
        // SAFETY: the front lies in the allocation.
        let user = unsafe { begin.add(front) };
        // SAFETY: the front has 32 bytes at least.
        let mark = unsafe { user.sub(8) };
        // SAFETY: as above.
        unsafe { mark.cast::<u64>().write_unaligned(MARK) };
        user
    }

    unsafe fn dealloc(&self, user: *mut u8, layout: Layout) {
        // SAFETY: in front of every allocation of this allocator; anything else is what this looks for.
        let mark = unsafe { user.sub(8) };
        // SAFETY: as above.
        if unsafe { mark.cast::<u64>().read_unaligned() } != MARK {
            std::process::abort();
        }
        let Some((wide, front)) = widened(layout) else {
            return;
        };
        // SAFETY: as it was allocated.
        let begin = unsafe { user.sub(front) };
        // SAFETY: nobody uses it any more.
        unsafe { begin.write_bytes(POISON, wide.size()) };
        // SAFETY: as it was allocated.
        unsafe { System.dealloc(begin, wide) };
    }
}
