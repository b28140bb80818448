//! One round: a table that starts small, what its threads do, and in which order, from one seed.

use rand::{Rng as _, RngExt, SeedableRng};

use crate::clock::Clock;
use crate::workload::{Purpose, Rng, derive};

/// Operations of a round, over all threads: few enough that memory stays small, many enough that
/// threads meet.
const OPS_PER_ROUND: usize = 1 << 15;

/// Which keys the threads draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A few keys, on which all threads meet all the time.
    Hot,
    /// A narrow window that moves once over the key range: threads meet on new keys while the
    /// table grows all the time.
    Growing,
    /// The whole key range alike.
    Even,
}

const SHAPES: [Shape; 3] = [Shape::Hot, Shape::Growing, Shape::Even];

impl Shape {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Growing => "growing",
            Self::Even => "even",
        }
    }
}

/// Keys of a hot round.
const HOT_KEYS: u64 = 4;
/// Keys between which a thread of a growing round draws at a time.
const WINDOW: u64 = 8;

/// What a thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Get,
    GetWith,
    Insert,
    Update,
    Upsert,
    Remove,
    Len,
}

const KINDS: [Kind; 7] =
    [Kind::Get, Kind::GetWith, Kind::Insert, Kind::Update, Kind::Upsert, Kind::Remove, Kind::Len];

/// Shares of the kinds, in 128ths.
const MIXES: [[u32; 7]; 3] =
    [[20, 20, 26, 16, 17, 28, 1], [4, 4, 54, 4, 4, 57, 1], [10, 10, 14, 44, 31, 18, 1]];

/// A run has at least one round of each shape.
pub(super) const LEAST_ROUNDS: u64 = SHAPES.len() as u64;

/// The number of rounds after which every shape has had every mix, once with one operation a pin
/// and once with many.
const CYCLE: u64 = 2 * (SHAPES.len() * MIXES.len()) as u64;

/// What is run between two fresh starts.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Its number, from 0.
    pub index: u64,
    /// Seed of everything random in it.
    pub seed: u64,
    /// Worker threads.
    pub threads: usize,
    /// Operations of each.
    pub ops: usize,
    /// Size of the key range.
    pub keys: u64,
    /// Which keys they draw.
    pub shape: Shape,
    /// The operations under one pin; 1: each operation pins for itself, through the handle.
    pub batch: usize,
    /// What tells the time.
    pub clock: Clock,
    mix: [u32; 7],
}

impl Round {
    /// The `index`-th round of a run with this seed.
    #[must_use]
    pub fn new(index: u64, seed: u64, threads: usize, keys: u64, clock: Clock) -> Self {
        let shapes = SHAPES.len() as u64;
        let shape = SHAPES[(index % shapes) as usize];
        Self {
            index,
            seed: derive(seed, Purpose::Verify, index),
            threads,
            ops: OPS_PER_ROUND / threads,
            keys: if shape == Shape::Hot { keys.min(HOT_KEYS) } else { keys },
            shape,
            batch: if index / (CYCLE / 2) % 2 == 1 { 16 } else { 1 },
            clock,
            mix: MIXES[(index / shapes) as usize % MIXES.len()],
        }
    }

    /// A value that nothing else in the round writes, for the `count`-th write of `thread`. Two
    /// hundred and fifty-six rounds in a row share none, so that what is left of an earlier table
    /// is seen; and each is exact in a float of 64 bits, in which some read JSON's numbers.
    pub(super) fn value(&self, thread: usize, count: u64) -> u64 {
        (thread as u64 + 1) << 40 | (self.index & 0xff) << 32 | count
    }
}

/// The sequence of one thread's operations: the same for the same round and thread.
#[derive(Debug)]
pub(super) struct Draw<'r> {
    round: &'r Round,
    rng: Rng,
    drawn: u64,
}

impl<'r> Draw<'r> {
    pub(super) fn new(round: &'r Round, thread: usize) -> Self {
        let seed = derive(round.seed, Purpose::Stream, thread as u64);
        Self { round, rng: Rng::seed_from_u64(seed), drawn: 0 }
    }

    pub(super) fn next_op(&mut self) -> (Kind, u64) {
        (self.kind(), self.key())
    }

    fn kind(&mut self) -> Kind {
        let mut left = (self.rng.next_u64() >> 57) as u32;
        for (kind, share) in KINDS.into_iter().zip(self.round.mix) {
            match left.checked_sub(share) {
                Some(rest) => left = rest,
                None => return kind,
            }
        }
        unreachable!("the shares of a mix sum to 128")
    }

    fn key(&mut self) -> u64 {
        let Round { keys, ops, shape, .. } = *self.round;
        if shape != Shape::Growing {
            return self.rng.random_range(0..keys);
        }
        let places = keys.saturating_sub(WINDOW) + 1;
        let begin = (u128::from(places) * u128::from(self.drawn) / ops as u128) as u64;
        self.drawn += 1;
        begin + self.rng.random_range(0..WINDOW.min(keys))
    }
}

/// Now and then stops a thread in the midst of an operation, so that others come between: called
/// from closures, which a table runs where it must be able to stand it.
#[derive(Debug)]
pub(super) struct Pauses(Rng);

impl Pauses {
    pub(super) fn new(round: &Round, thread: usize) -> Self {
        let seed = derive(round.seed, Purpose::Stream, (round.threads + thread) as u64);
        Self(Rng::seed_from_u64(seed))
    }

    pub(super) fn maybe(&mut self) {
        match self.0.next_u64() >> 59 {
            0 => std::thread::yield_now(),
            1..=4 => (0..100).for_each(|_| std::hint::spin_loop()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn round(index: u64, keys: u64) -> Round {
        Round::new(index, 1, 4, keys, Clock::monotonic())
    }

    #[test]
    fn a_seed_means_the_same_operations() {
        let draw = |seed, thread| -> Vec<(Kind, u64)> {
            let round = Round::new(3, seed, 4, 1000, Clock::monotonic());
            let mut draw = Draw::new(&round, thread);
            (0..100).map(|_| draw.next_op()).collect()
        };
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        assert_ne!(draw(1, 0), draw(2, 0));
    }

    #[test]
    fn a_cycle_has_every_shape_with_every_mix_and_both_ways_to_pin() {
        let seen: HashSet<_> = (0..CYCLE)
            .map(|index| round(index, 1000))
            .map(|round| (round.shape.name(), round.mix, round.batch))
            .collect();
        assert_eq!(seen.len() as u64, CYCLE);
    }

    #[test]
    fn every_kind_of_operation_occurs_in_every_mix() {
        for index in 0..CYCLE {
            let round = round(index, 100);
            assert_eq!(round.mix.iter().sum::<u32>(), 128);
            let mut draw = Draw::new(&round, 0);
            let seen: HashSet<_> =
                (0..round.ops).map(|_| std::mem::discriminant(&draw.next_op().0)).collect();
            assert_eq!(seen.len(), KINDS.len());
        }
    }

    #[test]
    fn keys_are_in_range_and_the_window_passes_over_all() {
        for keys in [1, 2, 7, 8, 9, 1000] {
            for index in 0..3 {
                let round = round(index, keys);
                let mut draw = Draw::new(&round, 1);
                let seen: Vec<u64> = (0..round.ops).map(|_| draw.next_op().1).collect();
                let distinct: HashSet<u64> = seen.iter().copied().collect();
                assert_eq!(distinct.len() as u64, round.keys, "{:?}", round.shape);
                assert!(distinct.iter().all(|&key| key < keys));
                if round.shape == Shape::Growing && keys == 1000 {
                    let half = round.ops / 2;
                    assert!(
                        seen[..half].iter().max()
                            <= seen[half..].iter().min().map(|k| k + WINDOW).as_ref()
                    );
                }
            }
        }
    }

    #[test]
    fn values_are_unique_and_fit_a_float() {
        let mut seen = HashSet::new();
        for index in 0..3 {
            for thread in [0, 1, 63] {
                for count in 0..100 {
                    assert!(seen.insert(round(index, 1).value(thread, count)));
                }
            }
        }
        assert!(round(255, 1).value(63, u64::from(u32::MAX)) < 1 << 53);
    }
}
