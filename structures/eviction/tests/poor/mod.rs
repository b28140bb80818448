//! A policy that has no memory for more slots.

use std::cell::Cell;

use eviction::evict::{Eviction, Fifo, Items, Unheeded};

thread_local! {
    /// Whether there is no memory for more slots.
    pub(crate) static IS_POOR: Cell<bool> = const { Cell::new(false) };
}

/// First in, first out, with memory for no more slots while it is poor.
#[derive(Debug)]
pub(crate) struct Poor {
    order: Fifo,
    granted: usize,
}

impl Eviction for Poor {
    const NAME: &'static str = "poor";
    type Hits = Unheeded;

    fn new(seed: u64) -> Self {
        Self { order: Fifo::new(seed), granted: 0 }
    }

    fn has_memory(&mut self, slots: usize) -> bool {
        if !IS_POOR.get() {
            self.granted = self.granted.max(slots);
        }
        slots <= self.granted
    }

    fn resize(&mut self, slots: usize, capacity: usize) {
        assert!(slots <= self.granted, "{slots} slots, with memory for {}", self.granted);
        self.order.resize(slots, capacity);
    }

    fn insert(&mut self, slot: u32, hash: u64) {
        self.order.insert(slot, hash);
    }

    fn share_hits(&mut self) -> Unheeded {
        self.order.share_hits()
    }

    fn hit(&mut self, slot: u32) {
        self.order.hit(slot);
    }

    fn remove(&mut self, slot: u32) {
        self.order.remove(slot);
    }

    fn victim(&mut self, items: &impl Items) -> Option<u32> {
        self.order.victim(items)
    }

    fn metadata_bytes(&self) -> usize {
        self.order.metadata_bytes()
    }
}
