//! A bucket's control word: the tags of its slots, and a sequence lock over its entries.
//!
//! MemC3 (NSDI 2013, "Optimistic Concurrent Cuckoo Hashing") keeps tags beside the entries and
//! versions in an array of their own. Here both are one 64-bit word. So one load both tells which
//! slots may match and begins an optimistic read, and one compare-and-swap both takes the lock and
//! checks that nothing has changed since the snapshot.
//!
//! | bits, from the lowest | |
//! | --- | --- |
//! | `SLOTS` × `TAG_BITS` | tags; 0 marks an empty slot |
//! | 3 | overflow count; each kind of table says what it counts; it saturates at 7 |
//! | 1 | `FROZEN`: the bucket will not change any more |
//! | the rest but one | version; every unlock that changed something adds 1 |
//! | 1, the highest | `LOCKED`: a writer may be changing the entries |
//!
//! # The protocol
//!
//! Entries are atomics, read and written `Relaxed` between these:
//!
//! * A reader takes a snapshot (`Acquire`, control-C1), reads entries, and validates: `fence(Acquire)`
//!   (control-C2), then the word again (`Acquire`, control-C3). If it is the same and not locked, the
//!   entries belong together and were in the bucket at control-C3. If it is the same but for the lock,
//!   so were those that a lock's holder does not write.
//! * A writer locks (control-C4, a CAS from an unlocked snapshot, `Acquire`), `fence(Release)`
//!   (control-C5), writes entries, unlocks with the next version (`Release`, control-C6). Before that
//!   it may raise the overflow count, still locked.
//!   What it has read between control-C1 and control-C4 was in the bucket at control-C4, without
//!   control-C2 and control-C3: the word has not changed, and a writer that locks later does so after
//!   this holder's control-C6, before which its reads are.
//! * control-C5 pairs with control-C2: a reader that saw one of the writer's entries sees its lock, or
//!   a later word, at control-C3. control-C6 pairs with control-C1, control-C3 and control-C4: a thread that
//!   sees the new word sees the new entries.
//!
//! # Versions wrap
//!
//! 8 slots leave 11 bits for the version, so a word may return while a reader is suspended. An unlock
//! that ends half a turn of the version, of which there are two in a turn, therefore adds 1 to the
//! table's [`Wraps`] first (`Release`, control-C7), while the bucket is still locked. A reader loads
//! `Wraps` before control-C1 (`Acquire`, control-C8) and after control-C3.
//!
//! If the version has wrapped around, the control-C6 of both such unlocks lie between control-C1 and
//! control-C3 in the word's modification order. Take the second of the two unlocks. The value that control-C8
//! read does not include its control-C7: its lock (control-C4) comes after the control-C6 of the first unlock, which
//! control-C1 has not seen; but control-C1 would have seen it, had control-C8 read that control-C7 or a later one.
//! The second value of `Wraps` does include it, as control-C3 read its control-C6 or a later one. So the two values
//! differ, and the reader tries again. (One count per turn would not be enough: control-C1 may find the word still
//! locked by the holder that has just counted, and a lookup that does not wait for the lock goes on. Then
//! that count is in control-C8's value, and the next one is a turn away.) The same holds for a writer
//! that locks the word that it has seen before: it compares the counts when it has the lock. (Cf. hazard
//! cuckoo-H5 in MemC3's released code, whose 32-bit counters may wrap unseen.)
//!
//! So a suspended reader notices any number of changes up to 2⁶⁴ counts, each of which stands for at
//! least 1024 changes of a bucket. Under loom the version of a bucket of one slot has one bit, so that
//! models see it wrap around.

use std::fmt;

use crate::sync::{AtomicU64, Ordering, fence};

/// Bits of the overflow count.
const OVERFLOW_BITS: u32 = 3;

/// The value of a control word at one moment: plain data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ControlWord<const SLOTS: usize>(u64);

impl<const SLOTS: usize> ControlWord<SLOTS> {
    /// Bits of a tag.
    pub const TAG_BITS: u32 = if SLOTS <= 4 { 8 } else { 6 };

    const TAGS_END: u32 = {
        assert!(SLOTS >= 1 && SLOTS <= 8, "a control word has room for 1 to 8 slots");
        SLOTS as u32 * Self::TAG_BITS
    };
    const FROZEN: u64 = 1 << (Self::TAGS_END + OVERFLOW_BITS);
    const VERSION: u32 = Self::TAGS_END + OVERFLOW_BITS + 1;
    /// All bits that are left. In models, a word of one slot has one bit, so that two changes make a
    /// turn.
    const VERSION_BITS: u32 = if cfg!(loom) && SLOTS == 1 { 1 } else { 63 - Self::VERSION };
    /// Next to the version, which carries into it.
    const LOCKED: u64 = 1 << (Self::VERSION + Self::VERSION_BITS);
    /// The version but for its highest bit.
    const HALF_TURN: u64 = ((1 << (Self::VERSION_BITS - 1)) - 1) << Self::VERSION;
    const OVERFLOW: u64 = ((1 << OVERFLOW_BITS) - 1) << Self::TAGS_END;
    const TAG: u64 = (1 << Self::TAG_BITS) - 1;
    const LOWS: u64 = Self::in_each_lane(1);
    const HIGHS: u64 = Self::in_each_lane(1 << (Self::TAG_BITS - 1));

    /// An empty bucket's word.
    pub const EMPTY: Self = Self(0);

    const fn in_each_lane(bits: u64) -> u64 {
        let (mut lanes, mut slot) = (0, 0);
        while slot < SLOTS {
            lanes |= bits << (slot as u32 * Self::TAG_BITS);
            slot += 1;
        }
        lanes
    }

    /// Exactly the slots whose tag is `tag`. There must be no false match: the key in an empty slot is that of a
    /// removed entry, so a comparison of keys would not detect it.
    #[inline(always)]
    #[must_use]
    pub const fn matching(self, tag: u64) -> Matches<SLOTS> {
        let differences = self.0 ^ tag.wrapping_mul(Self::LOWS);
        // A lane's high bit is set if any of its bits is. No lane carries into the next.
        let below_high = Self::HIGHS - Self::LOWS;
        let nonzero = ((differences & below_high) + below_high) | differences;
        Matches(!nonzero & Self::HIGHS)
    }

    /// The first empty slot.
    #[inline(always)]
    #[must_use]
    pub const fn empty_slot(self) -> Option<usize> {
        self.matching(0).first()
    }

    /// The tag of `slot`; 0 if it is empty.
    #[inline(always)]
    #[must_use]
    pub const fn tag(self, slot: usize) -> u64 {
        self.0 >> (slot as u32 * Self::TAG_BITS) & Self::TAG
    }

    /// With another tag in `slot`.
    #[inline(always)]
    #[must_use]
    pub const fn with_tag(self, slot: usize, tag: u64) -> Self {
        let shift = slot as u32 * Self::TAG_BITS;
        Self(self.0 & !(Self::TAG << shift) | tag << shift)
    }

    /// With `tag` in `slot`, which must be empty; otherwise the slot's tag in the result is unspecified.
    #[inline(always)]
    #[must_use]
    pub const fn filled(self, slot: usize, tag: u64) -> Self {
        Self(self.0 | tag << (slot as u32 * Self::TAG_BITS))
    }

    /// Whether the overflow count is not 0.
    #[inline(always)]
    #[must_use]
    pub const fn overflows(self) -> bool {
        self.0 & Self::OVERFLOW != 0
    }

    /// With `count` as overflow count; saturated at 7.
    #[must_use]
    pub const fn with_overflow(self, count: usize) -> Self {
        let saturated = Self::OVERFLOW >> Self::TAGS_END;
        let count = if (count as u64) < saturated { count as u64 } else { saturated };
        Self(self.0 & !Self::OVERFLOW | count << Self::TAGS_END)
    }

    /// With one more in the overflow count, unless it is saturated.
    #[must_use]
    pub const fn with_one_more_overflow(self) -> Self {
        if self.0 & Self::OVERFLOW == Self::OVERFLOW {
            self
        } else {
            Self(self.0 + (1 << Self::TAGS_END))
        }
    }

    /// With one less in the overflow count. A saturated count stays: it has lost count.
    #[must_use]
    pub const fn with_one_less_overflow(self) -> Self {
        if self.0 & Self::OVERFLOW == Self::OVERFLOW || self.0 & Self::OVERFLOW == 0 {
            self
        } else {
            Self(self.0 - (1 << Self::TAGS_END))
        }
    }

    /// Whether a writer has locked the bucket.
    #[inline(always)]
    #[must_use]
    pub const fn is_locked(self) -> bool {
        self.0 & Self::LOCKED != 0
    }

    /// Whether the bucket is frozen: it will not change any more.
    #[inline(always)]
    #[must_use]
    pub const fn is_frozen(self) -> bool {
        self.0 & Self::FROZEN != 0
    }

    /// With the mark that the bucket will not change any more.
    #[must_use]
    pub const fn frozen(self) -> Self {
        Self(self.0 | Self::FROZEN)
    }

    /// Whether the next version begins half a turn: it is the middle one, or the first again.
    #[inline(always)]
    #[must_use]
    pub const fn ends_half_turn(self) -> bool {
        self.0 & Self::HALF_TURN == Self::HALF_TURN
    }

    /// Unlocked, with the next version.
    #[inline(always)]
    const fn next_version(self) -> Self {
        Self((self.0 & !Self::LOCKED).wrapping_add(1 << Self::VERSION) & !Self::LOCKED)
    }
}

impl<const SLOTS: usize> fmt::Debug for ControlWord<SLOTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags: Vec<_> = (0..SLOTS).map(|slot| self.tag(slot)).collect();
        f.debug_struct("ControlWord")
            .field("tags", &tags)
            .field("overflow", &((self.0 & Self::OVERFLOW) >> Self::TAGS_END))
            .field("frozen", &self.is_frozen())
            .field("locked", &self.is_locked())
            .field("version", &((self.0 & !Self::LOCKED) >> Self::VERSION))
            .finish()
    }
}

/// Slots whose tag matches; an iterator from the first on.
#[derive(Clone, Copy, Debug)]
pub struct Matches<const SLOTS: usize>(u64);

impl<const SLOTS: usize> Matches<SLOTS> {
    /// The first of them.
    #[inline(always)]
    #[must_use]
    pub const fn first(self) -> Option<usize> {
        if self.0 == 0 { None } else { Some(self.first_or_last()) }
    }

    /// Whether `slot` is among them.
    #[inline(always)]
    #[must_use]
    pub const fn contains(self, slot: usize) -> bool {
        let bits = ControlWord::<SLOTS>::TAG_BITS;
        self.0 >> (slot as u32 * bits + bits - 1) & 1 != 0
    }

    /// The first of them; the last slot of all if there is none. Without a branch.
    #[inline(always)]
    #[must_use]
    pub const fn first_or_last(self) -> usize {
        let last = 1 << (ControlWord::<SLOTS>::TAGS_END - 1);
        ((self.0 | last).trailing_zeros() / ControlWord::<SLOTS>::TAG_BITS) as usize
    }

    /// Whether there is none.
    #[inline(always)]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether there are no two.
    #[inline(always)]
    #[must_use]
    pub const fn is_one_at_most(self) -> bool {
        self.0 & self.0.wrapping_sub(1) == 0
    }
}

impl<const SLOTS: usize> Iterator for Matches<SLOTS> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let first = self.first();
        self.0 &= self.0.wrapping_sub(1);
        first
    }
}

/// The number of half turns that the versions of a table's buckets have made; see the [module](self).
#[derive(Debug, Default)]
pub struct Wraps(AtomicU64);

impl Wraps {
    /// The number, to be compared with the result of another call after the read has been validated.
    #[inline(always)]
    #[must_use]
    pub fn count(&self) -> u64 {
        // Acquire control-C8: pairs with control-C7.
        self.0.load(Ordering::Acquire)
    }

    /// Another count, for tests of what has seen an earlier one.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(crate) fn set(&self, count: u64) {
        self.0.store(count, Ordering::SeqCst);
    }
}

/// A bucket's control word.
pub struct Control<const SLOTS: usize>(AtomicU64);

impl<const SLOTS: usize> Default for Control<SLOTS> {
    fn default() -> Self {
        Self(AtomicU64::new(ControlWord::<SLOTS>::EMPTY.0))
    }
}

impl<const SLOTS: usize> fmt::Debug for Control<SLOTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}

impl<const SLOTS: usize> Control<SLOTS> {
    /// The word as it is now.
    #[inline(always)]
    #[must_use]
    pub fn snapshot(&self) -> ControlWord<SLOTS> {
        // Acquire control-C1: pairs with control-C6; the entries that the word's writer wrote are
        // visible.
        ControlWord(self.0.load(Ordering::Acquire))
    }

    /// Whether the word still is `seen`, after entries were read. If so, and `seen` is not
    /// locked and [`Wraps`] has not changed, they belong together.
    #[inline(always)]
    #[must_use]
    pub fn validate(&self, seen: ControlWord<SLOTS>) -> bool {
        // Acquire fence control-C2: pairs with control-C5, and with memc3-M4 where the entry is in memory
        // that others use again. If an entry was a writer's, the load sees its lock.
        fence(Ordering::Acquire);
        // Acquire control-C3: pairs with control-C6; `Wraps` is at least what it was then.
        self.0.load(Ordering::Acquire) == seen.0
    }

    /// [`validate`](Self::validate), ignoring the lock: whether the word is still `seen`; a writer may have locked it
    /// but has changed nothing in it yet.
    #[inline(always)]
    #[must_use]
    pub fn validate_but_lock(&self, seen: ControlWord<SLOTS>) -> bool {
        // Acquire fence control-C2: pairs with control-C5. If an entry was a writer's, what that writer
        // did before is visible as well.
        fence(Ordering::Acquire);
        // Acquire control-C3: as in `validate`.
        (self.0.load(Ordering::Acquire) ^ seen.0) & !ControlWord::<SLOTS>::LOCKED == 0
    }

    /// Takes the lock if nothing has changed since `seen`, which is neither locked nor frozen,
    /// was taken; `count` is what `wraps` held before that.
    #[inline(always)]
    #[must_use]
    pub fn try_lock(&self, seen: ControlWord<SLOTS>, wraps: &Wraps, count: u64) -> bool {
        debug_assert!(!seen.is_locked() && !seen.is_frozen(), "not to be locked: {seen:?}");
        let locked = seen.0 | ControlWord::<SLOTS>::LOCKED;
        // Acquire control-C4: pairs with control-C6; the previous holder's entries are visible. Relaxed
        // on failure: the caller looks again.
        if self.0.compare_exchange(seen.0, locked, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return false;
        }
        if wraps.count() != count {
            self.unlock_unchanged(seen);
            return false;
        }
        // Release fence control-C5: pairs with control-C2. Entries written from here on show the lock.
        fence(Ordering::Release);
        true
    }

    /// Gives the word another overflow count while the caller holds the lock, and keeps it.
    #[inline(always)]
    pub fn set_locked(&self, new: ControlWord<SLOTS>) {
        // Relaxed: after control-C5. Who sees what the holder unlocks next, here or elsewhere
        // (control-C6), sees it.
        self.0.store(new.0 | ControlWord::<SLOTS>::LOCKED, Ordering::Relaxed);
    }

    /// Unlocks with the next version of `new`; the caller holds the lock.
    #[inline(always)]
    pub fn unlock(&self, new: ControlWord<SLOTS>, wraps: &Wraps) {
        if new.ends_half_turn() {
            // Release control-C7: pairs with control-C8; the lock comes before it.
            wraps.0.fetch_add(1, Ordering::Release);
        }
        // Release control-C6: publishes the entries; pairs with control-C1, control-C3 and control-C4.
        self.0.store(new.next_version().0, Ordering::Release);
    }

    /// Unlocks and leaves the word as it was before the lock: nothing was changed.
    #[inline(always)]
    pub fn unlock_unchanged(&self, seen: ControlWord<SLOTS>) {
        // Release control-C6: what the holder read comes before the next holder's writes.
        self.0.store(seen.0, Ordering::Release);
    }

    /// A private control word, for a writer that changes nothing but must execute the same code as one that does: it
    /// can be locked and unlocked like a word that was `seen`.
    #[inline(always)]
    pub(crate) fn scratch(seen: ControlWord<SLOTS>) -> Self {
        Self(AtomicU64::new(seen.0))
    }

    /// The word's bits, for tests that compare tables.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(crate) fn bits(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Freezes an unlocked bucket: from here on no lock can be taken. False if the word is not
    /// `seen` any more.
    #[must_use]
    pub fn freeze(&self, seen: ControlWord<SLOTS>) -> bool {
        let frozen = seen.frozen().0;
        // Acquire as control-C4. Relaxed on failure: the caller looks again.
        self.0.compare_exchange(seen.0, frozen, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Sets the word of a bucket that no operation can see yet, or of a line that the lock in
    /// another word covers, where it counts as an entry.
    #[inline(always)]
    pub fn set_covered(&self, new: ControlWord<SLOTS>) {
        // Relaxed: the bucket's publication orders it, or the control-C5 and control-C6 of the other
        // word.
        self.0.store(new.0, Ordering::Relaxed);
    }

    /// Puts `tag` into `slot` of a bucket in a table that is being filled and that no operation
    /// can see. Others may do the same with other slots and the overflow count.
    pub fn add_unpublished(&self, slot: usize, tag: u64) {
        // Relaxed: the table's publication orders it.
        self.0.fetch_or(ControlWord::<SLOTS>::EMPTY.with_tag(slot, tag).0, Ordering::Relaxed);
    }

    /// Adds 1 to the overflow count of such a bucket.
    pub fn add_overflow_unpublished(&self) {
        let more = |seen| Some(ControlWord::<SLOTS>(seen).with_one_more_overflow().0);
        // Relaxed: the table's publication orders it.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_compares_all_bits_of_wraps() {
        let (control, wraps) = (Control::<8>::default(), Wraps::default());
        let (count, seen) = (wraps.count(), control.snapshot());
        for bit in 0..u64::BITS {
            wraps.set(1 << bit);
            assert!(!control.try_lock(seen, &wraps, count), "2^{bit} half turns later");
        }
        assert!(control.try_lock(seen, &wraps, wraps.count()));
    }
}
