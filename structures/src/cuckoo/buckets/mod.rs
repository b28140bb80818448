//! Buckets with optimistic readers: what the two optimistic tables share.
//!
//! A table is an array of control words ([`control`](crate::control)) and an array of cells,
//! `SLOTS` of each bucket. The table decides what a cell holds: a key and a value, or a pointer to an item.
//! This module finds, adds, removes and moves entries.
//!
//! # What the map holds
//!
//! A bucket *has* a key if its word has a tag in a slot whose cell has the key. A key may be in two
//! buckets, its home and its other bucket. An operation that changes both buckets locks both, and unlocks
//! them by two stores, one after the other. Between the stores other threads see one bucket unlocked and
//! new, and the other one locked and old. The following rule says what the map holds at every moment:
//!
//! **A key that its home has is in the map, with that value; and so is a key that its other bucket
//! has, unless that is a *copy left behind*.** An entry that returns to its home leaves a copy behind
//! in its other bucket, until that bucket is unlocked too.
//!
//! | change of two buckets | first store | between the stores | second store |
//! | --- | --- | --- | --- |
//! | insertion into the other bucket (its home has counted it already) | the other bucket has it | | the home is unlocked |
//! | removal from the other bucket | the other bucket does not have it | the home counts one too many | the home counts one less |
//! | displacement from the home | the other bucket has it | both have it, and nobody changes it (buckets-I9) | the home does not have it, and counts it |
//! | displacement to the home | the home has it, and does not count it | a copy is left behind, in a locked bucket; at home the entry may be changed or removed | the copy is gone |
//!
//! So the first store of an insertion or removal is the moment at which it takes effect, and
//! displacements change nothing.
//!
//! # Invariants
//!
//! They hold at every moment, also between two stores.
//!
//! * buckets-I1. A bucket's index is below the number of buckets, a power of two. It comes from a hash
//!   or another bucket under a mask, or from a search, which a user may write and whose answers
//!   are checked.
//! * buckets-I2. Only a key's home and its other bucket have it, each in one slot; during a displacement there is
//!   never a moment at which neither has it, and both have it only between the two stores. A copy left behind is in a
//!   locked bucket.
//! * buckets-I3. A key is inserted only with its home locked, unchanged since the key was found absent.
//! * buckets-I4. A home's overflow count is at least the number of its entries that it does not have
//!   itself and that their other buckets have; it changes only under the home's lock. An insertion
//!   therefore raises it before the other bucket has the entry; a displacement from the home raises it
//!   in the same word, at the same moment, as it takes the tag away.
//! * buckets-I5. A frozen bucket does not change. A table is published when all buckets of its
//!   predecessor are frozen and copied. A locked bucket is not frozen, so no copy left behind is
//!   copied.
//! * buckets-I6. A table lives as long as the map: superseded ones are kept, in all no larger than the
//!   current one. Hence a lookup reads buckets without announcing it.
//! * buckets-I7. The user's code (hashers, closures, `Eq`, `Clone`) runs only while this thread holds
//!   no bucket's lock.
//! * buckets-I8. A cell is written only under its bucket's lock, and only into an empty slot or, to
//!   change a value, without its key. So tags and keys are the same while the lock is held.
//! * buckets-I9. An entry in its other bucket is changed only if that bucket is locked and unchanged
//!   since it was read, and if its home, read again after that, did not have the key.
//!   So its home does not have it now: to displace it from there its other bucket must change.

mod change;
mod growth;
mod moves;

use std::sync::Arc;

use super::error::GrowError;
use super::path::Place;
use crate::capacity::Shape;
use crate::control::{Control, ControlWord, Wraps};
use crate::doubling::Doubling;
use crate::hash;
use crate::prefetch::prefetch;
use crate::sync::{AtomicPtr, Ordering};
use crate::versions::{PerBucket, Seen, Versions};
use crate::zeroed::{CACHE_LINE, Pages, Zeroable, Zeroed};

pub(super) use self::growth::Target;
pub(super) use self::moves::{Relocation, move_along};

/// Buckets of the smallest table.
const MIN_BUCKETS: usize = if cfg!(any(loom, shuttle)) { 2 } else { 16 };

/// Bytes of cells of a small table: half of a second-level cache of 1 MiB.
const SMALL: usize = 512 << 10;

/// Slots of a small table for a model checker, whose atomics are larger than a word: two buckets of two.
const SMALL_SLOTS: Option<usize> = if cfg!(any(loom, shuttle)) { Some(4) } else { None };

/// The content of a slot: atomics, all zero at first.
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
pub(super) struct Table<C, const SLOTS: usize, V: Versions = PerBucket> {
    /// Buckets, less one.
    pub(super) mask: usize,
    versions: V::Array,
    controls: Zeroed<Control<SLOTS>>,
    cells: Zeroed<C>,
    pub(super) wraps: Wraps,
    doubling: Doubling<Self>,
    pages: Pages,
}

/// The tag and the two buckets of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    pub(super) tag: u64,
    pub(super) home: usize,
    pub(super) other: usize,
}

/// An entry that was found.
#[derive(Clone, Copy)]
pub(super) struct Found<T, const SLOTS: usize, V: Versions = PerBucket> {
    pub(super) place: Place,
    pub(super) content: T,
    /// Its bucket.
    pub(super) seen: Seen<SLOTS, V>,
}

/// The place of a key, as of one moment.
#[derive(Clone, Copy)]
pub(super) struct Located<T, const SLOTS: usize, V: Versions = PerBucket> {
    pub(super) address: Address,
    /// The key's home.
    pub(super) home: Seen<SLOTS, V>,
    pub(super) found: Option<Found<T, SLOTS, V>>,
    /// A bucket that was looked at is frozen: what was found holds while this table is current.
    pub(super) frozen: bool,
    /// [`Wraps`] before the words were read.
    pub(super) wraps: u64,
}

/// The entry that was found in a bucket, if any.
pub(super) type FoundIn<C, const SLOTS: usize, V> = Option<Found<<C as Cell>::Content, SLOTS, V>>;

/// The outcome of an attempt to change something.
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

impl<C: Cell, const SLOTS: usize, V: Versions> Table<C, SLOTS, V> {
    /// A table of a stated capacity is made for a load that can be reached.
    pub(super) const SHAPE: Shape = Shape {
        slots: SLOTS,
        load: match SLOTS {
            2 => (4, 5),
            4 => (9, 10),
            _ => (19, 20),
        },
        // A control word is no larger.
        bytes: SLOTS * size_of::<C>(),
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
            versions: V::try_new()?,
            controls: Zeroed::try_new(buckets, pages)?,
            cells: Zeroed::try_new(cells, pages)?,
            wraps: Wraps::default(),
            doubling: Doubling::default(),
            pages,
        })
    }

    /// The first table of a map, for `capacity` entries.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    pub(super) fn for_entries(capacity: usize, pages: Pages) -> Arc<Self> {
        let make = |buckets| Self::try_new(buckets, pages);
        Arc::new(Self::SHAPE.make(capacity, MIN_BUCKETS, make))
    }

    /// The first table of a map, with `buckets` buckets or the next power of two.
    ///
    /// # Panics
    ///
    /// If `buckets` is too large, or there is no memory for them.
    pub(super) fn first(buckets: usize, pages: Pages) -> Arc<Self> {
        let most = Self::SHAPE.most();
        assert!(buckets <= most, "{buckets} buckets were asked for; there are {most} at most");
        let all = buckets.max(MIN_BUCKETS).next_power_of_two();
        let no_memory = |error| panic!("{buckets} buckets were asked for; {error}");
        Arc::new(Self::try_new(all, pages).unwrap_or_else(no_memory))
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
        let slots = SMALL_SLOTS.unwrap_or(SMALL / size_of::<C>());
        self.mask < slots / SLOTS
    }

    /// Bytes of this table and of its successors.
    pub(super) fn bytes(&self) -> usize {
        let successors = self.doubling.started().map_or(0, Self::bytes);
        let versions = V::STRIPES * size_of::<V::Stamp>();
        versions + size_of_val(&*self.controls) + size_of_val(&*self.cells) + successors
    }

    #[inline(always)]
    pub(super) fn control(&self, bucket: usize) -> &Control<SLOTS> {
        debug_assert!(bucket <= self.mask, "bucket {bucket} of {}", self.buckets());
        // SAFETY: buckets-I1: a bucket's index comes from `hash::home` or `hash::other_bucket` with our
        // mask, or from a search and was checked, so it is below `buckets()`, the array's length.
        unsafe { self.controls.get_unchecked(bucket) }
    }

    #[inline(always)]
    pub(super) fn cell(&self, place: Place) -> &C {
        debug_assert!(place.bucket <= self.mask && place.slot < SLOTS, "{place:?}");
        // SAFETY: buckets-I1, and slots are below `SLOTS`, so the index is below `slots()`, the array's
        // length.
        unsafe { self.cells.get_unchecked(place.bucket * SLOTS + place.slot) }
    }

    /// Looks at `bucket`.
    #[inline(always)]
    pub(super) fn see(&self, bucket: usize) -> Seen<SLOTS, V> {
        V::see(&self.versions, bucket, self.control(bucket))
    }

    /// Whether nothing in `bucket` has changed since `wraps` was read and then the bucket `seen`,
    /// but perhaps for what a writer is doing if it was locked.
    #[inline(always)]
    pub(super) fn unchanged(&self, bucket: usize, seen: &Seen<SLOTS, V>, wraps: u64) -> bool {
        V::validate(&self.versions, bucket, self.control(bucket), seen)
            && self.wraps.count() == wraps
    }

    /// [`Self::unchanged`], but for values: whether `bucket` has had the tags that were seen, and its
    /// tagged cells their keys, since `wraps` was read. A writer may have the bucket (buckets-I8).
    #[inline(always)]
    pub(super) fn tags_unchanged(&self, bucket: usize, seen: &Seen<SLOTS, V>, wraps: u64) -> bool {
        V::validate_tags(&self.versions, bucket, self.control(bucket), seen)
            && self.wraps.count() == wraps
    }

    /// Takes the lock of `bucket` if it was not locked and nothing has changed since `wraps` was
    /// read and then the bucket `seen`.
    #[inline(always)]
    pub(super) fn try_lock(&self, bucket: usize, seen: &Seen<SLOTS, V>, wraps: u64) -> bool {
        !seen.is_locked() && self.try_lock_in(self.control(bucket), bucket, seen, wraps)
    }

    /// [`Self::try_lock`] of a bucket that was not locked, in its own word or one that stands for it
    /// ([`Control::scratch`]).
    #[inline(always)]
    pub(super) fn try_lock_in(
        &self,
        control: &Control<SLOTS>,
        bucket: usize,
        seen: &Seen<SLOTS, V>,
        wraps: u64,
    ) -> bool {
        V::try_lock(&self.versions, bucket, control, seen, &self.wraps, wraps)
    }

    /// The same for two buckets: both locks or none.
    #[inline(always)]
    fn try_lock_both(
        &self,
        [(bucket, seen), (other, seen_other)]: [(usize, &Seen<SLOTS, V>); 2],
        wraps: u64,
    ) -> bool {
        if !self.try_lock(bucket, seen, wraps) {
            return false;
        }
        let locked = if V::is_shared(bucket, other) {
            seen.stamp == seen_other.stamp
        } else {
            self.try_lock(other, seen_other, wraps)
        };
        if !locked {
            self.unlock_unchanged(bucket, seen);
        }
        locked
    }

    /// Gives `bucket` its new word, and unlocks it.
    #[inline(always)]
    pub(super) fn unlock(&self, bucket: usize, new: ControlWord<SLOTS>) {
        self.unlock_in(self.control(bucket), bucket, new);
    }

    /// The same in the bucket's own word or one that stands for it.
    #[inline(always)]
    pub(super) fn unlock_in(
        &self,
        control: &Control<SLOTS>,
        bucket: usize,
        new: ControlWord<SLOTS>,
    ) {
        V::unlock(&self.versions, bucket, control, new, &self.wraps);
    }

    /// The same for two buckets, in this order.
    #[inline(always)]
    fn unlock_both(&self, [(bucket, new), other]: [(usize, ControlWord<SLOTS>); 2]) {
        if V::is_shared(bucket, other.0) {
            self.control(bucket).set_covered(new);
        } else {
            self.unlock(bucket, new);
        }
        self.unlock(other.0, other.1);
    }

    /// Freezes `bucket` if it was not locked and nothing has changed since it was seen.
    fn try_freeze(&self, bucket: usize, seen: &Seen<SLOTS, V>) -> bool {
        let control = self.control(bucket);
        !seen.is_locked() && V::freeze(&self.versions, bucket, control, seen)
    }

    /// Unlocks a bucket in which nothing was changed.
    #[inline(always)]
    pub(super) fn unlock_unchanged(&self, bucket: usize, seen: &Seen<SLOTS, V>) {
        V::unlock_unchanged(&self.versions, bucket, self.control(bucket), seen);
    }

    /// The tag and the two buckets of a key with this hash; see [`cuckoo`](crate::cuckoo) for the terms.
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
    /// * Found at home: it was there when its cell was read, also if the home was locked (buckets-I8).
    /// * Found in the other bucket, which was not locked: it was there when its cell was read, and was
    ///   no copy left behind (buckets-I2). What the home said before that does not matter: it has only
    ///   told where to look. Of a locked bucket it is not known, so the lookup looks again.
    /// * Absent: when the other bucket's word was read, neither had it; the home's word, read
    ///   before and validated after, was the same then. If the home counts no entries elsewhere,
    ///   none was in the other bucket when the home's word was read (buckets-I4).
    ///
    /// Of frozen buckets this holds at the last moment before the next table was published, or now
    /// (buckets-I5).
    #[inline(always)]
    pub(super) fn try_locate(
        &self,
        address: Address,
        mut find: impl FnMut(usize, &Seen<SLOTS, V>, u64) -> Option<FoundIn<C, SLOTS, V>>,
    ) -> Option<Located<C::Content, SLOTS, V>> {
        let wraps = self.wraps.count();
        let home = self.see(address.home);
        let (mut bucket, mut seen) = (address.home, home);
        let mut frozen = home.word.is_frozen();
        let mut found = find(bucket, &seen, wraps)?;
        if found.is_none() && home.word.overflows() {
            (bucket, seen) = (address.other, self.see(address.other));
            frozen |= seen.word.is_frozen();
            found = find(bucket, &seen, wraps)?;
        }
        let settled = match found {
            // Locked, it may be a copy left behind, of an entry that has been changed at home.
            Some(_) if bucket != address.home => {
                !seen.is_locked() && self.unchanged(bucket, &seen, wraps)
            }
            Some(_) => self.tags_unchanged(bucket, &seen, wraps),
            None => {
                self.tags_unchanged(bucket, &seen, wraps)
                    && self.tags_unchanged(address.home, &home, wraps)
            }
        };
        settled.then_some(Located { address, home, found, frozen, wraps })
    }

    /// Asks for the control word of `bucket`.
    #[inline(always)]
    pub(super) fn prefetch_control(&self, bucket: usize) {
        prefetch(std::ptr::from_ref(self.control(bucket)));
    }

    /// Asks for all cells of `bucket`.
    #[inline(always)]
    pub(super) fn prefetch_cells(&self, bucket: usize) {
        for line in 0..(SLOTS * size_of::<C>()).div_ceil(CACHE_LINE) {
            self.prefetch_cell(Place { bucket, slot: line * CACHE_LINE / size_of::<C>() });
        }
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
/// `current` holds `_first` or a table that it owns as successor (buckets-I6).
#[inline(always)]
pub(super) unsafe fn current<'m, C, const SLOTS: usize, V: Versions>(
    current: &'m AtomicPtr<Table<C, SLOTS, V>>,
    _first: &'m Arc<Table<C, SLOTS, V>>,
) -> &'m Table<C, SLOTS, V> {
    // Acquire: pairs with buckets-G1; the table's contents are visible.
    let table = current.load(Ordering::Acquire);
    // SAFETY: by this function's contract it lives as long as `_first`.
    unsafe { &*table }
}
