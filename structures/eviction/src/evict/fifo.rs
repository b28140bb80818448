//! FIFO: the item that came first goes first, whatever was hit.
//!
//! L. Belady, *A study of replacement algorithms for a virtual-storage computer*, IBM Systems Journal 5(2),
//! 1966. The order is a list, so that it is exact also where items are deleted and slots filled again.

use super::links::{Links, List};
use super::{Eviction, Items, Unheeded};
use crate::theory::Form;

/// Evicts in the order of insertion.
#[derive(Debug)]
pub struct Fifo {
    links: Links,
    list: List,
}

impl Eviction for Fifo {
    const NAME: &'static str = "fifo";
    const FORM: Option<Form> = Some(Form::Fifo);
    type Hits = Unheeded;

    fn new(_seed: u64) -> Self {
        Self { links: Links::default(), list: List::default() }
    }

    fn has_memory(&mut self, slots: usize) -> bool {
        self.links.has_memory(slots)
    }

    fn resize(&mut self, slots: usize, _capacity: usize) {
        self.links.resize(slots);
    }

    fn insert(&mut self, slot: u32, _hash: u64) {
        self.list.push_front(&mut self.links, slot);
    }

    fn share_hits(&mut self) -> Unheeded {
        Unheeded
    }

    fn hit(&mut self, _slot: u32) {}

    fn remove(&mut self, slot: u32) {
        self.list.remove(&mut self.links, slot);
    }

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        self.list.pop_back(&mut self.links)
    }

    fn metadata_bytes(&self) -> usize {
        size_of::<Self>() + self.links.bytes()
    }
}
