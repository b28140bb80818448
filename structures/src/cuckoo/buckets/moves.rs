//! Displacement: moving entries along a cuckoo path so that a bucket gets an empty slot.

use super::{Attempt, Cell, Table};
use crate::control::ControlWord;
use crate::cuckoo::path::{self, Graph, Place, Search};
use crate::cuckoo::stats::Counters;
use crate::sync::Backoff;
use crate::versions::Versions;

/// The table as a path search sees it: tags only, if `fingerprint` needs no more.
struct Unlocked<'t, C, F, const SLOTS: usize, V: Versions> {
    table: &'t Table<C, SLOTS, V>,
    fingerprint: F,
}

impl<C: Cell, F: Fn(Place, u64) -> u64, const SLOTS: usize, V: Versions> Graph
    for Unlocked<'_, C, F, SLOTS, V>
{
    const SLOTS: usize = SLOTS;

    fn other_bucket(&self, place: Place) -> Option<usize> {
        // buckets-I1: a search may ask for anything.
        place.check(self.table.buckets(), SLOTS);
        let tag = self.table.control(place.bucket).snapshot().tag(place.slot);
        (tag != 0).then(|| self.table.other(place.bucket, (self.fingerprint)(place, tag)))
    }

    fn prefetch(&self, bucket: usize) {
        if bucket <= self.table.mask {
            self.table.prefetch_control(bucket);
        }
    }
}

/// The change of an entry that moves.
#[derive(Clone, Copy, Debug)]
pub(in crate::cuckoo) struct Relocation<T> {
    /// The content of the new cell.
    pub(in crate::cuckoo) content: T,
    /// Whether it returns to its home; otherwise it leaves it.
    pub(in crate::cuckoo) returns: bool,
}

/// Searches a path from one of `starts` and moves the entries on it. Never [`Attempt::Done`]: if
/// there is room now, it is anybody's. [`Attempt::Full`]: the starts were full at one moment, and
/// no path was found; or an entry on it is astray, as its key has another hash than it had, and would
/// be on it the next time.
///
/// `fingerprint` says what, with a bucket, gives the other bucket of the entry with a tag in a
/// place; `relocate(from, to, tag, content)` what the move means, `None` if that is no move
/// between the entry's buckets. It may run the user's hasher.
pub(in crate::cuckoo) fn move_along<C: Cell, P: Search, const SLOTS: usize, V: Versions>(
    table: &Table<C, SLOTS, V>,
    counters: &Counters,
    starts: [usize; 2],
    seed: u64,
    fingerprint: impl Fn(Place, u64) -> u64,
    relocate: impl Fn(usize, usize, u64, C::Content) -> Option<Relocation<C::Content>>,
) -> Attempt {
    let graph = Unlocked { table, fingerprint };
    let Some(path) = path::search::<P, _>(&graph, table.buckets(), starts, seed) else {
        counters.gave_up();
        return if table.are_full(starts) { Attempt::Full } else { Attempt::Retry };
    };
    counters.found_path(path.len() - 1);
    // From the hole backward: every entry moves into an empty slot (buckets-I2).
    for hop in path.windows(2).rev() {
        let (from, to) = (hop[0], hop[1]);
        let mut is_refused = false;
        let made = table.displace(from, to, |tag, content| {
            let relocation = relocate(from.bucket, to.bucket, tag, content);
            is_refused = relocation.is_none();
            relocation
        });
        if made != Attempt::Done {
            counters.retried();
            let is_astray = is_refused && table.is_astray(from, to, &graph.fingerprint, &relocate);
            return if is_astray { Attempt::Full } else { made };
        }
        counters.displaced();
    }
    Attempt::Retry
}

impl<C: Cell, const SLOTS: usize, V: Versions> Table<C, SLOTS, V> {
    /// Whether all of `buckets` were full, and none frozen, at one moment. A search cannot tell: an
    /// entry that moves, or is taken out and added again, may be seen in two places.
    fn are_full(&self, buckets: [usize; 2]) -> bool {
        let backoff = Backoff::new();
        loop {
            let wraps = self.wraps.count();
            let seen = buckets.map(|bucket| (bucket, self.see(bucket)));
            let settled = seen
                .iter()
                .all(|(bucket, seen)| !seen.is_locked() && self.unchanged(*bucket, seen, wraps));
            if settled {
                let full =
                    |word: ControlWord<SLOTS>| word.empty_slot().is_none() && !word.is_frozen();
                return seen.iter().all(|(_, seen)| full(seen.word));
            }
            backoff.snooze();
        }
    }

    /// Whether the entry in `from` can move to `to` by its fingerprint, but not by its key's hash. While a
    /// key keeps its hash it can by both or by none: what is compared is of one moment.
    #[cold]
    fn is_astray(
        &self,
        from: Place,
        to: Place,
        fingerprint: impl Fn(Place, u64) -> u64,
        relocate: impl Fn(usize, usize, u64, C::Content) -> Option<Relocation<C::Content>>,
    ) -> bool {
        let wraps = self.wraps.count();
        let seen = self.see(from.bucket);
        let tag = seen.word.tag(from.slot);
        let relocation = |tag| relocate(from.bucket, to.bucket, tag, self.cell(from).read());
        tag != 0
            && !seen.is_locked()
            && self.other(from.bucket, fingerprint(from, tag)) == to.bucket
            && relocation(tag).is_none()
            && self.unchanged(from.bucket, &seen, wraps)
    }

    /// Moves the entry in `from` to the empty slot `to` of its other bucket.
    pub(in crate::cuckoo) fn displace(
        &self,
        from: Place,
        to: Place,
        relocate: impl FnOnce(u64, C::Content) -> Option<Relocation<C::Content>>,
    ) -> Attempt {
        let wraps = self.wraps.count();
        let (source, target) = (self.see(from.bucket), self.see(to.bucket));
        if source.word.is_frozen() || target.word.is_frozen() {
            return Attempt::Frozen;
        }
        let tag = source.word.tag(from.slot);
        if tag == 0 || target.word.tag(to.slot) != 0 {
            return Attempt::Retry;
        }
        // What is read here belongs to the word if the lock can be taken.
        let Some(Relocation { content, returns }) = relocate(tag, self.cell(from).read()) else {
            return Attempt::Retry;
        };
        if !self.try_lock_both([(to.bucket, &target), (from.bucket, &source)], wraps) {
            return Attempt::Retry;
        }
        self.cell(to).write(content);
        let filled = target.word.with_tag(to.slot, tag);
        let emptied = source.word.with_tag(from.slot, 0);
        // The home's count with its tags (buckets-I4).
        let (filled, emptied) = if returns {
            (filled.with_one_less_overflow(), emptied)
        } else {
            (filled, emptied.with_one_more_overflow())
        };
        // First the new place, then the old one (buckets-I2).
        self.unlock_both([(to.bucket, filled), (from.bucket, emptied)]);
        Attempt::Done
    }
}
