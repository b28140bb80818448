//! One array of buckets, and the lookup in it.

use crate::control::{Control, Snapshot, Wraps};
use crate::cuckoo::path::Place;
use crate::hash;
use crate::sync::{AtomicU64, Ordering};
use crate::zeroed::{Pages, Zeroable, Zeroed};

use super::growth::Growth;

/// A key and its value, as words.
#[derive(Default)]
struct Entry {
    key: AtomicU64,
    value: AtomicU64,
}

// SAFETY: atomics whose default is 0.
unsafe impl Zeroable for Entry {}
// SAFETY: an atomic whose default, the word of an empty bucket, is 0.
unsafe impl<const SLOTS: usize> Zeroable for Control<SLOTS> {}

/// A power of two of buckets. Control words are apart from entries, as a lookup that finds no tag
/// needs no entry.
pub(super) struct Table<const SLOTS: usize> {
    /// Buckets, less one.
    pub(super) mask: usize,
    controls: Zeroed<Control<SLOTS>>,
    /// `SLOTS` for each bucket.
    entries: Zeroed<Entry>,
    pub(super) wraps: Wraps,
    pub(super) growth: Growth<SLOTS>,
    pub(super) pages: Pages,
}

/// An entry that was found.
#[derive(Clone, Copy)]
pub(super) struct Found<const SLOTS: usize> {
    pub(super) place: Place,
    pub(super) value: u64,
    /// The word of its bucket, neither locked nor frozen unless [`Located::frozen`] says so.
    pub(super) seen: Snapshot<SLOTS>,
}

/// Where a key is, as of one moment.
#[derive(Clone, Copy)]
pub(super) struct Located<const SLOTS: usize> {
    /// The word of the key's home.
    pub(super) home: Snapshot<SLOTS>,
    pub(super) found: Option<Found<SLOTS>>,
    /// A bucket that was looked at is frozen: what was found holds while this table is current.
    pub(super) frozen: bool,
    /// [`Wraps`] before the words were read.
    pub(super) wraps: u64,
}

/// What a table must know of a key to find it.
#[derive(Clone, Copy)]
pub(super) struct Address {
    pub(super) key: u64,
    pub(super) tag: u64,
    pub(super) home: usize,
    pub(super) other: usize,
}

impl<const SLOTS: usize> Table<SLOTS> {
    /// `buckets`, a power of two from 2 on; `None` if there is no memory for them.
    pub(super) fn try_new(buckets: usize, pages: Pages) -> Option<Self> {
        debug_assert!(buckets.is_power_of_two() && buckets > 1, "{buckets} buckets");
        Some(Self {
            mask: buckets - 1,
            controls: Zeroed::try_new(buckets, pages)?,
            entries: Zeroed::try_new(buckets.checked_mul(SLOTS)?, pages)?,
            wraps: Wraps::default(),
            growth: Growth::default(),
            pages,
        })
    }

    pub(super) fn buckets(&self) -> usize {
        self.mask + 1
    }

    pub(super) fn slots(&self) -> usize {
        self.buckets() * SLOTS
    }

    #[inline(always)]
    pub(super) fn control(&self, bucket: usize) -> &Control<SLOTS> {
        debug_assert!(bucket <= self.mask, "bucket {bucket} of {}", self.buckets());
        // SAFETY: I1: a bucket's index comes from `hash::home` or `hash::other_bucket` with our
        // mask, so it is below `buckets()`, the array's length.
        unsafe { self.controls.get_unchecked(bucket) }
    }

    #[inline(always)]
    fn entry(&self, place: Place) -> &Entry {
        debug_assert!(place.bucket <= self.mask && place.slot < SLOTS, "{place:?}");
        // SAFETY: I1, and slots are below `SLOTS`, so the index is below `slots()`, the array's
        // length.
        unsafe { self.entries.get_unchecked(place.bucket * SLOTS + place.slot) }
    }

    /// The key and the value of `place`; they belong together if the bucket's word validates.
    #[inline(always)]
    pub(super) fn read(&self, place: Place) -> (u64, u64) {
        let entry = self.entry(place);
        // Relaxed: between C1 and C2 of the control word's protocol.
        let key = entry.key.load(Ordering::Relaxed);
        (key, entry.value.load(Ordering::Relaxed))
    }

    /// Writes an entry; the caller has locked the bucket.
    #[inline(always)]
    pub(super) fn write(&self, place: Place, key: u64, value: u64) {
        let entry = self.entry(place);
        // Relaxed: between C5 and C6.
        entry.key.store(key, Ordering::Relaxed);
        entry.value.store(value, Ordering::Relaxed);
    }

    /// Writes a value; the caller has locked the bucket.
    #[inline(always)]
    pub(super) fn write_value(&self, place: Place, value: u64) {
        // Relaxed: between C5 and C6.
        self.entry(place).value.store(value, Ordering::Relaxed);
    }

    /// Asks for the control word of `bucket`.
    #[inline(always)]
    pub(super) fn prefetch_control(&self, bucket: usize) {
        prefetch(self.control(bucket));
    }

    /// Asks for the entry in `place`.
    #[inline(always)]
    pub(super) fn prefetch_entry(&self, place: Place) {
        prefetch(self.entry(place));
    }

    /// The entry of `address` in `bucket`, whose word was `seen`. Says something only if the word
    /// validates.
    #[inline(always)]
    pub(super) fn find(
        &self,
        bucket: usize,
        seen: Snapshot<SLOTS>,
        address: &Address,
    ) -> Option<Found<SLOTS>> {
        for slot in seen.matching(address.tag) {
            let place = Place { bucket, slot };
            let (key, value) = self.read(place);
            if key == address.key {
                return Some(Found { place, value, seen });
            }
        }
        None
    }

    /// Whether nothing in `bucket` has changed since `seen` and `wraps` were read.
    #[inline(always)]
    pub(super) fn unchanged(&self, bucket: usize, seen: Snapshot<SLOTS>, wraps: u64) -> bool {
        self.control(bucket).validate(seen) && self.wraps.count() == wraps
    }

    /// One attempt to find `address`; `None` if something changed meanwhile.
    ///
    /// Found: it was there when its bucket's word was validated. Absent: it was not in the home
    /// and, if the home overflows, not in the other bucket, when the latter was read; the home's
    /// word, read before and validated after, says that no insertion and no displacement ended
    /// in between (I2, I4).
    pub(super) fn try_locate(&self, address: &Address) -> Option<Located<SLOTS>> {
        let wraps = self.wraps.count();
        let home = self.control(address.home).snapshot();
        let mut located = Located { home, found: None, frozen: home.is_frozen(), wraps };
        let (mut last, mut seen) = (address.home, home);
        located.found = self.find(last, seen, address);
        if located.found.is_none() && home.overflows() {
            (last, seen) = (address.other, self.control(address.other).snapshot());
            located.frozen |= seen.is_frozen();
            located.found = self.find(last, seen, address);
        }
        let settled = match located.found {
            Some(_) => !seen.is_locked() && self.unchanged(last, seen, wraps),
            None => self.unchanged(last, seen, wraps) && self.unchanged(address.home, home, wraps),
        };
        settled.then_some(located)
    }

    /// The other bucket of the entry with `fingerprint` in `bucket`.
    #[inline(always)]
    pub(super) fn other(&self, bucket: usize, fingerprint: u64) -> usize {
        hash::other_bucket(bucket, fingerprint, self.mask)
    }
}

/// Asks for the cache line of `target`.
#[inline(always)]
fn prefetch<T>(target: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing into the program, and SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(target).cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(loom))))]
    let _ = target;
}
