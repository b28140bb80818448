//! RANDOM: each item is as likely to go as any other.
//!
//! L. Belady, *A study of replacement algorithms for a virtual-storage computer*, IBM Systems Journal 5(2),
//! 1966, as the policy that uses no information. Under independent requests its hit ratio is that of FIFO
//! (`crate::theory`). It keeps nothing of an item: it draws slots until there is an item, which takes as
//! many draws as there are slots for each item, in the mean.

use super::{Eviction, Items, Unheeded};
use crate::theory::Form;

/// Evicts an item that is drawn.
#[derive(Debug)]
pub struct Random {
    state: u64,
    slots: usize,
    items: usize,
}

impl Random {
    /// The next number of the generator: SplitMix64 (G. Steele, D. Lea, C. Flood, *Fast splittable
    /// pseudorandom number generators*, OOPSLA 2014).
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

impl Eviction for Random {
    const NAME: &'static str = "random";
    const FORM: Option<Form> = Some(Form::Fifo);
    type Hits = Unheeded;

    fn new(seed: u64) -> Self {
        Self { state: seed, slots: 0, items: 0 }
    }

    fn resize(&mut self, slots: usize, _capacity: usize) {
        self.slots = slots;
    }

    fn insert(&mut self, _slot: u32, _hash: u64) {
        self.items += 1;
    }

    fn share_hits(&mut self) -> Unheeded {
        Unheeded
    }

    fn hit(&mut self, _slot: u32) {}

    fn remove(&mut self, _slot: u32) {
        self.items -= 1;
    }

    fn victim(&mut self, items: &impl Items) -> Option<u32> {
        if self.items == 0 {
            return None;
        }
        loop {
            let slot = ((u128::from(self.draw()) * self.slots as u128) >> 64) as u32;
            if items.is_there(slot) {
                self.items -= 1;
                return Some(slot);
            }
        }
    }

    fn metadata_bytes(&self) -> usize {
        size_of::<Self>()
    }
}
