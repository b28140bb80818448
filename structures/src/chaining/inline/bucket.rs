//! Two cache lines of entries, and the chains that such buckets form.
//!
//! # Invariants
//! * bucket-L1. A line holds an entry in each slot that its word says is occupied. The key and the
//!   value of an empty slot are whatever was there before.
//! * bucket-L2. The first line's control word is the sequence lock of its whole chain: under the lock
//!   alone, keys, values and the words of further lines change.
//! * bucket-L3. A class is in the first word's filter just if a further line has an entry of it. So the
//!   filter is empty just if all entries are in the first line; and then alone may a slot there be
//!   empty.
//! * bucket-L4. `next` is set once, to an empty line, by any thread, locked or not. The line that it points
//!   to lives as long as the line that it is in.
//!
//! bucket-L3 says what a lookup needs: a key that is not in the first line, and whose class is not in the
//! filter, is absent. A writer that takes an entry out of a further line computes the filter anew, from
//! the classes of all that are left there, before it unlocks; a writer that adds an entry adds its class. Both
//! are in the word that the unlock stores, so no reader sees entries of one moment and a filter of another.
//! And a writer that finds an empty slot in the first line need not look at further ones.

use std::ptr;

use super::control::{BucketWord, Filter, SLOTS, SequenceLock, Slot, SlotSet, class};
use super::lanes;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, perturb};
use crate::zeroed::Zeroable;

/// The first cache line of a bucket.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Keys {
    pub(super) control: SequenceLock,
    pub(super) words: [AtomicU64; SLOTS],
}

/// The second.
#[derive(Debug, Default)]
#[repr(C, align(64))]
struct Values {
    next: AtomicPtr<Bucket>,
    words: [AtomicU64; SLOTS],
}

/// A bucket's first line of entries, or a further one: the *line* of the invariants.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(super) struct Bucket {
    keys: Keys,
    values: Values,
}

const _: () = assert!(cfg!(any(loom, shuttle)) || size_of::<Bucket>() == 128, "two cache lines");

// SAFETY: atomics whose defaults are 0 and null, none of which needs a drop. (The chain is freed
// by `free_chain`.)
unsafe impl Zeroable for Bucket {}

/// A key, with its hash.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub(super) hash: u64,
    pub(super) key: u64,
}

/// A slot of some line of a chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineSlot<'l> {
    line: &'l Bucket,
    slot: Slot,
}

/// The place of a key in a chain, or a place where it could go.
#[derive(Debug)]
pub(super) struct Probe<'l> {
    /// The key's place and value.
    pub(super) found: Option<(LineSlot<'l>, u64)>,
    /// The first empty slot up to there.
    free: Option<LineSlot<'l>>,
    /// The line at which the search ended.
    last: &'l Bucket,
}

impl Bucket {
    /// The control word of a first line.
    #[inline(always)]
    pub(super) fn control(&self) -> &SequenceLock {
        &self.keys.control
    }

    /// The address of the second cache line, to ask for it early.
    #[inline(always)]
    pub(super) fn second_line(&self) -> *const u8 {
        ptr::from_ref(&self.values).cast()
    }

    /// The slots of this line whose word equals `key`, empty ones among them.
    #[inline(always)]
    pub(super) fn equal(&self, key: u64) -> SlotSet {
        lanes::equal(&self.keys, key)
    }

    /// The word of a slot's key.
    #[inline(always)]
    pub(super) fn key(&self, slot: Slot) -> &AtomicU64 {
        // SAFETY: a slot's index is below `SLOTS`, the number of words.
        unsafe { self.keys.words.get_unchecked(slot.index()) }
    }

    /// The word of a slot's value.
    #[inline(always)]
    pub(super) fn value(&self, slot: Slot) -> &AtomicU64 {
        // SAFETY: as in `key`.
        unsafe { self.values.words.get_unchecked(slot.index()) }
    }

    /// The place of `wanted` in the chain of this first line, as of `seen`; says something only
    /// if `seen` validates.
    pub(super) fn search(&self, seen: BucketWord, wanted: Wanted) -> Probe<'_> {
        let empty = seen.empty();
        let mut search = Probe { found: None, free: None, last: self };
        search.found = self.find(seen.occupied(), wanted.key);
        if !empty.is_empty() {
            search.free = Some(LineSlot { line: self, slot: empty.first_or_last() });
        }
        // bucket-L3: with an empty slot here, further lines have nothing; and all that is wanted from
        // lines without its class is an empty slot.
        while search.found.is_none() && (search.free.is_none() || seen.may_overflow(wanted.hash)) {
            let Some(line) = search.last.next() else { break };
            search.last = line;
            let word = line.control().further();
            search.found = line.find(word.occupied(), wanted.key);
            if search.free.is_none() && !word.empty().is_empty() {
                search.free = Some(LineSlot { line, slot: word.empty().first_or_last() });
            }
        }
        search
    }

    /// The slot of this line that has the key, and its value.
    fn find(&self, occupied: SlotSet, key: u64) -> Option<(LineSlot<'_>, u64)> {
        let here = self.equal(key).and(occupied);
        let slot = here.first_or_last();
        // Relaxed: between inline-B1 and inline-B3.
        (!here.is_empty())
            .then(|| (LineSlot { line: self, slot }, self.value(slot).load(Ordering::Relaxed)))
    }

    /// Runs `f` on the key and the value of each entry in the chain of this first line, as of
    /// `seen`; with the same proviso as [`search`](Self::search).
    pub(super) fn for_each(&self, seen: BucketWord, mut f: impl FnMut(u64, u64)) {
        seen.occupied().iter().for_each(|slot| self.read(slot, &mut f));
        // bucket-L3.
        if seen.overflows() {
            for line in self.further() {
                line.control().further().occupied().iter().for_each(|slot| line.read(slot, &mut f));
            }
        }
    }

    fn read(&self, slot: Slot, f: &mut impl FnMut(u64, u64)) {
        // Relaxed: between inline-B1 and inline-B3.
        f(self.key(slot).load(Ordering::Relaxed), self.value(slot).load(Ordering::Relaxed));
    }

    fn write(&self, slot: Slot, key: u64, value: u64) {
        // Relaxed: between inline-B5 and inline-B6.
        self.key(slot).store(key, Ordering::Relaxed);
        perturb();
        self.value(slot).store(value, Ordering::Relaxed);
    }

    /// The next line of the chain.
    fn next(&self) -> Option<&Self> {
        // Acquire: pairs with the Release in `next_or_new`; the line is initialised.
        let next = self.values.next.load(Ordering::Acquire);
        // SAFETY: bucket-L4, and lines are only ever shared.
        unsafe { next.as_ref() }
    }

    /// The lines after this first one.
    fn further(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(self.next(), |line| line.next())
    }

    /// The line after this one; attaches an empty one if there is none, which changes nothing of
    /// what the chain holds.
    fn next_or_new(&self) -> &Self {
        if let Some(next) = self.next() {
            return next;
        }
        let new = Box::into_raw(Box::<Self>::default());
        // Release: publishes the line; Acquire on failure: pairs with it, as in `next`.
        let result = self.values.next.compare_exchange(
            ptr::null_mut(),
            new,
            Ordering::Release,
            Ordering::Acquire,
        );
        let next = match result {
            Ok(_) => new,
            Err(other) => {
                // SAFETY: just made, and nobody has seen it.
                drop(unsafe { Box::from_raw(new) });
                other
            }
        };
        // SAFETY: bucket-L4: not null, and only `free_chain` frees it.
        unsafe { &*next }
    }

    /// Adds an entry at an empty place in the chain of this first line. The caller has the lock;
    /// returns what the control word is to become.
    pub(super) fn add(
        &self,
        seen: BucketWord,
        place: LineSlot<'_>,
        new: Wanted,
        value: u64,
    ) -> BucketWord {
        let LineSlot { line, slot } = place;
        line.write(slot, new.key, value);
        if ptr::eq(line, self) {
            return seen.with(slot);
        }
        let word = line.control().further().with(slot, class(new.hash));
        line.control().set_further(word);
        seen.with_filter(self.filter())
    }

    /// Takes the entry at `place` out of the chain of this first line, and moves one from a further
    /// line to a slot that becomes empty here (bucket-L3). The caller has the lock; returns what the
    /// control word is to become.
    pub(super) fn take(&self, seen: BucketWord, place: LineSlot<'_>) -> BucketWord {
        let mut hole = place;
        if !seen.overflows() {
            return seen.without(place.slot);
        }
        if ptr::eq(place.line, self) {
            let substitute = self.any_in_overflow().expect("bucket-L3: the filter is not empty");
            substitute.line.read(substitute.slot, &mut |key, value| {
                self.write(place.slot, key, value);
            });
            hole = substitute;
        }
        let control = hole.line.control();
        control.set_further(control.further().without(hole.slot));
        seen.with_filter(self.filter())
    }

    /// What bucket-L3 says that the filter is.
    fn filter(&self) -> Filter {
        let filters = self.further().map(|line| line.control().further().filter());
        filters.fold(Filter::default(), Filter::or)
    }

    /// An entry in a further line.
    fn any_in_overflow(&self) -> Option<LineSlot<'_>> {
        self.further().find_map(|line| {
            let slot = line.control().further().occupied().iter().next()?;
            Some(LineSlot { line, slot })
        })
    }

    /// An empty place in the chain of this first line, whose word is `seen`, and which is the
    /// caller's alone; in a new line if need be.
    pub(super) fn room(&self, seen: BucketWord) -> LineSlot<'_> {
        let (mut line, mut empty) = (self, seen.empty());
        while empty.is_empty() {
            line = line.next_or_new();
            empty = line.control().further().empty();
        }
        LineSlot { line, slot: empty.first_or_last() }
    }

    /// Frees the lines after this first one.
    ///
    /// # Safety
    ///
    /// Nobody else uses the chain, and references to its further lines are gone.
    pub(super) unsafe fn free_chain(&self) {
        // Relaxed: we have the chain for ourselves.
        let mut next = self.values.next.swap(ptr::null_mut(), Ordering::Relaxed);
        while !next.is_null() {
            // SAFETY: leaked by `next_or_new`, linked once, unlinked just now; ours, says the caller.
            let line = unsafe { Box::from_raw(next) };
            next = line.values.next.load(Ordering::Relaxed);
        }
    }
}

impl LineSlot<'_> {
    /// Replaces the value; the caller has the chain's lock.
    pub(super) fn set_value(self, value: u64) {
        // Relaxed: between inline-B5 and inline-B6.
        self.line.value(self.slot).store(value, Ordering::Relaxed);
    }
}

impl<'l> Probe<'l> {
    /// Whether the chain needs another line for one more entry.
    pub(super) fn is_full(&self) -> bool {
        self.free.is_none()
    }

    /// An empty place; in a new line if need be. Still empty when the caller has locked the chain
    /// and so knows that nothing has changed since the search.
    pub(super) fn place(&self) -> LineSlot<'l> {
        self.free.unwrap_or_else(|| LineSlot { line: self.last.next_or_new(), slot: Slot::FIRST })
    }
}
