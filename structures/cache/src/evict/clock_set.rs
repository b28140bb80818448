//! CLOCK as in MemC3: a bit an item, and a new item's bit is set.
//!
//! B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent MemCache with Dumber Caching and
//! Smarter Hashing*, NSDI 2013, section "Concurrent Cache Management": an update sets the bit, and so, in
//! the authors' code, does the insertion that an eviction makes room for. So an item that is never hit stays for up to two turns of the hand, which
//! costs more than it brings: `clock.rs` has the other way.

use super::hand::Hand;
use super::{Eviction, Items};
use crate::theory::Form;

/// CLOCK, where an item begins with its bit set: MemC3's.
#[derive(Debug)]
pub struct ClockSet(Hand);

impl Eviction for ClockSet {
    const NAME: &'static str = "clock-set";
    const FORM: Option<Form> = Some(Form::ClockSet);

    fn new(_seed: u64) -> Self {
        Self(Hand::default())
    }

    fn resize(&mut self, slots: usize, _capacity: usize) {
        self.0.resize(slots);
    }

    fn insert(&mut self, slot: u32, _hash: u64) {
        self.0.insert(slot, true);
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
