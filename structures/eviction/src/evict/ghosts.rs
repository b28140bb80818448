//! Ghosts: the keys that went last, by 32 bits of their hashes.

use hashbrown::HashTable;

/// The last so many hashes that were added, but for those that were taken out since.
///
/// A ring of four bytes for each, and a table that finds a hash in it. Hashes that agree in 32 bits
/// are one: among g ghosts an absent key is found with probability g / 2³².
#[derive(Debug, Default)]
pub(super) struct Ghosts {
    /// 0 where there is none.
    ring: Vec<u32>,
    /// The place that is written next: the oldest.
    next: usize,
    places: HashTable<u32>,
}

/// What of a hash is kept: never 0.
fn mark(hash: u64) -> u32 {
    ((hash >> 32) as u32).max(1)
}

impl Ghosts {
    /// From now on keeps the last `most`; or as many as before, if the system has no memory for those. O(those that there
    /// are), if that is new.
    pub(super) fn resize(&mut self, most: usize) {
        let mut ring = Vec::new();
        if most == self.ring.len() || ring.try_reserve_exact(most).is_err() {
            return;
        }
        ring.resize(most, 0);
        let new = Self { ring, next: 0, places: HashTable::new() };
        let mut old = std::mem::replace(self, new).in_order();
        old.drain(..old.len().saturating_sub(most));
        old.into_iter().for_each(|mark| self.add_mark(mark));
    }

    /// The marks, the oldest first.
    fn in_order(mut self) -> Vec<u32> {
        self.ring.rotate_left(self.next);
        self.ring.retain(|&mark| mark != 0);
        self.ring
    }

    pub(super) fn add(&mut self, hash: u64) {
        self.take(hash);
        self.add_mark(mark(hash));
    }

    /// Adds a mark that is not there, if the system has memory for it.
    fn add_mark(&mut self, mark: u32) {
        if self.ring.is_empty() {
            return;
        }
        self.forget(self.next);
        let ring = &self.ring;
        if self.places.try_reserve(1, |&place| spread(ring[place as usize])).is_err() {
            self.begin_anew();
        }
        if self.places.len() == self.places.capacity() {
            return;
        }
        let place = self.next as u32;
        self.ring[self.next] = mark;
        let ring = &self.ring;
        self.places.insert_unique(spread(mark), place, |&place| spread(ring[place as usize]));
        self.next = (self.next + 1) % self.ring.len();
    }

    /// Forgets all of them, and has their memory for those that come.
    fn begin_anew(&mut self) {
        self.places.clear();
        self.ring.fill(0);
        self.next = 0;
    }

    /// Takes `hash` out; whether it was there.
    pub(super) fn take(&mut self, hash: u64) -> bool {
        let mark = mark(hash);
        let found = self.places.find(spread(mark), |&place| self.ring[place as usize] == mark);
        let Some(&place) = found else { return false };
        self.forget(place as usize);
        true
    }

    /// Empties a place of the ring.
    fn forget(&mut self, place: usize) {
        let mark = std::mem::take(&mut self.ring[place]);
        if mark == 0 {
            return;
        }
        let entry = self.places.find_entry(spread(mark), |&found| found as usize == place);
        if let Ok(entry) = entry {
            entry.remove();
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.ring.capacity() * size_of::<u32>() + self.places.allocation_size()
    }
}

/// A hash of a mark: the table wants both ends of it mixed.
fn spread(mark: u32) -> u64 {
    u64::from(mark).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
}
