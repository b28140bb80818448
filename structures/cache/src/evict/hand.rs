//! The hand of a clock: what `clock` and `clock-set` have in common.
//!
//! Slots form a circle. A hit sets the slot's bit. The hand looks at one slot after the other: a bit that
//! is set is cleared, and the hand goes on; an item whose bit is clear is the victim.

use super::Items;
use super::bits::Bits;

/// A bit for each slot, and the hand.
#[derive(Debug, Default)]
pub(super) struct Hand {
    bits: Bits,
    slots: u32,
    at: u32,
    items: usize,
}

impl Hand {
    pub(super) fn resize(&mut self, slots: usize) {
        self.bits.resize(slots);
        self.slots = slots as u32;
    }

    pub(super) fn insert(&mut self, slot: u32, is_set: bool) {
        self.items += 1;
        if is_set {
            self.bits.set(slot);
        } else {
            self.bits.take(slot);
        }
    }

    #[inline]
    pub(super) fn hit(&self, slot: u32) -> bool {
        self.bits.set(slot)
    }

    pub(super) fn remove(&mut self, _slot: u32) {
        self.items -= 1;
    }

    /// The next slot with an item whose bit is clear. It ends in the second turn at the latest, unless
    /// others set bits all the while.
    pub(super) fn victim(&mut self, items: &impl Items) -> Option<u32> {
        if self.items == 0 {
            return None;
        }
        loop {
            let slot = self.at;
            self.at = if slot + 1 == self.slots { 0 } else { slot + 1 };
            if !self.bits.take(slot) && items.is_there(slot) {
                self.items -= 1;
                return Some(slot);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.bits.bytes()
    }
}
