//! S3-FIFO: a small queue that new items must pass, a main queue, and the ghosts of those that did not.
//!
//! J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi, *FIFO queues are all you need for cache eviction*, SOSP
//! 2023, section 4.1 (Algorithm 1). An item has a counter of hits, up to 3. A new one enters the small
//! queue, a tenth of the capacity, or the main queue if its key is among the ghosts: the keys that the
//! small queue evicted last, as many as the main queue has items. At the small queue's back, an item with
//! two hits or more moves to the main queue, its counter at 0; another goes, and leaves its ghost. At the
//! main queue's back, an item with hits enters again with one hit less; another goes.
//!
//! Departures: one eviction gives one victim. Where the paper lets a move into a full main queue evict
//! from that at once, here the next round of the same eviction does. Ghosts are those of the last so many
//! evictions, so one that has come back leaves its place empty. Where there is no memory for as many, they are fewer.

use super::ghosts::Ghosts;
use super::links::{Links, List};
use super::segments::SegmentedArray;
use super::{Eviction, Hits, Items};
use crate::sync::Arc;
use crate::sync::hints::{AtomicU8, Ordering};

/// Evicts what is not hit soon after it came, and then what is hit no more.
#[derive(Debug)]
pub struct S3Fifo {
    links: Links,
    small: List,
    main: List,
    states: Arc<States>,
    ghosts: Ghosts,
    /// The main queue's share of the capacity.
    main_most: usize,
}

/// Of each slot: hits, up to 3, and [`IN_MAIN`]. All accesses are relaxed: a count of hits is a hint, and
/// `IN_MAIN` is changed by one thread alone.
#[derive(Debug, Default)]
pub struct States(SegmentedArray<AtomicU8>);

impl States {
    fn load(&self, slot: u32) -> u8 {
        self.0.get(slot as usize).map_or(0, |state| state.load(Ordering::Relaxed))
    }

    fn store(&self, slot: u32, new: u8) {
        if let Some(state) = self.0.get(slot as usize) {
            state.store(new, Ordering::Relaxed);
        }
    }
}

impl Hits for Arc<States> {
    #[inline]
    fn hit(&self, slot: u32) -> bool {
        let Some(state) = self.0.get(slot as usize) else { return false };
        let seen = state.load(Ordering::Relaxed);
        if seen & MOST == MOST {
            return false;
        }
        // A hit by another thread at the same time may be lost, but not a change of queues.
        let _ = state.compare_exchange(seen, seen + 1, Ordering::Relaxed, Ordering::Relaxed);
        true
    }
}

/// The most hits that are counted.
const MOST: u8 = 3;
/// With fewer hits an item does not get into the main queue.
const ENOUGH: u8 = 2;
/// Whether the item is in the main queue.
const IN_MAIN: u8 = 4;

impl S3Fifo {
    fn enter(&mut self, slot: u32, state: u8) {
        self.states.store(slot, state);
        let queue = if state & IN_MAIN == 0 { &mut self.small } else { &mut self.main };
        queue.push_front(&mut self.links, slot);
    }

    /// Lets the small queue's last item go, or pass: the victim, if it goes.
    fn sift_small(&mut self, items: &impl Items) -> Option<u32> {
        let slot = self.small.pop_back(&mut self.links)?;
        if self.states.load(slot) >= ENOUGH {
            self.enter(slot, IN_MAIN);
            return None;
        }
        self.ghosts.add(items.hash(slot));
        Some(slot)
    }

    /// Lets the main queue's last item go, or, if hits save it, enter again: the victim, if it goes.
    fn sift_main(&mut self, hits_save: bool) -> Option<u32> {
        let slot = self.main.pop_back(&mut self.links)?;
        let hits = self.states.load(slot) & MOST;
        if hits_save && hits > 0 {
            self.enter(slot, IN_MAIN | (hits - 1));
            return None;
        }
        Some(slot)
    }
}

impl Eviction for S3Fifo {
    const NAME: &'static str = "s3-fifo";
    type Hits = Arc<States>;

    fn new(_seed: u64) -> Self {
        Self {
            links: Links::default(),
            small: List::default(),
            main: List::default(),
            states: Arc::default(),
            ghosts: Ghosts::default(),
            main_most: 0,
        }
    }

    fn has_memory(&mut self, slots: usize) -> bool {
        self.links.has_memory(slots) && self.states.0.grow(slots)
    }

    fn resize(&mut self, slots: usize, capacity: usize) {
        self.links.resize(slots);
        self.states.0.grow(slots);
        self.main_most = capacity - capacity / 10;
        self.ghosts.resize(self.main_most);
    }

    fn insert(&mut self, slot: u32, hash: u64) {
        let state = if self.ghosts.take(hash) { IN_MAIN } else { 0 };
        self.enter(slot, state);
    }

    fn share_hits(&mut self) -> Arc<States> {
        self.states.clone()
    }

    #[inline]
    fn hit(&mut self, slot: u32) {
        self.states.hit(slot);
    }

    fn remove(&mut self, slot: u32) {
        let queue =
            if self.states.load(slot) & IN_MAIN == 0 { &mut self.small } else { &mut self.main };
        queue.remove(&mut self.links, slot);
    }

    /// So many rounds use up all hits that there are, unless others hit meanwhile; that saves none then.
    fn victim(&mut self, items: &impl Items) -> Option<u32> {
        let mut saved = (usize::from(MOST) + 1) * (self.small.len() + self.main.len());
        while self.small.len() + self.main.len() > 0 {
            let from_main = self.main.len() > self.main_most || self.small.len() == 0;
            let victim = if from_main { self.sift_main(saved > 0) } else { self.sift_small(items) };
            if victim.is_some() {
                return victim;
            }
            saved = saved.saturating_sub(1);
        }
        None
    }

    fn metadata_bytes(&self) -> usize {
        size_of::<Self>() + self.links.bytes() + self.states.0.bytes() + self.ghosts.bytes()
    }
}
