//! One thread's operations.

use std::fmt::Debug;

use anyhow::ensure;
use rand::{Rng as _, SeedableRng};
use table::Op;

use super::Rng;
use super::keys::Keys;
use crate::mix::Mix;

/// A [`Mix`] made ready to draw from; each operation's share is exact to 2^-32.
#[derive(Clone, Copy, Debug)]
pub struct OpMix {
    /// The operation is the one whose number is how many of these a random word below 2^32
    /// reaches.
    bounds: [u64; Op::ALL.len() - 1],
}

impl OpMix {
    /// The operations of `mix`.
    ///
    /// # Errors
    ///
    /// Unless the shares are percentages that sum to 100.
    pub fn new(mix: &Mix) -> anyhow::Result<Self> {
        let shares = [mix.reads, mix.inserts, mix.removes, mix.updates, mix.upserts];
        let sum: f64 = shares.iter().sum();
        ensure!(shares.iter().all(|&share| share >= 0.0), "a share of the mix is negative");
        ensure!((sum - 100.0).abs() < 1e-6, "the mix sums to {sum} %, not 100 %");
        let mut below = 0.0;
        let bounds = [0, 1, 2, 3].map(|op: usize| {
            below += shares[op];
            // Where nothing follows, no word may reach the bound.
            let rest: f64 = shares[op + 1..].iter().sum();
            if rest == 0.0 { 1 << 32 } else { (below / 100.0 * 2f64.powi(32)).round() as u64 }
        });
        Ok(Self { bounds })
    }

    /// Lookups alone.
    #[must_use]
    pub fn lookups() -> Self {
        Self { bounds: [1 << 32; Op::ALL.len() - 1] }
    }

    /// Whether `op` occurs.
    #[must_use]
    pub fn has(&self, op: Op) -> bool {
        let ends = [&[0], self.bounds.as_slice(), &[1 << 32]].concat();
        ends[op as usize] < ends[op as usize + 1]
    }

    /// The operation for a random word; only its upper half counts.
    #[inline(always)]
    pub(super) fn choose(&self, word: u64) -> Op {
        let word = word >> 32;
        let reached = |bound: u64| u8::from(word >= bound);
        let [get, insert, remove, update] = self.bounds;
        match reached(get) + reached(insert) + reached(remove) + reached(update) {
            0 => Op::Get,
            1 => Op::Insert,
            2 => Op::Remove,
            3 => Op::Update,
            _ => Op::Upsert,
        }
    }
}

/// Operations that a [`Stream`] draws at once: many, so that the dispatch to its source is nothing for
/// each, and few enough for the first-level cache, where they take 2 KiB.
pub const BLOCK: usize = 128;

/// Where the operations of one thread come from. What they are must follow from the seed and the
/// thread that it was made for.
///
/// It is asked for a block at a time, by a dynamic call: trials are compiled once for a table, not
/// again for each distribution, and the loop in `fill` is compiled for each distribution by itself.
pub trait Source: Debug + Send {
    /// Writes the next operations and their keys.
    fn fill(&mut self, block: &mut [(Op, u64)]);

    /// True if the work had run out before the last block was drawn, so that the trial may end.
    fn is_over(&self) -> bool {
        false
    }
}

/// Operations of a mix, each on a key of a distribution, independent of each other.
#[derive(Clone, Debug)]
pub struct Drawn<K> {
    keys: K,
    mix: OpMix,
    rng: Rng,
}

impl<K> Drawn<K> {
    /// The operations that belong to a seed, one that was derived for the thread.
    #[must_use]
    pub fn new(keys: K, mix: OpMix, seed: u64) -> Self {
        Self { keys, mix, rng: Rng::seed_from_u64(seed) }
    }
}

impl<K: Keys> Source for Drawn<K> {
    fn fill(&mut self, block: &mut [(Op, u64)]) {
        // In registers, which `self` is not.
        let mut rng = self.rng.clone();
        for slot in block {
            let op = self.mix.choose(rng.next_u64());
            *slot = (op, self.keys.next_key(&mut rng));
        }
        self.rng = rng;
    }
}

/// The sequence of operations of one thread: the same for the same trial seed and thread.
#[derive(Debug)]
pub struct Stream {
    next: usize,
    block: [(Op, u64); BLOCK],
    source: Box<dyn Source>,
    /// What follows the warm-up, where that is something else.
    measured: Option<Box<dyn Source>>,
}

impl Stream {
    /// What `source` says.
    #[must_use]
    pub fn new(source: Box<dyn Source>) -> Self {
        Self { next: BLOCK, block: [(Op::Get, 0); BLOCK], source, measured: None }
    }

    /// What `warm_up` says, until the warm-up has ended; then what `source` says.
    #[must_use]
    pub fn after(warm_up: Box<dyn Source>, source: Box<dyn Source>) -> Self {
        Self { measured: Some(source), ..Self::new(warm_up) }
    }

    /// The warm-up has ended.
    pub fn begin(&mut self) {
        if let Some(measured) = self.measured.take() {
            (self.source, self.next) = (measured, BLOCK);
        }
    }

    /// Whether there is nothing left to do but lookups that fill the time.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.source.is_over()
    }

    /// The next operation and its key.
    #[inline(always)]
    pub fn next_op(&mut self) -> (Op, u64) {
        if self.next >= BLOCK {
            self.refill();
            self.next = 0;
        }
        let operation = self.block[self.next];
        self.next += 1;
        operation
    }

    /// The next operations, as many as are left of a block and `most` at most; none if that is 0.
    pub fn next_ops(&mut self, most: usize) -> &[(Op, u64)] {
        if self.next >= BLOCK {
            self.refill();
            self.next = 0;
        }
        let begin = self.next;
        self.next = BLOCK.min(begin + most);
        &self.block[begin..self.next]
    }

    /// Hands the next `count` operations to `f`, one by one.
    #[inline(always)]
    pub fn for_each(&mut self, count: usize, mut f: impl FnMut(Op, u64)) {
        let mut left = count;
        while left > 0 {
            let block = self.next_ops(left);
            left -= block.len();
            block.iter().for_each(|&(op, key)| f(op, key));
        }
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self) {
        self.source.fill(&mut self.block);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Purpose, UniformKeys, ZipfKeys, chi_square_z, derive};
    use super::*;

    fn mix(reads: f64, inserts: f64, removes: f64, updates: f64) -> OpMix {
        OpMix::new(&Mix { reads, inserts, removes, updates, upserts: 0.0 }).expect("it sums to 100")
    }

    fn stream(keys: impl Keys + 'static, mix: OpMix, seed: u64, thread: usize) -> Stream {
        let seed = derive(seed, Purpose::Stream, thread as u64);
        Stream::new(Box::new(Drawn::new(keys, mix, seed)))
    }

    /// How often each operation occurs on each of 8 keys.
    fn count(mix: OpMix, draws: usize) -> [[u64; 5]; 8] {
        let mut stream = stream(UniformKeys::new(8), mix, 11, 0);
        let mut seen = [[0; 5]; 8];
        for _ in 0..draws {
            let (op, key) = stream.next_op();
            seen[key as usize][op as usize] += 1;
        }
        seen
    }

    #[test]
    fn operations_have_their_shares_on_every_key() {
        for shares in [
            [50.0, 20.0, 20.0, 10.0, 0.0],
            [95.0, 2.5, 2.5, 0.0, 0.0],
            [0.0, 0.0, 1.0, 99.0, 0.0],
            [40.0, 10.0, 0.0, 20.0, 30.0],
        ] {
            let [reads, inserts, removes, updates, upserts] = shares;
            let mix = Mix { reads, inserts, removes, updates, upserts };
            let seen = count(OpMix::new(&mix).expect("it sums to 100"), 400_000);
            let mut observed = Vec::new();
            let mut probability = Vec::new();
            for (share, op) in shares.into_iter().zip(Op::ALL) {
                for by_op in seen {
                    if share == 0.0 {
                        assert_eq!(by_op[op as usize], 0, "{op:?} in {shares:?}");
                    } else {
                        observed.push(by_op[op as usize]);
                        probability.push(share / 800.0);
                    }
                }
            }
            let z = chi_square_z(&observed, &probability);
            assert!(z.abs() < 4.0, "{shares:?}: z = {z:.1}");
        }
    }

    #[test]
    fn bounds_are_exact() {
        assert_eq!(mix(50.0, 25.0, 25.0, 0.0).bounds, [1 << 31, 3 << 30, 1 << 32, 1 << 32]);
        assert_eq!(mix(100.0, 0.0, 0.0, 0.0).bounds, [1 << 32; 4]);
        let third = 100.0 / 3.0;
        assert_eq!(mix(third, third, third, 0.0).bounds[2], 1 << 32);
        let top = u64::MAX;
        assert_eq!(mix(50.0, 25.0, 25.0, 0.0).choose(top), Op::Remove);
        assert_eq!(mix(50.0, 25.0, 25.0, 0.0).choose(top >> 1), Op::Get);
        assert_eq!(mix(50.0, 25.0, 25.0, 0.0).choose((top >> 1) + 1), Op::Insert);
    }

    #[test]
    fn a_mix_has_what_it_has_a_share_of() {
        let having = |mix: OpMix| Op::ALL.map(|op| mix.has(op));
        assert_eq!(having(mix(50.0, 25.0, 25.0, 0.0)), [true, true, true, false, false]);
        assert_eq!(having(mix(100.0, 0.0, 0.0, 0.0)), [true, false, false, false, false]);
        assert_eq!(having(mix(0.0, 0.0, 1.0, 99.0)), [false, false, true, true, false]);
    }

    #[test]
    fn a_bad_mix_is_refused() {
        let refused = |reads, inserts, removes, updates| {
            OpMix::new(&Mix { reads, inserts, removes, updates, upserts: 0.0 }).is_err()
        };
        assert!(refused(50.0, 50.0, 50.0, 0.0));
        assert!(refused(0.0, 0.0, 0.0, 99.0));
        assert!(refused(120.0, -20.0, 0.0, 0.0));
        assert!(refused(f64::NAN, 0.0, 0.0, 0.0));
        assert!(!refused(33.3, 33.3, 33.3, 0.1));
    }

    #[test]
    fn however_they_are_taken_operations_are_the_same() {
        let new = || stream(ZipfKeys::new(1 << 10, 0.99, 3), mix(40.0, 30.0, 20.0, 10.0), 9, 2);
        let mut singly = new();
        let singly: Vec<(Op, u64)> = (0..10 * BLOCK).map(|_| singly.next_op()).collect();
        let (mut stream, mut taken) = (new(), Vec::new());
        for count in (0..).take_while(|count| count * count < 18 * BLOCK) {
            stream.for_each(count, |op, key| taken.push((op, key)));
            taken.push(stream.next_op());
        }
        assert!(taken.len() > 8 * BLOCK && taken == singly[..taken.len()]);
        // Nor does it matter how many are drawn at once.
        let mut whole = vec![(Op::Get, 0); 10 * BLOCK];
        new().source.fill(&mut whole);
        assert_eq!(whole, singly);
    }

    #[test]
    fn threads_and_seeds_differ() {
        let draw = |seed, thread| -> Vec<(Op, u64)> {
            let mix = mix(50.0, 25.0, 25.0, 0.0);
            let mut stream = stream(UniformKeys::new(1 << 20), mix, seed, thread);
            (0..20).map(|_| stream.next_op()).collect()
        };
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        assert_ne!(draw(1, 0), draw(2, 0));
    }

    /// Recorded results can be compared only while a seed means the same sequence.
    #[test]
    fn sequences_are_as_recorded() {
        let mix = mix(50.0, 20.0, 20.0, 10.0);
        let mut uniform = stream(UniformKeys::new(1 << 20), mix, 42, 1);
        let mut zipf = stream(ZipfKeys::new(1 << 20, 0.99, 42), mix, 42, 1);
        let uniform: Vec<(Op, u64)> = (0..6).map(|_| uniform.next_op()).collect();
        let zipf: Vec<(Op, u64)> = (0..6).map(|_| zipf.next_op()).collect();
        assert_eq!(
            uniform,
            [
                (Op::Get, 585_184),
                (Op::Get, 595_841),
                (Op::Remove, 68_857),
                (Op::Remove, 488_737),
                (Op::Get, 762_304),
                (Op::Update, 984_960)
            ]
        );
        assert_eq!(
            zipf,
            [
                (Op::Get, 195_720),
                (Op::Insert, 137_257),
                (Op::Remove, 810_054),
                (Op::Remove, 480_556),
                (Op::Insert, 482_522),
                (Op::Update, 236_359)
            ]
        );
    }
}
