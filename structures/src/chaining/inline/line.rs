//! A cache line of entries, and the chains that such lines form.
//!
//! # Invariants
//! * line-L1. A line holds an entry in each slot whose tag is not 0. The entry of an empty slot is
//!   whatever was there before.
//! * line-L2. The first line's control word is the sequence lock of its whole chain: entries, and the
//!   tags of further lines, change only under that lock. In the words of further lines only the tags
//!   are used.
//! * line-L3. The first word's overflow count is the number of entries in further lines, saturated.
//! * line-L4. `next` is set once, to an empty line, by a thread that has the lock. The line that it
//!   points to lives as long as the line that it is in.

use std::hint::select_unpredictable;
use std::ptr;

use crate::control::{Control, Snapshot};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, perturb};
use crate::zeroed::Zeroable;

/// Entries that share a cache line with their control word and a link.
pub(super) const SLOTS: usize = 3;

/// A line's control word, as it was read.
pub(super) type LineWord = Snapshot<SLOTS>;

/// Bits of a tag.
pub(super) const TAG_BITS: u32 = LineWord::TAG_BITS;

#[derive(Default)]
struct Slot {
    key: AtomicU64,
    value: AtomicU64,
}

/// A bucket's first line, or a further one.
#[derive(Default)]
#[repr(C, align(64))]
pub(super) struct Line {
    pub(super) control: Control<SLOTS>,
    slots: [Slot; SLOTS],
    next: AtomicPtr<Line>,
}

const _: () = assert!(cfg!(any(loom, shuttle)) || size_of::<Line>() == 64, "one cache line");

// SAFETY: atomics whose defaults are 0 and null, none of which needs a drop. (The chain is freed
// by `free_chain`.)
unsafe impl Zeroable for Line {}

/// A key to look for, with its tag.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) tag: u64,
    pub(super) key: u64,
}

/// A slot of some line of a chain.
#[derive(Clone, Copy)]
pub(super) struct Place<'l> {
    line: &'l Line,
    slot: usize,
}

/// The place of a key in a chain, or a place where it could go.
pub(super) struct Probe<'l> {
    /// The key's place and value.
    pub(super) found: Option<(Place<'l>, u64)>,
    /// The first empty slot up to there.
    free: Option<Place<'l>>,
    /// The line at which the search ended.
    last: &'l Line,
}

impl Line {
    /// Whether one of the slots holds `wanted`, and its value; if none does, some value. Compares
    /// all keys without a branch: in a table that is read at random each would be mispredicted.
    #[inline(always)]
    pub(super) fn pick(&self, seen: LineWord, wanted: Wanted) -> (bool, u64) {
        let matching = seen.matching(wanted.tag);
        let (mut found, mut picked) = (false, 0);
        for (index, slot) in self.slots.iter().enumerate() {
            // Relaxed: between control-C1 and control-C2 of the control word's protocol.
            let (key, value) =
                (slot.key.load(Ordering::Relaxed), slot.value.load(Ordering::Relaxed));
            let here = matching.contains(index) & (key == wanted.key);
            found |= here;
            picked = select_unpredictable(here, value, picked);
        }
        (found, picked)
    }

    /// The place of `wanted` in the chain of this first line, as of `seen`; says something only
    /// if `seen` was not locked and is still there.
    pub(super) fn search(&self, seen: LineWord, wanted: Wanted) -> Probe<'_> {
        let mut search = Probe { found: None, free: None, last: self };
        let mut tags = seen;
        loop {
            let line = search.last;
            for slot in tags.matching(wanted.tag) {
                let (key, value) = line.read(slot);
                if key == wanted.key {
                    search.found = Some((Place { line, slot }, value));
                    return search;
                }
            }
            if search.free.is_none() {
                search.free = tags.empty_slot().map(|slot| Place { line, slot });
            }
            // line-L3: if there is nothing in overflow, an empty slot is all that is wanted from there.
            match line.next() {
                Some(next) if seen.overflows() || search.free.is_none() => {
                    (search.last, tags) = (next, next.control.snapshot());
                }
                _ => return search,
            }
        }
    }

    /// Runs `f` on the tag, the key and the value of each entry in the chain of this first line,
    /// as of `seen`; with the same proviso as [`search`](Self::search).
    pub(super) fn for_each(&self, seen: LineWord, mut f: impl FnMut(u64, u64, u64)) {
        let (mut line, mut tags) = (self, seen);
        loop {
            for slot in (0..SLOTS).filter(|slot| tags.tag(*slot) != 0) {
                let (key, value) = line.read(slot);
                f(tags.tag(slot), key, value);
            }
            match line.next() {
                Some(next) if seen.overflows() => (line, tags) = (next, next.control.snapshot()),
                _ => return,
            }
        }
    }

    /// The next line of the chain.
    fn next(&self) -> Option<&Line> {
        // Acquire: pairs with the Release in `next_or_new`; the line is initialised.
        let next = self.next.load(Ordering::Acquire);
        // SAFETY: line-L4, and lines are only ever shared.
        unsafe { next.as_ref() }
    }

    fn read(&self, slot: usize) -> (u64, u64) {
        let slot = &self.slots[slot];
        // Relaxed: between control-C1 and control-C2.
        (slot.key.load(Ordering::Relaxed), slot.value.load(Ordering::Relaxed))
    }

    fn write(&self, slot: usize, key: u64, value: u64) {
        let slot = &self.slots[slot];
        // Relaxed: between control-C5 and control-C6.
        slot.key.store(key, Ordering::Relaxed);
        perturb();
        slot.value.store(value, Ordering::Relaxed);
    }

    /// The line after this one; attaches an empty one if there is none, which changes nothing of
    /// what the chain holds.
    fn next_or_new(&self) -> &Line {
        if let Some(next) = self.next() {
            return next;
        }
        let new = Box::into_raw(Box::<Line>::default());
        // Release: publishes the line; Acquire on failure: pairs with it, as in `next`.
        let result =
            self.next.compare_exchange(ptr::null_mut(), new, Ordering::Release, Ordering::Acquire);
        let next = match result {
            Ok(_) => new,
            Err(other) => {
                // SAFETY: just made, and nobody has seen it.
                drop(unsafe { Box::from_raw(new) });
                other
            }
        };
        // SAFETY: line-L4: not null, and only `free_chain` frees it.
        unsafe { &*next }
    }

    /// Adds an entry at an empty place in the chain of this first line. The caller has the lock;
    /// returns what the control word is to become.
    pub(super) fn add(
        &self,
        seen: LineWord,
        place: Place<'_>,
        new: Wanted,
        value: u64,
    ) -> LineWord {
        place.line.write(place.slot, new.key, value);
        if ptr::eq(place.line, self) {
            return seen.with_tag(place.slot, new.tag);
        }
        place.line.set_tag(place.slot, new.tag);
        seen.with_overflow(self.entries_in_overflow())
    }

    /// Takes the entry at `place` out of the chain of this first line, and moves one from
    /// overflow to a place that becomes free here. The caller has the lock; returns what the
    /// control word is to become.
    pub(super) fn take(&self, seen: LineWord, place: Place<'_>) -> LineWord {
        if !seen.overflows() {
            return seen.with_tag(place.slot, 0);
        }
        let mut new = seen;
        let mut hole = place;
        if ptr::eq(place.line, self) {
            let (substitute, tag) = self.any_in_overflow();
            let (key, value) = substitute.line.read(substitute.slot);
            self.write(place.slot, key, value);
            new = new.with_tag(place.slot, tag);
            hole = substitute;
        }
        hole.line.set_tag(hole.slot, 0);
        new.with_overflow(self.entries_in_overflow())
    }

    /// Changes a tag of a further line; the caller has the chain's lock.
    fn set_tag(&self, slot: usize, tag: u64) {
        self.control.set_covered(self.control.snapshot().with_tag(slot, tag));
    }

    /// The lines after this first one.
    fn further(&self) -> impl Iterator<Item = &Line> {
        std::iter::successors(self.next(), |line| line.next())
    }

    fn entries_in_overflow(&self) -> usize {
        let entries = |line: &Line| SLOTS - line.control.snapshot().matching(0).count();
        self.further().map(entries).sum()
    }

    /// The last entry in overflow, and its tag.
    fn any_in_overflow(&self) -> (Place<'_>, u64) {
        let places =
            self.further().flat_map(|line| (0..SLOTS).map(move |slot| Place { line, slot }));
        places
            .map(|place| (place, place.line.control.snapshot().tag(place.slot)))
            .filter(|(_, tag)| *tag != 0)
            .last()
            .expect("line-L3: the overflow count is not 0")
    }

    /// Frees the lines after this first one.
    ///
    /// # Safety
    ///
    /// Nobody else uses the chain, and references to its further lines are gone.
    pub(super) unsafe fn free_chain(&self) {
        // Relaxed: we have the chain for ourselves.
        let mut next = self.next.swap(ptr::null_mut(), Ordering::Relaxed);
        while !next.is_null() {
            // SAFETY: leaked by `next_or_new`, linked once, unlinked just now; ours, says the caller.
            let line = unsafe { Box::from_raw(next) };
            next = line.next.load(Ordering::Relaxed);
        }
    }
}

impl Place<'_> {
    /// Replaces the value; the caller has the chain's lock.
    pub(super) fn set_value(self, value: u64) {
        // Relaxed: between control-C5 and control-C6.
        self.line.slots[self.slot].value.store(value, Ordering::Relaxed);
    }
}

impl<'l> Probe<'l> {
    /// Whether the chain needs another line for one more entry.
    pub(super) fn is_full(&self) -> bool {
        self.free.is_none()
    }

    /// An empty place; in a new line if need be. Still empty when the caller has locked the chain
    /// and so knows that nothing has changed since the search.
    pub(super) fn place(&self) -> Place<'l> {
        self.free.unwrap_or_else(|| Place { line: self.last.next_or_new(), slot: 0 })
    }
}
