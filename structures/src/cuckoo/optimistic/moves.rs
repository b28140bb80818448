//! Displacement: moving entries along a cuckoo path so that a bucket gets an empty slot.

use std::hash::{BuildHasher, Hash};
use std::sync::PoisonError;

use crossbeam_utils::Backoff;

use super::table::Table;
use super::{Attempt, CuckooOptimistic};
use crate::cuckoo::path::{Graph, Place, Search};
use crate::exclusion::Exclusion;
use crate::hash;
use crate::tagging::Tagging;
use crate::word::Word;

/// The table as a path search sees it: tags only, unless there are none.
struct Unlocked<'t, F, const SLOTS: usize> {
    table: &'t Table<SLOTS>,
    /// The fingerprint of the entry with a tag in a place.
    fingerprint: F,
}

impl<F: Fn(Place, u64) -> u64, const SLOTS: usize> Graph for Unlocked<'_, F, SLOTS> {
    const SLOTS: usize = SLOTS;

    fn other_bucket(&self, place: Place) -> Option<usize> {
        let tag = self.table.control(place.bucket).snapshot().tag(place.slot);
        (tag != 0).then(|| self.table.other(place.bucket, (self.fingerprint)(place, tag)))
    }

    fn prefetch(&self, bucket: usize) {
        self.table.prefetch_control(bucket);
    }
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
    /// Searches a path from one of `starts` and moves the entries on it. Never [`Attempt::Done`]:
    /// if there is room now, it is anybody's.
    #[cold]
    pub(super) fn make_room(&self, table: &Table<SLOTS>, starts: [usize; 2], seed: u64) -> Attempt {
        let _moving = self.moves.read().unwrap_or_else(PoisonError::into_inner);
        let fingerprint = |place, tag| {
            if T::DISTINGUISHES {
                return tag;
            }
            // Some key, as words are never torn; whether it is this entry's, the move will see.
            let (key, _) = table.read(place);
            Self::fingerprint(self.hasher.hash_one(K::from_bits(key)))
        };
        let Some(path) = P::find(&Unlocked { table, fingerprint }, starts, seed) else {
            return Attempt::Full;
        };
        // From the hole backward: every entry moves into an empty slot (I2).
        for hop in path.windows(2).rev() {
            let made = self.displace(table, hop[0], hop[1]);
            if !matches!(made, Attempt::Done) {
                return made;
            }
        }
        Attempt::Retry
    }

    /// Moves the entry in `from` to the empty slot `to` of its other bucket.
    fn displace(&self, table: &Table<SLOTS>, from: Place, to: Place) -> Attempt {
        let wraps = table.wraps.count();
        let (source, target) = (table.control(from.bucket), table.control(to.bucket));
        let (seen_source, seen_target) = (source.snapshot(), target.snapshot());
        if seen_source.is_frozen() || seen_target.is_frozen() {
            return Attempt::Frozen;
        }
        let tag = seen_source.tag(from.slot);
        let unlocked = !seen_source.is_locked() && !seen_target.is_locked();
        if tag == 0 || seen_target.tag(to.slot) != 0 || !unlocked {
            return Attempt::Retry;
        }
        // What is read here belongs to the word if the lock can be taken.
        let (key, value) = table.read(from);
        let hash = self.hasher.hash_one(K::from_bits(key));
        let home = hash::home(hash, table.mask);
        let other = table.other(home, Self::fingerprint(hash));
        let returns = home == to.bucket && other == from.bucket;
        let leaves = home == from.bucket && other == to.bucket;
        if !(returns || leaves) || !target.try_lock(seen_target, &table.wraps, wraps) {
            return Attempt::Retry;
        }
        if !source.try_lock(seen_source, &table.wraps, wraps) {
            target.unlock_unchanged(seen_target);
            return Attempt::Retry;
        }
        table.write(to, key, value);
        let (mut new_source, mut new_target) =
            (seen_source.with_tag(from.slot, 0), seen_target.with_tag(to.slot, tag));
        if returns {
            new_target = new_target.with_one_less_overflow();
        } else {
            new_source = new_source.with_one_more_overflow();
        }
        // First the new place, then the old one (I2).
        target.unlock(new_target, &table.wraps);
        source.unlock(new_source, &table.wraps);
        Attempt::Done
    }
}

impl<const SLOTS: usize> Table<SLOTS> {
    /// The entries of `bucket`, as of one moment.
    pub(super) fn copy_of(&self, bucket: usize) -> [Option<(u64, u64)>; SLOTS] {
        let backoff = Backoff::new();
        loop {
            let wraps = self.wraps.count();
            let seen = self.control(bucket).snapshot();
            let copy = std::array::from_fn(|slot| {
                (seen.tag(slot) != 0).then(|| self.read(Place { bucket, slot }))
            });
            if !seen.is_locked() && self.unchanged(bucket, seen, wraps) {
                return copy;
            }
            backoff.snooze();
        }
    }
}
