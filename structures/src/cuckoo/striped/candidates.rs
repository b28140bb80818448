//! The two buckets of a key: its home under its lock, or both under theirs.

use std::mem;

use super::locate::pair;
use super::slots::{Slots, TAG_BITS};
use super::{Candidates, LockedStripes, Place, Spot};
use crate::hash;

impl<'m, K, V, const SLOTS: usize> Candidates<'m, K, V, SLOTS> {
    /// Of a hash, one or both of whose stripes are locked.
    #[inline(always)]
    pub(super) fn of(hash: u64, locked: LockedStripes<'m, K, V, SLOTS>) -> Self {
        let tag = hash::tag(hash, TAG_BITS);
        let buckets = pair(hash, tag, locked.table().slots.mask());
        Self { locked, tag, buckets }
    }

    #[inline(always)]
    pub(super) fn slots(&self) -> &Slots<K, V, SLOTS> {
        &self.locked.table().slots
    }

    /// Whether a key that is not at home is nowhere; for the holder of its home's lock.
    #[inline(always)]
    pub(super) fn is_none_away(&self) -> bool {
        // striped-I10: in this order, as the count says all when no stripe is behind any more.
        self.locked.table().is_settled() && self.slots().overflow_count(self.buckets[0]) == 0
    }

    /// The place of `key` or an empty slot for it, if it is at home, or can be only there and has room; for the
    /// holder of its home's lock.
    #[inline(always)]
    pub(super) fn spot_at_home(&self, key: &K) -> Option<Spot>
    where
        K: Eq,
    {
        if let Some(place) = self.find_at_home(|k| k == key) {
            return Some(Spot::Present(place));
        }
        let vacancy = self.is_none_away().then(|| self.slots().vacancy([self.buckets[0]]))?;
        vacancy.map(Spot::Vacant)
    }

    /// The place of `key`, or an empty slot for it; `None` if it has neither.
    #[inline(always)]
    pub(super) fn spot(&self, key: &K) -> Option<Spot>
    where
        K: Eq,
    {
        let place = self.find(|k| k == key).map(Spot::Present);
        place.or_else(|| self.slots().vacancy(self.buckets).map(Spot::Vacant))
    }

    /// The slot of the key that `matches`.
    #[inline(always)]
    pub(super) fn find(&self, matches: impl Fn(&K) -> bool) -> Option<Place> {
        self.buckets.into_iter().find_map(|bucket| self.find_in(bucket, &matches))
    }

    /// The same, if it is at home; for the holder of its home's lock.
    #[inline(always)]
    pub(super) fn find_at_home(&self, matches: impl Fn(&K) -> bool) -> Option<Place> {
        self.find_in(self.buckets[0], &matches)
    }

    #[inline(always)]
    fn find_in(&self, bucket: usize, matches: &impl Fn(&K) -> bool) -> Option<Place> {
        debug_assert!(self.locked.held.covers(None, bucket), "its lock is held");
        let places = self.slots().matching(bucket, self.tag).map(|slot| Place { bucket, slot });
        // SAFETY: striped-I1, striped-I2: the tag is not 0; the caller has the lock.
        { places }.find(|place| matches(&unsafe { self.slots().get(*place) }.0))
    }

    /// The value in a slot that `find` has found.
    #[inline(always)]
    pub(super) fn value(&self, place: Place) -> &V {
        // SAFETY: as in `find`.
        &unsafe { self.slots().get(place) }.1
    }

    /// Replaces the value in a slot that `find` has found.
    #[inline(always)]
    pub(super) fn replace(&mut self, place: Place, f: impl FnOnce(&V) -> V) -> V {
        let new = f(self.value(place));
        // SAFETY: as in `find`; `&mut self`, so there is no other reference.
        mem::replace(unsafe { self.slots().get_mut(place) }, new)
    }

    /// Fills a slot that `vacancy` has found.
    #[inline(always)]
    pub(super) fn put(&mut self, place: Place, key: K, value: V) {
        debug_assert!(self.locked.held.covers(None, place.bucket), "its lock is held");
        // SAFETY: striped-I1: we have the bucket's lock; the slot is empty.
        unsafe { self.slots().put(place, self.tag, self.buckets[0], (key, value)) };
        self.count(1);
    }

    /// Empties a slot that `find` has found.
    #[inline(always)]
    pub(super) fn take(&mut self, place: Place) -> (K, V) {
        self.count(-1);
        // SAFETY: as in `find`.
        unsafe { self.slots().take(place) }
    }

    /// Fills the spot, if it is vacant, and says whether it was.
    #[inline(always)]
    pub(super) fn insert(self, spot: Spot, key: K, value: V) -> bool {
        // A local is dropped before the key and the value are, whose drops are user code.
        let mut locked = self;
        match spot {
            Spot::Present(_) => false,
            Spot::Vacant(place) => {
                locked.put(place, key, value);
                true
            }
        }
    }

    /// Replaces the value in the spot, or fills it; returns the value replaced.
    #[inline(always)]
    pub(super) fn upsert(self, spot: Spot, key: K, f: impl FnOnce(Option<&V>) -> V) -> Option<V> {
        // As in `insert`.
        let mut locked = self;
        match spot {
            Spot::Present(place) => Some(locked.replace(place, |value| f(Some(value)))),
            Spot::Vacant(place) => {
                let value = f(None);
                locked.put(place, key, value);
                None
            }
        }
    }

    /// Takes the entry out of a slot that `find` has found, if `condition` holds of its value.
    #[inline(always)]
    pub(super) fn remove(mut self, place: Place, condition: impl FnOnce(&V) -> bool) -> Option<V> {
        if !condition(self.value(place)) {
            return None;
        }
        let (removed, value) = self.take(place);
        // The key's drop is user code, and need not run under the locks.
        drop(self);
        drop(removed);
        Some(value)
    }

    /// In the home's stripe, also if the entry is in its other bucket.
    #[inline(always)]
    pub(super) fn count(&self, added: i64) {
        let stripes = self.locked.held.stripes();
        stripes.get(stripes.of(self.buckets[0])).add(added);
    }
}
