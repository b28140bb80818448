//! SLRU: LRU in two segments; what is hit again is protected from what is not.
//!
//! R. Karedla, J. Love, B. Wherry, *Caching strategies to improve disk system performance*, Computer 27(3),
//! 1994. A new item enters the probationary segment at the front. A hit brings an item to the front of the
//! protected segment, which has at most four fifths of the capacity: its last item goes back to the front
//! of the probationary one. Victims come from the back of the probationary segment, and from that of the
//! protected one only if the other is empty. The paper leaves the share open; four fifths is what caches
//! that followed took.

use super::held::{Held, Order};
use super::links::{Links, List};
use super::{Eviction, Items};
use crate::sync::{Arc, Mutex};

/// Evicts the least recently used of the items that were not hit, or not for long.
#[derive(Debug, Default)]
pub struct Slru(Held<Segments>);

/// Slots of both segments, each in the order of use.
#[derive(Debug, Default)]
pub struct Segments {
    links: Links,
    probationary: List,
    protected: List,
    is_protected: Vec<bool>,
    /// The most items of the protected segment.
    most: usize,
}

impl Segments {
    fn segment(&mut self, slot: u32) -> (&mut List, &mut Links) {
        let list = match self.is_protected[slot as usize] {
            true => &mut self.protected,
            false => &mut self.probationary,
        };
        (list, &mut self.links)
    }

    fn remove(&mut self, slot: u32) {
        let (list, links) = self.segment(slot);
        list.remove(links, slot);
    }

    fn insert(&mut self, slot: u32, is_protected: bool) {
        self.is_protected[slot as usize] = is_protected;
        let (list, links) = self.segment(slot);
        list.push_front(links, slot);
    }

    /// Gives back what the protected segment has too much.
    fn trim(&mut self) {
        while self.protected.len() > self.most
            && let Some(last) = self.protected.back()
        {
            self.remove(last);
            self.insert(last, false);
        }
    }
}

impl Order for Segments {
    fn hit(&mut self, slot: u32) {
        if !self.links.is_listed(slot) {
            return;
        }
        self.remove(slot);
        self.insert(slot, true);
        self.trim();
    }
}

impl Eviction for Slru {
    const NAME: &'static str = "slru";
    type Hits = Arc<Mutex<Segments>>;

    fn new(_seed: u64) -> Self {
        Self::default()
    }

    fn has_memory(&mut self, slots: usize) -> bool {
        self.0.with(|segments| {
            let more = slots.saturating_sub(segments.is_protected.len());
            segments.links.has_memory(slots) && segments.is_protected.try_reserve(more).is_ok()
        })
    }

    fn resize(&mut self, slots: usize, capacity: usize) {
        self.0.with(|segments| {
            segments.links.resize(slots);
            segments.is_protected.resize(slots, false);
            segments.most = capacity * 4 / 5;
            segments.trim();
        });
    }

    fn insert(&mut self, slot: u32, _hash: u64) {
        self.0.with(|segments| segments.insert(slot, false));
    }

    fn share_hits(&mut self) -> Arc<Mutex<Segments>> {
        self.0.share()
    }

    fn hit(&mut self, slot: u32) {
        self.0.with(|segments| segments.hit(slot));
    }

    fn remove(&mut self, slot: u32) {
        self.0.with(|segments| segments.remove(slot));
    }

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        self.0.with(|segments| {
            let victim = segments.probationary.back().or_else(|| segments.protected.back())?;
            segments.remove(victim);
            Some(victim)
        })
    }

    fn metadata_bytes(&self) -> usize {
        let bytes = |segments: &Segments| segments.links.bytes() + segments.is_protected.capacity();
        size_of::<Self>() + self.0.read(bytes)
    }
}
