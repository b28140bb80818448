//! Making room: an entry on the cuckoo path at a time, each under the locks of its two stripes.

use std::hash::{BuildHasher, Hash};

use super::locate::pair;
use super::slots::TAG_BITS;
use super::stripes::HeldStripe;
use super::{Candidates, CuckooStriped, LockedStripes, Spot};
use crate::cuckoo::error::GrowError;
use crate::cuckoo::path::{self, Place, Search};
use crate::hash;
use crate::sync::Ordering;

impl<K: Eq + Hash, V, S: BuildHasher, const SLOTS: usize, P: Search>
    CuckooStriped<K, V, S, SLOTS, P>
{
    /// The place of a key that is not at home, or an empty slot for it; and the locks.
    #[cold]
    pub(super) fn spot_in_both<'m>(
        &'m self,
        at_home: Candidates<'m, K, V, SLOTS>,
        hash: u64,
        key: &K,
    ) -> Result<(Candidates<'m, K, V, SLOTS>, Spot), GrowError> {
        let mut locked = self.and_other(at_home, hash);
        let mut attempt = 0;
        loop {
            // striped-I2: each time, as somebody may have added the key while we had no locks.
            if let Some(spot) = locked.spot(key) {
                return Ok((locked, spot));
            }
            locked = self.make_room(locked, hash, attempt)?;
            attempt += 1;
        }
    }

    /// Tries to empty a slot in one of the buckets, by displacement or by growth. Releases the locks
    /// and takes them again.
    #[cold]
    pub(super) fn make_room<'m>(
        &'m self,
        full: Candidates<'m, K, V, SLOTS>,
        hash: u64,
        attempt: u64,
    ) -> Result<Candidates<'m, K, V, SLOTS>, GrowError> {
        let Candidates { locked: LockedStripes { table, held }, buckets, .. } = full;
        let searching = held.announce_search();
        // SAFETY: striped-I6: the stripes are held, and then the search that we have announced keeps the table.
        let searched = unsafe { table.as_ref() };
        let number = searched.number;
        drop(held);
        // Another path each time, and not one that all insertions share.
        let seed = hash.wrapping_add(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slots = &searched.slots;
        let path = path::search::<P, _>(slots, slots.buckets(), buckets, seed);
        drop(searching);
        let Some(path) = path else {
            self.counters.gave_up();
            self.grow(number)?;
            return Ok(self.candidates(hash));
        };
        self.counters.found_path(path.len() - 1);
        if let Some(room) = self.displace_along(&path, number, hash) {
            return Ok(room);
        }
        self.counters.retried();
        // Relaxed: whichever value, we only wait in vain, or try again in vain.
        if self.frontier.load(Ordering::Relaxed) != 0 {
            // It may be an iteration that was in the way: it has the mutex until it ends.
            drop(self.maintenance());
        }
        Ok(self.candidates(hash))
    }

    /// Moves the hole from the path's end to its beginning, with two stripes locked for each hop
    /// but the last: then those of the hash, which are not released, so that nobody else gets the
    /// slot, and that of the slot before. `None` if the path does not hold any more.
    fn displace_along(
        &self,
        path: &[Place],
        number: usize,
        hash: u64,
    ) -> Option<Candidates<'_, K, V, SLOTS>> {
        for hop in path.windows(2).skip(1).rev() {
            let locked = self.lock([hop[0].bucket, hop[1].bucket]);
            self.displace(&locked, None, [hop[0], hop[1]], number)?;
        }
        let [from, to, ..] = *path else {
            // The hole is in one of the two buckets.
            return Some(self.candidates(hash));
        };
        let (candidates, extra) = self.candidates_and(hash, to.bucket);
        self.displace(&candidates.locked, extra.as_ref(), [from, to], number)?;
        Some(candidates)
    }

    /// Locks both buckets of a hash, and the stripe of a third bucket, if that is another one.
    fn candidates_and(
        &self,
        hash: u64,
        third: usize,
    ) -> (Candidates<'_, K, V, SLOTS>, Option<HeldStripe<'_>>) {
        let [home, other] = pair(hash, hash::tag(hash, TAG_BITS), usize::MAX);
        let wanted = [home, other, third];
        let (table, (held, extra)) = self.lock_by(wanted, |stripes| stripes.lock_three(wanted));
        (Candidates::of(hash, LockedStripes { table, held }), extra)
    }

    /// One hop of a path that was found in the table number `number`, if it is still possible.
    fn displace(
        &self,
        locked: &LockedStripes<'_, K, V, SLOTS>,
        extra: Option<&HeldStripe<'_>>,
        [from, to]: [Place; 2],
        number: usize,
    ) -> Option<()> {
        let (table, held) = (locked.table(), &locked.held);
        // Relaxed: with both locks, we see the frontier on the same side of a stripe as the
        // iteration that has visited it, or has yet to.
        let frontier = self.frontier.load(Ordering::Relaxed);
        let visited = |bucket| held.stripes().of(bucket) < frontier;
        let possible = table.number == number
            && held.covers(extra, from.bucket)
            && held.covers(extra, to.bucket)
            && visited(from.bucket) == visited(to.bucket)
            // SAFETY: striped-I1: just checked that both locks are held.
            && unsafe { table.slots.displace(from, to) };
        if possible {
            self.counters.displaced();
        }
        possible.then_some(())
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use foldhash::fast::FixedState;

    use super::*;
    use crate::cuckoo::path::Bfs;

    /// What was found in another table, 2³² tables ago or fewer, is not taken for this one's.
    #[test]
    fn all_bits_of_a_tables_number_are_compared() {
        let hasher = FixedState::default();
        let map = CuckooStriped::<u64, u64, _, 8, Bfs>::with_capacity_and_hasher(1_000, hasher);
        let (key, slots) = (7, map.capacity());
        assert!(map.insert(key, 0));
        let number = {
            let locked = map.candidates(map.hasher.hash_one(key));
            let from = locked.find(|found| *found == key).expect("it is there");
            let other = locked.buckets.into_iter().find(|bucket| *bucket != from.bucket);
            let to = Place { bucket: other.expect("two buckets"), slot: 0 };
            let number = locked.locked.table().number;
            for bit in 0..usize::BITS {
                let hop = map.displace(&locked.locked, None, [from, to], number ^ 1 << bit);
                assert_eq!(hop, None, "of a table whose number differs in bit {bit}");
            }
            assert_eq!(map.displace(&locked.locked, None, [from, to], number), Some(()));
            number
        };
        for bit in 0..usize::BITS {
            assert_eq!(map.grow(number ^ 1 << bit), Ok(()));
        }
        assert_eq!(map.capacity(), slots, "it grew for who has not found room in another table");
    }
}
