//! The atomics and locks of this crate: from `std`, from a model checker under `--cfg loom` or `--cfg shuttle`, or from
//! virtual cores under `--cfg simulate`. No other module depends on which of these it is.
//!
//! A model checker can suspend code at any step if the code takes its locks from here. Code that blocks in
//! locks of `std`, as poor-rcu does, blocks the model checker itself.

#[cfg(not(any(loom, shuttle, simulate)))]
pub use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    fence,
};

/// The methods of an atomic of this value that its `load` and `compare_exchange` make.
#[cfg(any(loom, simulate))]
macro_rules! derived_from_compare_exchange {
    ($value:ty) => {
        #[inline]
        #[track_caller]
        pub fn compare_exchange_weak(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.compare_exchange(current, new, success, failure)
        }

        #[inline]
        #[track_caller]
        pub fn fetch_update(
            &self,
            success: Ordering,
            failure: Ordering,
            mut f: impl FnMut($value) -> Option<$value>,
        ) -> Result<$value, $value> {
            let mut seen = self.load(failure);
            while let Some(new) = f(seen) {
                match self.compare_exchange(seen, new, success, failure) {
                    Ok(old) => return Ok(old),
                    Err(now) => seen = now,
                }
            }
            Err(seen)
        }
    };
}

#[cfg(simulate)]
pub mod simulated;

#[cfg(simulate)]
pub(crate) use self::simulated::{
    Arc, Backoff, Mutex, MutexGuard, attempt, core_local as thread_local, reclaims, telling, touch,
    touch_bytes, touch_bytes_mut, touch_mut, touch_update, will_allocate, will_free,
};
#[cfg(simulate)]
pub use self::simulated::{
    AtomicBool, AtomicI64, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    fence,
};

#[cfg(loom)]
mod watched;

#[cfg(loom)]
pub use self::watched::{
    AtomicBool, AtomicI64, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize,
    explore_as_loom,
};
#[cfg(loom)]
pub use loom::sync::atomic::{Ordering, fence};

#[cfg(shuttle)]
pub use shuttle::sync::atomic::{
    AtomicBool, AtomicI64, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    fence,
};

#[cfg(not(any(loom, shuttle, simulate)))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// That of `std`, also under model checkers: its counts are not part of any algorithm here.
#[cfg(not(simulate))]
pub(crate) use std::sync::Arc;

#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};

/// Locks in which a model checker cannot suspend a thread: `std`'s, except on virtual cores.
pub(crate) mod opaque {
    #[cfg(simulate)]
    pub(crate) use super::simulated::{Mutex, MutexGuard, RwLock, RwLockReadGuard};
    #[cfg(not(simulate))]
    pub(crate) use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard};
}

/// A reader-writer lock for data that is mostly read.
#[cfg(not(any(loom, shuttle)))]
pub(crate) use crossbeam_utils::sync::ShardedLock;

#[cfg(loom)]
pub(crate) use loom::sync::RwLock as ShardedLock;

#[cfg(shuttle)]
pub(crate) use shuttle::sync::RwLock as ShardedLock;

#[cfg(not(any(loom, shuttle, simulate)))]
pub(crate) use crossbeam_utils::Backoff;

#[cfg(loom)]
use loom::thread::yield_now;
#[cfg(shuttle)]
use shuttle::thread::yield_now;

#[cfg(not(any(loom, shuttle, simulate)))]
pub(crate) use std::thread_local;

#[cfg(shuttle)]
pub(crate) use shuttle::thread_local;

/// Under a model checker, a waiting thread yields, so that another one runs.
#[cfg(any(loom, shuttle))]
#[derive(Debug)]
pub(crate) struct Backoff(());

#[cfg(any(loom, shuttle))]
impl Backoff {
    pub(crate) fn new() -> Self {
        Self(())
    }

    pub(crate) fn spin(&self) {
        yield_now();
    }

    pub(crate) fn snooze(&self) {
        yield_now();
    }
}

/// The first value of numbers that never wrap around: epochs, eras and versions of reclaimers, entries of a log,
/// versions and stamps of versioned tables. Under a model checker they begin just below 2³², so that its
/// programs would reveal a field that is too narrow for them; in this crate's own tests they begin 256 below 2³², as
/// some tests need a few numbers before it.
pub(crate) const FIRST: u64 = if cfg!(any(loom, shuttle)) {
    u32::MAX as u64
} else if cfg!(test) {
    (1 << 32) - 256
} else {
    0
};

/// Reports a read of plain memory at `address`, which holds a pointer to `next`, or null: no atomic reports it.
/// Does nothing except under `--cfg simulate`.
#[cfg(not(simulate))]
#[inline(always)]
pub(crate) fn touch<T, N>(_: *const T, _: *const N) {}

/// Reports a write of plain memory, likewise.
#[cfg(not(simulate))]
#[inline(always)]
pub(crate) fn touch_mut<T>(_: *const T) {}

/// Reports a read of a number of bytes, likewise.
#[cfg(not(simulate))]
#[inline(always)]
pub(crate) fn touch_bytes<T>(_: *const T, _: usize) {}

/// Reports a write of a number of bytes, likewise.
#[cfg(not(simulate))]
#[inline(always)]
pub(crate) fn touch_bytes_mut<T>(_: *const T, _: usize) {}

/// Reports an atomic update in another crate, such as an uncontended lock of `std`, likewise.
#[cfg(not(simulate))]
#[inline(always)]
pub(crate) fn touch_update<T>(_: *const T) {}

/// Runs code that looks up the memory that it reports: only on virtual cores.
#[cfg(not(simulate))]
#[inline(always)]
pub(crate) fn telling(_: impl FnOnce()) {}

/// Reports that a thread begins to compute a change: its own change, for the first time or again after a failed
/// attempt, or one that another thread has announced. The change's instructions are charged here. Does nothing except
/// under `--cfg simulate`.
#[cfg(not(simulate))]
#[inline(always)]
pub(crate) fn attempt() {}

/// Reports that a node of that type will be allocated; the calling core may be stopped here. Does nothing except under
/// `--cfg simulate`.
#[cfg(not(simulate))]
#[inline(always)]
pub(crate) fn will_allocate<T>() {}

/// Reports that a node will be freed, likewise.
#[cfg(not(simulate))]
#[inline(always)]
pub(crate) fn will_free<T>() {}

/// Reports that a retired node will be freed. Does nothing except under `--cfg simulate`.
#[cfg(not(simulate))]
#[inline(always)]
pub(crate) fn reclaims() {}

/// Sets `bits` of the pointer's address and returns what was there before.
#[inline(always)]
#[cfg_attr(simulate, track_caller)]
pub fn set_bits<T>(pointer: &AtomicPtr<T>, bits: usize, order: Ordering) -> *mut T {
    #[cfg(not(any(loom, shuttle)))]
    return pointer.fetch_or(bits, order);
    #[cfg(any(loom, shuttle))]
    return update(pointer, order, |address| address | bits);
}

/// Clears `bits` of the pointer's address and returns what was there before.
#[inline(always)]
#[cfg_attr(simulate, track_caller)]
pub fn clear_bits<T>(pointer: &AtomicPtr<T>, bits: usize, order: Ordering) -> *mut T {
    #[cfg(not(any(loom, shuttle)))]
    return pointer.fetch_and(!bits, order);
    #[cfg(any(loom, shuttle))]
    return update(pointer, order, |address| address & !bits);
}

/// Adds `bytes` to the pointer's address and returns what was there before.
#[inline(always)]
#[cfg_attr(simulate, track_caller)]
pub fn add_bytes<T>(pointer: &AtomicPtr<T>, bytes: usize, order: Ordering) -> *mut T {
    #[cfg(not(any(loom, shuttle)))]
    return pointer.fetch_byte_add(bytes, order);
    #[cfg(any(loom, shuttle))]
    return update(pointer, order, |address| address + bytes);
}

#[cfg(any(loom, shuttle))]
fn update<T>(pointer: &AtomicPtr<T>, order: Ordering, f: impl Fn(usize) -> usize) -> *mut T {
    let next = |seen: *mut T| Some(seen.map_addr(&f));
    pointer.fetch_update(order, Ordering::Relaxed, next).expect("always some")
}

/// Yields at random between the load of a pointer and its use, under `--cfg perturb`; otherwise does
/// nothing. Sanitizers find a premature free far more often with it.
#[inline(always)]
pub fn perturb() {
    #[cfg(perturb)]
    {
        use std::cell::Cell;
        thread_local!(static STATE: Cell<u32> = const { Cell::new(0x9E37_79B9) });
        STATE.with(|state| {
            let mut x = state.get();
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            state.set(x);
            if x % 64 == 0 {
                std::thread::yield_now();
            }
        });
    }
}
