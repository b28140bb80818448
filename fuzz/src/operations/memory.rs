//! An allocator that has little to give, where a table must bear that.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

/// What no allocation of a target exceeds, so that a table that asks for more gets an error whatever
/// the machine and the sanitizer.
const MOST: usize = 1 << 28;
/// What a starving thread gets of blocks that begin at a cache line. Arrays of buckets do, and are
/// larger; queues and nodes, which a table takes for granted, do not.
const LITTLE: usize = 1 << 9;
const CACHE_LINE: usize = 64;

thread_local! {
    /// Whether the operation that is next is to find little memory.
    static IS_SHORT: Cell<bool> = const { Cell::new(false) };
    static STARVES: Cell<bool> = const { Cell::new(false) };
}

/// Says whether [`starved`] is.
pub(super) fn make_short(is_short: bool) {
    IS_SHORT.set(is_short);
}

/// Runs `f`, which bears that large blocks are refused, with little memory if that is to be.
pub(super) fn starved<T>(f: impl FnOnce() -> T) -> T {
    struct Fed;
    impl Drop for Fed {
        fn drop(&mut self) {
            STARVES.set(false);
        }
    }
    STARVES.set(IS_SHORT.get());
    let _fed = Fed;
    f()
}

/// The system's allocator, up to a limit.
struct Limited;

#[global_allocator]
static ALLOCATOR: Limited = Limited;

/// Whether this thread may have such a block; one that is ending may.
fn may_have(size: usize, align: usize) -> bool {
    let is_large = size > LITTLE && align >= CACHE_LINE;
    size <= MOST && !(is_large && STARVES.try_with(Cell::get).unwrap_or(false))
}

// SAFETY: what is not refused, which is allowed, is the system allocator's.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !may_have(layout.size(), layout.align()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise: `block` is from here, and so from there.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !may_have(layout.size(), layout.align()) {
            return ptr::null_mut();
        }
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !may_have(size, layout.align()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise: `block` is from here, and so from there.
        unsafe { System.realloc(block, layout, size) }
    }
}
