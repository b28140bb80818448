//! Inserts that add every absent key of the range once, in a random order: filling a table.
//!
//! A timed trial that draws keys at random inserts fewer and fewer new ones; one that goes on with
//! new keys until time is up leaves a fast table larger than a slow one, and measures them at
//! different sizes. So the range is the target: a key is inserted once, every insert succeeds, and
//! the trial ends when all keys are there (or at the deadline, if the table is too slow). All
//! tables do the same work, and the rate is that of building.
//!
//! The order is the prefill's permutation, from where the prefill ends. Threads take numbers in
//! disjoint arithmetic progressions, so that nothing is shared and the operations of each follow
//! from the seed. Other operations of the mix use keys of the whole range, uniformly. The
//! rest of a thread's last block, and the steps until it reads the clock, are lookups: under
//! 1000 in all. The warm-up looks up keys and inserts none.

use rand::{Rng as _, SeedableRng};

use super::Rng;
use super::keys::below;
use super::{Op, OpMix, Permutation, Purpose, Source, derive, prefill_order};

/// The operations of a thread that fills a range.
#[derive(Debug)]
pub(super) struct Fresh {
    mix: OpMix,
    rng: Rng,
    order: Permutation,
    keys: u64,
    /// The number of the next key to insert, and from one to the next.
    next: u64,
    step: u64,
    is_over: bool,
}

impl Fresh {
    /// The operations of thread `thread` of `threads` in the trial with this seed, whose prefill
    /// has `prefill` of `0..keys`.
    pub(super) fn new(
        (keys, prefill): (u64, u64),
        mix: OpMix,
        seed: u64,
        (thread, threads): (usize, usize),
    ) -> Self {
        Self {
            mix,
            rng: Rng::seed_from_u64(derive(seed, Purpose::Stream, thread as u64)),
            order: prefill_order(keys, seed),
            keys,
            next: prefill + thread as u64,
            step: threads as u64,
            is_over: false,
        }
    }
}

impl Source for Fresh {
    fn fill(&mut self, block: &mut [(Op, u64)]) {
        self.is_over = self.next >= self.keys;
        for slot in block {
            let op = self.mix.choose(self.rng.next_u64());
            *slot = if op == Op::Insert && self.next < self.keys {
                let key = self.order.apply(self.next);
                self.next += self.step;
                (Op::Insert, key)
            } else {
                let op = if op == Op::Insert { Op::Get } else { op };
                (op, below(self.rng.next_u64(), self.keys))
            };
        }
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::{BLOCK, prefill_keys};
    use super::*;
    use crate::case::Mix;

    /// All operations of a thread until it is over.
    fn all(mut source: Fresh) -> Vec<(Op, u64)> {
        let mut taken = Vec::new();
        let mut block = [(Op::Get, 0); BLOCK];
        loop {
            source.fill(&mut block);
            if source.is_over() {
                assert!(block.iter().all(|(op, _)| *op != Op::Insert), "nothing is left");
                return taken;
            }
            taken.extend(block);
        }
    }

    #[test]
    fn every_absent_key_is_inserted_once() {
        for (keys, prefill, threads, inserts) in [
            (10_000, 0, 1, 100.0),
            (10_001, 5_000, 3, 100.0),
            (5_000, 100, 2, 20.0),
            (64, 0, 3, 9.0),
        ] {
            let mix = Mix { inserts, ..Mix::balanced(100.0) };
            let mix = OpMix::new(&Mix { reads: 100.0 - inserts, ..mix }).unwrap();
            let mut there: HashSet<u64> = prefill_keys(keys, prefill, 4).collect();
            let mut most = 0;
            for thread in 0..threads {
                let operations = all(Fresh::new((keys, prefill), mix, 4, (thread, threads)));
                let mut fresh = operations.iter().filter(|(op, _)| *op == Op::Insert);
                assert!(fresh.all(|(_, key)| *key < keys && there.insert(*key)), "inserted twice");
                most = most.max(operations.len());
                // The rest of the last block, and nothing more, does not insert as the mix says.
                let share = (keys - prefill) as f64 / threads as f64 * 100.0 / inserts;
                let spread = 6.0 * (share * 100.0 / inserts).sqrt() + BLOCK as f64 + 1.0;
                let off = operations.len() as f64 - share;
                assert!(off.abs() <= spread, "{off} more than {share}");
            }
            assert_eq!(there.len() as u64, keys);
        }
    }
}
