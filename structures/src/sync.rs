//! Where atomics come from: `std`, or loom under `--cfg loom`. The only place that knows.

#[cfg(not(loom))]
pub use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};

#[cfg(loom)]
pub use loom::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};

#[cfg(not(loom))]
pub(crate) use std::sync::Mutex;

#[cfg(loom)]
pub(crate) use loom::sync::Mutex;

#[cfg(not(loom))]
pub(crate) use crossbeam_utils::Backoff;

/// Under loom, who waits says so, and another thread runs.
#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Backoff(());

#[cfg(loom)]
impl Backoff {
    pub(crate) fn new() -> Self {
        Self(())
    }

    pub(crate) fn spin(&self) {
        loom::thread::yield_now();
    }

    pub(crate) fn snooze(&self) {
        loom::thread::yield_now();
    }
}

/// Sets `bits` of the pointer's address and returns what was there before.
#[inline(always)]
pub fn set_bits<T>(pointer: &AtomicPtr<T>, bits: usize, order: Ordering) -> *mut T {
    #[cfg(not(loom))]
    return pointer.fetch_or(bits, order);
    #[cfg(loom)]
    return update(pointer, order, |address| address | bits);
}

/// Clears `bits` of the pointer's address and returns what was there before.
#[inline(always)]
pub fn clear_bits<T>(pointer: &AtomicPtr<T>, bits: usize, order: Ordering) -> *mut T {
    #[cfg(not(loom))]
    return pointer.fetch_and(!bits, order);
    #[cfg(loom)]
    return update(pointer, order, |address| address & !bits);
}

#[cfg(loom)]
fn update<T>(pointer: &AtomicPtr<T>, order: Ordering, f: impl Fn(usize) -> usize) -> *mut T {
    let next = |seen: *mut T| Some(seen.map_addr(&f));
    pointer.fetch_update(order, Ordering::Relaxed, next).expect("always some")
}

/// Yields now and then between loading a pointer and using it, under `--cfg perturb`; otherwise
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
