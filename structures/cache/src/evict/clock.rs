//! CLOCK: a bit an item, and a new item's bit is clear.
//!
//! F. Corbató, *A Paging Experiment with the Multics System*, MIT Project MAC report MAC-M-384, 1968. An
//! item that is never hit goes when the hand comes to it for the first time, as under FIFO; hits in a
//! turn of the hand give an item one more turn. With a new item's bit clear its hit ratio on
//! independent requests is above that of LRU; with the bit set (`clock_set.rs`) it is below.

use super::hand::Hand;
use super::{Eviction, Items};
use crate::theory::Form;

/// CLOCK, where an item begins with its bit clear.
#[derive(Debug)]
pub struct ClockClear(Hand);

impl Eviction for ClockClear {
    const NAME: &'static str = "clock";
    const FORM: Option<Form> = Some(Form::Clock);

    fn new(_seed: u64) -> Self {
        Self(Hand::default())
    }

    fn resize(&mut self, slots: usize, _capacity: usize) {
        self.0.resize(slots);
    }

    fn insert(&mut self, slot: u32, _hash: u64) {
        self.0.insert(slot, false);
    }

    #[inline]
    fn hit(&self, slot: u32) -> bool {
        self.0.hit(slot)
    }

    fn remove(&mut self, slot: u32) {
        self.0.remove(slot);
    }

    fn victim(&mut self, items: &impl Items) -> Option<u32> {
        self.0.victim(items)
    }

    fn metadata_bytes(&self) -> usize {
        self.0.bytes()
    }
}
