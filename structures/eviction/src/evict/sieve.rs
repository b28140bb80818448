//! SIEVE: a FIFO list in which the hand leaves what was visited where it is.
//!
//! Y. Zhang, J. Yang, Y. Yue, Y. Vigfusson, K. V. Rashmi, *SIEVE is Simpler than LRU: an Efficient Turn-Key
//! Eviction Algorithm for Web Caches*, NSDI 2024, section 3 (Algorithm 1). New items enter at the front,
//! unvisited. The hand goes from the back to the front, and from there to the back again: it clears the
//! bit of an item that was visited and passes it; the first that was not is the victim. Unlike CLOCK's, it
//! keeps its place among old items while new ones come at the front, so these are sifted soon.
//!
//! Added to the paper: an item that is deleted under the hand moves the hand on.

use super::bits::Bits;
use super::links::{Links, List};
use super::{Eviction, Items};
use crate::sync::Arc;

/// Evicts the first unvisited item that the hand meets.
#[derive(Debug)]
pub struct Sieve {
    links: Links,
    list: List,
    visited: Arc<Bits>,
    /// The next item to look at; `None` is the one at the back.
    hand: Option<u32>,
}

impl Eviction for Sieve {
    const NAME: &'static str = "sieve";
    type Hits = Arc<Bits>;

    fn new(_seed: u64) -> Self {
        let (links, list) = (Links::default(), List::default());
        Self { links, list, visited: Arc::default(), hand: None }
    }

    fn has_memory(&mut self, slots: usize) -> bool {
        self.links.has_memory(slots) && self.visited.resize(slots)
    }

    fn resize(&mut self, slots: usize, _capacity: usize) {
        self.links.resize(slots);
        self.visited.resize(slots);
    }

    fn insert(&mut self, slot: u32, _hash: u64) {
        self.visited.take(slot);
        self.list.push_front(&mut self.links, slot);
    }

    fn share_hits(&mut self) -> Arc<Bits> {
        self.visited.clone()
    }

    #[inline]
    fn hit(&mut self, slot: u32) {
        self.visited.set(slot);
    }

    fn remove(&mut self, slot: u32) {
        if self.hand == Some(slot) {
            self.hand = self.links.before(slot);
        }
        self.list.remove(&mut self.links, slot);
    }

    /// After one turn all items are unvisited, unless others visit them meanwhile; that saves none then.
    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        let mut at = self.hand.or_else(|| self.list.back())?;
        let mut saved = self.list.len();
        while self.visited.take(at) && saved > 0 {
            saved -= 1;
            // From the front on to the back. There is an item, so there is a last one.
            at = self.links.before(at).or_else(|| self.list.back())?;
        }
        self.hand = self.links.before(at);
        self.list.remove(&mut self.links, at);
        Some(at)
    }

    fn metadata_bytes(&self) -> usize {
        size_of::<Self>() + self.links.bytes() + self.visited.bytes()
    }
}
