//! Lookups of an [`Exclusion`] whose readers lock.

use std::hash::{BuildHasher, Hash};

use super::{CuckooOptimistic, Entry};
use crate::cuckoo::buckets::Table;
use crate::cuckoo::path::Search;
use crate::exclusion::Exclusion;
use crate::sync::Backoff;
use crate::tagging::Tagging;
use crate::versions::{Seen, Versions};
use crate::word::{Word, value_if};

impl<K, V, S, const SLOTS: usize, E, T, P> CuckooOptimistic<K, V, S, SLOTS, E, T, P>
where
    K: Word + Eq + Hash,
    V: Word,
    S: BuildHasher,
    E: Exclusion,
    T: Tagging,
    P: Search,
{
    /// A lookup that takes the locks of the buckets that it reads.
    #[inline(never)]
    pub(super) fn get_locking(&self, key: &K, hash: u64) -> Option<V> {
        let backoff = Backoff::new();
        loop {
            let table = self.table();
            let address = table.address(hash, Self::tag(hash), Self::fingerprint(hash));
            let find = |locked: &ReadLock<'_, SLOTS, E::Versions>| {
                Self::find(table, locked.bucket, &locked.seen, key, address.tag)
                    .map(|found| V::from_bits(found.content.1))
            };
            if let Some(home) = ReadLock::try_new(table, address.home) {
                let found = find(&home);
                if found.is_some() || !home.seen.word.overflows() {
                    return found;
                }
                // Tried once: who waits with a lock in hand may be waited for.
                if let Some(other) = ReadLock::try_new(table, address.other) {
                    return find(&other);
                }
            }
            // What is frozen cannot be locked, and need not be.
            let frozen = |bucket| table.control(bucket).snapshot().is_frozen();
            if frozen(address.home) || frozen(address.other) {
                let (found, value) = self.get_slowly(key, hash);
                return value_if(found, value);
            }
            backoff.snooze();
        }
    }
}

/// A bucket that this thread has locked to read it; dropped, it is unlocked unchanged.
struct ReadLock<'t, const SLOTS: usize, V: Versions> {
    table: &'t Table<Entry, SLOTS, V>,
    bucket: usize,
    seen: Seen<SLOTS, V>,
}

impl<'t, const SLOTS: usize, V: Versions> ReadLock<'t, SLOTS, V> {
    fn try_new(table: &'t Table<Entry, SLOTS, V>, bucket: usize) -> Option<Self> {
        let wraps = table.wraps.count();
        let seen = table.see(bucket);
        let locked = !seen.word.is_frozen() && table.try_lock(bucket, &seen, wraps);
        // Not `then_some`, whose argument would exist, and be dropped, without the lock as well.
        locked.then(|| Self { table, bucket, seen })
    }
}

impl<const SLOTS: usize, V: Versions> Drop for ReadLock<'_, SLOTS, V> {
    fn drop(&mut self) {
        self.table.unlock_unchanged(self.bucket, &self.seen);
    }
}
