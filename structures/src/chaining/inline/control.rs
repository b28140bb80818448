//! A bucket's control word: which slots have an entry, what keys are elsewhere, and a sequence lock.
//!
//! | bits, from the lowest | |
//! | --- | --- |
//! | 0 | `LOCKED`: a writer may be changing the bucket |
//! | 2, 4, … 14 | the slot has an entry: the bit of slot i is 2 (i + 1) |
//! | 1, 3, … 15 | *filter*: bit j is set if a key of class j is in a further line of the bucket |
//! | 16 | `FROZEN`: the bucket will not change any more |
//! | 17 to 63 | version; every unlock that changed something adds 1 |
//!
//! The bits of slots are two apart, like the bits of the result when SSE2 compares the keys
//! ([`lanes`](super::lanes)): the result can be masked with the word, and can select a value, without conversion.
//! A key's [class](class) is the top three bits of its hash.
//!
//! # The protocol
//!
//! Keys, values and the words of further lines are atomics, read and written `Relaxed` between these:
//!
//! * A reader takes a snapshot (`Acquire`, inline-B1), reads, and validates: `fence(Acquire)`
//!   (inline-B2), then the word again (`Acquire`, inline-B3). If it is the snapshot, not locked, what
//!   was read belongs together and was in the bucket at inline-B3.
//! * A writer locks (inline-B4, a CAS from an unlocked snapshot, `Acquire`), `fence(Release)`
//!   (inline-B5), writes, and unlocks with the next version (`Release`, inline-B6).
//! * inline-B5 pairs with inline-B2: a reader that saw a store of a writer sees that writer's lock, or a
//!   later word, at inline-B3. inline-B6 pairs with inline-B1, inline-B3 and inline-B4: a thread that sees the
//!   new word sees everything written before it.
//! * A snapshot that was locked validates if the word is now the same but unlocked: then the lock's holder has
//!   changed nothing (a holder that changes something increments the version) and has written nothing.
//! * What was read between inline-B1 and inline-B4 was in the bucket at inline-B4, without inline-B2
//!   and inline-B3: the CAS found the word of inline-B1, which never comes back; a writer that locks
//!   later does so after this holder's inline-B6, and this holder's reads come before its inline-B6.
//!
//! # The version
//!
//! "Never comes back" means: not before 2⁴⁷ changes. A reader or writer would have to be suspended between two
//! of its instructions for at least that many changes of one bucket to take the bucket for unchanged. At one change
//! of the bucket every 20 ns, the rate that two contending threads reach, that is 32 days. The version is
//! at the top of the word, so it wraps around without touching another bit. Under loom it has three bits,
//! and a model suspends a thread for seven changes.

use crate::sync::{AtomicU64, Ordering, fence};

/// Entries that share two cache lines with their control word and a link. Fewer where a model checker
/// looks at each load.
pub(super) const SLOTS: usize = if cfg!(any(loom, shuttle)) { 3 } else { 7 };

const LOCKED: u64 = 1;
const FILTER: u64 = 0xAAAA;
const FROZEN: u64 = 1 << 16;
const VERSION: u32 = 17;
const VERSION_BITS: u32 = if cfg!(loom) { 3 } else { 47 };
/// The bits that mean something.
const USED: u64 = u64::MAX >> (64 - VERSION - VERSION_BITS);

/// A slot of a line: below [`SLOTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

impl Slot {
    pub(super) const FIRST: Self = Self(0);

    /// Slot number `index`, which there is.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn new(index: u32) -> Self {
        assert!((index as usize) < SLOTS);
        Self(index)
    }

    #[inline(always)]
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    /// As a set.
    #[inline(always)]
    pub(super) const fn alone(self) -> SlotSet {
        SlotSet(4 << (2 * self.0))
    }
}

/// A set of slots: the bit of slot i is 2 (i + 1), as in a control word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotSet(u64);

impl SlotSet {
    const ALL: u64 = ((1 << (2 * SLOTS + 2)) - 1) & 0x5554;
    const LAST: u64 = 1 << (2 * SLOTS);

    /// Those of `bits` that are of slots.
    #[inline(always)]
    pub(super) const fn of(bits: u64) -> Self {
        Self(bits & Self::ALL)
    }

    #[inline(always)]
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[inline(always)]
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The first of them; the last slot of all if there is none. Without a branch.
    #[inline(always)]
    pub(super) const fn first_or_last(self) -> Slot {
        Slot((self.0 | Self::LAST).trailing_zeros() / 2 - 1)
    }

    /// From the first to the last.
    pub(super) fn iter(self) -> impl Iterator<Item = Slot> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let first = (left != 0).then(|| Slot(left.trailing_zeros() / 2 - 1));
            left &= left.wrapping_sub(1);
            first
        })
    }
}

/// The class of a key with this hash, of eight: what the filter knows of keys in further lines.
#[inline(always)]
pub(super) const fn class(hash: u64) -> u64 {
    hash >> 61
}

/// What a bucket's control word held: plain data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BucketWord(u64);

impl BucketWord {
    /// The slots that have an entry.
    #[inline(always)]
    pub(super) const fn occupied(self) -> SlotSet {
        SlotSet::of(self.0)
    }

    /// The others.
    #[inline(always)]
    pub(super) const fn empty(self) -> SlotSet {
        SlotSet::of(!self.0)
    }

    /// With an entry in `slot`, which is empty.
    #[inline(always)]
    pub(super) const fn with(self, slot: Slot) -> Self {
        Self(self.0 | slot.alone().0)
    }

    /// Without the entry in `slot`.
    #[inline(always)]
    pub(super) const fn without(self, slot: Slot) -> Self {
        Self(self.0 & !slot.alone().0)
    }

    /// Whether further lines have entries.
    #[inline(always)]
    pub(super) const fn overflows(self) -> bool {
        self.0 & FILTER != 0
    }

    /// Whether a key with this hash may be in a further line.
    #[inline(always)]
    pub(super) const fn may_overflow(self, hash: u64) -> bool {
        self.0 >> (2 * class(hash) + 1) & 1 != 0
    }

    /// With the filter of these lines.
    pub(super) const fn with_filter(self, filter: Filter) -> Self {
        Self(self.0 & !FILTER | filter.0)
    }

    /// Whether a writer has the bucket.
    #[inline(always)]
    pub(super) const fn is_locked(self) -> bool {
        self.0 & LOCKED != 0
    }

    /// Whether the bucket will not change any more.
    #[inline(always)]
    pub(super) const fn is_frozen(self) -> bool {
        self.0 & FROZEN != 0
    }

    #[inline(always)]
    const fn unlocked(self) -> Self {
        Self(self.0 & !LOCKED)
    }

    /// Unlocked, with the next version.
    #[inline(always)]
    const fn next_version(self) -> Self {
        Self((self.0 & !LOCKED).wrapping_add(1 << VERSION) & USED)
    }
}

/// A bucket's control word.
#[derive(Debug)]
pub(super) struct SequenceLock(AtomicU64);

impl Default for SequenceLock {
    fn default() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl SequenceLock {
    /// The word as it is now.
    #[inline(always)]
    pub(super) fn snapshot(&self) -> BucketWord {
        // Acquire inline-B1: pairs with inline-B6; what the word's writer wrote is visible.
        BucketWord(self.0.load(Ordering::Acquire))
    }

    /// Whether nothing has changed since `seen`, and no writer was there.
    #[inline(always)]
    pub(super) fn validate(&self, seen: BucketWord) -> bool {
        // Acquire fence inline-B2: pairs with inline-B5. If something read was a writer's, the load
        // sees its lock.
        fence(Ordering::Acquire);
        // Acquire inline-B3: pairs with inline-B6, so that who finds a bucket changed sees what it became.
        self.0.load(Ordering::Acquire) == seen.unlocked().0
    }

    /// Takes the lock if nothing has changed since `seen`, which is not frozen, and no writer is there.
    #[inline(always)]
    #[must_use]
    pub(super) fn try_lock(&self, seen: BucketWord) -> bool {
        debug_assert!(!seen.is_frozen(), "not to be locked: {seen:?}");
        let (unlocked, locked) = (seen.unlocked().0, seen.0 | LOCKED);
        // Acquire inline-B4: pairs with inline-B6; what the previous holder wrote is visible. Relaxed
        // on failure: the caller looks again.
        if self.0.compare_exchange(unlocked, locked, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            return false;
        }
        // Release fence inline-B5: pairs with inline-B2. What is written from here on shows the lock.
        fence(Ordering::Release);
        true
    }

    /// Unlocks with the next version of `new`; the caller has the lock.
    #[inline(always)]
    pub(super) fn unlock(&self, new: BucketWord) {
        // Release inline-B6: publishes what was written; pairs with inline-B1, inline-B3 and inline-B4.
        self.0.store(new.next_version().0, Ordering::Release);
    }

    /// Unlocks and leaves the word as it was before the lock: nothing was written.
    #[inline(always)]
    pub(super) fn unlock_unchanged(&self, seen: BucketWord) {
        // Release inline-B6: what the holder read comes before the next holder's writes.
        self.0.store(seen.unlocked().0, Ordering::Release);
    }

    /// Freezes an unlocked bucket: from here on no lock can be taken. False if it is not as it was
    /// `seen`.
    #[must_use]
    pub(super) fn freeze(&self, seen: BucketWord) -> bool {
        let (unlocked, frozen) = (seen.unlocked().0, seen.unlocked().0 | FROZEN);
        // Acquire as inline-B4. Relaxed on failure: the caller looks again.
        self.0.compare_exchange(unlocked, frozen, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Sets the word of a bucket that no operation can see yet.
    pub(super) fn set_unpublished(&self, new: BucketWord) {
        // Relaxed: the table's publication orders it.
        self.0.store(new.0, Ordering::Relaxed);
    }

    /// A control word that is nobody else's, for a writer that is to change nothing but to take no
    /// other way: it locks and unlocks as one that was `seen`.
    #[inline(always)]
    pub(super) fn scratch(seen: BucketWord) -> Self {
        Self(AtomicU64::new(seen.unlocked().0))
    }

    /// The word itself, where it is [`scratch`](Self::scratch) and takes any writes.
    #[inline(always)]
    pub(super) fn word(&self) -> &AtomicU64 {
        &self.0
    }
}

/// The filter of a bucket that has these classes in its further lines, in its place in the word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter(u64);

impl Filter {
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The word of a further line: slots as in a control word, and the class of each entry, so that a
/// filter can be computed without the user's hasher. It is covered by the bucket's lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Further(u64);

impl Further {
    /// Where the classes begin: three bits per slot.
    const CLASSES: u32 = 16;

    pub(super) const fn occupied(self) -> SlotSet {
        SlotSet::of(self.0)
    }

    pub(super) const fn empty(self) -> SlotSet {
        SlotSet::of(!self.0)
    }

    /// With an entry of this class in `slot`.
    pub(super) const fn with(self, slot: Slot, class: u64) -> Self {
        let shift = Self::CLASSES + 3 * slot.0;
        Self(self.0 & !(7 << shift) | class << shift | slot.alone().0)
    }

    pub(super) const fn without(self, slot: Slot) -> Self {
        Self(self.0 & !slot.alone().0)
    }

    /// The filter of the entries.
    pub(super) fn filter(self) -> Filter {
        let class = |slot: Slot| self.0 >> (Self::CLASSES + 3 * slot.0) & 7;
        let filters = self.occupied().iter().map(|slot| Filter(2 << (2 * class(slot))));
        filters.fold(Filter::default(), Filter::or)
    }
}

impl SequenceLock {
    /// The word of a further line; says something in the same window as an entry.
    #[inline(always)]
    pub(super) fn further(&self) -> Further {
        // Relaxed: between inline-B1 and inline-B3, or under the lock.
        Further(self.0.load(Ordering::Relaxed))
    }

    /// Sets the word of a further line; the caller has the bucket's lock, or the table for itself.
    pub(super) fn set_further(&self, new: Further) {
        // Relaxed: between inline-B5 and inline-B6, or the table's publication orders it.
        self.0.store(new.0, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// From the last version to the first, whatever else is in the word.
    #[test]
    fn a_version_goes_round_and_touches_nothing_else() {
        let others = ((1 << VERSION) - 1) & !LOCKED;
        let last = BucketWord(u64::MAX << VERSION | others | LOCKED);
        assert_eq!(last.next_version(), BucketWord(others));
        let mut seen = BucketWord(others);
        for version in 1..1_000 {
            seen = BucketWord(seen.0 | LOCKED).next_version();
            assert_eq!(seen, BucketWord(version << VERSION | others));
        }
        assert_eq!(VERSION + VERSION_BITS, 64, "2⁴⁷ changes make a turn");
    }

    /// A writer's lock, and its unlocking with another version or with none, as others see it.
    #[test]
    fn a_snapshot_validates_until_the_bucket_changes() {
        let control = SequenceLock::default();
        let seen = control.snapshot();
        assert!(control.validate(seen) && control.try_lock(seen));
        let locked = control.snapshot();
        assert!(locked.is_locked() && !control.validate(seen) && !control.validate(locked));
        assert!(!control.try_lock(seen) && !control.try_lock(locked) && !control.freeze(locked));
        control.unlock_unchanged(seen);
        assert!(control.validate(seen) && control.validate(locked), "nothing was changed");
        assert!(control.try_lock(seen));
        control.unlock(seen);
        assert!(!control.validate(seen) && !control.validate(locked) && !control.freeze(seen));
        let seen = control.snapshot();
        assert!(control.freeze(seen) && control.snapshot().is_frozen() && !control.validate(seen));
    }

    /// SlotSet and classes against the same in vectors; each slot in turn gets and loses entries.
    #[test]
    fn a_filter_has_the_classes_that_are_there() {
        let mut word = Further::default();
        let mut classes = [None; SLOTS];
        let mut random = 1_u64;
        for _ in 0..100_000 {
            random = random.wrapping_mul(0xD129_42E1_CB2E_8F0D).wrapping_add(1);
            let slot = Slot((random >> 40) as u32 % SLOTS as u32);
            if classes[slot.index()].is_some() {
                word = word.without(slot);
                classes[slot.index()] = None;
            } else {
                word = word.with(slot, class(random));
                classes[slot.index()] = Some(class(random));
            }
            let taken = |slot: &usize| classes[*slot].is_some();
            let occupied: Vec<_> = word.occupied().iter().map(|slot| slot.index()).collect();
            assert_eq!(occupied, (0..SLOTS).filter(taken).collect::<Vec<_>>());
            let first = (0..SLOTS).find(|slot| !taken(slot));
            assert_eq!(word.empty().first_or_last().index(), first.unwrap_or(SLOTS - 1));
            let seen = BucketWord(u64::MAX).with_filter(word.filter());
            for hash in (0..8).map(|class| class << 61) {
                assert_eq!(seen.may_overflow(hash), classes.contains(&Some(class(hash))));
            }
            assert_eq!(seen.overflows(), !occupied.is_empty());
            assert_eq!(seen.with_filter(Filter(FILTER)), BucketWord(u64::MAX));
        }
    }
}
