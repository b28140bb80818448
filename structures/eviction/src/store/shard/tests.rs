//! An index that is too small: what becomes of an item that has no place there, and of the one that has its place.

use super::*;
use crate::evict::Fifo;

/// An index with a place for one item.
#[derive(Debug, Default)]
struct OnePlace(Option<Handle>);

impl Index for OnePlace {
    fn find(&self, _hash: u64, is_it: impl Fn(Handle) -> bool) -> Option<Handle> {
        self.0.filter(|&handle| is_it(handle))
    }

    fn insert(
        &mut self,
        _hash: u64,
        handle: Handle,
        _rehash: impl Fn(Handle) -> u64,
    ) -> Result<(), Handle> {
        if let Some(other) = self.0 {
            return Err(other);
        }
        self.0 = Some(handle);
        Ok(())
    }

    fn remove(&mut self, _hash: u64, handle: Handle) {
        assert_eq!(self.0.take(), Some(handle));
    }

    fn replace(&mut self, _hash: u64, old: Handle, new: impl FnOnce() -> Handle) -> Handle {
        let new = new();
        assert_eq!(self.0.replace(new), Some(old));
        new
    }

    fn change(&self, _hash: u64, _handle: Handle, write: impl FnOnce()) {
        write();
    }

    fn len(&self) -> usize {
        usize::from(self.0.is_some())
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// Items of a page each, and smaller ones, of which each takes the place of the one before.
#[test]
fn an_item_takes_anothers_place_in_the_index() {
    let config =
        Config { page: 1024, max_value: 700, shards: 1, seed: Some(1), ..Config::of(4 << 10) };
    let arena = config.arenas().unwrap().pop().unwrap();
    let timer = Timer::starting(config.clock.clone());
    let index = OnePlace::default();
    let mut shard = Shard::<Fifo, OnePlace>::new(arena, index, 1, &config).unwrap();
    for step in 0..20_u8 {
        let (key, value) = ([step], vec![step; if step < 10 { 700 } else { 10 }]);
        let hash = hash_key(&shard.hasher, &key);
        shard.set(hash, (&key[..], &value[..]), Options::default(), &timer).unwrap();
        let mut found = Vec::new();
        assert!(shard.get(hash, &key, &timer, &mut found).is_some(), "{step}");
        assert_eq!(found, value);
        let stats = shard.stats();
        assert_eq!((stats.items, stats.evictions), (1, u64::from(step)));
    }
    shard.clear();
    assert_eq!(shard.stats().memory.taken, 0);
    for class in 0..shard.classes.len() {
        let view = View { arena: &shard.arena, hasher: &shard.hasher, class };
        assert_eq!(shard.classes[class].policy.victim(&view), None, "its policy knows of one");
    }
}
