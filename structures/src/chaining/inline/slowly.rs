//! What an operation does when its first attempt has not settled it: it waits for writers, walks along
//! the chain, doubles the table. Out of line.

use std::hash::{BuildHasher, Hash};

use super::ChainingInline;
use super::bucket::{Bucket, Probe, Wanted};
use super::control::BucketWord;
use super::table::Table;
use crate::exclusion::Exclusion;
use crate::sync::Backoff;
use crate::versions::PerBucket;
use crate::word::Word;

/// A writer's view of a bucket before it locks it, as of one moment.
pub(super) struct Located<'t> {
    table: &'t Table,
    bucket: &'t Bucket,
    seen: BucketWord,
    search: Probe<'t>,
}

impl<K, V, S, E> ChainingInline<K, V, S, E>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion<Versions = PerBucket>,
{
    #[inline(never)]
    pub(super) fn insert_slowly(&self, wanted: Wanted, value: u64) -> bool {
        loop {
            let located = self.locate(wanted);
            if located.search.found.is_some() {
                return false;
            }
            if self.try_add(&located, wanted, value) {
                return true;
            }
        }
    }

    #[inline(never)]
    pub(super) fn update_slowly(&self, wanted: Wanted, mut f: impl FnMut(&V) -> V) -> Option<V> {
        loop {
            let located = self.locate(wanted);
            let old = V::from_bits(located.search.found.as_ref()?.1);
            let new = f(&old);
            if located.try_replace(new.to_bits()) {
                return Some(old);
            }
        }
    }

    #[inline(never)]
    pub(super) fn upsert_slowly(
        &self,
        wanted: Wanted,
        mut f: impl FnMut(Option<&V>) -> V,
    ) -> Option<V> {
        loop {
            let located = self.locate(wanted);
            let old = located.search.found.as_ref().map(|(_, value)| V::from_bits(*value));
            let new = f(old.as_ref()).to_bits();
            let done = match old {
                Some(_) => located.try_replace(new),
                None => self.try_add(&located, wanted, new),
            };
            if done {
                return old;
            }
        }
    }

    /// Whether the key was there with a value of which `condition` holds, and that value.
    #[inline(never)]
    pub(super) fn remove_slowly(
        &self,
        wanted: Wanted,
        mut condition: impl FnMut(u64) -> bool,
    ) -> (bool, u64) {
        loop {
            let located = self.locate(wanted);
            let Some((place, value)) = located.search.found else { return (false, 0) };
            if !condition(value) {
                return (false, 0);
            }
            if located.lock() {
                located.unlock(located.bucket.take(located.seen, place));
                self.entries.add(-1);
                return (true, value);
            }
        }
    }

    /// Gets whatever it takes: whether the key is there, and its value.
    #[inline(never)]
    pub(super) fn get_slowly(&self, wanted: Wanted) -> (bool, u64) {
        let backoff = Backoff::new();
        loop {
            let bucket = self.current().home(wanted.hash);
            let value = |seen| bucket.search(seen, wanted).found.map(|(_, value)| value);
            if let Some(found) = Self::try_read(bucket, value) {
                return found.map_or((false, 0), |value| (true, value));
            }
            backoff.snooze();
        }
    }

    /// One attempt to read a bucket as of one moment; `None` if a writer was there. `read` is not
    /// the user's (inline-I5).
    pub(super) fn try_read<R>(bucket: &Bucket, read: impl FnOnce(BucketWord) -> R) -> Option<R> {
        let control = bucket.control();
        let seen = control.snapshot();
        if seen.is_locked() {
            return None;
        }
        // A frozen bucket has no lock and needs none.
        if E::READERS_LOCK && !seen.is_frozen() {
            if !control.try_lock(seen) {
                return None;
            }
            let result = read(seen);
            control.unlock_unchanged(seen);
            return Some(result);
        }
        let result = read(seen);
        control.validate(seen).then_some(result)
    }

    /// Finds `wanted`, or the place for it, in a bucket that could be locked just then.
    pub(super) fn locate(&self, wanted: Wanted) -> Located<'_> {
        let backoff = Backoff::new();
        loop {
            let table = self.current();
            let bucket = table.home(wanted.hash);
            let seen = bucket.control().snapshot();
            if seen.is_frozen() {
                self.double(table);
                continue;
            }
            if !seen.is_locked() {
                let search = bucket.search(seen, wanted);
                if bucket.control().validate(seen) {
                    return Located { table, bucket, seen, search };
                }
            }
            backoff.snooze();
        }
    }

    /// Adds the entry that was not found; false, and no effect, if the bucket is not as it was,
    /// or if the table had to grow first.
    fn try_add(&self, located: &Located<'_>, new: Wanted, value: u64) -> bool {
        if located.search.is_full() && self.entries.sum() >= located.table.capacity() {
            self.double(located.table);
            return false;
        }
        let place = located.search.place();
        let locked = located.lock();
        if locked {
            located.unlock(located.bucket.add(located.seen, place, new, value));
            self.entries.add(1);
        }
        locked
    }
}

impl Located<'_> {
    /// Locks the bucket if it still is as it was.
    fn lock(&self) -> bool {
        self.bucket.control().try_lock(self.seen)
    }

    fn unlock(&self, new: BucketWord) {
        self.bucket.control().unlock(new);
    }

    /// Replaces the value that was found; false, and no effect, if the bucket is not as it was.
    fn try_replace(&self, new: u64) -> bool {
        let Some((place, _)) = self.search.found else { return false };
        let locked = self.lock();
        if locked {
            place.set_value(new);
            self.unlock(self.seen);
        }
        locked
    }
}
