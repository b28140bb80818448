//! From a key to its buckets and their locks: first its home's, then, if that does not tell, both.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::ptr::{self, NonNull};

use super::growth::{StripedTable, is_behind};
use super::slots::{Slots, TAG_BITS};
use super::stripes::StripeLocks;
use super::{Candidates, CuckooStriped, LockedStripes};
use crate::cuckoo::path::{Place, Search};
use crate::hash;
use crate::sync::Ordering;

impl<K: Eq + Hash, V, S: BuildHasher, const SLOTS: usize, P: Search>
    CuckooStriped<K, V, S, SLOTS, P>
{
    /// Locks the stripes of two buckets (bits that say more than the number of buckets do not matter)
    /// and brings them up to date.
    #[inline(always)]
    pub(super) fn lock(&self, buckets: [usize; 2]) -> LockedStripes<'_, K, V, SLOTS> {
        let (table, held) = self.lock_by(buckets, |stripes| stripes.lock(buckets));
        LockedStripes { table, held }
    }

    /// Has `lock` lock the stripes of these buckets, and brings them up to date.
    #[inline(always)]
    pub(super) fn lock_by<'m, const N: usize, H>(
        &'m self,
        buckets: [usize; N],
        lock: impl Fn(&'m StripeLocks) -> H,
    ) -> (NonNull<StripedTable<K, V, SLOTS>>, H) {
        loop {
            let stripes = self.stripes();
            let held = lock(stripes);
            // Acquire striped-A3: pairs with striped-R3. striped-I3: if they are not current any more,
            // they protect nothing.
            if !ptr::eq(self.stripes.load(Ordering::Acquire), stripes) {
                continue;
            }
            return (self.up_to_date(stripes, buckets), held);
        }
    }

    /// The current table, into which the stripes of these buckets have been brought; for the holder of their locks,
    /// if the stripes are current.
    #[inline(always)]
    fn up_to_date<const N: usize>(
        &self,
        stripes: &StripeLocks,
        buckets: [usize; N],
    ) -> NonNull<StripedTable<K, V, SLOTS>> {
        // Acquire striped-A4: pairs with striped-R4; the table is initialised.
        let current = self.table.load(Ordering::Acquire);
        // SAFETY: as in `LockedStripes::table`: the caller has the stripes.
        let table = unsafe { &*current };
        for number in buckets.map(|bucket| stripes.of(bucket)) {
            if is_behind(table, stripes, number) {
                self.migrate(table, stripes, number);
            }
        }
        NonNull::from(table)
    }

    /// Locks the home of a hash.
    #[inline(always)]
    pub(super) fn at_home(&self, hash: u64) -> Candidates<'_, K, V, SLOTS> {
        // Of the number of slots that was published last: enough for a hint.
        let mask = self.capacity() / SLOTS - 1;
        Slots::<K, V, SLOTS>::prefetch_bucket(&self.hint, hash::home(hash, mask));
        let home = hash::home(hash, usize::MAX);
        let (table, held) = self.lock_by([home], |stripes| stripes.lock_one(home));
        Candidates::of(hash, LockedStripes { table, held })
    }

    /// Locks both buckets of a hash.
    pub(super) fn candidates(&self, hash: u64) -> Candidates<'_, K, V, SLOTS> {
        let tag = hash::tag(hash, TAG_BITS);
        Candidates::of(hash, self.lock(pair(hash, tag, usize::MAX)))
    }

    /// Locks the other bucket of a hash as well, of which the home is locked; that may be released meanwhile.
    #[cold]
    pub(super) fn and_other<'m>(
        &'m self,
        at_home: Candidates<'m, K, V, SLOTS>,
        hash: u64,
    ) -> Candidates<'m, K, V, SLOTS> {
        let Candidates { locked, tag, buckets } = at_home;
        Slots::<K, V, SLOTS>::prefetch_bucket(&self.hint, buckets[1]);
        let stripes = locked.held.stripes();
        let pair = pair(hash, tag, usize::MAX);
        match locked.held.and(pair[1]) {
            // striped-I3: the stripes are still current. striped-I4: the table may be another one by now, into
            // which somebody else has brought the other stripe; the home's follows.
            Some(held) => {
                let table = self.up_to_date(stripes, pair);
                Candidates::of(hash, LockedStripes { table, held })
            }
            None => self.candidates(hash),
        }
    }

    /// Runs `act` with the place of `key`, if it is there, and the locks. What follows if it is not at home is apart,
    /// so that all that is known of it otherwise stays in registers.
    #[inline(always)]
    pub(super) fn at<Q, T>(
        &self,
        key: &Q,
        act: impl FnOnce(Candidates<'_, K, V, SLOTS>, Place) -> T,
    ) -> Option<T>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let locked = self.at_home(hash);
        match locked.find_at_home(|k| k.borrow() == key) {
            Some(place) => Some(act(locked, place)),
            None if locked.is_none_away() => None,
            None => self.at_either(key, act, hash, locked),
        }
    }

    /// [`at`](Self::at) of a key that is not at home, and may be away.
    #[cold]
    pub(super) fn at_either<'m, Q, T>(
        &'m self,
        key: &Q,
        act: impl FnOnce(Candidates<'m, K, V, SLOTS>, Place) -> T,
        hash: u64,
        at_home: Candidates<'m, K, V, SLOTS>,
    ) -> Option<T>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let locked = self.and_other(at_home, hash);
        let place = locked.find(|k| k.borrow() == key)?;
        Some(act(locked, place))
    }
}

/// Both buckets of a hash, among `mask + 1`.
#[inline(always)]
pub(super) fn pair(hash: u64, tag: u64, mask: usize) -> [usize; 2] {
    let home = hash::home(hash, mask);
    [home, hash::other_bucket(home, tag, mask)]
}
