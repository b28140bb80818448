//! AXIS allocator: which one the process has, chosen when it starts.
//!
//! A program installs the [`Switch`]; a library must not choose for it:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: harness::allocator::Switch = harness::allocator::Switch;
//! # fn main() { assert_eq!(harness::allocator::running(), "system"); }
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
//! heap. The choice costs each call a load and a branch that is always the same way, for either
//! allocator alike.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

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
    match CHOICE.load(Relaxed) {
        #[cfg(feature = "mimalloc")]
        IS_MIMALLOC => MIMALLOC.name,
        _ => SYSTEM.name,
    }
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

/// What the environment asks for; `system` if it asks for nothing that is known.
fn wanted() -> u8 {
    #[cfg(feature = "mimalloc")]
    {
        use std::ffi::CStr;
        /// [`VARIABLE`], as C has it.
        const NAME: &CStr = c"BENCH_ALLOCATOR";
        // SAFETY: the name is a C string. Nothing changes the environment meanwhile: see the head.
        let value = unsafe { nix::libc::getenv(NAME.as_ptr()) };
        if !value.is_null() {
            // SAFETY: not null, so it is a C string of the environment, which nothing changes.
            let value = unsafe { CStr::from_ptr(value) };
            if value.to_bytes() == MIMALLOC.name.as_bytes() {
                return IS_MIMALLOC;
            }
        }
    }
    IS_SYSTEM
}

// SAFETY: each call goes to one allocator, the same for all calls of the process (see the head), and
// hands the caller's promises on to it; so the pair of calls for a block is that allocator's own.
unsafe impl GlobalAlloc for Switch {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match choice() {
            #[cfg(feature = "mimalloc")]
            // SAFETY: the caller's promises about `layout`.
            IS_MIMALLOC => unsafe { mimalloc::MiMalloc.alloc(layout) },
            // SAFETY: the same.
            _ => unsafe { System.alloc(layout) },
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match choice() {
            #[cfg(feature = "mimalloc")]
            // SAFETY: the caller's promises about `layout`.
            IS_MIMALLOC => unsafe { mimalloc::MiMalloc.alloc_zeroed(layout) },
            // SAFETY: the same.
            _ => unsafe { System.alloc_zeroed(layout) },
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match choice() {
            #[cfg(feature = "mimalloc")]
            // SAFETY: `block` came from this switch, hence from this allocator, with `layout`.
            IS_MIMALLOC => unsafe { mimalloc::MiMalloc.dealloc(block, layout) },
            // SAFETY: the same.
            _ => unsafe { System.dealloc(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match choice() {
            #[cfg(feature = "mimalloc")]
            // SAFETY: `block` came from this switch, hence from this allocator, with `layout`; the
            // caller's promises about `size`.
            IS_MIMALLOC => unsafe { mimalloc::MiMalloc.realloc(block, layout, size) },
            // SAFETY: the same.
            _ => unsafe { System.realloc(block, layout, size) },
        }
    }
}
