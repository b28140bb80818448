//! The threads of a domain: a list of records that only grows.
//!
//! A thread takes a free record, or adds one; when its participant drops, it gives the record back. Records
//! are freed with the domain, so whoever goes through the list may stop anywhere for any time.
//! Taking and giving back are lock-free (the list grows to the most participants there ever were at
//! once), except for the allocator.

use std::fmt;
use std::ops::Deref;
use std::ptr;

use crate::sync::{AtomicBool, AtomicPtr, Ordering};

/// The records of a domain, each with a `T` that all threads read.
pub(super) struct Registry<T> {
    head: AtomicPtr<Record<T>>,
}

/// Aligned so that no two threads' records share a cache line, nor a pair of them.
#[repr(align(128))]
struct Record<T> {
    shared: T,
    taken: AtomicBool,
    /// Set before the record is in the list, and then never again.
    next: AtomicPtr<Record<T>>,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()) }
    }
}

impl<T> fmt::Debug for Registry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl<T> Registry<T> {
    fn records(&self) -> Records<'_, T> {
        // Acquire registry-R1: pairs with the Release that put the record into the list.
        Records(follow(&self.head, Ordering::Acquire))
    }

    /// What the threads share, of records that are taken and of records that are not.
    pub(super) fn iter(&self) -> Threads<'_, T> {
        Threads(self.records())
    }
}

impl<T: Default + Sync> Registry<T> {
    /// Takes a record.
    pub(super) fn take(&self) -> Taken<'_, T> {
        Taken(self.records().find(|record| record.try_take()).unwrap_or_else(|| self.add()))
    }

    #[cold]
    fn add(&self) -> &Record<T> {
        let added = Box::into_raw(Box::new(Record {
            shared: T::default(),
            taken: AtomicBool::new(true),
            next: AtomicPtr::new(ptr::null_mut()),
        }));
        // SAFETY: from `Box`; freed when the registry drops, which `'_` does not outlive.
        let record = unsafe { &*added };
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            record.next.store(head, Ordering::Relaxed);
            // Release registry-R1: publishes the record, and those behind it, as each addition is a
            // read-modify-write and so goes on with the release sequence.
            match self.head.compare_exchange(head, added, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return record,
                Err(seen) => head = seen,
            }
        }
    }
}

impl<T> Record<T> {
    fn try_take(&self) -> bool {
        // Acquire registry-R2: pairs with the Release with which the last owner gave it back.
        !self.taken.load(Ordering::Relaxed)
            && self
                .taken
                .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }
}

fn follow<T>(link: &AtomicPtr<Record<T>>, order: Ordering) -> Option<&Record<T>> {
    // SAFETY: null or a record, which lives as long as the registry that both belong to.
    unsafe { link.load(order).as_ref() }
}

struct Records<'d, T>(Option<&'d Record<T>>);

impl<'d, T> Iterator for Records<'d, T> {
    type Item = &'d Record<T>;

    fn next(&mut self) -> Option<&'d Record<T>> {
        let record = self.0?;
        // Relaxed: came with the record.
        self.0 = follow(&record.next, Ordering::Relaxed);
        Some(record)
    }
}

/// See [`Registry::iter`].
pub(super) struct Threads<'d, T>(Records<'d, T>);

impl<'d, T> Iterator for Threads<'d, T> {
    type Item = &'d T;

    #[inline]
    fn next(&mut self) -> Option<&'d T> {
        self.0.next().map(|record| &record.shared)
    }
}

impl<T> Drop for Registry<T> {
    fn drop(&mut self) {
        let mut next = self.head.load(Ordering::Relaxed);
        while !next.is_null() {
            // SAFETY: made from a box in `add`, once in the list; `&mut self`: nobody has a reference.
            let record = unsafe { Box::from_raw(next) };
            next = record.next.load(Ordering::Relaxed);
        }
    }
}

/// A record that is the holder's until this drops.
pub(super) struct Taken<'d, T>(&'d Record<T>);

impl<T: fmt::Debug> fmt::Debug for Taken<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.shared.fmt(f)
    }
}

impl<T> Deref for Taken<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0.shared
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        // Release registry-R2: as in `try_take`.
        self.0.taken.store(false, Ordering::Release);
    }
}
