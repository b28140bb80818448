//! Doubling: the writers copy the table together, while readers go on.
//!
//! In the doubled table each entry keeps its role, in its home or in its other bucket. A bucket
//! is the low bits of a hash, or of a hash and an offset; so the entries of bucket `b` of `n` go
//! to `b` or `b + n`, which no other bucket's entries do. They always fit, and threads can copy
//! different buckets without locks.

use super::{Cell, Table};
use crate::control::ControlWord;
use crate::cuckoo::error::GrowError;
use crate::cuckoo::path::Place;
use crate::sync::{AtomicPtr, Backoff, Ordering};
use crate::versions::Versions;

/// The place of an entry in the doubled table.
#[derive(Clone, Copy, Debug)]
pub(in crate::cuckoo) enum Target {
    /// Into its home.
    Home(usize),
    /// Into its other bucket.
    Other {
        /// Its home, which counts it.
        home: usize,
        /// The other bucket.
        other: usize,
    },
}

impl<C: Cell, const SLOTS: usize, V: Versions> Table<C, SLOTS, V> {
    /// Takes part in doubling this table; returns when the doubled one is in `current`. Blocking.
    ///
    /// `target` says where an entry of a bucket goes in the doubled table: `target(next, bucket,
    /// content)`. It may run the user's hasher.
    ///
    /// # Errors
    ///
    /// There is no memory for it; nothing has changed then.
    #[cold]
    pub(in crate::cuckoo) fn double(
        &self,
        current: &AtomicPtr<Self>,
        target: impl Fn(&Self, usize, C::Content) -> Target,
    ) -> Result<(), GrowError> {
        let next = self.doubling.next(|| {
            let buckets = self.buckets().checked_mul(2).ok_or(GrowError::CapacityOverflow)?;
            Self::try_new(buckets, self.pages)
        })?;
        self.doubling.help(self.buckets(), |bucket| {
            self.copy_bucket(next, bucket, |content| target(next, bucket, content));
        });
        // Release buckets-G1: publishes the table; pairs with the Acquire in `current`. Relaxed on
        // failure: another thread has published it.
        let old = std::ptr::from_ref(self).cast_mut();
        let new = std::ptr::from_ref(next).cast_mut();
        let _ = current.compare_exchange(old, new, Ordering::Release, Ordering::Relaxed);
        Ok(())
    }

    /// Freezes `bucket` and copies its entries: first all user code, then all copying. So of a bucket whose copier
    /// panicked nothing has been copied, and whoever copies it later may be told other targets.
    fn copy_bucket(&self, next: &Self, bucket: usize, target: impl Fn(C::Content) -> Target) {
        let seen = self.freeze(bucket);
        let entries: [_; SLOTS] = std::array::from_fn(|slot| {
            (seen.tag(slot) != 0).then(|| {
                let content = self.cell(Place { bucket, slot }).read();
                (content, target(content))
            })
        });
        // Filled slots of `bucket` and of `bucket + n`.
        let mut filled = [0, 0];
        for (slot, entry) in entries.into_iter().enumerate() {
            let Some((content, target)) = entry else { continue };
            let to = match target {
                Target::Home(home) => home,
                Target::Other { home, other } => {
                    next.control(home).add_overflow_unpublished();
                    other
                }
            };
            // The low bits are those of `bucket` already, unless the key's hash has changed since: then the
            // key may be lost, but not another one.
            let to = to & !self.mask | bucket;
            let filled = &mut filled[usize::from(to != bucket)];
            next.cell(Place { bucket: to, slot: *filled }).write(content);
            next.control(to).add_unpublished(*filled, seen.tag(slot));
            *filled += 1;
        }
    }

    /// Freezes `bucket`, if it is not frozen yet, and returns its word.
    fn freeze(&self, bucket: usize) -> ControlWord<SLOTS> {
        let backoff = Backoff::new();
        loop {
            let seen = self.see(bucket);
            if seen.word.is_frozen() || self.try_freeze(bucket, &seen) {
                return seen.word;
            }
            backoff.snooze();
        }
    }
}
