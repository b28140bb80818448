//! Models of the control word's protocol, under every interleaving and every order of memory that
//! loom knows: `ci/loom.sh`.
//!
//! Each model names the exact set of what may be seen, so that one in which nothing happens fails
//! as well; and prints how many executions it explored.
#![cfg(loom)]

mod explore;

use explore::{explore, explore_with};
use loom::sync::Arc;
use loom::thread;
use structures::control::{Control, ControlWord, Wraps};
use structures::exclusion::{Exclusion, Optimistic, OptimisticStripes};
use structures::sync::{AtomicU64, Ordering};
use structures::tagging::{Tagged, Tagging, Untagged};
use structures::{CuckooOptimistic, Pages};

/// A bucket with one entry, which is in slot 0 if its tag is set.
#[derive(Default)]
struct Bucket<const SLOTS: usize> {
    control: Control<SLOTS>,
    key: AtomicU64,
    value: AtomicU64,
    wraps: Wraps,
}

const TAG: u64 = 7;

impl<const SLOTS: usize> Bucket<SLOTS> {
    /// With the entry (1, 1).
    fn new() -> Self {
        let bucket = Self::default();
        bucket.control.set_covered(ControlWord::EMPTY.with_tag(0, TAG));
        bucket.write(1, 1);
        bucket
    }

    fn write(&self, key: u64, value: u64) {
        self.key.store(key, Ordering::Relaxed);
        self.value.store(value, Ordering::Relaxed);
    }

    /// One attempt to read the entry; `Err` if a writer was there.
    fn read(&self) -> Result<Option<(u64, u64)>, Busy> {
        let wraps = self.wraps.count();
        let seen = self.control.snapshot();
        let entry = (self.key.load(Ordering::Relaxed), self.value.load(Ordering::Relaxed));
        if seen.is_locked() || !self.control.validate(seen) || self.wraps.count() != wraps {
            return Err(Busy);
        }
        Ok((!seen.matching(TAG).is_empty()).then_some(entry))
    }

    /// The same of a reader that does not mind the lock.
    fn read_through_a_lock(&self) -> Result<Option<(u64, u64)>, Busy> {
        let wraps = self.wraps.count();
        let seen = self.control.snapshot();
        let entry = (self.key.load(Ordering::Relaxed), self.value.load(Ordering::Relaxed));
        if !self.control.validate_but_lock(seen) || self.wraps.count() != wraps {
            return Err(Busy);
        }
        Ok((!seen.matching(TAG).is_empty()).then_some(entry))
    }

    /// A change of the only writer: the tag, and perhaps another entry.
    fn change(&self, tag: u64, entry: Option<u64>) {
        let seen = self.control.snapshot();
        assert!(self.control.try_lock(seen, &self.wraps, self.wraps.count()), "nobody else writes");
        if let Some(new) = entry {
            self.write(new, new);
        }
        self.control.unlock(seen.with_tag(0, tag), &self.wraps);
    }

    /// One attempt to change the bucket; the new entry follows from the old. False if it was not
    /// as it had been when the old entry was read.
    fn try_change(&self, change: impl FnOnce(u64) -> Option<u64>) -> bool {
        let wraps = self.wraps.count();
        let seen = self.control.snapshot();
        if seen.is_locked() || seen.is_frozen() {
            return false;
        }
        let changed = change(self.value.load(Ordering::Relaxed));
        if !self.control.try_lock(seen, &self.wraps, wraps) {
            return false;
        }
        if let Some(new) = changed {
            self.write(new, new);
        }
        let tag = if changed.is_some() { TAG } else { 0 };
        self.control.unlock(seen.with_tag(0, tag), &self.wraps);
        true
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Busy;

/// control-C1–C3 against control-C4–C6: a reader sees the entry from before a replacement or from after
/// it, or knows that it has seen neither.
#[test]
fn an_entry_is_never_torn() {
    let expected = [Err(Busy), Ok(Some((1, 1))), Ok(Some((2, 2)))];
    explore("replace", expected, || {
        let bucket = Arc::new(Bucket::<3>::new());
        let reader = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.read())
        };
        assert!(bucket.try_change(|old| Some(old + 1)), "nobody else writes");
        reader.join().expect("read")
    });
}

/// cuckoo-H2: the slot of a removed entry is reused.
#[test]
fn a_slot_is_reused_under_a_reader() {
    let expected = [Err(Busy), Ok(None), Ok(Some((1, 1))), Ok(Some((5, 5)))];
    explore("remove, insert", expected, || {
        let bucket = Arc::new(Bucket::<3>::new());
        let reader = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.read())
        };
        assert!(bucket.try_change(|_| None), "nobody else writes");
        assert!(bucket.try_change(|_| Some(5)), "nobody else writes");
        reader.join().expect("read")
    });
}

/// control-C4 and control-C6: of two updates from the same value one fails; none is lost.
#[test]
fn an_update_is_not_lost() {
    // Who succeeded, and the value after that.
    let expected = [((true, false), 2), ((false, true), 2), ((true, true), 3)];
    explore("two updates", expected, || {
        let bucket = Arc::new(Bucket::<3>::new());
        let other = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.try_change(|old| Some(old + 1)))
        };
        let done = bucket.try_change(|old| Some(old + 1));
        let done = (done, other.join().expect("updated"));
        (done, bucket.value.load(Ordering::Relaxed))
    });
}

/// control-C7 and control-C8: with one slot a version has one bit here. The word is about to go round
/// when the reader looks at it, and comes back while it reads.
#[test]
fn a_turn_under_a_lock_is_noticed() {
    let expected = [Err(Busy), Ok(None), Ok(Some((1, 1))), Ok(Some((5, 5)))];
    explore("a turn", expected, || {
        let bucket = Bucket::<1>::new();
        // The last version.
        bucket.change(TAG, None);
        let bucket = Arc::new(bucket);
        let reader = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.read_through_a_lock())
        };
        bucket.change(0, None);
        bucket.change(TAG, Some(5));
        reader.join().expect("read")
    });
}

/// What is read of a bucket after it was frozen is the last that will ever be in it.
#[test]
fn a_copy_of_a_frozen_bucket_is_whole() {
    // Whether the update was in time, and the value that was copied.
    let expected = [(true, 2), (false, 1)];
    explore("freeze", expected, || {
        let bucket = Arc::new(Bucket::<3>::new());
        let writer = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.try_change(|old| Some(old + 1)))
        };
        let copied = loop {
            let seen = bucket.control.snapshot();
            if !seen.is_locked() && bucket.control.freeze(seen) {
                break bucket.value.load(Ordering::Relaxed);
            }
            thread::yield_now();
        };
        let updated = writer.join().expect("updated");
        assert_eq!(bucket.value.load(Ordering::Relaxed), copied, "changed after it was frozen");
        (updated, copied)
    });
}

/// A hasher that is the key: the home is in the low bits, the tag in the high ones.
#[derive(Clone, Copy)]
struct Itself(u64);

impl std::hash::BuildHasher for Itself {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl std::hash::Hasher for Itself {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("keys are u64");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Two buckets, each the other one's other bucket; home 0 or 1, and 7 tags.
type Cuckoo<E, T> = CuckooOptimistic<u64, u64, Itself, 2, E, T>;

/// The key number `i` with that home.
fn key(home: u64, i: u64) -> u64 {
    (i + 1) << 56 | home
}

/// Another key with the same home and the same tag.
fn twin(key: u64) -> u64 {
    key | 1 << 20
}

fn cuckoo<E: Exclusion, T: Tagging>(keys: &[u64]) -> Arc<Cuckoo<E, T>> {
    let map = Cuckoo::with_buckets(2, Itself(0), Pages::Default);
    keys.iter().for_each(|key| assert!(map.insert(*key, *key)));
    Arc::new(map)
}

/// Explores `run` for each layout of versions, and for both forms of a lookup's first look: in the
/// cache, and of a table without tags, as in a large one.
macro_rules! of_each_kind {
    ($($run:ident: $what:literal;)*) => {$(
        mod $run {
            use super::*;

            #[test]
            fn small() {
                super::$run::<Optimistic, Tagged>($what);
            }

            #[test]
            fn untagged() {
                super::$run::<Optimistic, Untagged>($what);
            }

            #[test]
            fn one_stripe() {
                super::$run::<OptimisticStripes<1>, Tagged>($what);
            }

            #[test]
            fn two_stripes() {
                super::$run::<OptimisticStripes<2>, Untagged>($what);
            }
        }
    )*};
}

of_each_kind! {
    a_displaced_entry_is_never_missed: "displace, leaving";
    an_entry_that_returns_is_never_missed: "displace, returning";
    what_was_removed_stays_removed: "displace, returning; remove";
    a_key_is_inserted_once: "two insertions";
    a_key_is_inserted_once_at_home: "two insertions, at home";
    an_entry_in_its_other_bucket_comes_and_goes: "insert, remove";
    a_value_is_never_its_successors: "remove, insert";
    an_update_is_not_overtaken: "insert, update";
}

/// A whole table: an insertion displaces an entry from its home to its other bucket, under a
/// reader of that entry, which never misses it. (buckets-I2, buckets-I4)
fn a_displaced_entry_is_never_missed<E: Exclusion, T: Tagging>(what: &str) {
    explore(what, [Some(key(0, 1))], || {
        // Home 0 is full; bucket 1 has room. The new key has home 0 and goes to bucket 1, or
        // an entry of bucket 0 does.
        let map = cuckoo::<E, T>(&[key(0, 0), key(0, 1), key(1, 0)]);
        let reader = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.get(&key(0, 1)))
        };
        assert!(map.displace(&key(0, 1)));
        reader.join().expect("read")
    });
}

/// The same, of an entry that returns to its home.
fn an_entry_that_returns_is_never_missed<E: Exclusion, T: Tagging>(what: &str) {
    explore(what, [Some(key(0, 2))], || {
        let map = cuckoo::<E, T>(&[key(0, 0), key(0, 1), key(0, 2)]);
        assert_eq!(map.remove(&key(0, 0)), Some(key(0, 0)));
        let reader = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.get(&key(0, 2)))
        };
        assert!(map.displace(&key(0, 2)));
        reader.join().expect("read")
    });
}

/// An entry returns home, and is removed there before its old place is given up: who looks for it
/// then does not find it in the old place. Another entry makes the lookup go there.
fn what_was_removed_stays_removed<E: Exclusion, T: Tagging>(what: &str) {
    explore(what, [(Some(key(0, 2)), None)], || {
        let map = cuckoo::<E, T>(&[key(0, 0), key(0, 1), key(0, 2), key(0, 3)]);
        assert_eq!(map.remove(&key(0, 0)), Some(key(0, 0)));
        let remover = {
            let map = Arc::clone(&map);
            thread::spawn(move || (map.remove(&key(0, 2)), map.get(&key(0, 2))))
        };
        // It may be gone.
        _ = map.displace(&key(0, 2));
        remover.join().expect("removed")
    });
}

/// Of two insertions of the same key one succeeds, also if there is room for both.
fn a_key_is_inserted_once<E: Exclusion, T: Tagging>(what: &str) {
    explore(what, [(true, false), (false, true)], || {
        let map = cuckoo::<E, T>(&[key(0, 0), key(0, 1)]);
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.insert(key(0, 2), 1))
        };
        let inserted = map.insert(key(0, 2), 2);
        (inserted, other.join().expect("inserted"))
    });
}

/// The same where the home has room, so that both try there first.
fn a_key_is_inserted_once_at_home<E: Exclusion, T: Tagging>(what: &str) {
    explore(what, [(true, false), (false, true)], || {
        let map = cuckoo::<E, T>(&[]);
        let other = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.insert(key(0, 0), 1))
        };
        let inserted = map.insert(key(0, 0), 2);
        (inserted, other.join().expect("inserted"))
    });
}

/// A lookup of a key that is inserted and removed elsewhere sees it or not, and its value.
fn an_entry_in_its_other_bucket_comes_and_goes<E: Exclusion, T: Tagging>(what: &str) {
    explore_with(1, what, [None, Some(9)], || {
        let map = cuckoo::<E, T>(&[key(0, 0), key(0, 1)]);
        let reader = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.get(&key(0, 2)))
        };
        assert!(map.insert(key(0, 2), 9));
        assert_eq!(map.remove(&key(0, 2)), Some(9));
        reader.join().expect("read")
    });
}

/// A lookup meets a slot whose entry makes way for one with the same tag: it does not return the
/// new one's value for the old key. (cuckoo-H1, cuckoo-H2)
fn a_value_is_never_its_successors<E: Exclusion, T: Tagging>(what: &str) {
    let old = key(0, 0);
    explore(what, [None, Some(old)], move || {
        let map = cuckoo::<E, T>(&[old]);
        let reader = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.get(&old))
        };
        assert_eq!(map.remove(&old), Some(old));
        assert!(map.insert(twin(old), 9));
        reader.join().expect("read")
    });
}

/// The same, and the word comes back to what it was: with one slot a version has one bit here.
fn a_turn_in_a_table_is_noticed<T: Tagging>(what: &str) {
    let old = key(0, 0);
    explore(what, [None, Some(old)], move || {
        let map = CuckooOptimistic::<u64, u64, Itself, 1, Optimistic, T>::with_buckets(
            2,
            Itself(0),
            Pages::Default,
        );
        assert!(map.insert(old, old));
        let map = Arc::new(map);
        let reader = {
            let map = Arc::clone(&map);
            thread::spawn(move || map.get(&old))
        };
        assert_eq!(map.remove(&old), Some(old));
        assert!(map.insert(twin(old), 9));
        reader.join().expect("read")
    });
}

#[test]
fn a_turn_in_a_table_is_noticed_if_small() {
    a_turn_in_a_table_is_noticed::<Tagged>("a turn, small");
}

#[test]
fn a_turn_in_a_table_is_noticed_if_untagged() {
    a_turn_in_a_table_is_noticed::<Untagged>("a turn, untagged");
}

/// Who sees an update, perhaps before it is complete, sees what its thread did before. (control-C2,
/// control-C5)
fn an_update_is_not_overtaken<E: Exclusion, T: Tagging>(what: &str) {
    let (updated, inserted) = (key(0, 0), key(1, 0));
    let seen = [(updated, None), (updated, Some(inserted)), (9, Some(inserted))];
    explore(what, seen, move || {
        let map = cuckoo::<E, T>(&[updated]);
        let reader = {
            let map = Arc::clone(&map);
            thread::spawn(move || (map.get(&updated).expect("present"), map.get(&inserted)))
        };
        assert!(map.insert(inserted, inserted));
        assert_eq!(map.update(&updated, |_| 9), Some(updated));
        reader.join().expect("read")
    });
}

/// What loom must see to be of use to the models: who looks before it stores races with who has
/// looked earlier.
#[test]
fn a_store_after_a_load_races_with_another_load() {
    let outcomes = [0, 1];
    explore("load; load and store", outcomes, || {
        let word = Arc::new(AtomicU64::new(0));
        let thread = {
            let word = Arc::clone(&word);
            thread::spawn(move || {
                let seen = word.load(Ordering::Relaxed);
                word.store(seen + 1, Ordering::Relaxed);
            })
        };
        let seen = word.load(Ordering::Relaxed);
        thread.join().expect("it runs");
        seen
    });
}
