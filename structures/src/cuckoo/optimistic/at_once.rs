//! First attempts: the fast path of an operation, for when no writer is in its way, and its key is at home or
//! absent. They are inlined at the caller; everything else is out of line, and their results are not
//! passed through memory.
//!
//! In a small table hits and misses alternate in cache, and a branch on which of the two it is costs
//! more, when it is mispredicted, than it saves. So there an operation has no such branch: a lookup reads a
//! cell in any case, and an update that changes nothing locks, writes and unlocks words on its own
//! stack. In a large table such a branch waits for memory, and speculation past it lets
//! misses overlap. So there are branches there, and a bucket's cells are prefetched together with its
//! word: to wait for the word first takes a seventh to two fifths longer. There are branches, too, where the
//! lock is not the bucket's own word ([`Stripes`](crate::versions::Stripes)), and without tags, where a
//! lookup reads many cells.
//!
//! An attempt that does not complete the operation returns `None`; it has had no effect then.
//!
//! Linearization points are those of the [module](super). For an insertion or removal that changes
//! something it is the unlock (control-C6) of the home; for one that does not, and for a lookup, it is the snapshot
//! of the home (control-C1) or the reading of the cell, once that is validated (control-C3). That the key is
//! not in its other bucket follows from the home's overflow count of 0 (buckets-I4).

use std::hash::{BuildHasher, Hash};
use std::hint::select_unpredictable;

use super::{CuckooOptimistic, Entry, TableOfWords};
use crate::control::{Control, ControlWord};
use crate::cuckoo::buckets::Cell;
use crate::cuckoo::driver;
use crate::cuckoo::path::{Place, Search};
use crate::exclusion::Exclusion;
use crate::hash;
use crate::sync::Ordering;
use crate::tagging::Tagging;
use crate::versions::{Seen, Versions};
use crate::word::Word;

/// What a first look at a key's home has found.
struct HomeLook<const SLOTS: usize, V: Versions> {
    seen: Seen<SLOTS, V>,
    /// [`Wraps`](crate::control::Wraps) before that.
    wraps: u64,
    /// Where the key is, or was looked for.
    place: Place,
    /// Whether the cell there has the key.
    is_there: bool,
    /// The value there.
    value: u64,
    /// Whether the home alone tells: it has the key, or neither it nor the other bucket has.
    tells: bool,
}

impl<K, V, S, const SLOTS: usize, E, T, P> CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    /// Whether operations go one way, whatever they find.
    #[inline(always)]
    fn goes_one_way(table: &TableOfWords<E, SLOTS>) -> bool {
        T::DISTINGUISHES && E::Versions::STRIPES == 0 && table.is_small()
    }

    /// Asks for all that an operation may need, before it waits for the first.
    #[inline(always)]
    pub(super) fn prefetch(table: &TableOfWords<E, SLOTS>, hash: u64) {
        if !Self::goes_one_way(table) {
            table.prefetch_cells(hash::home(hash, table.mask));
        }
    }

    /// Looks for `key` in its home. It says something only if that validates, or is locked.
    #[inline(always)]
    fn look(
        table: &TableOfWords<E, SLOTS>,
        key: &K,
        hash: u64,
        one_way: bool,
    ) -> HomeLook<SLOTS, E::Versions> {
        let (key, tag) = (key.to_bits(), Self::tag(hash));
        let bucket = hash::home(hash, table.mask);
        let wraps = table.wraps.count();
        let seen = table.see(bucket);
        let matches = seen.word.matching(tag);
        let mut place = Place { bucket, slot: matches.first_or_last() };
        if one_way {
            let (found, value) = table.cell(place).read();
            let is_there = !matches.is_empty() & (found == key);
            // A second tag that matches may be the key's.
            let tells = is_there | (matches.is_one_at_most() & !seen.word.overflows());
            return HomeLook { seen, wraps, place, is_there, value, tells };
        }
        for slot in matches {
            place.slot = slot;
            let (found, value) = table.cell(place).read();
            if found == key {
                return HomeLook { seen, wraps, place, is_there: true, value, tells: true };
            }
        }
        let tells = !seen.word.overflows();
        HomeLook { seen, wraps, place, is_there: false, value: 0, tells }
    }

    /// Whether the key is there, and its value; if it is not, the value of something.
    #[inline(always)]
    pub(super) fn get_at_once(
        table: &TableOfWords<E, SLOTS>,
        key: &K,
        hash: u64,
    ) -> Option<(bool, u64)> {
        let one_way = Self::goes_one_way(table);
        let look = Self::look(table, key, hash, one_way);
        let holds = || table.tags_unchanged(look.place.bucket, &look.seen, look.wraps);
        if one_way {
            return (look.tells && holds()).then_some((look.is_there, look.value));
        }
        if look.is_there {
            return holds().then_some((true, look.value));
        }
        // If no tag is like it, the word says so alone: no cell was read.
        let is_alone = T::DISTINGUISHES && look.seen.word.matching(Self::tag(hash)).is_empty();
        (look.tells && (is_alone || holds())).then_some((false, 0))
    }

    /// Locks the home of `look`, has `write` do its part, puts `new` there, and adds `delta` to the number of
    /// entries, if that `changes` anything; else does the same to words of this stack. False if the home does
    /// not tell or cannot be locked: it had no effect then.
    #[inline(always)]
    fn change_one_way(
        &self,
        (table, look): (&TableOfWords<E, SLOTS>, &HomeLook<SLOTS, E::Versions>),
        changes: bool,
        new: ControlWord<SLOTS>,
        write: impl FnOnce(&Entry),
        delta: i64,
    ) -> bool {
        if !look.tells | !look.seen.can_be_locked() {
            return false;
        }
        let bucket = look.place.bucket;
        let nowhere = (Control::scratch(look.seen.word), Entry::default());
        if !table.tags_unchanged(bucket, &look.seen, look.wraps) {
            return false;
        }
        let control = select_unpredictable(changes, table.control(bucket), &nowhere.0);
        if !table.try_lock_in(control, bucket, &look.seen, look.wraps) {
            return false;
        }
        write(&nowhere.1);
        table.unlock_in(control, bucket, select_unpredictable(changes, new, ControlWord::EMPTY));
        self.driver.entries.add_if(delta, changes, &nowhere.1.value);
        true
    }

    /// Whether the key was added.
    #[inline(always)]
    pub(super) fn insert_at_once(&self, key: &K, value: u64, hash: u64) -> Option<bool> {
        let table = self.table();
        Self::prefetch(table, hash);
        let one_way = Self::goes_one_way(table);
        let look = Self::look(table, key, hash, one_way);
        let empty = look.seen.word.matching(0);
        let content = (key.to_bits(), value);
        let place = Place { slot: empty.first_or_last(), ..look.place };
        if one_way {
            let adds = !look.is_there;
            let look = HomeLook { tells: look.tells & !(adds & empty.is_empty()), ..look };
            let new = look.seen.word.filled(place.slot, Self::tag(hash));
            let write = |nowhere: &Entry| {
                select_unpredictable(adds, table.cell(place), nowhere).write(content);
            };
            return self.change_one_way((table, &look), adds, new, write, 1).then_some(adds);
        }
        let HomeLook { seen, wraps, is_there, tells, .. } = look;
        if is_there {
            return table.tags_unchanged(place.bucket, &seen, wraps).then_some(false);
        }
        if !tells
            || empty.is_empty()
            || !seen.can_be_locked()
            || !table.try_lock(place.bucket, &seen, wraps)
        {
            return None;
        }
        table.cell(place).write(content);
        table.unlock(place.bucket, seen.word.filled(place.slot, Self::tag(hash)));
        self.driver.entries.add(1);
        Some(true)
    }

    /// Whether the key was there, and the value that was taken out; if it was not, the value of
    /// something.
    #[inline(always)]
    pub(super) fn remove_at_once(&self, key: &K, hash: u64) -> Option<(bool, u64)> {
        let table = self.table();
        Self::prefetch(table, hash);
        let one_way = Self::goes_one_way(table);
        let look = Self::look(table, key, hash, one_way);
        if one_way {
            let new = look.seen.word.with_tag(look.place.slot, 0);
            let changes = look.is_there;
            let is_done = self.change_one_way((table, &look), changes, new, |_| (), -1);
            return is_done.then_some((changes, look.value));
        }
        let HomeLook { seen, wraps, place, is_there, value, tells } = look;
        if !is_there {
            let holds = tells && table.tags_unchanged(place.bucket, &seen, wraps);
            return holds.then_some((false, 0));
        }
        if !seen.can_be_locked() || !table.try_lock(place.bucket, &seen, wraps) {
            return None;
        }
        table.unlock(place.bucket, seen.word.with_tag(place.slot, 0));
        self.driver.entries.add(-1);
        Some((true, value))
    }

    /// Replaces the value of a key that is at home by `f` of it; returns the one replaced.
    #[inline(always)]
    pub(super) fn update_at_once(&self, key: &K, hash: u64, f: impl FnOnce(V) -> V) -> Option<V> {
        let table = self.table();
        Self::prefetch(table, hash);
        let HomeLook { seen, wraps, place, is_there, value, .. } =
            Self::look(table, key, hash, Self::goes_one_way(table));
        if !is_there || !seen.can_be_locked() {
            return None;
        }
        // What the closure sees was there: it is the user's, and may say so.
        if !table.unchanged(place.bucket, &seen, wraps) {
            return None;
        }
        let old = V::from_bits(value);
        let new = f(old).to_bits();
        if !table.try_lock(place.bucket, &seen, wraps) {
            return None;
        }
        // Relaxed: between control-C5 and control-C6.
        table.cell(place).value.store(new, Ordering::Relaxed);
        table.unlock(place.bucket, seen.word);
        Some(old)
    }

    /// A lookup of which the home did not tell.
    #[inline(never)]
    pub(super) fn get_slowly(&self, key: &K, hash: u64) -> (bool, u64) {
        let at = driver::locate(&mut &*self, hash, key);
        at.located.found.map_or((false, 0), |found| (true, found.content.1))
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::hash::home;
    use crate::tagging::{Tagged, Untagged};

    /// A hash that is the key.
    #[derive(Clone, Copy, Default)]
    struct Itself(u64);

    impl BuildHasher for Itself {
        type Hasher = Self;

        fn build_hasher(&self) -> Self {
            *self
        }
    }

    impl std::hash::Hasher for Itself {
        fn write(&mut self, _: &[u8]) {
            unreachable!("keys are u64");
        }

        fn write_u64(&mut self, key: u64) {
            self.0 = key;
        }

        fn finish(&self) -> u64 {
            self.0
        }
    }

    type Map<T, const SLOTS: usize> =
        CuckooOptimistic<u64, u64, Itself, SLOTS, crate::exclusion::Optimistic, T>;

    /// Buckets of every kind: empty slots with an old key, the same tag in many, overflow or none. What
    /// one way tells, the other tells as well, and so says a look at each slot in turn.
    fn both_ways_tell_the_same<T: Tagging, const SLOTS: usize>() {
        let map = Map::<T, SLOTS>::with_capacity_and_hasher(0, Itself(0));
        let table = map.table();
        let bits = ControlWord::<SLOTS>::TAG_BITS;
        let mut random = 1_u64;
        let mut draw = |below: u64| {
            random = random.wrapping_mul(0xD129_42E1_CB2E_8F0D).wrapping_add(1);
            (random >> 32) % below
        };
        let (mut told, mut not_told) = ([0; 2], 0);
        for _ in 0..200_000 {
            // Of three tags, and of three keys of each.
            let mut key = || (draw(3) + 1) << (64 - bits) | draw(3) << 20 | 5;
            let mut word = ControlWord::<SLOTS>::EMPTY;
            let keys: [u64; SLOTS] = std::array::from_fn(|_| key());
            let sought = key();
            for (slot, key) in keys.iter().enumerate() {
                table
                    .cell(Place { bucket: home(*key, table.mask), slot })
                    .write((*key, slot as u64));
                // No key is there twice.
                let is_there = draw(3) != 0 && !keys[..slot].contains(key);
                word = word.with_tag(slot, if is_there { Map::<T, SLOTS>::tag(*key) } else { 0 });
            }
            let word = word.with_overflow(draw(2) as usize);
            table.control(home(sought, table.mask)).set_covered(word);
            let expected = (0..SLOTS).find(|slot| word.tag(*slot) != 0 && keys[*slot] == sought);
            let tells = expected.is_some() || !word.overflows();
            let slow = Map::<T, SLOTS>::look(table, &sought, sought, false);
            assert_eq!((slow.is_there, slow.tells), (expected.is_some(), tells), "{word:?}");
            let quick = Map::<T, SLOTS>::look(table, &sought, sought, true);
            if quick.tells {
                assert_eq!((quick.is_there, true), (expected.is_some(), tells), "{word:?}");
                told[usize::from(quick.is_there)] += 1;
            } else {
                let alike = word.matching(Map::<T, SLOTS>::tag(sought)).count();
                assert!(alike > 1 || word.overflows(), "{sought:x} in {word:?}");
                not_told += 1;
            }
            for look in [&slow, &quick].into_iter().filter(|look| look.is_there) {
                assert_eq!(Some(look.place.slot), expected, "{word:?}");
                assert_eq!(Some(look.value as usize), expected, "{word:?}");
            }
        }
        assert!(told[0] > 1_000 && told[1] > 1_000 && not_told > 1_000, "{told:?}, {not_told}");
    }

    #[test]
    fn both_ways_tell_the_same_of_every_bucket() {
        both_ways_tell_the_same::<Tagged, 8>();
        both_ways_tell_the_same::<Tagged, 4>();
        both_ways_tell_the_same::<Tagged, 2>();
        both_ways_tell_the_same::<Untagged, 8>();
    }

    /// Every word of the table.
    fn words<T: Tagging>(map: &Map<T, 8>) -> Vec<u64> {
        let table = map.table();
        let of = |bucket| {
            let cells = (0..8).flat_map(move |slot| {
                let (key, value) = table.cell(Place { bucket, slot }).read();
                [key, value]
            });
            cells.chain([table.control(bucket).bits(), table.wraps.count()])
        };
        (0..table.buckets()).flat_map(of).collect()
    }

    /// Small tables, where operations go one way, and large ones; without tags, too.
    #[test]
    fn what_changes_nothing_writes_nothing() {
        fn check<T: Tagging>(entries: u64) {
            let map = Map::<T, 8>::with_capacity_and_hasher(2 * entries as usize, Itself(0));
            // A key's hash has its tag above and its home below.
            let key = |i: u64| i.wrapping_mul(0xD129_42E1_CB2E_8F0D);
            (0..entries).for_each(|i| assert!(map.insert(key(2 * i), i)));
            let before = words(&map);
            for i in 0..entries {
                assert!(!map.insert(key(2 * i), 7));
            }
            assert_eq!(map.len() as u64, entries);
            for i in 0..entries {
                assert_eq!(map.remove(&key(2 * i + 1)), None);
                assert_eq!(map.update(&key(2 * i + 1), |_| 7), None);
                assert_eq!((map.get(&key(2 * i)), map.get(&key(2 * i + 1))), (Some(i), None));
            }
            assert!(before == words(&map), "with {entries} entries");
            assert_eq!(map.len() as u64, entries);
        }
        for entries in [100, 60_000] {
            check::<Tagged>(entries);
            check::<Untagged>(entries);
        }
    }

    #[test]
    fn a_look_compares_all_bits_of_wraps() {
        let map = Map::<Tagged, 8>::with_capacity_and_hasher(0, Itself(0));
        let table = map.table();
        let (count, seen) = (table.wraps.count(), table.see(0));
        for bit in 0..u64::BITS {
            table.wraps.set(1 << bit);
            let later = format!("2^{bit} half turns later");
            assert!(!table.unchanged(0, &seen, count), "{later}");
            assert!(!table.tags_unchanged(0, &seen, count), "{later}");
        }
    }

    /// In small tables and in large ones.
    #[test]
    fn a_full_home_takes_no_more() {
        for entries in [100, 60_000] {
            let map = Map::<Tagged, 8>::with_capacity_and_hasher(2 * entries, Itself(0));
            // One home, a tag each.
            let key = |i: u64| (i + 1) << 58;
            (0..8).for_each(|i| assert_eq!(map.insert_at_once(&key(i), i, key(i)), Some(true)));
            assert_eq!(map.insert_at_once(&key(8), 8, key(8)), None);
            assert_eq!(map.insert_at_once(&key(7), 9, key(7)), Some(false));
            (0..8).for_each(|i| assert_eq!(map.get(&key(i)), Some(i)));
        }
    }
}
