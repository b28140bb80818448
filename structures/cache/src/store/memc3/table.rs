//! The index of a shard of `memc3`: cuckoo buckets of handles, for one writer and any number of readers.
//!
//! Buckets are those of the optimistic tables of `structures`: eight slots, and a
//! [control word](structures::control) with tags, version and lock, which a reader validates. A cell is the
//! handle of a chunk, four bytes. The one writer makes two things simpler than they are there: it looks
//! without validating, and no two changes overlap.
//!
//! The table does not grow. It has room for as many items as there are smallest chunks in the shard's
//! memory, with one slot in twenty left over. So its size is known from the start, and the bound of the
//! cache with it.
//!
//! # Invariants
//!
//! * table-T1. One thread at a time calls what changes the table; it takes all locks of buckets, and never
//!   waits for one.
//! * table-T2. A key has one item in the table at most, in its home or its other bucket. While that moves
//!   both are locked, and when neither is, it is in one of them.
//! * table-T3. In a bucket that is not locked the overflow count is at least the number of entries that have
//!   it as their home and are in their other bucket.
//! * table-T4. Cells are written only under their bucket's lock.

use std::fmt;

use eviction::memory::{Handle, try_boxed};
use structures::control::{Control, ControlWord, Wraps};
use structures::cuckoo::path::{Bfs, Graph, Place, Search};
use structures::hash;

use crate::sync::{AtomicU32, Ordering};

/// Slots of a bucket. Few in models, which then fill it.
const SLOTS: usize = if cfg!(loom) { 2 } else { 8 };

/// Paths that are searched for one insertion. One is enough if no two of its hops meet in a bucket.
const PATHS: usize = 8;

type Word = ControlWord<SLOTS>;

/// Something has changed while it was read.
#[derive(Debug)]
pub(super) struct Changed;

pub(super) struct Table {
    /// Buckets, less one.
    mask: usize,
    buckets: Box<[Bucket]>,
    wraps: Wraps,
}

/// Word and cells together: most lookups of a cache find their key, and need both.
#[derive(Default)]
struct Bucket {
    control: Control<SLOTS>,
    cells: [AtomicU32; SLOTS],
}

impl Bucket {
    #[inline(always)]
    fn handle(&self, slot: usize) -> Handle {
        // Relaxed: the control word's protocol orders it.
        Handle(self.cells[slot].load(Ordering::Relaxed))
    }
}

/// The tag and the two buckets of a key.
#[derive(Clone, Copy, Debug)]
struct Address {
    tag: u64,
    home: usize,
    other: usize,
}

impl Table {
    fn buckets_for(items: usize) -> usize {
        (items + items / 19).div_ceil(SLOTS).next_power_of_two().max(2)
    }

    /// Bytes of a table with room for `items`.
    pub(super) fn bytes_for(items: usize) -> usize {
        Self::buckets_for(items).saturating_mul(size_of::<Bucket>())
    }

    /// With room for `items`. `None` if the system has no memory for it.
    pub(super) fn for_items(items: usize) -> Option<Self> {
        let buckets = Self::buckets_for(items);
        Some(Self {
            mask: buckets - 1,
            buckets: try_boxed(buckets, |_| Bucket::default())?,
            wraps: Wraps::default(),
        })
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    #[inline(always)]
    fn address(&self, hash: u64) -> Address {
        let tag = hash::tag(hash, Word::TAG_BITS);
        let home = hash::home(hash, self.mask);
        Address { tag, home, other: hash::other_bucket(home, tag, self.mask) }
    }

    #[inline(always)]
    fn word(&self, bucket: usize) -> Word {
        self.buckets[bucket].control.snapshot()
    }

    fn handle(&self, Place { bucket, slot }: Place) -> Handle {
        self.buckets[bucket].handle(slot)
    }

    fn write(&self, Place { bucket, slot }: Place, handle: Handle) {
        // Relaxed: under the bucket's lock, between control-C5 and control-C6.
        self.buckets[bucket].cells[slot].store(handle.0, Ordering::Relaxed);
    }

    /// Looks something up under `hash`, without a lock. `look` is shown handles, what it gives for the
    /// one that is sought is returned. What it has read while it did was all there at one moment, the
    /// validation of the bucket.
    ///
    /// `None` if there is none: at the moment when the home's word was read, if that counts no entries
    /// elsewhere (table-T3), else when the other bucket's was, since the home was the same before and
    /// after (table-T2).
    ///
    /// # Errors
    ///
    /// Something has changed meanwhile, or a bucket was locked. What `look` has given is good for nothing.
    #[inline(always)]
    pub(super) fn read<T>(
        &self,
        hash: u64,
        mut look: impl FnMut(Handle) -> Option<T>,
    ) -> Result<Option<T>, Changed> {
        let Address { tag, home, other } = self.address(hash);
        let wraps = self.wraps.count();
        let first = &self.buckets[home];
        let at_home = first.control.snapshot();
        let (mut bucket, mut word, mut is_home) = (first, at_home, true);
        // A loop, so that `look` is called from one place, and inlined there.
        loop {
            if word.is_locked() {
                return Err(Changed);
            }
            let matches = word.matching(tag);
            let are_none = matches.is_empty();
            for slot in matches {
                if let Some(found) = look(bucket.handle(slot)) {
                    self.validate(bucket, word, wraps)?;
                    return Ok(Some(found));
                }
            }
            if !are_none {
                self.validate(bucket, word, wraps)?;
            }
            if !is_home {
                self.validate(first, at_home, wraps)?;
                return Ok(None);
            }
            if !at_home.overflows() {
                return Ok(None);
            }
            bucket = &self.buckets[other];
            (word, is_home) = (bucket.control.snapshot(), false);
        }
    }

    #[inline(always)]
    fn validate(&self, bucket: &Bucket, word: Word, wraps: u64) -> Result<(), Changed> {
        let is_same = bucket.control.validate(word) && self.wraps.count() == wraps;
        if is_same { Ok(()) } else { Err(Changed) }
    }

    // What follows is the writer's (table-T1).

    /// The place of the handle under `hash` that `is_it`.
    fn place(&self, address: Address, is_it: impl Fn(Handle) -> bool) -> Option<Place> {
        let in_bucket = |bucket: usize| {
            let slots = self.word(bucket).matching(address.tag);
            let mut places = slots.map(move |slot| Place { bucket, slot });
            places.find(|&place| is_it(self.handle(place)))
        };
        in_bucket(address.home).or_else(|| {
            let overflows = self.word(address.home).overflows();
            overflows.then(|| in_bucket(address.other)).flatten()
        })
    }

    pub(super) fn find(&self, hash: u64, is_it: impl Fn(Handle) -> bool) -> Option<Handle> {
        self.place(self.address(hash), is_it).map(|place| self.handle(place))
    }

    fn place_of(&self, address: Address, handle: Handle) -> Place {
        let place = self.place(address, |found| found == handle);
        place.expect("shard-S1: what is stored is in the index")
    }

    fn lock(&self, bucket: usize) -> Word {
        let seen = self.word(bucket);
        let locked = self.buckets[bucket].control.try_lock(seen, &self.wraps, self.wraps.count());
        assert!(locked, "table-T1: nobody else locks");
        seen
    }

    fn unlock(&self, bucket: usize, new: Word) {
        self.buckets[bucket].control.unlock(new, &self.wraps);
    }

    /// Adds `handle`, which is not there. The unlock of the bucket that it goes into is the moment at which
    /// it is there.
    ///
    /// # Errors
    ///
    /// There is no place for it, unless what is returned is removed.
    pub(super) fn insert(
        &self,
        hash: u64,
        handle: Handle,
        rehash: impl Fn(Handle) -> u64,
    ) -> Result<(), Handle> {
        let address = self.address(hash);
        for _ in 0..PATHS {
            if self.try_insert(address, handle) {
                return Ok(());
            }
            if !self.make_room(address, hash, &rehash) {
                break;
            }
        }
        if self.try_insert(address, handle) {
            return Ok(());
        }
        let slot = (hash >> 32) as usize % SLOTS;
        Err(self.handle(Place { bucket: address.home, slot }))
    }

    fn try_insert(&self, Address { tag, home, other }: Address, handle: Handle) -> bool {
        if let Some(slot) = self.word(home).empty_slot() {
            let seen = self.lock(home);
            self.write(Place { bucket: home, slot }, handle);
            self.unlock(home, seen.with_tag(slot, tag));
            return true;
        }
        let Some(slot) = self.word(other).empty_slot() else { return false };
        let (at_home, seen) = (self.lock(home), self.lock(other));
        self.write(Place { bucket: other, slot }, handle);
        self.unlock(other, seen.with_tag(slot, tag));
        // Locked until it counts the entry (table-T3).
        self.unlock(home, at_home.with_one_more_overflow());
        true
    }

    /// Removes `handle`, which is there. The unlock of its bucket is the moment from which it is not.
    pub(super) fn remove(&self, hash: u64, handle: Handle) {
        let address = self.address(hash);
        let Place { bucket, slot } = self.place_of(address, handle);
        if bucket == address.home {
            let seen = self.lock(bucket);
            self.unlock(bucket, seen.with_tag(slot, 0));
            return;
        }
        let (at_home, seen) = (self.lock(address.home), self.lock(bucket));
        self.unlock(bucket, seen.with_tag(slot, 0));
        self.unlock(address.home, at_home.with_one_less_overflow());
    }

    /// Puts the handle that `new` gives in the place of `old`, which is there, as an item with the same key; and
    /// returns it. The bucket is locked while `new` runs. The unlock is the moment from which the one is there and the
    /// other is not.
    pub(super) fn replace(&self, hash: u64, old: Handle, new: impl FnOnce() -> Handle) -> Handle {
        let place = self.place_of(self.address(hash), old);
        let seen = self.lock(place.bucket);
        let new = new();
        self.write(place, new);
        self.unlock(place.bucket, seen);
        new
    }

    /// Runs `write` while the bucket of `handle` is locked. The unlock is the moment at which what it has
    /// written is there.
    pub(super) fn change(&self, hash: u64, handle: Handle, write: impl FnOnce()) {
        let Place { bucket, .. } = self.place_of(self.address(hash), handle);
        let seen = self.lock(bucket);
        write();
        self.unlock(bucket, seen);
    }

    /// Moves entries so that one of two full buckets gets an empty slot. False if there is no path to one.
    #[cold]
    fn make_room(&self, address: Address, hash: u64, rehash: &impl Fn(Handle) -> u64) -> bool {
        let Some(path) = Bfs::find(self, [address.home, address.other], hash) else { return false };
        // From the hole backward: each entry moves into an empty slot.
        let mut hops = path.windows(2).rev();
        hops.all(|hop| self.displace(hop[0], hop[1], rehash));
        true
    }

    /// Moves the entry of `from` to `to` in its other bucket. False if a move before it, which was further
    /// on along the path, has changed one of the two.
    fn displace(&self, from: Place, to: Place, rehash: &impl Fn(Handle) -> u64) -> bool {
        let tag = self.word(from.bucket).tag(from.slot);
        let is_hop = tag != 0
            && self.word(to.bucket).tag(to.slot) == 0
            && hash::other_bucket(from.bucket, tag, self.mask) == to.bucket;
        if !is_hop {
            return false;
        }
        let handle = self.handle(from);
        let home = self.address(rehash(handle)).home;
        let (target, source) = (self.lock(to.bucket), self.lock(from.bucket));
        self.write(to, handle);
        let (filled, emptied) = (target.with_tag(to.slot, tag), source.with_tag(from.slot, 0));
        // The home's count with its tags (table-T3).
        let (filled, emptied) = if home == to.bucket {
            (filled.with_one_less_overflow(), emptied)
        } else {
            (filled, emptied.with_one_more_overflow())
        };
        self.unlock(to.bucket, filled);
        self.unlock(from.bucket, emptied);
        true
    }
}

/// As a path search sees it.
impl Graph for Table {
    const SLOTS: usize = SLOTS;

    fn other_bucket(&self, place: Place) -> Option<usize> {
        let tag = self.word(place.bucket).tag(place.slot);
        (tag != 0).then(|| hash::other_bucket(place.bucket, tag, self.mask))
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("buckets", &(self.mask + 1)).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// The hash of a handle's key: the handle, spread.
    fn hash_of(handle: Handle) -> u64 {
        u64::from(handle.0).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7)
    }

    /// How many handles there are.
    fn count(table: &Table) -> usize {
        let is_taken = |bucket: usize, slot: &usize| table.word(bucket).tag(*slot) != 0;
        let taken = |bucket| (0..SLOTS).filter(|slot| is_taken(bucket, slot)).count();
        (0..=table.mask).map(taken).sum()
    }

    /// Each handle that is there is found; the counts of homes are exact.
    fn check(table: &Table, there: &HashMap<u32, u32>) {
        let mut counts = vec![0; table.mask + 1];
        for (&key, &value) in there {
            let address = table.address(hash_of(Handle(key)));
            let found = table.read(hash_of(Handle(key)), |found| (found.0 == value).then_some(()));
            assert_eq!(found.unwrap(), Some(()), "{key}");
            let place = table.place_of(address, Handle(value));
            counts[address.home] += usize::from(place.bucket != address.home);
        }
        for (bucket, &count) in counts.iter().enumerate() {
            // A count that has reached 7 stays.
            let word = table.word(bucket);
            assert!(word.overflows() || count == 0, "{bucket}: {count} elsewhere");
            let most = word.with_overflow(count) == word || word.with_overflow(7) == word;
            assert!(most, "{bucket}: {count} elsewhere, {word:?}");
        }
        assert_eq!(count(table), there.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

        /// Against a map of `std`. Handles are their own keys, and the values under them.
        #[test]
        fn a_table_is_a_map(steps in prop::collection::vec((0_u32..150, 0..3), 1..400)) {
            let table = Table::for_items(100).unwrap();
            let mut there = HashMap::new();
            for (key, what) in steps {
                let hash = hash_of(Handle(key));
                let is_there = there.contains_key(&key);
                prop_assert_eq!(table.find(hash, |found| found.0 == key).is_some(), is_there);
                if is_there && what == 0 {
                    table.remove(hash, Handle(key));
                    there.remove(&key);
                } else if !is_there {
                    match table.insert(hash, Handle(key), hash_of) {
                        Ok(()) => _ = there.insert(key, key),
                        Err(other) => prop_assert!(there.contains_key(&other.0)),
                    }
                }
                check(&table, &there);
            }
        }
    }

    /// However often a bucket changes while it is read, also if its word is the same again: its version has
    /// made a turn.
    #[test]
    fn a_turn_of_the_version_is_noticed() {
        let (table, handle) = (Table::for_items(1).unwrap(), Handle(1));
        let hash = hash_of(handle);
        table.insert(hash, handle, hash_of).unwrap();
        let word = || table.word(table.address(hash).home);
        let mut turns = 0;
        for changes in (0..14).map(|power| 1 << power) {
            let before = word();
            let read = table.read(hash, |found| {
                (0..changes).for_each(|_| table.change(hash, found, || ()));
                Some(())
            });
            read.expect_err("it has changed");
            turns += u32::from(word() == before);
        }
        assert!(turns > 0, "no version came again");
    }

    /// While one handle takes another's place, a reader finds neither, nor that there is none.
    #[test]
    fn what_is_replaced_is_locked() {
        let (table, old, new) = (Table::for_items(1).unwrap(), Handle(1), Handle(2));
        let hash = hash_of(old);
        table.insert(hash, old, hash_of).unwrap();
        let replaced = table.replace(hash, old, || {
            table.read(hash, Some).expect_err("its bucket is locked");
            new
        });
        assert_eq!((replaced, table.read(hash, Some).unwrap()), (new, Some(new)));
    }

    #[test]
    fn there_is_room_for_what_it_was_made_for() {
        for items in [1, 100, 972, 1000, 7782, 30_000] {
            let table = Table::for_items(items).unwrap();
            (0..items as u32).for_each(|key| {
                table.insert(hash_of(Handle(key)), Handle(key), hash_of).unwrap();
            });
            check(&table, &(0..items as u32).map(|key| (key, key)).collect());
        }
    }

    #[test]
    fn what_is_in_the_way_makes_room_when_it_goes() {
        let table = Table::for_items(1).unwrap();
        let key = |number: u32| 1_u64 << 58 | u64::from(number) << 32;
        let hash = |handle: Handle| key(handle.0);
        (0..16).for_each(|number| table.insert(key(number), Handle(number), hash).unwrap());
        let other = table.insert(key(16), Handle(16), hash).unwrap_err();
        table.remove(key(other.0), other);
        table.insert(key(16), Handle(16), hash).unwrap();
        assert_eq!(count(&table), 16);
    }
}
