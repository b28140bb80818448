//! The hand of a clock: `clock` and `clock-set`, which differ in the bit of a new item.
//!
//! Slots form a circle. A hit sets the slot's bit. The hand looks at one slot after the other: a bit that
//! is set is cleared, and the hand goes on; an item whose bit is clear is the victim.

use std::fmt::Debug;
use std::marker::PhantomData;

use super::bits::Bits;
use super::{Eviction, Items};
use crate::sync::Arc;
use crate::theory::Form;

/// Which bit a new item has, and what such a policy is called.
pub trait NewBit: Debug + Send + Sync {
    /// The policy's name.
    const NAME: &'static str;

    /// The hit ratio that theory foresees.
    const FORM: Form;

    /// Whether a new item's bit is set.
    const IS_SET: bool;
}

/// A bit for each slot, and the hand.
#[derive(Debug)]
pub struct Hand<B> {
    bits: Arc<Bits>,
    slots: u32,
    at: u32,
    items: usize,
    _new: PhantomData<B>,
}

impl<B: NewBit> Eviction for Hand<B> {
    const NAME: &'static str = B::NAME;
    const FORM: Option<Form> = Some(B::FORM);
    type Hits = Arc<Bits>;

    fn new(_seed: u64) -> Self {
        Self { bits: Arc::default(), slots: 0, at: 0, items: 0, _new: PhantomData }
    }

    fn has_memory(&mut self, slots: usize) -> bool {
        self.bits.resize(slots)
    }

    fn resize(&mut self, slots: usize, _capacity: usize) {
        self.bits.resize(slots);
        self.slots = slots as u32;
    }

    fn insert(&mut self, slot: u32, _hash: u64) {
        self.items += 1;
        if B::IS_SET {
            self.bits.set(slot);
        } else {
            self.bits.take(slot);
        }
    }

    fn share_hits(&mut self) -> Arc<Bits> {
        self.bits.clone()
    }

    #[inline]
    fn hit(&mut self, slot: u32) {
        self.bits.set(slot);
    }

    fn remove(&mut self, _slot: u32) {
        self.items -= 1;
    }

    /// The next slot with an item whose bit is clear. In the second turn there is one, unless others set
    /// bits meanwhile; after that turn a bit saves nothing.
    fn victim(&mut self, items: &impl Items) -> Option<u32> {
        if self.items == 0 {
            return None;
        }
        let mut saved = 2 * u64::from(self.slots);
        loop {
            let slot = self.at;
            self.at = if slot + 1 == self.slots { 0 } else { slot + 1 };
            let is_saved = self.bits.take(slot) && saved > 0;
            saved = saved.saturating_sub(1);
            if !is_saved && items.is_there(slot) {
                self.items -= 1;
                return Some(slot);
            }
        }
    }

    fn metadata_bytes(&self) -> usize {
        size_of::<Self>() + self.bits.bytes()
    }
}
