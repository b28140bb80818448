//! LRU: a list under a lock, in which each hit moves its item to the front.
//!
//! The least recently used goes first: R. Mattson, J. Gecsei, D. Slutz, I. Traiger, *Evaluation techniques
//! for storage hierarchies*, IBM Systems Journal 9(2), 1970. The list under a lock is what memcached 1.4
//! had, and what MemC3 replaces by CLOCK (NSDI 2013): every hit writes the lock, the
//! item's links and those of up to three others.

use super::held::{Held, Order};
use super::links::{Links, List};
use super::{Eviction, Items};
use crate::sync::{Arc, Mutex};
use crate::theory::Form;

/// Evicts the least recently used item.
#[derive(Debug, Default)]
pub struct LruList(Held<Recency>);

/// Slots in the order of use.
#[derive(Debug, Default)]
pub struct Recency {
    links: Links,
    list: List,
}

impl Order for Recency {
    fn hit(&mut self, slot: u32) {
        if self.links.is_listed(slot) {
            self.list.move_to_front(&mut self.links, slot);
        }
    }
}

impl Eviction for LruList {
    const NAME: &'static str = "lru-list";
    const FORM: Option<Form> = Some(Form::Lru);
    type Hits = Arc<Mutex<Recency>>;

    fn new(_seed: u64) -> Self {
        Self::default()
    }

    fn has_memory(&mut self, slots: usize) -> bool {
        self.0.with(|order| order.links.has_memory(slots))
    }

    fn resize(&mut self, slots: usize, _capacity: usize) {
        self.0.with(|order| order.links.resize(slots));
    }

    fn insert(&mut self, slot: u32, _hash: u64) {
        self.0.with(|order| order.list.push_front(&mut order.links, slot));
    }

    fn share_hits(&mut self) -> Arc<Mutex<Recency>> {
        self.0.share()
    }

    fn hit(&mut self, slot: u32) {
        self.0.with(|order| order.hit(slot));
    }

    fn remove(&mut self, slot: u32) {
        self.0.with(|order| order.list.remove(&mut order.links, slot));
    }

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        self.0.with(|order| order.list.pop_back(&mut order.links))
    }

    fn metadata_bytes(&self) -> usize {
        size_of::<Self>() + self.0.read(|order| order.links.bytes())
    }
}
