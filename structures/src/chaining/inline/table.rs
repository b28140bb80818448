//! One array of buckets, and its doubling.

use std::hash::{BuildHasher, Hash};
use std::ptr;

use super::line::{Line, LineWord, Wanted};
use super::{ChainingInline, ENTRIES_PER_BUCKET};
use crate::capacity::Shape;
use crate::control::Wraps;
use crate::cuckoo::GrowError;
use crate::doubling::Doubling;
use crate::exclusion::Exclusion;
use crate::hash;
use crate::sync::{Backoff, Ordering};
use crate::tagging::Tagging;
use crate::versions::PerBucket;
use crate::word::Word;
use crate::zeroed::{Pages, Zeroed};

/// An array of buckets; inline-I1.
pub(super) struct Table {
    /// A power of two of them, less one.
    mask: usize,
    pub(super) buckets: Zeroed<Line>,
    pub(super) wraps: Wraps,
    doubling: Doubling<Table>,
}

impl Table {
    /// Its buckets and entries; chains are beside it.
    pub(super) const SHAPE: Shape =
        Shape { slots: ENTRIES_PER_BUCKET, load: (1, 1), bytes: size_of::<Line>() };

    /// # Errors
    ///
    /// There is no memory for so many.
    pub(super) fn try_with_buckets(count: usize) -> Result<Self, GrowError> {
        let buckets = Zeroed::try_new(count, Pages::Default)?;
        let (wraps, doubling) = (Wraps::default(), Doubling::default());
        Ok(Self { mask: count - 1, buckets, wraps, doubling })
    }

    #[inline(always)]
    pub(super) fn home(&self, hash: u64) -> &Line {
        // SAFETY: a number that was masked with `mask` is at most `mask`, one less than the
        // number of buckets.
        unsafe { self.buckets.get_unchecked(hash::home(hash, self.mask)) }
    }

    /// The number of entries at which it doubles.
    pub(super) fn capacity(&self) -> usize {
        self.buckets.len() * ENTRIES_PER_BUCKET
    }

    /// Whether nothing in `bucket` has changed since `wraps` and then `seen` were read.
    #[inline(always)]
    pub(super) fn unchanged(&self, bucket: &Line, seen: LineWord, wraps: u64) -> bool {
        bucket.control.validate(seen) && self.wraps.count() == wraps
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: nobody uses the table.
        self.buckets.iter().for_each(|bucket| unsafe { bucket.free_chain() });
    }
}

impl<K, V, S, E, T> ChainingInline<K, V, S, E, T>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
    T: Tagging,
{
    /// Takes part in doubling `table`; when it returns, another table is current. Blocking.
    ///
    /// # Panics
    ///
    /// If there is no memory for it; nothing has changed then.
    #[cold]
    pub(super) fn double(&self, table: &Table) {
        self.try_double(table).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The same, with an error in place of the panic.
    pub(super) fn try_double(&self, table: &Table) -> Result<(), GrowError> {
        let doubled = || {
            let buckets = table.buckets.len().checked_mul(2).ok_or(GrowError::CapacityOverflow)?;
            Table::try_with_buckets(buckets)
        };
        let next = table.doubling.next(doubled)?;
        let mut entries = Vec::new();
        table.doubling.help(table.buckets.len(), |bucket| {
            self.copy(table, next, bucket, &mut entries);
        });
        let (old, new) = (ptr::from_ref(table).cast_mut(), ptr::from_ref(next).cast_mut());
        // Release: publishes the table; pairs with the Acquire in `current`. Relaxed on failure:
        // another thread has published it.
        let _ = self.current.compare_exchange(old, new, Ordering::Release, Ordering::Relaxed);
        Ok(())
    }

    /// Freezes a bucket of `table` and copies its entries. They go to two buckets of `next` that
    /// no other bucket's entries go to, whatever the hasher says.
    fn copy(
        &self,
        table: &Table,
        next: &Table,
        bucket: usize,
        entries: &mut Vec<(bool, Wanted, u64)>,
    ) {
        let source = &table.buckets[bucket];
        entries.clear();
        source.for_each(freeze(source), |tag, key, value| {
            let home = hash::home(self.hasher.hash_one(K::from_bits(key)), next.mask);
            let upper = home & table.buckets.len() != 0;
            entries.push((upper, Wanted { tag, key }, value));
        });
        // From here on nothing panics: the bucket is copied once.
        for (upper, entry, value) in entries {
            let target = &next.buckets[bucket + usize::from(*upper) * table.buckets.len()];
            let seen = target.control.snapshot();
            let place = target.search(seen, *entry).place();
            let new = target.add(seen, place, *entry, *value);
            target.control.set_covered(new);
        }
    }
}

/// Freezes `bucket`, which only its copier does (inline-I2), and returns its word.
fn freeze(bucket: &Line) -> LineWord {
    let backoff = Backoff::new();
    loop {
        let seen = bucket.control.snapshot();
        if seen.is_frozen() || !seen.is_locked() && bucket.control.freeze(seen) {
            return seen;
        }
        backoff.snooze();
    }
}
