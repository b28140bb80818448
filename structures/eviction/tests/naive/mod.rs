//! The policies once more, as plainly as their definitions: vectors that are searched.

use std::collections::VecDeque;

/// A cache of so many keys.
pub(crate) trait Naive {
    /// Whether `key` is there; from then on it is, if the policy lets it in.
    fn request(&mut self, key: u64) -> bool;
    /// Deletes `key`; whether it was there.
    fn remove(&mut self, key: u64) -> bool;
}

/// Takes the first element out that is so.
fn take<T>(queue: &mut VecDeque<T>, is_it: impl Fn(&T) -> bool) -> Option<T> {
    let place = queue.iter().position(is_it)?;
    queue.remove(place)
}

/// What is there stays.
pub(crate) struct First(usize, Vec<u64>);

impl First {
    pub(crate) fn new(items: usize) -> Self {
        Self(items, Vec::new())
    }
}

impl Naive for First {
    fn request(&mut self, key: u64) -> bool {
        let is_there = self.1.contains(&key);
        if !is_there && self.1.len() < self.0 {
            self.1.push(key);
        }
        is_there
    }

    fn remove(&mut self, key: u64) -> bool {
        let before = self.1.len();
        self.1.retain(|&other| other != key);
        self.1.len() < before
    }
}

/// First in, first out.
pub(crate) struct Queue(usize, VecDeque<u64>);

impl Queue {
    pub(crate) fn new(items: usize) -> Self {
        Self(items, VecDeque::new())
    }
}

impl Naive for Queue {
    fn request(&mut self, key: u64) -> bool {
        if self.1.contains(&key) {
            return true;
        }
        if self.1.len() == self.0 {
            self.1.pop_front();
        }
        self.1.push_back(key);
        false
    }

    fn remove(&mut self, key: u64) -> bool {
        take(&mut self.1, |&other| other == key).is_some()
    }
}

/// The last used at the back.
pub(crate) struct Lru(Queue);

impl Lru {
    pub(crate) fn new(items: usize) -> Self {
        Self(Queue::new(items))
    }
}

impl Naive for Lru {
    fn request(&mut self, key: u64) -> bool {
        let is_there = self.0.remove(key);
        self.0.request(key);
        is_there
    }

    fn remove(&mut self, key: u64) -> bool {
        self.0.remove(key)
    }
}

/// CLOCK: frames in a circle, of a key and its bit each.
pub(crate) struct Frames {
    frames: Vec<Option<(u64, bool)>>,
    /// Those that are empty; the last emptied is filled first.
    empty: Vec<usize>,
    hand: usize,
    first_bit: bool,
}

impl Frames {
    pub(crate) fn new(items: usize, first_bit: bool) -> Self {
        Self { frames: vec![None; items], empty: (0..items).rev().collect(), hand: 0, first_bit }
    }

    fn advance(&mut self) -> usize {
        let at = self.hand;
        self.hand = (at + 1) % self.frames.len();
        at
    }

    fn victim(&mut self) -> usize {
        loop {
            let at = self.advance();
            match &mut self.frames[at] {
                Some((_, bit)) if *bit => *bit = false,
                _ => return at,
            }
        }
    }
}

impl Naive for Frames {
    fn request(&mut self, key: u64) -> bool {
        if let Some((_, bit)) = self.frames.iter_mut().flatten().find(|(other, _)| *other == key) {
            *bit = true;
            return true;
        }
        let place = self.empty.pop().unwrap_or_else(|| self.victim());
        self.frames[place] = Some((key, self.first_bit));
        false
    }

    fn remove(&mut self, key: u64) -> bool {
        let is_it = |frame: &Option<(u64, bool)>| frame.is_some_and(|(other, _)| other == key);
        let Some(place) = self.frames.iter().position(is_it) else { return false };
        self.frames[place] = None;
        self.empty.push(place);
        true
    }
}

/// SLRU: the last used at the back of each segment.
pub(crate) struct Segments {
    items: usize,
    probationary: VecDeque<u64>,
    protected: VecDeque<u64>,
}

impl Segments {
    pub(crate) fn new(items: usize) -> Self {
        Self { items, probationary: VecDeque::new(), protected: VecDeque::new() }
    }
}

impl Naive for Segments {
    fn request(&mut self, key: u64) -> bool {
        if self.remove(key) {
            self.protected.push_back(key);
            if self.protected.len() > self.items * 80 / 100 {
                let last = self.protected.pop_front().unwrap();
                self.probationary.push_back(last);
            }
            return true;
        }
        if self.probationary.len() + self.protected.len() == self.items {
            self.probationary.pop_front().or_else(|| self.protected.pop_front());
        }
        self.probationary.push_back(key);
        false
    }

    fn remove(&mut self, key: u64) -> bool {
        take(&mut self.probationary, |&other| other == key).is_some()
            || take(&mut self.protected, |&other| other == key).is_some()
    }
}

/// S3-FIFO by the paper's Algorithm 1, but that an eviction ends with its first victim. Heads of the
/// queues are at the back. A tenth is rounded down: the small queue of a cache of less than ten items may be empty.
pub(crate) struct ThreeQueues {
    items: usize,
    small: VecDeque<(u64, u32)>,
    main: VecDeque<(u64, u32)>,
    /// `None` where a ghost has come back.
    ghosts: VecDeque<Option<u64>>,
}

impl ThreeQueues {
    pub(crate) fn new(items: usize) -> Self {
        let (small, main) = (VecDeque::new(), VecDeque::new());
        Self { items, small, main, ghosts: VecDeque::new() }
    }

    fn evict(&mut self) {
        let before = self.small.len() + self.main.len();
        while self.small.len() + self.main.len() == before {
            let gives = !self.small.is_empty() && self.small.len() >= self.items / 10;
            if gives { self.evict_small() } else { self.evict_main() }
        }
    }

    fn evict_small(&mut self) {
        let (key, freq) = self.small.pop_front().unwrap();
        if freq > 1 {
            self.main.push_back((key, 0));
            return;
        }
        self.ghosts.push_back(Some(key));
        if self.ghosts.len() > self.items - self.items / 10 {
            self.ghosts.pop_front();
        }
    }

    fn evict_main(&mut self) {
        let (key, freq) = self.main.pop_front().unwrap();
        if freq > 0 {
            self.main.push_back((key, freq - 1));
        }
    }
}

impl Naive for ThreeQueues {
    fn request(&mut self, key: u64) -> bool {
        let mut all = self.small.iter_mut().chain(&mut self.main);
        if let Some((_, freq)) = all.find(|(other, _)| *other == key) {
            *freq = (*freq + 1).min(3);
            return true;
        }
        if self.small.len() + self.main.len() == self.items {
            self.evict();
        }
        let ghost = self.ghosts.iter_mut().find(|ghost| **ghost == Some(key));
        let was_ghost = ghost.is_some_and(|ghost| ghost.take().is_some());
        if was_ghost { &mut self.main } else { &mut self.small }.push_back((key, 0));
        false
    }

    fn remove(&mut self, key: u64) -> bool {
        take(&mut self.small, |(other, _)| *other == key).is_some()
            || take(&mut self.main, |(other, _)| *other == key).is_some()
    }
}

/// SIEVE by the paper's Algorithm 1: keys and whether they were visited, the head first.
pub(crate) struct Sieve {
    items: usize,
    list: Vec<(u64, bool)>,
    hand: Option<u64>,
}

impl Sieve {
    pub(crate) fn new(items: usize) -> Self {
        Self { items, list: Vec::new(), hand: None }
    }

    /// The key before the one at `place`, towards the head.
    fn previous(&self, place: usize) -> Option<u64> {
        place.checked_sub(1).map(|place| self.list[place].0)
    }

    fn place(&self, key: u64) -> Option<usize> {
        self.list.iter().position(|(other, _)| *other == key)
    }

    fn evict(&mut self) {
        loop {
            let at = self.hand.and_then(|key| self.place(key)).unwrap_or(self.list.len() - 1);
            self.hand = self.previous(at);
            if !self.list[at].1 {
                self.list.remove(at);
                return;
            }
            self.list[at].1 = false;
        }
    }
}

impl Naive for Sieve {
    fn request(&mut self, key: u64) -> bool {
        if let Some(place) = self.place(key) {
            self.list[place].1 = true;
            return true;
        }
        if self.list.len() == self.items {
            self.evict();
        }
        self.list.insert(0, (key, false));
        false
    }

    fn remove(&mut self, key: u64) -> bool {
        let Some(place) = self.place(key) else { return false };
        if self.hand == Some(key) {
            self.hand = self.previous(place);
        }
        self.list.remove(place);
        true
    }
}
