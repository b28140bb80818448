//! An allocator that counts, and refuses what a test has no memory for.
#![allow(dead_code, reason = "of use to some tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

/// Bytes of a block from which on it is large.
pub(crate) const LARGE: usize = 8192;

thread_local! {
    /// Bytes that this thread has allocated, less those that it has freed.
    pub(crate) static HELD: Cell<usize> = const { Cell::new(0) };
    /// Bytes of the largest block that it may have.
    pub(crate) static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
    /// Large blocks that it may have until all of them are refused.
    pub(crate) static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn is_refused(layout: Layout) -> bool {
    if layout.size() < LARGE {
        return false;
    }
    let left = LEFT.get();
    if left > 0 {
        LEFT.set(left - 1);
    }
    left == 0 || layout.size() > MOST.get()
}

struct Counting;

// SAFETY: every block that is not refused is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            HELD.set(HELD.get().wrapping_add(layout.size()));
        }
        block
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        // SAFETY: the caller's; `alloc` had it from the system's.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
