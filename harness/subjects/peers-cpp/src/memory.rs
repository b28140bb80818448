//! The program's allocator for C++, so that a case's allocator is that of its table's entries in either language.

use std::alloc::{self, Layout};
use std::process;

/// A block of so many bytes; without memory the process ends.
// SAFETY: nothing else in the program has this name.
#[unsafe(no_mangle)]
extern "C" fn peers_allocate(size: usize, align: usize) -> *mut u8 {
    let layout = layout(size, align);
    // SAFETY: the layout's size is not 0.
    let block = unsafe { alloc::alloc(layout) };
    if block.is_null() {
        alloc::handle_alloc_error(layout);
    }
    block
}

/// Frees what [`peers_allocate`] gave.
///
/// # Safety
///
/// `block` is of [`peers_allocate`], called with the same numbers, and nobody uses it any more.
// SAFETY: nothing else in the program has this name.
#[unsafe(no_mangle)]
unsafe extern "C" fn peers_release(block: *mut u8, size: usize, align: usize) {
    let layout = layout(size, align);
    // SAFETY: the caller's promise: the block is of the same allocator, by the same layout.
    unsafe { alloc::dealloc(block, layout) };
}

/// C++ asks for `sizeof` and `alignof` of its types. Nothing unwinds into C++: what is no layout ends the process.
fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size.max(1), align).unwrap_or_else(|_| process::abort())
}
