//! First attempts: what an operation does when no writer is in its way, and its key is in its bucket's
//! first line or absent. They are inlined where the user calls; all else is out of line.
//!
//! In a small table hits and misses alternate in cache, and a branch that depends on which it is costs
//! more, when it is mispredicted, than what it saves. So there an operation goes one way: a lookup loads
//! a value in any case, and an update that is to change nothing locks, writes and unlocks a word of its
//! own stack. In a large table such a branch waits for memory, and what is done on speculation past it
//! lets misses overlap. So there are branches there.
//!
//! Each attempt returns `None` if that does not settle it; it has had no effect then.

use std::hash::{BuildHasher, Hash};
use std::hint::select_unpredictable;

use super::ChainingInline;
use super::bucket::{Bucket, Wanted};
use super::control::{BucketWord, SequenceLock, SlotSet};
use crate::exclusion::Exclusion;
use crate::prefetch::prefetch;
use crate::sync::{Ordering, perturb};
use crate::versions::PerBucket;
use crate::word::Word;

/// A first look at a bucket.
struct Look {
    seen: BucketWord,
    /// The slot of the first line that has the key, if one has.
    here: SlotSet,
}

impl Look {
    /// Asks for both cache lines before it waits for the first.
    #[inline(always)]
    fn at(bucket: &Bucket, key: u64) -> Self {
        prefetch(bucket.second_line());
        let seen = bucket.control().snapshot();
        Self { seen, here: bucket.equal(key).and(seen.occupied()) }
    }
}

impl<K, V, S, E> ChainingInline<K, V, S, E>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
{
    /// Whether the key is there, and its value; if it is not, the value of something.
    #[inline(always)]
    pub(super) fn get_at_once(&self, wanted: Wanted) -> Option<(bool, u64)> {
        let table = self.current();
        let bucket = table.home(wanted.hash);
        let control = bucket.control();
        let Look { seen, here } = Look::at(bucket, wanted.key);
        let found = !here.is_empty();
        let value = bucket.value(here.first_or_last());
        if table.is_small() {
            // Relaxed, here and below: between inline-B1 and inline-B3.
            let value = value.load(Ordering::Relaxed);
            // bucket-L3.
            let settled = found | !seen.may_overflow(wanted.hash);
            return (control.validate(seen) && settled).then_some((found, value));
        }
        if found {
            let value = value.load(Ordering::Relaxed);
            return control.validate(seen).then_some((true, value));
        }
        // bucket-L3.
        (!seen.may_overflow(wanted.hash) && control.validate(seen)).then_some((false, 0))
    }

    /// Whether the key was added.
    #[inline(always)]
    pub(super) fn insert_at_once(&self, wanted: Wanted, value: u64) -> Option<bool> {
        let table = self.current();
        let bucket = table.home(wanted.hash);
        let control = bucket.control();
        let Look { seen, here } = Look::at(bucket, wanted.key);
        let empty = seen.empty();
        // bucket-L3: with an empty slot here, no further line has the key.
        if seen.is_frozen() || here.or(empty).is_empty() {
            return None;
        }
        let adds = here.is_empty();
        let slot = empty.first_or_last();
        let (key_word, value_word) = (bucket.key(slot), bucket.value(slot));
        let new = seen.with(slot);
        if table.is_small() {
            let scratch = SequenceLock::scratch(seen);
            let nowhere = scratch.word();
            if !control.validate(seen) {
                return None;
            }
            let control = select_unpredictable(adds, control, &scratch);
            let key_word = select_unpredictable(adds, key_word, nowhere);
            let value_word = select_unpredictable(adds, value_word, nowhere);
            if !control.try_lock(seen) {
                return None;
            }
            // Relaxed, here and below: between inline-B5 and inline-B6.
            key_word.store(wanted.key, Ordering::Relaxed);
            perturb();
            value_word.store(value, Ordering::Relaxed);
            control.unlock(new);
            self.entries.add_if(1, adds, nowhere);
            return Some(adds);
        }
        if !adds {
            return control.validate(seen).then_some(false);
        }
        if !control.try_lock(seen) {
            return None;
        }
        key_word.store(wanted.key, Ordering::Relaxed);
        perturb();
        value_word.store(value, Ordering::Relaxed);
        control.unlock(new);
        self.entries.add(1);
        Some(true)
    }

    /// Whether the key was there, and the value that was taken out; if it was not, the value of
    /// something.
    #[inline(always)]
    pub(super) fn remove_at_once(&self, wanted: Wanted) -> Option<(bool, u64)> {
        let table = self.current();
        let bucket = table.home(wanted.hash);
        let control = bucket.control();
        let Look { seen, here } = Look::at(bucket, wanted.key);
        // bucket-L3: if there is something in further lines, one of those moves up.
        if seen.is_frozen() || seen.overflows() {
            return None;
        }
        let found = !here.is_empty();
        let slot = here.first_or_last();
        let value = bucket.value(slot);
        let new = seen.without(slot);
        if table.is_small() {
            // Relaxed, here and below: between inline-B1 and inline-B3, or inline-B4.
            let value = value.load(Ordering::Relaxed);
            let scratch = SequenceLock::scratch(seen);
            if !control.validate(seen) {
                return None;
            }
            let control = select_unpredictable(found, control, &scratch);
            if !control.try_lock(seen) {
                return None;
            }
            control.unlock(new);
            self.entries.add_if(-1, found, scratch.word());
            return Some((found, value));
        }
        if !found {
            return control.validate(seen).then_some((false, 0));
        }
        let value = value.load(Ordering::Relaxed);
        if !control.try_lock(seen) {
            return None;
        }
        control.unlock(new);
        self.entries.add(-1);
        Some((true, value))
    }

    /// Replaces the value of a key that is in its bucket's first line by `f` of it; returns the one
    /// replaced.
    #[inline(always)]
    pub(super) fn update_at_once(&self, wanted: Wanted, f: impl FnOnce(V) -> V) -> Option<V> {
        let bucket = self.current().home(wanted.hash);
        let control = bucket.control();
        let Look { seen, here } = Look::at(bucket, wanted.key);
        if seen.is_frozen() || here.is_empty() {
            return None;
        }
        let word = bucket.value(here.first_or_last());
        // Relaxed: between inline-B1 and inline-B3.
        let old = V::from_bits(word.load(Ordering::Relaxed));
        if !control.validate(seen) {
            return None;
        }
        let new = f(old).to_bits();
        if !control.try_lock(seen) {
            return None;
        }
        // Relaxed: between inline-B5 and inline-B6.
        word.store(new, Ordering::Relaxed);
        control.unlock(seen);
        Some(old)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::super::control::Slot;
    use super::*;

    /// Every word of the table.
    fn words(map: &ChainingInline<u64, u64>) -> Vec<u64> {
        let slots = || (0..7).map(Slot::new);
        let of = |bucket: &Bucket| -> Vec<u64> {
            let words = slots().flat_map(|slot| [bucket.key(slot), bucket.value(slot)]);
            words.chain([bucket.control().word()]).map(|word| word.load(Ordering::SeqCst)).collect()
        };
        map.current().buckets.iter().flat_map(of).collect()
    }

    /// A small table, and a large one; keys up to the begin of further lines.
    #[test]
    fn what_changes_nothing_writes_nothing() {
        for (capacity, keys) in [(0, 40), (70_000, 70_000)] {
            let map = ChainingInline::with_capacity_and_hasher(capacity, Default::default());
            (0..keys).for_each(|key| assert!(map.insert(2 * key, key)));
            let before = words(&map);
            for key in 0..keys {
                assert!(!map.insert(2 * key, 7));
                assert_eq!(map.remove(&(2 * key + 1)), None);
                assert_eq!(map.update(&(2 * key + 1), |_| 7), None);
                assert_eq!((map.get(&(2 * key)), map.get(&(2 * key + 1))), (Some(key), None));
            }
            assert!(before == words(&map), "with {keys} keys");
            assert_eq!(map.entries.sum() as u64, keys);
        }
    }
}
