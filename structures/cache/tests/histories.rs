//! Recorded histories, judged by a model of a cache: between operations a key may become absent, at any
//! moment; it never comes back, and never has another value.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use cache::evict::{Eviction, Visitor, for_each};
use cache::store::{CacheHandle, Change, Config, Options, Store, Write};
use linearizability::history::{Call, KeyedOp, TimedOp, by_key, count_overlapping};
use linearizability::sweep::{self, BUDGET, Decision};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use common::{OfStore, every_store, in_every_store, in_threads, named};

const THREADS: u64 = 4;
const STEPS: u64 = 400;
const KEYS: u64 = 6;

/// Memory for about half of the keys, if they evict; the values have several size classes.
fn config(pages: usize) -> Config {
    Config { page: 1024, max_value: 700, shards: 1, seed: Some(1), ..Config::of(1024 * pages) }
}

/// Names its number, and has a length that follows from it.
fn value(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(1 + (number % 40) as usize)
}

/// A store behind a pointer, with what is done to it here: that alone is compiled for each of thirty.
trait AnyStore: Sync {
    fn enter(&self) -> Box<dyn Operations + '_>;
}

/// A handle of it.
trait Operations {
    fn get(&mut self, name: &[u8], found: &mut Vec<u8>) -> bool;
    fn set(&mut self, name: &[u8], value: &[u8]) -> bool;
    /// Does `what` with a key: the number of the value that it had, and whether it was done.
    fn update(&mut self, name: &[u8], what: Change<'_>) -> (Option<u64>, bool);
    fn remove(&mut self, name: &[u8]);
}

struct Of<H>(H);

impl<S: Store> AnyStore for S {
    fn enter(&self) -> Box<dyn Operations + '_> {
        Box::new(Of(self.handle()))
    }
}

impl<H: CacheHandle> Operations for Of<H> {
    fn get(&mut self, name: &[u8], found: &mut Vec<u8>) -> bool {
        self.0.get(name, found).is_some()
    }

    fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        self.0.set(name, value, Options::default()).is_ok()
    }

    fn update(&mut self, name: &[u8], what: Change<'_>) -> (Option<u64>, bool) {
        let mut old = None;
        let done = self.0.update(name, |current| {
            old = current.map(|current| {
                let mut value = Vec::new();
                current.value_into(&mut value);
                number_of(&value)
            });
            what
        });
        (old, done.is_ok())
    }

    fn remove(&mut self, name: &[u8]) {
        self.0.remove(name);
    }
}

/// What is done with a cache.
type Use<'u> = &'u mut dyn FnMut(&dyn AnyStore);

/// A store and a policy.
struct Kind {
    name: String,
    evicts: bool,
    /// Calls its argument with a new cache.
    with: fn(&Config, Use<'_>),
}

impl Kind {
    fn of<S: Store>() -> Self {
        let (name, evicts) = (named::<S>(), S::Eviction::EVICTS);
        Self { name, evicts, with: |config, f| f(&S::new(config).unwrap()) }
    }
}

/// What a thread does, and when: by a clock that all threads advance.
fn work(
    cache: &dyn AnyStore,
    evicts: bool,
    thread: u64,
    seed: u64,
    clock: &AtomicU64,
) -> Vec<KeyedOp> {
    let mut cache = cache.enter();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed * THREADS + thread);
    // It orders all that comes before in one thread with all that comes after in another.
    let tick = || clock.fetch_add(1, Ordering::SeqCst);
    let step = |step: u64| {
        let key = rng.random_range(0..KEYS);
        let (name, number) = (key.to_le_bytes(), 1 + thread + THREADS * step);
        let mut found = Vec::new();
        let choice = rng.random_range(0..10);
        let invoked = tick();
        // So that operations overlap on one processor as well.
        if rng.random_ratio(1, 50) {
            std::thread::yield_now();
        }
        let call = match choice {
            0..6 => {
                let is_there = cache.get(&name, &mut found);
                Call::Get { found: is_there.then(|| number_of(&found)) }
            }
            6..8 => {
                let stored = cache.set(&name, &value(number));
                assert!(stored || !evicts);
                // One that is refused leaves the key absent.
                if stored {
                    Call::Insert { value: number, added: true }
                } else {
                    Call::Remove { taken: None }
                }
            }
            8 => {
                let (written, or_absent) = (value(number), step.is_multiple_of(2));
                let write = Write { value: Some(&written), or_absent, ..Write::default() };
                let (old, stored) = cache.update(&name, Change::Write(write));
                assert!(stored || !evicts);
                // One that is refused leaves what was there, or nothing.
                if stored {
                    Call::Upsert { given: old.into(), new: number, old }
                } else if or_absent {
                    Call::Remove { taken: old }
                } else {
                    Call::Get { found: old }
                }
            }
            _ if step.is_multiple_of(2) => {
                let (taken, _removed) = cache.update(&name, Change::Remove);
                Call::Remove { taken }
            }
            _ => {
                cache.remove(&name);
                Call::Remove { taken: None }
            }
        };
        let op = TimedOp { thread: thread as u32, invoked, returned: tick(), call };
        KeyedOp { key, op }
    };
    (0..STEPS).map(step).collect()
}

/// The number that a whole value names.
fn number_of(found: &[u8]) -> u64 {
    let number = u64::from_le_bytes(found[..8].try_into().unwrap());
    assert_eq!(found, value(number), "torn");
    number
}

fn history(kind: &Kind, seed: u64, pages: usize) -> Vec<KeyedOp> {
    let clock = AtomicU64::new(1);
    let mut ops = Vec::new();
    (kind.with)(&config(pages), &mut |cache| {
        let work = |thread| work(cache, kind.evicts, thread, seed, &clock);
        ops = in_threads(THREADS, &work).concat();
    });
    ops.sort_by_key(|keyed| (keyed.key, keyed.op.invoked));
    ops
}

/// Judges histories of a cache; how many operations overlapped others.
fn judge(kind: &Kind, pages: usize, model: &dyn Fn(&[TimedOp]) -> Decision) -> usize {
    let mut overlapping = 0;
    for seed in 0..8 {
        for (key, ops) in by_key(&history(kind, seed, pages)) {
            overlapping += count_overlapping(&ops);
            match model(&ops) {
                Decision::Linearizable => {}
                Decision::Stuck(stuck) => {
                    let from = stuck.start.min(stuck.op);
                    let part = &ops[from..=stuck.op.max(from)];
                    panic!("{}: key {key}: no order explains {part:#?}", kind.name);
                }
                Decision::Unknown => panic!("{}: key {key}: not decided", kind.name),
            }
        }
    }
    overlapping
}

struct Judge(usize);

impl Visitor for Judge {
    fn visit<E: Eviction + 'static>(&mut self) {
        every_store::<E>(self);
    }
}

impl OfStore for Judge {
    fn of<S: Store>(&mut self) {
        self.0 += judge(&Kind::of::<S>(), 3, &|ops| sweep::check_cache(ops, BUDGET));
    }
}

#[test]
fn every_history_is_one_of_a_cache() {
    let mut judge = Judge(0);
    for_each(&mut judge);
    println!("{} operations overlapped others", judge.0);
    assert!(judge.0 > 100, "{} operations overlapped others", judge.0);
}

in_every_store! {
    without_eviction_nothing_is_lost: without_loss,
}

/// With memory for all and without eviction, a set never loses a key. What removed it is not told by a
/// history, nor what a set has replaced; so a read that finds nothing must have had a removal since.
fn without_loss<S: Store>() {
    let kind = Kind::of::<S>();
    judge(&kind, 64, &|ops| {
        let removals: Vec<&TimedOp> =
            ops.iter().filter(|op| matches!(op.call, Call::Remove { .. })).collect();
        for read in ops.iter().filter(|op| op.call == Call::Get { found: None }) {
            let is_set = |call: Call| matches!(call, Call::Insert { .. } | Call::Upsert { .. });
            let sets = ops.iter().filter(|op| op.returned < read.invoked && is_set(op.call));
            // The last set that had returned: a removal that overlaps or follows it began before the
            // read returned.
            let Some(last) = sets.max_by_key(|op| op.invoked) else { continue };
            let explains =
                |op: &&&TimedOp| op.returned > last.invoked && op.invoked < read.returned;
            assert!(removals.iter().any(|op| explains(&op)), "{}: {last:?}, {read:?}", kind.name);
        }
        Decision::Linearizable
    });
}
