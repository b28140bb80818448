//! The two buckets of a key, under their locks.

use std::mem;

use super::slots::Slots;
use super::{Candidates, Place};

impl<K, V, const SLOTS: usize> Candidates<'_, K, V, SLOTS> {
    #[inline]
    pub(super) fn slots(&self) -> &Slots<K, V, SLOTS> {
        &self.locked.table.slots
    }

    /// The slot of the key that `matches`.
    #[inline]
    pub(super) fn find(&self, matches: impl Fn(&K) -> bool) -> Option<Place> {
        self.buckets
            .into_iter()
            .flat_map(|bucket| {
                self.slots().matching(bucket, self.tag).map(move |slot| Place { bucket, slot })
            })
            // SAFETY: striped-I1, striped-I2: the tag is not 0; we have the lock.
            .find(|place| matches(&unsafe { self.slots().get(*place) }.0))
    }

    /// The value in a slot that `find` has found.
    #[inline]
    pub(super) fn value(&self, place: Place) -> &V {
        // SAFETY: as in `find`.
        &unsafe { self.slots().get(place) }.1
    }

    /// Replaces the value in a slot that `find` has found.
    #[inline]
    pub(super) fn replace(&mut self, place: Place, f: impl FnOnce(&V) -> V) -> V {
        let new = f(self.value(place));
        // SAFETY: as in `find`; `&mut self`, so there is no other reference.
        mem::replace(unsafe { self.slots().get_mut(place) }, new)
    }

    /// Fills a slot that `vacancy` has found.
    #[inline]
    pub(super) fn put(&mut self, place: Place, key: K, value: V) {
        // SAFETY: striped-I1: we have the lock; the slot is empty.
        unsafe { self.slots().put(place, self.tag, (key, value)) };
        self.count(1);
    }

    /// Empties a slot that `find` has found.
    #[inline]
    pub(super) fn take(&mut self, place: Place) -> (K, V) {
        self.count(-1);
        // SAFETY: as in `find`.
        unsafe { self.slots().take(place) }
    }

    /// In the home's stripe, also if the entry is in its other bucket.
    #[inline]
    pub(super) fn count(&self, added: i64) {
        let stripes = self.locked.held.stripes();
        stripes.get(stripes.of(self.buckets[0])).add(added);
    }
}
