//! The loops of the operations: locate the key, try, and look again if another thread was faster.

use super::{FoundOf, Layout, LocatedOf, TableOf};
use crate::cuckoo::error::GrowError;
use crate::panics;
use crate::sync::Backoff;
use crate::versions::Seen;

#[cfg(any(loom, shuttle))]
use super::Hop;
#[cfg(any(loom, shuttle))]
use crate::cuckoo::{buckets::Attempt, path::Place};

/// A thread's way to the entries of a map, by keys `Q`.
pub(in crate::cuckoo) trait Reach<'m, Q: ?Sized, const SLOTS: usize> {
    /// The map.
    type Map: Layout<SLOTS> + 'm;
    /// The keys that it owns.
    type Key;
    /// Its values.
    type Value;
    /// An entry that is not in the map yet.
    type Entry;

    /// The map.
    fn map(&self) -> &'m Self::Map;

    /// Looks for `key` in a bucket that is as `look` says. Found or absent, the answer is only valid if
    /// the bucket validates afterwards. `None` if it notices that something has changed.
    fn find(
        &mut self,
        look: Look<'m, Self::Map, SLOTS>,
        hash: u64,
        key: &Q,
    ) -> Option<Option<FoundOf<Self::Map, SLOTS>>>;

    /// Whether what was located holds although `table` may have been superseded.
    fn is_of_now(
        &self,
        table: &TableOf<Self::Map, SLOTS>,
        found: &LocatedOf<Self::Map, SLOTS>,
    ) -> bool;

    /// An entry that is to be added: the operation's, whatever attempts it takes. So what it allocates
    /// it allocates once.
    fn entry(&self, hash: u64, key: Self::Key, value: Self::Value) -> Self::Entry;

    /// The entry's key.
    fn key(entry: &Self::Entry) -> &Self::Key;

    /// Gives the entry another value.
    fn set_value(entry: &mut Self::Entry, value: Self::Value);

    /// One attempt to add an entry whose key was found absent.
    fn try_add(
        &mut self,
        at: &At<'m, Self::Map, SLOTS>,
        entry: Self::Entry,
    ) -> Refused<Self::Entry>;

    /// One attempt to replace the value that was found by `f` of it; returns the one replaced. What an
    /// attempt has allocated in vain is in `spare` for the next.
    fn try_replace(
        &mut self,
        at: &At<'m, Self::Map, SLOTS>,
        found: &FoundOf<Self::Map, SLOTS>,
        spare: &mut Option<Self::Entry>,
        f: impl FnOnce(&Self::Value) -> Self::Value,
    ) -> Option<Self::Value>;

    /// Whether `condition` holds of the value that was found.
    fn holds(
        &self,
        found: &FoundOf<Self::Map, SLOTS>,
        condition: impl FnOnce(&Self::Value) -> bool,
    ) -> bool;

    /// One attempt to take out the entry that was found; returns its value.
    fn try_take(
        &mut self,
        at: &At<'m, Self::Map, SLOTS>,
        found: &FoundOf<Self::Map, SLOTS>,
    ) -> Option<Self::Value>;
}

/// The outcome of an attempt to add an entry, which is given back if it was not added.
pub(in crate::cuckoo) type Refused<E> = Result<Option<E>, GrowError>;

/// A bucket as it was seen.
pub(in crate::cuckoo) struct Look<'m, L: Layout<SLOTS>, const SLOTS: usize> {
    pub(in crate::cuckoo) table: &'m TableOf<L, SLOTS>,
    pub(in crate::cuckoo) bucket: usize,
    pub(in crate::cuckoo) seen: Seen<SLOTS, L::Versions>,
    /// [`Wraps`](crate::control::Wraps) before that.
    pub(in crate::cuckoo) wraps: u64,
    pub(in crate::cuckoo) tag: u64,
}

/// The place of a key, and the table that it is in.
pub(in crate::cuckoo) struct At<'m, L: Layout<SLOTS>, const SLOTS: usize> {
    pub(in crate::cuckoo) hash: u64,
    pub(in crate::cuckoo) table: &'m TableOf<L, SLOTS>,
    pub(in crate::cuckoo) located: LocatedOf<L, SLOTS>,
}

/// Finds `key` in the current table. Always inline: what is located then stays in registers.
#[inline(always)]
pub(in crate::cuckoo) fn locate<'m, Q: ?Sized, A: Reach<'m, Q, SLOTS>, const SLOTS: usize>(
    access: &mut A,
    hash: u64,
    key: &Q,
) -> At<'m, A::Map, SLOTS> {
    let backoff = Backoff::new();
    loop {
        let driver = access.map().driver();
        let table = driver.table();
        let address = A::Map::address(table, hash);
        // Out of cache, so that the wait for the bucket's word and that for its cells overlap.
        if !table.is_small() {
            table.prefetch_cells(address.home);
        }
        let located = table.try_locate(address, |bucket, seen, wraps| {
            let look = Look { table, bucket, seen: *seen, wraps, tag: address.tag };
            access.find(look, hash, key)
        });
        if let Some(located) = located
            && access.is_of_now(table, &located)
        {
            return At { hash, table, located };
        }
        driver.counters.conflicted();
        backoff.snooze();
    }
}

/// Adds `key` with `value`; false, and no effect, if it is present.
#[inline]
pub(in crate::cuckoo) fn insert<'m, A: Reach<'m, K, SLOTS, Key = K>, K, const SLOTS: usize>(
    access: &mut A,
    hash: u64,
    key: K,
    value: A::Value,
) -> Result<bool, GrowError> {
    let at = locate(access, hash, &key);
    if at.located.found.is_some() {
        return Ok(false);
    }
    let entry = access.entry(hash, key, value);
    match access.try_add(&at, entry)? {
        None => Ok(true),
        Some(refused) => insert_again(access, hash, refused),
    }
}

/// [`insert`] of an entry that an attempt has given back.
#[cold]
fn insert_again<'m, A: Reach<'m, K, SLOTS, Key = K>, K, const SLOTS: usize>(
    access: &mut A,
    hash: u64,
    mut entry: A::Entry,
) -> Result<bool, GrowError> {
    let backoff = Backoff::new();
    loop {
        backoff.spin();
        let at = locate(access, hash, A::key(&entry));
        if at.located.found.is_some() {
            return Ok(false);
        }
        match access.try_add(&at, entry)? {
            None => return Ok(true),
            Some(refused) => entry = refused,
        }
    }
}

/// Replaces the value of `key` by the result of `f` on it, and returns the old value; `None` if the
/// key is absent.
#[inline]
pub(in crate::cuckoo) fn update<'m, Q: ?Sized, A: Reach<'m, Q, SLOTS>, const SLOTS: usize>(
    access: &mut A,
    hash: u64,
    key: &Q,
    mut f: impl FnMut(&A::Value) -> A::Value,
) -> Option<A::Value> {
    let backoff = Backoff::new();
    let mut spare = None;
    loop {
        let at = locate(access, hash, key);
        let Some(found) = at.located.found else {
            panics::in_vain(spare);
            return None;
        };
        let old = access.try_replace(&at, &found, &mut spare, &mut f);
        if old.is_some() {
            return old;
        }
        backoff.spin();
    }
}

/// Updates the value if `key` is present, else adds `key` with the value `f(None)`; returns the old
/// value, if there was one.
#[inline]
pub(in crate::cuckoo) fn upsert<'m, A: Reach<'m, K, SLOTS, Key = K>, K, const SLOTS: usize>(
    access: &mut A,
    hash: u64,
    key: K,
    mut f: impl FnMut(Option<&A::Value>) -> A::Value,
) -> Result<Option<A::Value>, GrowError> {
    let backoff = Backoff::new();
    let (mut own, mut spare) = (Own::Key(key), None);
    loop {
        let key = match &own {
            Own::Key(key) => key,
            Own::Entry(entry) => A::key(entry),
        };
        let at = locate(access, hash, key);
        if let Some(found) = at.located.found {
            let old = access.try_replace(&at, &found, &mut spare, |value| f(Some(value)));
            if old.is_some() {
                return Ok(old);
            }
        } else {
            let entry = match own {
                Own::Key(key) => access.entry(hash, key, f(None)),
                Own::Entry(mut entry) => {
                    A::set_value(&mut entry, f(None));
                    entry
                }
            };
            match access.try_add(&at, entry)? {
                None => return Ok(None),
                Some(refused) => own = Own::Entry(refused),
            }
        }
        backoff.spin();
    }
}

/// What an [`upsert`] has of its own.
enum Own<K, E> {
    /// The key that it was given.
    Key(K),
    /// The entry that an attempt has given back, with the key.
    Entry(E),
}

/// Removes `key` if `condition` holds for its value, and returns the value. The attempt succeeds only if
/// the bucket is as it was when the value was read, so what is taken out is what `condition` has seen.
#[inline]
pub(in crate::cuckoo) fn remove_if<'m, Q: ?Sized, A: Reach<'m, Q, SLOTS>, const SLOTS: usize>(
    access: &mut A,
    hash: u64,
    key: &Q,
    mut condition: impl FnMut(&A::Value) -> bool,
) -> Option<A::Value> {
    let backoff = Backoff::new();
    loop {
        let at = locate(access, hash, key);
        let found = at.located.found?;
        if !access.holds(&found, &mut condition) {
            return None;
        }
        let value = access.try_take(&at, &found);
        if value.is_some() {
            return value;
        }
        backoff.spin();
    }
}

/// Moves the entry of `key`, if it is there, to its other bucket, if there is room, for models; whether it
/// was moved.
#[cfg(any(loom, shuttle))]
pub(in crate::cuckoo) fn displace<'m, Q: ?Sized, A: Reach<'m, Q, SLOTS>, const SLOTS: usize>(
    access: &mut A,
    hash: u64,
    key: &Q,
) -> bool {
    let backoff = Backoff::new();
    loop {
        let At { table, located, .. } = locate(access, hash, key);
        let Some(found) = located.found else { return false };
        let (from, buckets) = (found.place.bucket, [located.address.home, located.address.other]);
        let to = buckets[usize::from(from == buckets[0])];
        let Some(slot) = table.control(to).snapshot().empty_slot() else { return false };
        let map = access.map();
        let relocate = |tag, content| map.relocate(table, Hop { from, to }, tag, content);
        match table.displace(found.place, Place { bucket: to, slot }, relocate) {
            Attempt::Done => return true,
            Attempt::Full | Attempt::Frozen => return false,
            Attempt::Retry => backoff.snooze(),
        }
    }
}
