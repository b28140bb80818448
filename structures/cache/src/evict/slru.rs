//! SLRU: LRU in two segments; what is hit again is protected from what is not.
//!
//! R. Karedla, J. Love, B. Wherry, *Caching strategies to improve disk system performance*, Computer 27(3),
//! 1994. A new item enters the probationary segment at the front. A hit brings an item to the front of the
//! protected segment, which has at most four fifths of the capacity: its last item goes back to the front
//! of the probationary one. Victims come from the back of the probationary segment, and from that of the
//! protected one only if the other is empty. The paper leaves the share open; four fifths is what caches
//! that followed took.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::links::{Links, List};
use super::{Eviction, Items};

/// Evicts the least recently used of the items that were not hit, or not for long.
#[derive(Debug, Default)]
pub struct Slru(Mutex<Segments>);

#[derive(Debug, Default)]
struct Segments {
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

    fn hit(&mut self, slot: u32) {
        self.remove(slot);
        self.insert(slot, true);
        while self.protected.len() > self.most
            && let Some(last) = self.protected.back()
        {
            self.remove(last);
            self.insert(last, false);
        }
    }
}

impl Slru {
    fn lock(&self) -> MutexGuard<'_, Segments> {
        // Nothing that is done under the lock panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The segments, by who alone has them: no lock is taken.
    fn alone(&mut self) -> &mut Segments {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Eviction for Slru {
    const NAME: &'static str = "slru";

    fn new(_seed: u64) -> Self {
        Self::default()
    }

    fn resize(&mut self, slots: usize, capacity: usize) {
        let segments = self.alone();
        segments.links.resize(slots);
        segments.is_protected.resize(slots, false);
        segments.most = capacity * 4 / 5;
    }

    fn insert(&mut self, slot: u32, _hash: u64) {
        self.alone().insert(slot, false);
    }

    fn hit(&self, slot: u32) -> bool {
        self.lock().hit(slot);
        true
    }

    fn hit_alone(&mut self, slot: u32) {
        self.alone().hit(slot);
    }

    fn remove(&mut self, slot: u32) {
        self.alone().remove(slot);
    }

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        let segments = self.alone();
        let victim = segments.probationary.back().or_else(|| segments.protected.back())?;
        segments.remove(victim);
        Some(victim)
    }

    fn metadata_bytes(&self) -> usize {
        let segments = self.lock();
        size_of::<Self>() + segments.links.bytes() + segments.is_protected.capacity()
    }
}
