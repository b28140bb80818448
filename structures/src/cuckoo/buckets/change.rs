//! Changes of an entry: it is added, its value is replaced, it is taken out.

use super::{Address, Attempt, Cell, Found, Located, Table};
use crate::cuckoo::path::Place;
use crate::versions::Versions;

impl<C: Cell, const SLOTS: usize, V: Versions> Table<C, SLOTS, V> {
    /// Whether the key that was located, and absent, has not been added since (buckets-I3).
    pub(in crate::cuckoo) fn is_absent_still(
        &self,
        located: &Located<C::Content, SLOTS, V>,
    ) -> bool {
        self.unchanged(located.address.home, &located.home, located.wraps)
    }

    /// Adds an absent key to its home, if that has an empty slot and nothing has changed since it
    /// was located.
    #[inline]
    pub(in crate::cuckoo) fn try_add_at_home(
        &self,
        located: &Located<C::Content, SLOTS, V>,
        content: C::Content,
    ) -> Attempt {
        let (bucket, seen) = (located.address.home, &located.home);
        if seen.word.is_frozen() {
            return Attempt::Frozen;
        }
        let Some(slot) = seen.word.empty_slot() else { return Attempt::Full };
        if !self.try_lock(bucket, seen, located.wraps) {
            return Attempt::Retry;
        }
        self.cell(Place { bucket, slot }).write(content);
        self.unlock(bucket, seen.word.with_tag(slot, located.address.tag));
        Attempt::Done
    }

    /// Adds an absent key to its other bucket, if that has an empty slot. The home is locked first,
    /// which asserts that the key still is absent (buckets-I3), and counts it before it is there
    /// (buckets-I4).
    #[inline(never)]
    pub(in crate::cuckoo) fn try_add_at_other(
        &self,
        located: &Located<C::Content, SLOTS, V>,
        content: C::Content,
    ) -> Attempt {
        let Address { home, other: bucket, tag } = located.address;
        let seen = self.see(bucket);
        if seen.word.is_frozen() {
            return Attempt::Frozen;
        }
        let Some(slot) = seen.word.empty_slot() else { return Attempt::Full };
        if !self.try_lock_both([(home, &located.home), (bucket, &seen)], located.wraps) {
            return Attempt::Retry;
        }
        let counted = located.home.word.with_one_more_overflow();
        V::set_locked(self.control(home), counted);
        self.cell(Place { bucket, slot }).write(content);
        self.unlock_both([(bucket, seen.word.with_tag(slot, tag)), (home, counted)]);
        Attempt::Done
    }

    /// Has `write` change the value of the entry that was found, if nothing has changed since it
    /// was located. If that is in its other bucket, the home must not have got it since (buckets-I9).
    #[inline]
    pub(in crate::cuckoo) fn try_write(
        &self,
        located: &Located<C::Content, SLOTS, V>,
        found: &Found<C::Content, SLOTS, V>,
        write: impl FnOnce(&C),
    ) -> Attempt {
        if found.seen.word.is_frozen() {
            return Attempt::Frozen;
        }
        let home = located.address.home;
        if found.place.bucket != home && !self.tags_unchanged(home, &located.home, located.wraps)
            || !self.try_lock(found.place.bucket, &found.seen, located.wraps)
        {
            return Attempt::Retry;
        }
        write(self.cell(found.place));
        self.unlock(found.place.bucket, found.seen.word);
        Attempt::Done
    }

    /// Takes out the entry that was found, if nothing has changed since it was located.
    #[inline]
    pub(in crate::cuckoo) fn try_remove(
        &self,
        located: &Located<C::Content, SLOTS, V>,
        found: &Found<C::Content, SLOTS, V>,
    ) -> Attempt {
        if located.frozen {
            return Attempt::Frozen;
        }
        let Place { bucket, slot } = found.place;
        let home = located.address.home;
        let removed = found.seen.word.with_tag(slot, 0);
        if bucket == home {
            if !self.try_lock(bucket, &found.seen, located.wraps) {
                return Attempt::Retry;
            }
            self.unlock(bucket, removed);
            return Attempt::Done;
        }
        // The home counts its entries that are elsewhere (buckets-I4).
        if !self.try_lock_both([(home, &located.home), (bucket, &found.seen)], located.wraps) {
            return Attempt::Retry;
        }
        let counted = located.home.word.with_one_less_overflow();
        self.unlock_both([(bucket, removed), (home, counted)]);
        Attempt::Done
    }
}
