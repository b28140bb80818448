//! Buckets with optimistic readers: what the two optimistic tables share.
//!
//! A table is an array of control words ([`control`](crate::control)) and an array of cells,
//! `SLOTS` of each bucket. What a cell holds, a key and a value or a pointer to an item, is the
//! table's business; here is how an entry is found, added, taken out and moved.
//!
//! # Invariants
//! * I1. A bucket's index is below the number of buckets, a power of two.
//! * I2. An entry is in its home or in its other bucket, and no key is in both, but while it is
//!   moved: then both are locked, and the hole's bucket is published first. So a key may be found
//!   in two places, never in none.
//! * I3. A key is inserted only with its home locked, unchanged since the key was found absent.
//! * I4. A home's overflow count is at least the number of its entries in other buckets, and
//!   changes only under the home's lock. A move that raises it does so in the same word, at the
//!   same moment, as it takes the tag away.
//! * I5. A frozen bucket does not change. A table is published when all buckets of its
//!   predecessor are frozen and copied.
//! * I6. A table lives as long as the map: superseded ones are kept, in all no larger than the
//!   current one. Hence a lookup announces nothing to look at buckets.
//! * I7. The user's code (hashers, closures, `Eq`, `Clone`) runs only while this thread holds no
//!   bucket's lock.
//! * I8. A cell is written only under its bucket's lock, and only into an empty slot or, to
//!   change a value, without its key.

mod growth;
mod moves;

use std::sync::Arc;

use super::error::GrowError;
use super::path::Place;
use super::prefetch::prefetch;
use crate::control::{Control, Snapshot, Wraps};
use crate::doubling::Doubling;
use crate::hash;
use crate::sync::{AtomicPtr, Ordering};
use crate::zeroed::{Pages, Zeroable, Zeroed};

pub(super) use self::growth::Target;
pub(super) use self::moves::{Relocation, move_along};

/// Buckets of the smallest table.
const MIN_BUCKETS: usize = if cfg!(loom) { 2 } else { 16 };

/// Bytes of cells of a small table: half of a second-level cache of 1 MiB.
const SMALL: usize = 512 << 10;

/// What a slot holds: atomics, all zero at first.
pub(super) trait Cell: Zeroable {
    /// A copy of it.
    type Content: Copy;

    /// Reads the cell; what is read belongs together if the bucket's word validates.
    fn read(&self) -> Self::Content;

    /// Writes the cell, under the bucket's lock or unpublished.
    fn write(&self, content: Self::Content);
}

// SAFETY: an atomic whose default, the word of an empty bucket, is 0.
unsafe impl<const SLOTS: usize> Zeroable for Control<SLOTS> {}

/// A power of two of buckets. Control words are apart from cells, as a lookup that finds no tag
/// needs no cell.
pub(super) struct Table<C, const SLOTS: usize> {
    /// Buckets, less one.
    pub(super) mask: usize,
    controls: Zeroed<Control<SLOTS>>,
    cells: Zeroed<C>,
    pub(super) wraps: Wraps,
    doubling: Doubling<Self>,
    pages: Pages,
}

/// What a table must know of a key to find its buckets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    pub(super) tag: u64,
    pub(super) home: usize,
    pub(super) other: usize,
}

/// An entry that was found.
#[derive(Clone, Copy)]
pub(super) struct Found<T, const SLOTS: usize> {
    pub(super) place: Place,
    pub(super) content: T,
    /// The word of its bucket, not locked.
    pub(super) seen: Snapshot<SLOTS>,
}

/// Where a key is, as of one moment.
#[derive(Clone, Copy)]
pub(super) struct Located<T, const SLOTS: usize> {
    pub(super) address: Address,
    /// The word of the key's home.
    pub(super) home: Snapshot<SLOTS>,
    pub(super) found: Option<Found<T, SLOTS>>,
    /// A bucket that was looked at is frozen: what was found holds while this table is current.
    pub(super) frozen: bool,
    /// [`Wraps`] before the words were read.
    pub(super) wraps: u64,
}

/// What became of an attempt to change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    Done,
    /// Something changed; look again.
    Retry,
    /// A bucket is frozen: the table is being doubled.
    Frozen,
    /// There is no empty slot.
    Full,
}

impl<C: Cell, const SLOTS: usize> Table<C, SLOTS> {
    /// The load that a table of a stated capacity is made for; it can be reached.
    const LOAD: f64 = match SLOTS {
        2 => 0.8,
        4 => 0.9,
        _ => 0.95,
    };

    /// `buckets`, a power of two from 2 on.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    pub(super) fn try_new(buckets: usize, pages: Pages) -> Result<Self, GrowError> {
        debug_assert!(buckets.is_power_of_two() && buckets > 1, "{buckets} buckets");
        let cells = buckets.checked_mul(SLOTS).ok_or(GrowError::CapacityOverflow)?;
        Ok(Self {
            mask: buckets - 1,
            controls: Zeroed::try_new(buckets, pages)?,
            cells: Zeroed::try_new(cells, pages)?,
            wraps: Wraps::default(),
            doubling: Doubling::default(),
            pages,
        })
    }

    /// The first table of a map.
    ///
    /// # Panics
    ///
    /// If there is no memory for it.
    pub(super) fn first(buckets: usize, pages: Pages) -> Arc<Self> {
        let buckets = buckets.max(MIN_BUCKETS).next_power_of_two();
        Arc::new(Self::try_new(buckets, pages).unwrap_or_else(|error| panic!("{error}")))
    }

    /// Buckets for `capacity` entries.
    pub(super) fn buckets_for(capacity: usize) -> usize {
        (capacity as f64 / (SLOTS as f64 * Self::LOAD)).ceil() as usize
    }

    pub(super) fn buckets(&self) -> usize {
        self.mask + 1
    }

    pub(super) fn slots(&self) -> usize {
        self.buckets() * SLOTS
    }

    /// Whether the cells fit into a core's cache with room to spare.
    #[inline(always)]
    pub(super) fn is_small(&self) -> bool {
        self.mask < SMALL / (SLOTS * size_of::<C>())
    }

    /// Bytes of this table and of its successors.
    pub(super) fn bytes(&self) -> usize {
        let successors = self.doubling.started().map_or(0, Self::bytes);
        size_of_val(&*self.controls) + size_of_val(&*self.cells) + successors
    }

    #[inline(always)]
    pub(super) fn control(&self, bucket: usize) -> &Control<SLOTS> {
        debug_assert!(bucket <= self.mask, "bucket {bucket} of {}", self.buckets());
        // SAFETY: I1: a bucket's index comes from `hash::home` or `hash::other_bucket` with our
        // mask, so it is below `buckets()`, the array's length.
        unsafe { self.controls.get_unchecked(bucket) }
    }

    #[inline(always)]
    pub(super) fn cell(&self, place: Place) -> &C {
        debug_assert!(place.bucket <= self.mask && place.slot < SLOTS, "{place:?}");
        // SAFETY: I1, and slots are below `SLOTS`, so the index is below `slots()`, the array's
        // length.
        unsafe { self.cells.get_unchecked(place.bucket * SLOTS + place.slot) }
    }

    /// Whether nothing in `bucket` has changed since `wraps` and then `seen` were read.
    #[inline(always)]
    pub(super) fn unchanged(&self, bucket: usize, seen: Snapshot<SLOTS>, wraps: u64) -> bool {
        self.control(bucket).validate(seen) && self.wraps.count() == wraps
    }

    /// Where a key with this hash may be; `fingerprint` is all that, with a bucket, says the
    /// other bucket.
    #[inline(always)]
    pub(super) fn address(&self, hash: u64, tag: u64, fingerprint: u64) -> Address {
        let home = hash::home(hash, self.mask);
        Address { tag, home, other: self.other(home, fingerprint) }
    }

    /// The other bucket of the entry with `fingerprint` in `bucket`.
    #[inline(always)]
    pub(super) fn other(&self, bucket: usize, fingerprint: u64) -> usize {
        hash::other_bucket(bucket, fingerprint, self.mask)
    }

    /// One attempt to find a key; `None` if something changed meanwhile. `find` looks for it in
    /// a bucket whose word was as it is told; it gives `None` if it has noticed a change.
    ///
    /// Found: it was there when its bucket's word was validated. Absent: it was not in the home
    /// and, if the home overflows, not in the other bucket, when the latter was read; the home's
    /// word, read before and validated after, says that no insertion and no displacement ended
    /// in between (I2, I3, I4).
    #[inline]
    pub(super) fn try_locate(
        &self,
        address: Address,
        mut find: impl FnMut(usize, Snapshot<SLOTS>, u64) -> Option<Option<Found<C::Content, SLOTS>>>,
    ) -> Option<Located<C::Content, SLOTS>> {
        let wraps = self.wraps.count();
        let home = self.control(address.home).snapshot();
        let (mut bucket, mut seen) = (address.home, home);
        let mut frozen = home.is_frozen();
        let mut found = find(bucket, seen, wraps)?;
        if found.is_none() && home.overflows() {
            (bucket, seen) = (address.other, self.control(address.other).snapshot());
            frozen |= seen.is_frozen();
            found = find(bucket, seen, wraps)?;
        }
        let settled = match found {
            Some(_) => !seen.is_locked() && self.unchanged(bucket, seen, wraps),
            None => {
                self.unchanged(bucket, seen, wraps) && self.unchanged(address.home, home, wraps)
            }
        };
        settled.then_some(Located { address, home, found, frozen, wraps })
    }

    /// Whether the key that was located, and absent, has not been added since (I3).
    pub(super) fn is_absent_still(&self, located: &Located<C::Content, SLOTS>) -> bool {
        self.unchanged(located.address.home, located.home, located.wraps)
    }

    /// Adds an absent key to its home, if that has an empty slot and nothing has changed since it
    /// was located.
    #[inline]
    pub(super) fn try_add_at_home(
        &self,
        located: &Located<C::Content, SLOTS>,
        content: C::Content,
    ) -> Attempt {
        let (bucket, seen) = (located.address.home, located.home);
        if seen.is_frozen() {
            return Attempt::Frozen;
        }
        let Some(slot) = seen.empty_slot() else { return Attempt::Full };
        let control = self.control(bucket);
        if seen.is_locked() || !control.try_lock(seen, &self.wraps, located.wraps) {
            return Attempt::Retry;
        }
        self.cell(Place { bucket, slot }).write(content);
        control.unlock(seen.with_tag(slot, located.address.tag), &self.wraps);
        Attempt::Done
    }

    /// Adds an absent key to its other bucket, if that has an empty slot. The home is locked
    /// first, which asserts that the key still is absent (I3), and counts it (I4).
    #[inline(never)]
    pub(super) fn try_add_at_other(
        &self,
        located: &Located<C::Content, SLOTS>,
        content: C::Content,
    ) -> Attempt {
        let Address { home, other: bucket, tag } = located.address;
        let (home, other) = (self.control(home), self.control(bucket));
        let seen = other.snapshot();
        if seen.is_frozen() {
            return Attempt::Frozen;
        }
        let Some(slot) = seen.empty_slot() else { return Attempt::Full };
        if located.home.is_locked() || seen.is_locked() {
            return Attempt::Retry;
        }
        if !home.try_lock(located.home, &self.wraps, located.wraps) {
            return Attempt::Retry;
        }
        if !other.try_lock(seen, &self.wraps, located.wraps) {
            home.unlock_unchanged(located.home);
            return Attempt::Retry;
        }
        self.cell(Place { bucket, slot }).write(content);
        other.unlock(seen.with_tag(slot, tag), &self.wraps);
        home.unlock(located.home.with_one_more_overflow(), &self.wraps);
        Attempt::Done
    }

    /// Has `write` change the value of the entry that was found, if nothing has changed since it
    /// was located.
    #[inline]
    pub(super) fn try_write(
        &self,
        located: &Located<C::Content, SLOTS>,
        found: &Found<C::Content, SLOTS>,
        write: impl FnOnce(&C),
    ) -> Attempt {
        if found.seen.is_frozen() {
            return Attempt::Frozen;
        }
        let control = self.control(found.place.bucket);
        if !control.try_lock(found.seen, &self.wraps, located.wraps) {
            return Attempt::Retry;
        }
        write(self.cell(found.place));
        control.unlock(found.seen, &self.wraps);
        Attempt::Done
    }

    /// Takes out the entry that was found, if nothing has changed since it was located.
    #[inline]
    pub(super) fn try_remove(
        &self,
        located: &Located<C::Content, SLOTS>,
        found: &Found<C::Content, SLOTS>,
    ) -> Attempt {
        if located.frozen {
            return Attempt::Frozen;
        }
        let Place { bucket, slot } = found.place;
        let control = self.control(bucket);
        let removed = found.seen.with_tag(slot, 0);
        if bucket == located.address.home {
            if !control.try_lock(found.seen, &self.wraps, located.wraps) {
                return Attempt::Retry;
            }
            control.unlock(removed, &self.wraps);
            return Attempt::Done;
        }
        // The home counts its entries that are elsewhere (I4).
        let home = self.control(located.address.home);
        if located.home.is_locked() || !home.try_lock(located.home, &self.wraps, located.wraps) {
            return Attempt::Retry;
        }
        if !control.try_lock(found.seen, &self.wraps, located.wraps) {
            home.unlock_unchanged(located.home);
            return Attempt::Retry;
        }
        control.unlock(removed, &self.wraps);
        home.unlock(located.home.with_one_less_overflow(), &self.wraps);
        Attempt::Done
    }

    /// Asks for the control word of `bucket`.
    #[inline(always)]
    pub(super) fn prefetch_control(&self, bucket: usize) {
        prefetch(std::ptr::from_ref(self.control(bucket)));
    }

    /// Asks for the cell of `place`.
    #[inline(always)]
    pub(super) fn prefetch_cell(&self, place: Place) {
        prefetch(std::ptr::from_ref(self.cell(place)));
    }
}

/// The current table of a map whose first is `_first`.
///
/// # Safety
///
/// `current` holds `_first` or a table that it owns as successor (I6).
#[inline(always)]
pub(super) unsafe fn current<'m, C, const SLOTS: usize>(
    current: &'m AtomicPtr<Table<C, SLOTS>>,
    _first: &'m Arc<Table<C, SLOTS>>,
) -> &'m Table<C, SLOTS> {
    // Acquire: pairs with G1; the table's contents are visible.
    let table = current.load(Ordering::Acquire);
    // SAFETY: by this function's contract it lives as long as `_first`.
    unsafe { &*table }
}
