//! The axis allocator: which one the process has, chosen when it starts.
//!
//! A program installs the [`Switch`]; a library must not choose for it:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: trials::allocator::Switch = trials::allocator::Switch;
//! # fn main() { assert_eq!(trials::allocator::running(), "system"); }
//! ```
//!
//! # Why it is sound
//!
//! What one allocator gave must never be freed by another. The choice is one atomic word that is
//! written once, by the first call of all, before that call allocates; so every call of the
//! process, on every thread, finds the same allocator. It is read from the environment variable
//! [`VARIABLE`] by `getenv`, which does not allocate (`std::env::var_os` does). The first call
//! comes from the runtime before `main`, when no other thread can change the environment. Code in
//! C does not come here: it has the platform's `malloc` and `free` as a pair, which mimalloc, built
//! without its feature `override`, leaves alone.
//!
//! A trial is a fresh process that is told by the variable, so that no trial inherits another's
//! heap. The choice costs each call a load and three branches that are always the same way, for either
//! allocator alike.
//!
//! A process that is told `NAME+count` counts the bytes that are allocated and not freed
//! ([`live_bytes`]), as they were asked for: what the allocator adds to a block is not in it.
//!
//! A process may have said that it ends when there is no memory: `memory.rs`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering::Relaxed};

use crate::memory;

/// The environment variable that names the allocator of a process.
pub const VARIABLE: &str = "BENCH_ALLOCATOR";

/// An allocator that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocator {
    /// Its name in experiment files and results.
    pub name: &'static str,
    /// One line for `bench list`.
    pub summary: &'static str,
}

const SYSTEM: Allocator = Allocator {
    name: crate::case::SYSTEM,
    summary: "the platform's malloc, as Rust's std uses it",
};
#[cfg(feature = "mimalloc")]
const MIMALLOC: Allocator =
    Allocator { name: "mimalloc", summary: "mimalloc 2 (Leijen, Zorn, de Moura 2019)" };

/// Values of [`CHOICE`].
const UNDECIDED: u8 = 0;
const IS_SYSTEM: u8 = 1;
#[cfg(feature = "mimalloc")]
const IS_MIMALLOC: u8 = 2;
/// Set beside one of them in a process that counts.
const COUNTS: u8 = 4;
/// What follows the allocator's name in [`VARIABLE`] to make a process count.
pub const COUNT: &str = "+count";

/// Bytes allocated and not freed, if the process counts them.
static LIVE: AtomicI64 = AtomicI64::new(0);

/// Leaves [`UNDECIDED`] once, and never changes again.
static CHOICE: AtomicU8 = AtomicU8::new(UNDECIDED);

/// A global allocator that is one of several for the whole life of the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Switch;

/// The allocators that this process could have been started with: the first alone if its program
/// has not installed the [`Switch`].
#[must_use]
pub fn available() -> &'static [Allocator] {
    // A program has allocated long before it asks; only a switch decides.
    if CHOICE.load(Relaxed) == UNDECIDED {
        return &[SYSTEM];
    }
    #[cfg(feature = "mimalloc")]
    return &[SYSTEM, MIMALLOC];
    #[cfg(not(feature = "mimalloc"))]
    &[SYSTEM]
}

/// The name of this process's allocator.
#[must_use]
pub fn running() -> &'static str {
    match CHOICE.load(Relaxed) & !COUNTS {
        #[cfg(feature = "mimalloc")]
        IS_MIMALLOC => MIMALLOC.name,
        _ => SYSTEM.name,
    }
}

/// Bytes that Rust code of this process has asked for and not freed; `None` if they are not
/// counted. Exact while no other thread allocates.
#[must_use]
pub fn live_bytes() -> Option<u64> {
    // Relaxed: a number; of what other threads allocate meanwhile nothing is promised.
    let live = || u64::try_from(LIVE.load(Relaxed)).unwrap_or(0);
    (CHOICE.load(Relaxed) & COUNTS != 0).then(live)
}

/// Notes `more` bytes if `choice` says to, and if `block`, which an allocator has just given for `size`
/// bytes, is one.
#[inline]
fn given(choice: u8, more: i64, size: usize, block: *mut u8) -> *mut u8 {
    if block.is_null() {
        memory::refused(size);
    } else if choice & COUNTS != 0 {
        count(more);
    }
    block
}

#[cold]
fn count(bytes: i64) {
    // Relaxed: as in `live_bytes`.
    LIVE.fetch_add(bytes, Relaxed);
}

/// A block's size, which a layout keeps below `isize::MAX`.
#[expect(clippy::cast_possible_wrap, reason = "no block is larger than isize::MAX")]
const fn bytes(size: usize) -> i64 {
    size as i64
}

#[inline]
fn choice() -> u8 {
    // Relaxed: the word itself is all that threads tell each other.
    match CHOICE.load(Relaxed) {
        UNDECIDED => decide(),
        decided => decided,
    }
}

/// Decides, unless another thread has meanwhile.
#[cold]
fn decide() -> u8 {
    let wanted = wanted();
    CHOICE.compare_exchange(UNDECIDED, wanted, Relaxed, Relaxed).err().unwrap_or(wanted)
}

/// What the environment asks for; `system`, uncounted, if it asks for nothing that is known.
fn wanted() -> u8 {
    use std::ffi::CStr;
    /// [`VARIABLE`], as C has it.
    const NAME: &CStr = c"BENCH_ALLOCATOR";
    // SAFETY: the name is a C string. Nothing changes the environment meanwhile: see the head.
    let value = unsafe { nix::libc::getenv(NAME.as_ptr()) };
    if value.is_null() {
        return IS_SYSTEM;
    }
    // SAFETY: not null, so it is a C string of the environment, which nothing changes.
    let value = unsafe { CStr::from_ptr(value) };
    choice_named(value.to_bytes())
}

fn choice_named(value: &[u8]) -> u8 {
    let (name, counts) = match value.strip_suffix(COUNT.as_bytes()) {
        Some(name) => (name, COUNTS),
        None => (value, 0),
    };
    let named = match name {
        #[cfg(feature = "mimalloc")]
        name if name == MIMALLOC.name.as_bytes() => IS_MIMALLOC,
        _ => IS_SYSTEM,
    };
    named | counts
}

// SAFETY: each call goes to one allocator, the same for all calls of the process (see the head), and
// hands the caller's promises on to it; so the pair of calls for a block is that allocator's own.
// Counting changes no block.
unsafe impl GlobalAlloc for Switch {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let choice = choice();
        let block = match choice & !COUNTS {
            #[cfg(feature = "mimalloc")]
            // SAFETY: the caller's promises about `layout`.
            IS_MIMALLOC => unsafe { mimalloc::MiMalloc.alloc(layout) },
            // SAFETY: the same.
            _ => unsafe { System.alloc(layout) },
        };
        given(choice, bytes(layout.size()), layout.size(), block)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let choice = choice();
        let block = match choice & !COUNTS {
            #[cfg(feature = "mimalloc")]
            // SAFETY: the caller's promises about `layout`.
            IS_MIMALLOC => unsafe { mimalloc::MiMalloc.alloc_zeroed(layout) },
            // SAFETY: the same.
            _ => unsafe { System.alloc_zeroed(layout) },
        };
        given(choice, bytes(layout.size()), layout.size(), block)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let choice = choice();
        if choice & COUNTS != 0 {
            count(-bytes(layout.size()));
        }
        match choice & !COUNTS {
            #[cfg(feature = "mimalloc")]
            // SAFETY: `block` came from this switch, hence from this allocator, with `layout`.
            IS_MIMALLOC => unsafe { mimalloc::MiMalloc.dealloc(block, layout) },
            // SAFETY: the same.
            _ => unsafe { System.dealloc(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let choice = choice();
        let block = match choice & !COUNTS {
            #[cfg(feature = "mimalloc")]
            // SAFETY: `block` came from this switch, hence from this allocator, with `layout`; the
            // caller's promises about `size`.
            IS_MIMALLOC => unsafe { mimalloc::MiMalloc.realloc(block, layout, size) },
            // SAFETY: the same.
            _ => unsafe { System.realloc(block, layout, size) },
        };
        given(choice, bytes(size) - bytes(layout.size()), size, block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_counts_if_it_is_told_to() {
        assert_eq!(choice_named(b"system"), IS_SYSTEM);
        assert_eq!(choice_named(b"system+count"), IS_SYSTEM | COUNTS);
        assert_eq!(choice_named(b"anything"), IS_SYSTEM);
        #[cfg(feature = "mimalloc")]
        assert_eq!(choice_named(b"mimalloc+count"), IS_MIMALLOC | COUNTS);
        assert_eq!(live_bytes(), None, "this one was not told");
    }
}
