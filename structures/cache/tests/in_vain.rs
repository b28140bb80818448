//! What panics in the midst of a write: a table while something is evicted, a policy while it grows. What was in vain is as
//! if it had not been begun.
#![forbid(unsafe_code)]

mod startled;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cache::evict::{Eviction, Fifo, Items, Unheeded};
use cache::store::{CacheHandle, Change, Config, MapItem, MapKey, Options, OverMap, Store, Write};
use startled::{IS_CALM, Startled};
use structures::reclaim::Epoch;
use structures::{ChainingGlobalLock, ChainingLockFree};

/// An item that a table has kept, since it has panicked, can go another time: also one that was to be replaced.
#[test]
fn what_a_table_has_kept_can_go_later() {
    type Table = ChainingLockFree<MapKey, Arc<MapItem>, Epoch, Startled>;
    let (page, max_value) = (4096, 3000);
    let config = Config { page, max_value, shards: 1, seed: Some(1), ..Config::of(page) };
    let cache = OverMap::<Fifo, Table>::new(&config).unwrap();
    let mut handle = cache.handle();
    // Room for two, if both are short.
    let values = [vec![7; 1500], vec![8; 2600]];
    let mut panics = 0;
    IS_CALM.set(false);
    for step in 0..5000 {
        let key = [(step * 7 + step / 13) as u8 % 3];
        let write = Write { value: Some(&values[step % 2]), ..Write::default() };
        let update = AssertUnwindSafe(|| handle.update(&key, |_| Change::Write(write)).is_ok());
        panics += u32::from(catch_unwind(update).is_err());
    }
    IS_CALM.set(true);
    assert!(panics > 100, "{panics}");
    // All of them go for it.
    handle.set(b"large", &[9; 3000], Options::default()).unwrap();
    assert_eq!(cache.len(), 1);
}

thread_local! {
    /// How many slots a policy was told of last.
    static TOLD: Cell<usize> = const { Cell::new(0) };
}

/// A policy of one's own that panics, unless it is calm, when it has grown.
#[derive(Debug)]
struct Growing;

impl Eviction for Growing {
    const NAME: &'static str = "growing";
    type Hits = Unheeded;

    fn new(_seed: u64) -> Self {
        Self
    }

    fn resize(&mut self, slots: usize, _capacity: usize) {
        TOLD.set(slots);
        assert!(IS_CALM.get(), "no slots");
    }

    fn insert(&mut self, _slot: u32, _hash: u64) {}

    fn share_hits(&mut self) -> Unheeded {
        Unheeded
    }

    fn hit(&mut self, _slot: u32) {}

    fn remove(&mut self, _slot: u32) {}

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        None
    }

    fn metadata_bytes(&self) -> usize {
        0
    }
}

#[test]
fn a_policy_that_has_panicked_is_told_no_fewer_slots() {
    type Table = ChainingGlobalLock<MapKey, Arc<MapItem>>;
    let (page, max_value) = (1 << 14, 4000);
    let config = Config { page, max_value, shards: 1, seed: Some(1), ..Config::of(page) };
    let cache = OverMap::<Growing, Table>::new(&config).unwrap();
    let mut handle = cache.handle();
    for key in 0..64 {
        handle.set(&[key], &[7; 8], Options::default()).unwrap();
    }
    assert_eq!(TOLD.get(), 64);
    IS_CALM.set(false);
    let grown = catch_unwind(AssertUnwindSafe(|| handle.set(&[64], &[7; 8], Options::default())));
    IS_CALM.set(true);
    assert!(grown.is_err() && TOLD.replace(0) == 128, "it has grown, and panicked");
    assert!((0..60).all(|key| handle.remove(&[key])));
    // Fewer such items have room, of which the policy is told.
    handle.set(&[65], &[7; 4000], Options::default()).unwrap();
    assert_eq!(TOLD.get(), 128);
}
