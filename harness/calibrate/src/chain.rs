//! Lines of memory that lead from one to the next, in a random order.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{Rng, RngExt};
use trials::memory::collected;
use virtual_cores::LINE;

/// A line of memory.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct ChainLine {
    /// The number of the line that follows.
    pub(crate) next: AtomicUsize,
    /// What is written to make the line dirty.
    pub(crate) mark: AtomicUsize,
}

const _: () = assert!(size_of::<ChainLine>() == LINE);

/// Of so many lines one is used: a prefetcher that takes a line's neighbour with it takes none that is used.
pub(crate) const SPACING: usize = 2;

/// Lines in one piece of memory, every [`SPACING`]th of which is used.
#[derive(Debug)]
pub(crate) struct Chain {
    lines: Vec<ChainLine>,
    /// The line where the chain begins.
    first: usize,
    /// How many lines are linked.
    linked: usize,
}

impl Chain {
    /// Room for chains that span up to so many bytes. All of it is written, so that each page is there.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub(crate) fn new(bytes: usize) -> anyhow::Result<Self> {
        let count = bytes.div_ceil(LINE).max(2 * SPACING);
        let lines = collected((0..count).map(|_| ChainLine::default()), "the lines of a chain")?;
        Ok(Self { lines, first: 0, linked: 0 })
    }

    /// Links what spans `bytes` from line `first` on, in a random order that comes back to it after all others.
    ///
    /// # Panics
    ///
    /// If there is no room for them.
    pub(crate) fn link(&mut self, first: usize, bytes: usize, rng: &mut impl Rng) {
        self.first = first;
        self.linked = (bytes / LINE / SPACING).max(2);
        let next = cycle(self.linked, rng);
        for (slot, next) in next.into_iter().enumerate() {
            *self.lines[first + slot * SPACING].next.get_mut() = first + next as usize * SPACING;
        }
    }

    /// The line where it begins.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// How many lines are linked.
    pub(crate) fn linked(&self) -> usize {
        self.linked
    }

    /// The line of that number: all of them are less than the length of the memory.
    pub(crate) fn line(&self, at: usize) -> &ChainLine {
        &self.lines[at]
    }

    /// Goes `steps` lines on from `at`, and says where that is. Each load's address is what the one before it
    /// has loaded, so they come one after the other.
    #[inline(never)]
    pub(crate) fn chase(&self, mut at: usize, steps: usize) -> usize {
        for _ in 0..steps {
            // Relaxed: whoever links or writes lines is done by then, and has told by other means.
            at = self.lines[at].next.load(Ordering::Relaxed);
        }
        at
    }

    /// The numbers of the linked lines, in their order from the first on.
    pub(crate) fn order(&self) -> Vec<usize> {
        let mut at = self.first;
        let step = |_| {
            at = self.chase(at, 1);
            at
        };
        (0..self.linked).map(step).collect()
    }
}

/// For each of `count` numbers the one that follows it, so that all of them are one cycle: drawn uniformly from
/// all such (S. Sattolo, *An algorithm to generate a random cyclic permutation*, 1986).
///
/// Complexity: O(count).
pub(crate) fn cycle(count: usize, rng: &mut impl Rng) -> Vec<u32> {
    let count = u32::try_from(count).expect("chains have fewer than 2^32 lines");
    let mut next: Vec<u32> = (0..count).collect();
    for at in (1..next.len()).rev() {
        // Not with itself, which is what makes it one cycle.
        next.swap(at, rng.random_range(0..at));
    }
    next
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    proptest! {
        /// From any line all others are visited once, and then itself.
        #[test]
        fn a_cycle_is_one(count in 2_usize..3000, seed in any::<u64>(), from in any::<prop::sample::Index>()) {
            let next = cycle(count, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
            let from = from.index(count);
            let mut visited = vec![false; count];
            let mut at = from;
            for _ in 0..count {
                at = next[at] as usize;
                prop_assert!(!std::mem::replace(&mut visited[at], true), "{at} is visited twice");
            }
            prop_assert_eq!(at, from);
        }

        /// A chase visits every linked line once, all within the bytes asked for, however the memory was linked
        /// before.
        #[test]
        fn a_chase_visits_every_line(
            bytes in 1_usize..(1 << 18),
            before in 1_usize..(1 << 18),
            first in 0_usize..1000,
            seed in any::<u64>(),
        ) {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut chain = Chain::new(bytes.max(before) + first * LINE).expect("there is memory");
            chain.link(0, before, &mut rng);
            chain.link(first, bytes, &mut rng);
            let mut order = chain.order();
            prop_assert_eq!(order.len(), (bytes / LINE / SPACING).max(2));
            prop_assert_eq!(order.last(), Some(&first), "it comes back to where it began");
            prop_assert_eq!(chain.chase(chain.first(), chain.linked()), first);
            order.sort_unstable();
            let all: Vec<usize> = (0..chain.linked()).map(|slot| first + slot * SPACING).collect();
            prop_assert_eq!(order, all);
        }
    }

    /// Of four numbers there are six cycles, and each is drawn.
    #[test]
    fn every_cycle_is_drawn() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let drawn = (0..300).map(|_| cycle(4, &mut rng));
        assert_eq!(drawn.collect::<std::collections::BTreeSet<_>>().len(), 6);
    }
}
