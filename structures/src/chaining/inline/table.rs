//! One array of buckets, and its doubling.

use std::hash::{BuildHasher, Hash};
use std::ptr;

use super::ChainingInline;
use super::bucket::{Bucket, Wanted};
use super::control::{BucketWord, SLOTS};
use crate::capacity::Shape;
use crate::cuckoo::GrowError;
use crate::doubling::Doubling;
use crate::exclusion::Exclusion;
use crate::hash;
use crate::sync::{Backoff, Ordering};
use crate::versions::PerBucket;
use crate::word::Word;
use crate::zeroed::{Pages, Zeroed};

/// The share of the first lines' slots that entries may fill before the table doubles: 4.55 entries
/// per bucket, so that a table made for 2ⁿ entries and an eighth more has a fourth of 2ⁿ buckets.
/// Where a model checker looks, 2 of 3.
const LOAD: (usize, usize) = if cfg!(any(loom, shuttle)) { (2, 3) } else { (13, 20) };

/// Buckets up to which a table is small: 2 MiB, about what a core has of cache by itself. Operations on
/// it then do without branches that depend on what they find.
const SMALL: usize = if cfg!(any(loom, shuttle)) { 2 } else { (2 << 20) / size_of::<Bucket>() };

/// An array of buckets; inline-I1.
pub(super) struct Table {
    /// A power of two of them, less one.
    mask: usize,
    pub(super) buckets: Zeroed<Bucket>,
    doubling: Doubling<Table>,
}

impl Table {
    /// Its buckets and entries; chains are beside it.
    pub(super) const SHAPE: Shape = Shape { slots: SLOTS, load: LOAD, bytes: size_of::<Bucket>() };

    /// # Errors
    ///
    /// There is no memory for so many.
    pub(super) fn try_with_buckets(count: usize) -> Result<Self, GrowError> {
        let buckets = Zeroed::try_new(count, Pages::Default)?;
        Ok(Self { mask: count - 1, buckets, doubling: Doubling::default() })
    }

    #[inline(always)]
    pub(super) fn home(&self, hash: u64) -> &Bucket {
        // SAFETY: a number that was masked with `mask` is at most `mask`, one less than the
        // number of buckets.
        unsafe { self.buckets.get_unchecked(hash::home(hash, self.mask)) }
    }

    /// Whether it fits into a core's cache.
    #[inline(always)]
    pub(super) fn is_small(&self) -> bool {
        self.mask < SMALL
    }

    /// The number of entries at which it doubles.
    pub(super) fn capacity(&self) -> usize {
        let (filled, of) = LOAD;
        // Its bytes fit into an address space, and so do these few units a bucket.
        self.buckets.len() * (SLOTS * filled) / of
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: nobody uses the table.
        self.buckets.iter().for_each(|bucket| unsafe { bucket.free_chain() });
    }
}

impl<K, V, S, E> ChainingInline<K, V, S, E>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
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
    fn copy(&self, table: &Table, next: &Table, bucket: usize, entries: &mut Vec<(Wanted, u64)>) {
        let source = &table.buckets[bucket];
        entries.clear();
        source.for_each(freeze(source), |key, value| {
            let hash = self.hasher.hash_one(K::from_bits(key));
            entries.push((Wanted { hash, key }, value));
        });
        // From here on nothing panics: the bucket is copied once.
        let targets = [bucket, bucket + table.buckets.len()].map(|target| &next.buckets[target]);
        for (entry, value) in entries {
            let upper = hash::home(entry.hash, next.mask) & table.buckets.len() != 0;
            let target = targets[usize::from(upper)];
            let seen = target.control().snapshot();
            let new = target.add(seen, target.room(seen), *entry, *value);
            target.control().set_unpublished(new);
        }
    }
}

/// Freezes `bucket`, which only its copier does (inline-I2), and returns its word.
fn freeze(bucket: &Bucket) -> BucketWord {
    let backoff = Backoff::new();
    loop {
        let seen = bucket.control().snapshot();
        if seen.is_frozen() || !seen.is_locked() && bucket.control().freeze(seen) {
            return seen;
        }
        backoff.snooze();
    }
}
