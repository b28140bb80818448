//! Tables whose numbers can be computed by hand.

use std::hash::{BuildHasher, Hasher};

use kernel::{Counting, counting_maker, maker};
use structures::cuckoo::path::{Bfs, RandomWalk};
use structures::exclusion::Optimistic;
use structures::map::ConcurrentMap;
use structures::tagging::Tagged;
use structures::versioned::HamtCas;
use structures::{ChainingBucketLock, ChainingGlobalLock, ChainingInline, CuckooOptimistic};
use table::{Maker, Table};

use super::*;
use crate::case::tests::case;

/// Fills the table that `build` makes; its searches count if `counts` says so.
fn run<M: ConcurrentMap<u64, u64> + 'static>(
    build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    spec: &SpaceSpec,
    counts: bool,
) -> anyhow::Result<Filled> {
    if counts {
        let maker = counting_maker(build);
        return super::run(&maker.info, &maker.build, spec);
    }
    made(&maker(build), spec)
}

fn made(maker: &Maker<'_>, spec: &SpaceSpec) -> anyhow::Result<Filled> {
    super::run(&maker.info, &|options: &MapOptions| (maker.build)(options), spec)
}

/// A chained table.
fn table() -> Box<dyn Table> {
    (maker(|_| ChainingGlobalLock::<u64, u64>::default()).build)(&MapOptions::default())
}

fn spec(keys: u64, loads: &[f64]) -> SpaceSpec {
    let case = case("papaya", "none", 1, 0.0, 0.0, keys);
    SpaceSpec { case, seed: 3, loads: loads.to_vec(), asked: Asked::Counts }
}

/// The key is its own hash.
#[derive(Clone, Copy, Default)]
struct Same(u64);

impl BuildHasher for Same {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are words");
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}

/// A hash that puts every key into one bucket.
#[derive(Clone, Copy, Default)]
struct One;

impl BuildHasher for One {
    type Hasher = Same;

    fn build_hasher(&self) -> Same {
        Same(0)
    }

    fn hash_one<T: std::hash::Hash>(&self, _: T) -> u64 {
        0
    }
}

/// Where each step is, and at how many entries.
fn steps(filled: &Filled) -> Vec<(At, u64)> {
    assert_eq!(filled.failures, [""; 0]);
    filled.steps.iter().map(|step| (step.at, step.entries)).collect()
}

#[test]
fn a_chained_table_grows_when_it_has_as_many_entries_as_buckets() {
    let build =
        |o: &MapOptions| ChainingGlobalLock::with_capacity_and_hasher(o.capacity, o.hasher());
    let filled = run(build, &spec(20, &[0.5, 0.75]), false).unwrap();
    // Of 20 entries it makes 32 buckets; the 33rd entry is one too many.
    assert_eq!(steps(&filled), [(At::Load, 16), (At::Keys, 20), (At::Load, 24), (At::Growth, 32)]);
    let inserts: Vec<u64> = filled.steps.iter().map(|step| step.inserts).collect();
    assert_eq!(inserts, [16, 4, 4, 8]);
    let growth = filled.steps.last().unwrap();
    assert_eq!((growth.capacity, growth.capacity_after), (Some(32), Some(64)));
    assert_eq!((growth.moves, growth.max_moves), (None, None), "it has no such thing");
    assert!(filled.steps.iter().all(|step| step.bytes.is_none()), "nobody counts here");
    let capacities: Vec<_> = filled.steps.iter().map(|step| step.capacity).collect();
    assert_eq!(capacities, [Some(32); 4]);
}

#[test]
fn chains_are_as_long_as_the_hash_makes_them() {
    let all_in_one = |filled: Filled| -> Vec<_> {
        assert_eq!(filled.failures, [""; 0]);
        filled.steps.iter().map(|step| (step.entries, step.longest_chain)).collect()
    };
    let global = |o: &MapOptions| ChainingGlobalLock::with_capacity_and_hasher(o.capacity, One);
    let found = all_in_one(run(global, &spec(20, &[0.5]), false).unwrap());
    assert_eq!(found, [(16, Some(16)), (20, Some(20)), (32, None)]);
    let bucket = |o: &MapOptions| ChainingBucketLock::with_capacity_and_hasher(o.capacity, One);
    let found = all_in_one(run(bucket, &spec(20, &[]), false).unwrap());
    assert_eq!(found[0], (20, Some(20)));
    let inline =
        |o: &MapOptions| ChainingInline::<_, _, _>::with_capacity_and_hasher(o.capacity, One);
    let found = all_in_one(run(inline, &spec(20, &[]), false).unwrap());
    assert_eq!(found[0], (20, Some(20)));
    // Each key in a bucket of its own: 0 to 79 in some order, and 128 buckets.
    let spread =
        |o: &MapOptions| ChainingGlobalLock::with_capacity_and_hasher(o.capacity * 6, Same(0));
    let found = all_in_one(run(spread, &spec(20, &[]), false).unwrap());
    assert_eq!(found, [(20, Some(1))], "no growth at four times the keys");
}

type Cuckoo<P> = CuckooOptimistic<u64, u64, foldhash::fast::FixedState, 4, Optimistic, Tagged, P>;

#[test]
fn a_cuckoo_table_moves_entries_when_it_is_nearly_full() {
    let loads = [0.5, 0.9, 0.95];
    let bfs =
        |o: &MapOptions| Cuckoo::<Counting<Bfs>>::with_capacity_and_hasher(o.capacity, o.hasher());
    let walk = |o: &MapOptions| {
        Cuckoo::<Counting<RandomWalk<1>>>::with_capacity_and_hasher(o.capacity, o.hasher())
    };
    let spec = spec(14_000, &loads);
    let (bfs, walk) = (run(bfs, &spec, true).unwrap(), run(walk, &spec, true).unwrap());
    for filled in [&bfs, &walk] {
        let slots = filled.steps[0].capacity.unwrap();
        assert_eq!(slots, 16_384);
        let expected = [8192, 14_000, 14_746, 15_565];
        let found: Vec<u64> = filled.steps.iter().map(|step| step.entries).collect();
        assert_eq!(found[..4], expected, "{filled:?}");
        let growth = filled.steps.last().unwrap();
        assert_eq!(growth.at, At::Growth);
        assert!(growth.entries > 15_565 && growth.entries < slots);
        assert_eq!(growth.capacity_after, Some(2 * slots));
    }
    // From 90 to 95 %: about one move by breadth-first search, about ten by a random walk; paths of
    // breadth-first search have no more than five hops.
    let at_95 = |filled: &Filled| {
        let step = filled.steps[3];
        (step.moves.unwrap() as f64 / step.inserts as f64, step.max_moves.unwrap())
    };
    let ((short, most), (long, longest)) = (at_95(&bfs), at_95(&walk));
    assert!((0.8..1.4).contains(&short) && most <= 5, "{short} {most}");
    assert!((3.0..20.0).contains(&long) && longest > 30, "{long} {longest}");
}

#[test]
fn a_table_that_does_not_say_when_it_grows_is_looked_at_once() {
    let build = |_: &MapOptions| HamtCas::<u64, u64>::default();
    let filled = run(build, &spec(5000, &[0.5]), false).unwrap();
    assert_eq!(steps(&filled), [(At::Keys, 5000)]);
    assert_eq!(filled.steps[0].capacity, None);
    let timed = SpaceSpec { asked: Asked::Time, ..spec(5000, &[0.5]) };
    let filled = run(build, &timed, false).unwrap();
    assert!(filled.seconds.unwrap() > 0.0 && filled.steps.is_empty());
    let watched = filled.noise.expect("it is timed").wall_seconds;
    assert!(watched >= filled.seconds.unwrap(), "{filled:?}");
}

#[test]
fn lookups_are_timed_at_every_step_and_must_find_their_keys() {
    let spec = SpaceSpec { asked: Asked::Lookups, ..spec(20, &[0.5]) };
    let build =
        |o: &MapOptions| ChainingGlobalLock::with_capacity_and_hasher(o.capacity, o.hasher());
    let filled = run(build, &spec, false).unwrap();
    assert_eq!(steps(&filled), [(At::Load, 16), (At::Keys, 20), (At::Growth, 32)]);
    let rates: Vec<bool> =
        filled.steps.iter().map(|step| step.gets_per_sec.is_some_and(|rate| rate > 0.0)).collect();
    assert_eq!(rates, [true, true, false], "there is no table to look at after a growth");
    // 16 and 20 keys, 16 lookups of each.
    let timed: f64 = [256.0, 320.0]
        .into_iter()
        .zip(&filled.steps)
        .map(|(lookups, step)| lookups / step.gets_per_sec.expect("a rate"))
        .sum();
    let watched = filled.noise.expect("they are timed").wall_seconds;
    assert!(watched >= timed, "{watched} of {timed} seconds");
    assert_eq!(run(build, &SpaceSpec { asked: Asked::Counts, ..spec }, false).unwrap().noise, None);
    let map = table();
    let mut handle = map.handle();
    let mut lookups = Lookups::new(1);
    assert!(handle.calls().insert(1, 1) && handle.calls().insert(2, 1));
    assert!(lookups.time(&mut *handle, &[1]).is_some());
    assert_eq!((lookups.complaint(), lookups.time(&mut *handle, &[])), (None, None));
    lookups.time(&mut *handle, &[2, 3]);
    let said = lookups.complaint().expect("a value of another key, and an absent key");
    assert!(said.starts_with("32 of 48 lookups"), "{said}");
}

#[test]
fn what_keeps_nothing_cannot_be_filled() {
    let mut maker = maker(|_| ChainingGlobalLock::<u64, u64>::default());
    maker.info.keeps_entries = false;
    assert!(made(&maker, &spec(20, &[])).is_err());
}

#[test]
fn what_a_table_says_and_what_it_holds_must_agree() {
    let map = table();
    assert_eq!(map.handle().fill(&[1, 2]), 2);
    assert_eq!(wrong_number(&*map, 2, 2), [""; 0]);
    let said = ["1 of 2 new keys were added, and the table has 2"];
    assert_eq!(wrong_number(&*map, 1, 2), said);
    let said = ["3 of 3 new keys were added, and the table has 2"];
    assert_eq!(wrong_number(&*map, 3, 3), said);
}
