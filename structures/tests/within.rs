//! Tables with locks, used from within the closures that they run under a lock: operations within operations,
//! drawn from a seed. Each does what it does elsewhere, or panics as it would wait for its own thread, and then
//! has had no effect. So a growth may stop with some of the buckets moved, and another go on with it.

mod suite;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use foldhash::fast::FixedState;
use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::map::{ConcurrentMap, MapHandle};
use structures::{ChainingBucketLock, ChainingGlobalLock, LeftRightTable};
use suite::rng;

const KEYS: u64 = 200;

/// Operations within each other, at most.
const DEPTH: usize = 4;

fn says_so(payload: &(dyn std::any::Any + Send)) -> bool {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.is_some_and(|text| text.contains("would wait for its own thread"))
}

/// Panics that are expected are not shown.
fn quietly() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let shown = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !says_so(info.payload()) {
                shown(info);
            }
        }));
    });
}

struct World<'m, M> {
    map: &'m M,
    reserve: fn(&M, usize),
    model: RefCell<BTreeMap<u64, u64>>,
    rng: RefCell<Xoshiro256PlusPlus>,
    /// Operations that were done within others, and that panicked.
    done: Cell<usize>,
    refused: Cell<usize>,
}

impl<M: ConcurrentMap<u64, u64>> World<'_, M> {
    fn draw(&self, below: u64) -> u64 {
        self.rng.borrow_mut().random_range(0..below)
    }

    fn value(&self, key: u64) -> Option<u64> {
        self.model.borrow().get(&key).copied()
    }

    /// What a closure does.
    fn within(&self, depth: usize) {
        if depth < DEPTH {
            (0..self.draw(3)).for_each(|_| self.operation(depth + 1));
        }
    }

    fn operation(&self, depth: usize) {
        match panic::catch_unwind(AssertUnwindSafe(|| self.run(depth))) {
            Ok(()) => self.done.set(self.done.get() + usize::from(depth > 0)),
            Err(payload) if says_so(&*payload) && depth > 0 => {
                self.refused.set(self.refused.get() + 1);
            }
            Err(payload) => panic::resume_unwind(payload),
        }
    }

    fn run(&self, depth: usize) {
        let (key, mut handle) = (self.draw(KEYS), self.map.handle());
        match self.draw(16) {
            0..6 => {
                let added = handle.insert(key, 7);
                assert_eq!(added, self.value(key).is_none());
                self.model.borrow_mut().entry(key).or_insert(7);
            }
            6..8 => {
                let old = handle.remove(&key);
                assert_eq!(old, self.model.borrow_mut().remove(&key));
            }
            8..10 => {
                let old = handle.update(&key, |value| {
                    self.within(depth);
                    value + 1
                });
                assert_eq!(old, self.value(key));
                self.model.borrow_mut().entry(key).and_modify(|value| *value += 1);
            }
            10..12 => {
                let old = handle.upsert(key, |value| {
                    self.within(depth);
                    value.map_or(9, |value| value + 1)
                });
                assert_eq!(old, self.value(key));
                self.model.borrow_mut().entry(key).and_modify(|value| *value += 1).or_insert(9);
            }
            12..14 => {
                let read = handle.get_with(&key, |value| {
                    self.within(depth);
                    *value
                });
                assert_eq!(read, self.value(key));
            }
            14 => handle.for_each(|key, value| {
                assert_eq!(self.value(*key), Some(*value));
                if self.draw(32) == 0 {
                    self.within(depth);
                }
                assert_eq!(self.value(*key), Some(*value), "it is locked");
            }),
            _ => (self.reserve)(self.map, self.draw(64) as usize),
        }
    }
}

fn check<M: ConcurrentMap<u64, u64>>(new: fn() -> M, reserve: fn(&M, usize)) -> [usize; 2] {
    quietly();
    let mut counts = [0; 2];
    for seed in 0..200 {
        let map = new();
        let first = map.capacity();
        let world = World {
            map: &map,
            reserve,
            model: RefCell::default(),
            rng: RefCell::new(rng(seed)),
            done: Cell::new(0),
            refused: Cell::new(0),
        };
        for _ in 0..300 {
            world.operation(0);
            assert_eq!(map.len(), world.model.borrow().len(), "{seed}");
        }
        let mut entries = BTreeMap::new();
        map.handle()
            .for_each(|key, value| assert_eq!(entries.insert(*key, *value), None, "{seed}"));
        assert_eq!(entries, *world.model.borrow(), "{seed}");
        assert!((0..KEYS).all(|key| map.handle().get(&key) == world.value(key)), "{seed}");
        assert!(map.capacity() > first, "it has not grown, {seed}");
        counts[0] += world.done.get();
        counts[1] += world.refused.get();
    }
    counts
}

#[test]
fn a_bucket_that_is_locked_holds_nobody_else_up() {
    let new = ChainingBucketLock::<u64, u64, FixedState>::default;
    let [done, refused] = check(new, |map, entries| _ = map.try_reserve(entries));
    assert!(done > 1_000 && refused > 1_000, "{done} within others, {refused} refused");
}

#[test]
fn under_one_lock_all_are_refused() {
    let new = ChainingGlobalLock::<u64, u64, FixedState>::default;
    let [done, refused] = check(new, |map, entries| _ = map.try_reserve(entries));
    assert!(done == 0 && refused > 1_000, "{done} within others, {refused} refused");
}

/// Inserts key 7 when it drops.
struct Inserts<'m, M: ConcurrentMap<u64, u64>>(&'m M);

impl<M: ConcurrentMap<u64, u64>> Drop for Inserts<'_, M> {
    fn drop(&mut self) {
        assert!(self.0.handle().insert(7, 7));
    }
}

/// What a closure has is dropped with it, which is without the lock if it does not run.
#[test]
fn a_closure_that_does_not_run_drops_without_the_lock() {
    fn check<M: ConcurrentMap<u64, u64> + Default + 'static>(remove_if: fn(&M, Inserts<'_, M>)) {
        let map = M::default();
        let inserts = Inserts(&map);
        assert_eq!(map.handle().get_with(&7, |_| drop(inserts)), None);
        assert_eq!(map.handle().remove(&7), Some(7));
        remove_if(&map, Inserts(&map));
        assert_eq!(map.handle().remove(&7), Some(7));
    }
    // Its conditions run without a lock.
    check::<LeftRightTable<u64, u64, FixedState>>(|_, inserts| drop(inserts));
    check::<ChainingBucketLock<u64, u64, FixedState>>(|map, inserts| {
        assert_eq!(map.remove_if(&7, |_| (drop(inserts), true).1), None);
    });
    check::<ChainingGlobalLock<u64, u64, FixedState>>(|map, inserts| {
        assert_eq!(map.remove_if(&7, |_| (drop(inserts), true).1), None);
    });
}
