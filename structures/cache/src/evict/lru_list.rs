//! LRU: a list under a lock, in which each hit moves its item to the front.
//!
//! The least recently used goes first: R. Mattson, J. Gecsei, D. Slutz, I. Traiger, *Evaluation techniques
//! for storage hierarchies*, IBM Systems Journal 9(2), 1970. The list under a lock is what memcached 1.4
//! had, and what MemC3 replaces by CLOCK (NSDI 2013): every hit writes the lock, the
//! item's links and those of up to three others.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::links::{Links, List};
use super::{Eviction, Items};
use crate::theory::Form;

/// Evicts the least recently used item.
#[derive(Debug, Default)]
pub struct LruList(Mutex<Order>);

#[derive(Debug, Default)]
struct Order {
    links: Links,
    list: List,
}

impl Order {
    fn hit(&mut self, slot: u32) {
        self.list.move_to_front(&mut self.links, slot);
    }
}

impl LruList {
    fn lock(&self) -> MutexGuard<'_, Order> {
        // Nothing that is done under the lock panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The list, by who alone has it: no lock is taken.
    fn alone(&mut self) -> &mut Order {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Eviction for LruList {
    const NAME: &'static str = "lru-list";
    const FORM: Option<Form> = Some(Form::Lru);

    fn new(_seed: u64) -> Self {
        Self::default()
    }

    fn resize(&mut self, slots: usize, _capacity: usize) {
        self.alone().links.resize(slots);
    }

    fn insert(&mut self, slot: u32, _hash: u64) {
        let order = self.alone();
        order.list.push_front(&mut order.links, slot);
    }

    fn hit(&self, slot: u32) -> bool {
        self.lock().hit(slot);
        true
    }

    fn hit_alone(&mut self, slot: u32) {
        self.alone().hit(slot);
    }

    fn remove(&mut self, slot: u32) {
        let order = self.alone();
        order.list.remove(&mut order.links, slot);
    }

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        let order = self.alone();
        order.list.pop_back(&mut order.links)
    }

    fn metadata_bytes(&self) -> usize {
        size_of::<Self>() + self.lock().links.bytes()
    }
}
