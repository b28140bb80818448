//! A cache of items of size 1 without content: a policy and nothing else.

use hashbrown::HashTable;

use crate::evict::{Eviction, Items};

/// At most so many keys, which come and go as the policy says.
#[derive(Debug)]
pub struct Units<E> {
    policy: E,
    index: HashTable<u32>,
    keys: Keys,
    free: Vec<u32>,
}

/// The key of each slot that has one.
#[derive(Debug)]
struct Keys(Vec<Option<u64>>);

impl Items for Keys {
    fn is_there(&self, slot: u32) -> bool {
        self.0[slot as usize].is_some()
    }

    fn hash(&self, slot: u32) -> u64 {
        hash(self.0[slot as usize].unwrap_or_default())
    }
}

/// MurmurHash3's finalizer: a bijection.
fn hash(key: u64) -> u64 {
    let key = (key ^ key >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let key = (key ^ key >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    key ^ key >> 33
}

impl<E: Eviction> Units<E> {
    /// A cache of at most `items` items.
    ///
    /// # Panics
    ///
    /// Unless 1 ≤ `items` < 2³².
    #[must_use]
    pub fn new(items: usize, seed: u64) -> Self {
        assert!((1..u32::MAX as usize).contains(&items), "a cache of {items} items");
        let mut policy = E::new(seed);
        policy.resize(items, items);
        let free = (0..items as u32).rev().collect();
        Self { policy, index: HashTable::new(), keys: Keys(vec![None; items]), free }
    }

    /// A request for `key`: whether it is there. If not, it is from now on, unless the cache is full and
    /// the policy gives nothing up.
    pub fn request(&mut self, key: u64) -> bool {
        let hash = hash(key);
        if let Some(slot) = self.find(hash, key) {
            self.policy.hit(slot);
            return true;
        }
        if let Some(slot) = self.room() {
            self.keys.0[slot as usize] = Some(key);
            let rehash = |&slot: &u32| self.keys.hash(slot);
            self.index.insert_unique(hash, slot, rehash);
            self.policy.insert(slot, hash);
        }
        false
    }

    /// Deletes `key`; whether it was there.
    pub fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.find(hash(key), key) else { return false };
        self.policy.remove(slot);
        self.forget(slot);
        true
    }

    /// Whether `key` is there. To the policy that is no use of it.
    #[must_use]
    pub fn contains(&self, key: u64) -> bool {
        self.find(hash(key), key).is_some()
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The policy's metadata, in bytes.
    #[must_use]
    pub fn metadata_bytes(&self) -> usize {
        self.policy.metadata_bytes()
    }

    fn find(&self, hash: u64, key: u64) -> Option<u32> {
        self.index.find(hash, |&slot| self.keys.0[slot as usize] == Some(key)).copied()
    }

    /// A slot without an item.
    fn room(&mut self) -> Option<u32> {
        if self.free.is_empty() {
            let victim = self.policy.victim(&self.keys)?;
            self.forget(victim);
        }
        self.free.pop()
    }

    /// Empties a slot that the policy has forgotten.
    fn forget(&mut self, slot: u32) {
        let hash = self.keys.hash(slot);
        if let Ok(entry) = self.index.find_entry(hash, |&found| found == slot) {
            entry.remove();
        }
        self.keys.0[slot as usize] = None;
        self.free.push(slot);
    }
}
