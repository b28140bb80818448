//! A table's doubling by all its writers together.
//!
//! Every writer that finds the table full, or one of its buckets frozen, takes part until everything has been
//! copied. Buckets are assigned in chunks; only one thread copies a given bucket. If a copier
//! panics (in the user's hasher), it gives back the buckets that it has not copied, so that any other writer can
//! continue. The operation that panicked has had no effect, and the table's entries are as before.

use std::marker::PhantomData;
use std::ops::Range;
use std::ptr;
use std::sync::{OnceLock, PoisonError};

use crossbeam_utils::CachePadded;

use crate::owner::{Act, act_inside, inside, waits_for_itself};
use crate::sync::{AtomicPtr, AtomicUsize, Backoff, Mutex, Ordering};

/// Buckets that a thread copies at a time; few under a model checker, where there are few.
const CHUNK: usize = if cfg!(any(loom, shuttle)) { 1 } else { 256 };

/// The state of the doubling of a table of type `T`.
pub(crate) struct Doubling<T> {
    /// The larger table: null, or from a box that is ours. Set once, under `starting`.
    next: AtomicPtr<T>,
    starting: Mutex<()>,
    /// Apart from what readers of the table read: the buckets dealt out, and those copied.
    dealt: CachePadded<AtomicUsize>,
    copied: CachePadded<AtomicUsize>,
    /// Chunks that copiers gave back when they panicked.
    returned: Mutex<Vec<Range<usize>>>,
    /// The table is made by one thread, used by all, and dropped by any.
    _owns: PhantomData<OnceLock<T>>,
}

impl<T> Default for Doubling<T> {
    fn default() -> Self {
        Self {
            next: AtomicPtr::new(ptr::null_mut()),
            starting: Mutex::default(),
            dealt: CachePadded::default(),
            copied: CachePadded::default(),
            returned: Mutex::default(),
            _owns: PhantomData,
        }
    }
}

impl<T> Drop for Doubling<T> {
    fn drop(&mut self) {
        // Relaxed: `&mut self`.
        let next = self.next.load(Ordering::Relaxed);
        if !next.is_null() {
            // SAFETY: it came from a box, and `&mut self`: nobody uses it any more.
            drop(unsafe { Box::from_raw(next) });
        }
    }
}

impl<T> Doubling<T> {
    /// The table into which this one is copied; the first caller makes it.
    ///
    /// # Errors
    ///
    /// Those of `new`; another caller may try again.
    pub(crate) fn next<E>(&self, new: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(next) = self.started() {
            return Ok(next);
        }
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = self.started() {
            return Ok(next);
        }
        let next = Box::into_raw(Box::new(new()?));
        // Release: publishes the table; pairs with the Acquire in `started`.
        self.next.store(next, Ordering::Release);
        // SAFETY: from a box, and only `drop` frees it.
        Ok(unsafe { &*next })
    }

    /// The same, if a thread has made it.
    pub(crate) fn started(&self) -> Option<&T> {
        // Acquire: pairs with the Release in `next`; the table is complete.
        let next = self.next.load(Ordering::Acquire);
        // SAFETY: null, or from a box that only `drop` frees.
        unsafe { next.as_ref() }
    }

    /// Runs `copy` on some of the table's `buckets` and returns when each has been copied, by
    /// this thread or another. A bucket whose `copy` panicked is
    /// copied again, from its start.
    ///
    /// # Panics
    ///
    /// If it would wait for buckets that this thread copies itself, as `copy` runs user code that
    /// writes to the table.
    pub(crate) fn help(&self, buckets: usize, mut copy: impl FnMut(usize)) {
        let backoff = Backoff::new();
        // Acquire: pairs with doubling-D1; all the copies are visible.
        while self.copied.load(Ordering::Acquire) < buckets {
            let Some(mut chunk) = self.claim(buckets) else {
                if act_inside(self) == Some(Act::Copying) {
                    waits_for_itself();
                }
                backoff.snooze();
                continue;
            };
            inside(self, Act::Copying, || {
                while !chunk.left.is_empty() {
                    copy(chunk.left.start);
                    chunk.left.start += 1;
                    chunk.copied += 1;
                }
            });
        }
    }

    /// Buckets that nobody copies, if there are any.
    fn claim(&self, buckets: usize) -> Option<Chunk<'_, T>> {
        let returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let left = returned.or_else(|| {
            // Relaxed: it only deals out numbers. It stops soon after the last, so it does not
            // overflow.
            if self.dealt.load(Ordering::Relaxed) >= buckets {
                return None;
            }
            let first = self.dealt.fetch_add(CHUNK, Ordering::Relaxed);
            (first < buckets).then(|| first..buckets.min(first + CHUNK))
        })?;
        Some(Chunk { doubling: self, left, copied: 0 })
    }
}

/// Buckets that this thread copies.
struct Chunk<'d, T> {
    doubling: &'d Doubling<T>,
    left: Range<usize>,
    copied: usize,
}

impl<T> Drop for Chunk<'_, T> {
    fn drop(&mut self) {
        if !self.left.is_empty() {
            let mut returned =
                self.doubling.returned.lock().unwrap_or_else(PoisonError::into_inner);
            returned.push(self.left.clone());
        }
        // Release doubling-D1: the copies; pairs with the Acquire in `help`.
        self.doubling.copied.fetch_add(self.copied, Ordering::Release);
    }
}
