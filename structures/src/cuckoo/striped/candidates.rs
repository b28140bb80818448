//! The two buckets of a key, under their locks.

use std::mem;

use super::slots::Slots;
use super::{Candidates, Place, Spot};

impl<K, V, const SLOTS: usize> Candidates<'_, K, V, SLOTS> {
    #[inline(always)]
    pub(super) fn slots(&self) -> &Slots<K, V, SLOTS> {
        &self.locked.table.slots
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
        for bucket in self.buckets {
            for slot in self.slots().matching(bucket, self.tag) {
                let place = Place { bucket, slot };
                // SAFETY: striped-I1, striped-I2: the tag is not 0; we have the lock.
                if matches(&unsafe { self.slots().get(place) }.0) {
                    return Some(place);
                }
            }
        }
        None
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
        // SAFETY: striped-I1: we have the lock; the slot is empty.
        unsafe { self.slots().put(place, self.tag, (key, value)) };
        self.count(1);
    }

    /// Empties a slot that `find` has found.
    #[inline(always)]
    pub(super) fn take(&mut self, place: Place) -> (K, V) {
        self.count(-1);
        // SAFETY: as in `find`.
        unsafe { self.slots().take(place) }
    }

    /// In the home's stripe, also if the entry is in its other bucket.
    #[inline(always)]
    pub(super) fn count(&self, added: i64) {
        let stripes = self.locked.held.stripes();
        stripes.get(stripes.of(self.buckets[0])).add(added);
    }
}
