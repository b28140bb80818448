//! One attempt to add or to take out an entry, and what follows if a bucket is full or frozen.

use super::{At, ContentOf, FoundOf, Hop, Layout, LocatedOf, TableOf};
use crate::cuckoo::buckets::{self, Attempt};
use crate::cuckoo::error::GrowError;

/// Adds an absent key if nothing has changed since it was located; false if something has, or if
/// room had to be made first. `content` is that of a slot in the key's home.
#[inline(always)]
pub(in crate::cuckoo) fn try_add<L: Layout<SLOTS>, const SLOTS: usize>(
    map: &L,
    At { hash, table, located }: &At<'_, L, SLOTS>,
    content: ContentOf<L, SLOTS>,
) -> Result<bool, GrowError> {
    let mut attempt = table.try_add_at_home(located, content);
    if attempt == Attempt::Full {
        attempt = table.try_add_at_other(located, L::in_other_bucket(content));
    }
    if attempt == Attempt::Full {
        attempt = make_room(map, table, [located.address.home, located.address.other], *hash);
    }
    if attempt == Attempt::Full {
        grow(map, table, located)?;
    }
    let added = settle(map, table, attempt);
    if added {
        map.driver().entries.add(1);
    }
    Ok(added)
}

/// Takes out the entry that was found; false if something has changed since.
#[inline(always)]
pub(in crate::cuckoo) fn try_remove<L: Layout<SLOTS>, const SLOTS: usize>(
    map: &L,
    at: &At<'_, L, SLOTS>,
    found: &FoundOf<L, SLOTS>,
) -> bool {
    let removed = settle(map, at.table, at.table.try_remove(&at.located, found));
    if removed {
        map.driver().entries.add(-1);
    }
    removed
}

/// Whether `attempt` did what it should. If a bucket was frozen, helps to double the table.
#[inline(always)]
pub(in crate::cuckoo) fn settle<L: Layout<SLOTS>, const SLOTS: usize>(
    map: &L,
    table: &TableOf<L, SLOTS>,
    attempt: Attempt,
) -> bool {
    if attempt == Attempt::Frozen {
        double(map, table).expect("a bucket is frozen when the doubled table exists");
    }
    attempt == Attempt::Done
}

/// Displaces entries so that one of `starts` gets an empty slot. An insertion by a closure of an
/// iteration, which holds displacements off, cannot, and has the table grow.
#[cold]
fn make_room<L: Layout<SLOTS>, const SLOTS: usize>(
    map: &L,
    table: &TableOf<L, SLOTS>,
    starts: [usize; 2],
    seed: u64,
) -> Attempt {
    let driver = map.driver();
    let fingerprint = |place, tag| map.fingerprint(table, place, tag);
    let relocate = |from, to, tag, content| map.relocate(table, Hop { from, to }, tag, content);
    let move_along = || {
        let counters = &driver.counters;
        buckets::move_along::<_, L::Search, SLOTS, _>(
            table,
            counters,
            starts,
            seed,
            fingerprint,
            relocate,
        )
    };
    driver.displace(move_along).unwrap_or(Attempt::Full)
}

/// Doubles the table, in which no place was found for the key that was `located`.
#[cold]
fn grow<L: Layout<SLOTS>, const SLOTS: usize>(
    map: &L,
    table: &TableOf<L, SLOTS>,
    located: &LocatedOf<L, SLOTS>,
) -> Result<(), GrowError> {
    let driver = map.driver();
    if driver.is_current(table)
        && let Err(error) = GrowError::check_load(driver.len(), table.slots())
    {
        // The key itself may have been added since, into the last slot.
        return if table.is_absent_still(located) { Err(error) } else { Ok(()) };
    }
    double(map, table)
}

/// Doubles the table until there is room for `additional` entries more than there are.
pub(in crate::cuckoo) fn reserve<L: Layout<SLOTS>, const SLOTS: usize>(
    map: &L,
    additional: usize,
) -> Result<(), GrowError> {
    let driver = map.driver();
    let wanted = TableOf::<L, SLOTS>::SHAPE.buckets_for_more(driver.len(), additional)?;
    loop {
        let table = driver.table();
        if table.buckets() >= wanted {
            return Ok(());
        }
        double(map, table)?;
    }
}

/// Takes part in doubling `table`.
fn double<L: Layout<SLOTS>, const SLOTS: usize>(
    map: &L,
    table: &TableOf<L, SLOTS>,
) -> Result<(), GrowError> {
    let target = |next: &_, bucket, content| map.target(next, bucket, content);
    table.double(&map.driver().current, target)
}
