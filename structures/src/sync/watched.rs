//! Loom's atomics, with the races that loom's reduction misses.
//!
//! If two steps race, loom runs the execution again with the two swapped. But for each atomic it remembers only the
//! last access. If a thread loads an atomic that another thread has loaded before it, and then stores
//! to it, loom compares the store with the thread's own load. It does not see that the other thread's load could
//! have come after the store (tokio-rs/loom, issues 166 and 392). All writers that load before they
//! store do this, and the writers of a table are such writers.
//!
//! Here a thread's load of an atomic is also a step of a condition variable, which the thread has for
//! this atomic. A thread that stores to the atomic notifies the condition variables of the others. No thread waits for
//! them, and they order no memory. Loom regards two steps of one condition variable as a race, so it now swaps a store
//! with the last load of each other thread. Two loads do not race, as before. No other thread runs
//! between an access and its additional steps, so loom explores nothing more than these races.

#![allow(missing_docs, reason = "`std` says what they do")]

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use loom::sync::Condvar;
use loom::sync::atomic as of_loom;
use loom::thread::{self, ThreadId};

// Loom runs all threads of a model in one.
std::thread_local! {
    static AS_LOOM: Cell<bool> = const { Cell::new(false) };
}

/// Whether the models of this thread explore what loom's own reduction finds and no more: for one that is
/// too long otherwise. It misses the orders that are named above.
pub fn explore_as_loom(yes: bool) {
    AS_LOOM.set(yes);
}

/// The threads that have loaded an atomic.
#[derive(Debug, Default)]
struct Readers(Mutex<Vec<(ThreadId, Arc<Condvar>)>>);

impl Readers {
    /// A step that races with the other threads' [`Self::stored`].
    #[track_caller]
    fn loaded(&self) {
        if AS_LOOM.get() {
            return;
        }
        let me = thread::current().id();
        let mine = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match all.iter().find(|(reader, _)| *reader == me) {
                Some((_, mine)) => Arc::clone(mine),
                None => {
                    let mine = Arc::new(Condvar::new());
                    all.push((me, Arc::clone(&mine)));
                    mine
                }
            }
        };
        step(&mine);
    }

    /// A step for each other thread that has loaded the atomic. Who has not yet will race with the
    /// store itself.
    #[track_caller]
    fn stored(&self) {
        let me = thread::current().id();
        let others: Vec<_> = {
            let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.iter().filter(|(reader, _)| *reader != me).map(|(_, of)| Arc::clone(of)).collect()
        };
        others.iter().for_each(|other| step(other));
    }
}

/// A step that belongs to the one before: no other thread runs between them, and a race with this one
/// makes loom swap that one. None where a panic has ended the execution.
#[track_caller]
fn step(of: &Condvar) {
    /// Goes on exploring, also if loom ends the execution here by a panic.
    struct Explore;

    impl Drop for Explore {
        fn drop(&mut self) {
            loom::explore();
        }
    }

    if std::thread::panicking() {
        return;
    }
    loom::stop_exploring();
    let _explore = Explore;
    of.notify_one();
}

/// Atomics with the given read-modify-writes of one operand.
macro_rules! watched {
    ($($name:ident $(<$of:ident>)? of $value:ty: $($modify:ident)*;)*) => {$(
        #[derive(Debug)]
        pub struct $name $(<$of>)? {
            cell: of_loom::$name $(<$of>)?,
            readers: Readers,
        }

        impl $(<$of>)? $name $(<$of>)? {
            #[track_caller]
            pub fn new(value: $value) -> Self {
                Self { cell: of_loom::$name::new(value), readers: Readers::default() }
            }

            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                let seen = self.cell.load(order);
                self.readers.loaded();
                seen
            }

            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                self.cell.store(value, order);
                self.readers.stored();
            }

            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let seen = self.cell.compare_exchange(current, new, success, failure);
                self.readers.stored();
                seen
            }

            derived_from_compare_exchange!($value);

            $(
                #[track_caller]
                pub fn $modify(&self, operand: $value, order: Ordering) -> $value {
                    let seen = self.cell.$modify(operand, order);
                    self.readers.stored();
                    seen
                }
            )*

            #[track_caller]
            pub fn into_inner(self) -> $value {
                self.cell.into_inner()
            }
        }
    )*};
}

watched! {
    AtomicBool of bool: swap fetch_and fetch_or fetch_xor;
    AtomicPtr<T> of *mut T: swap;
    AtomicI64 of i64: swap fetch_add fetch_sub fetch_max fetch_min;
    AtomicIsize of isize: swap fetch_add fetch_sub fetch_max fetch_min;
    AtomicU32 of u32: swap fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max fetch_min;
    AtomicU64 of u64: swap fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max fetch_min;
    AtomicUsize of usize: swap fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max fetch_min;
}

/// With the value that `std`'s begin with.
macro_rules! defaults {
    ($($name:ident $(<$of:ident>)?: $value:expr;)*) => {$(
        impl $(<$of>)? Default for $name $(<$of>)? {
            #[track_caller]
            fn default() -> Self {
                Self::new($value)
            }
        }
    )*};
}

defaults! {
    AtomicBool: false;
    AtomicPtr<T>: std::ptr::null_mut();
    AtomicI64: 0;
    AtomicIsize: 0;
    AtomicU32: 0;
    AtomicU64: 0;
    AtomicUsize: 0;
}
