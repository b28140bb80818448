//! Lines of memory that lead from one to the next, in a random order.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{Rng, RngExt};
use trials::memory::collected;
use virtual_cores::LINE;

/// A word that shares its line with no other.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct LoneWord(pub(crate) AtomicUsize);

const _: () = assert!(size_of::<LoneWord>() == LINE);

/// Of so many lines one is used: a prefetcher that takes a line's neighbour with it takes none that is used.
pub(crate) const SPACING: usize = 2;
/// Words of a line.
const WORDS: usize = LINE / size_of::<usize>();

/// Lines in one piece of memory, every [`SPACING`]th of which is used.
///
/// A line is told by its place: how many words are before it. Its first word is the place of the line that follows,
/// which a load takes as it is, as an index of words: so nothing but loads is in the chain. Its second word is there
/// to be written.
#[derive(Debug)]
pub(crate) struct Chain {
    /// The words of the lines, and before them those up to where a line begins.
    words: Vec<AtomicUsize>,
    /// How many those are.
    before: usize,
    /// The place of the line where the chain begins.
    first: usize,
    /// How many lines are linked.
    linked: usize,
    /// Of each linked line, in the order of memory, the number of the one that follows.
    following: Vec<u32>,
}

impl Chain {
    /// Room for chains that span up to so many bytes. All of it is written, so that each page is there.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub(crate) fn new(bytes: usize) -> anyhow::Result<Self> {
        // The shortest chain has two lines; and where the first line begins is not known yet.
        let lines = bytes.div_ceil(LINE) + 2 * SPACING + 1;
        let zeros = (0..lines * WORDS).map(|_| AtomicUsize::new(0));
        let words = collected(zeros, "the lines of a chain")?;
        let before = words.as_ptr().align_offset(LINE);
        Ok(Self { words, before, first: 0, linked: 0, following: Vec::new() })
    }

    /// Links what spans `bytes` from line `first` on, in a random order that comes back to it after all others.
    ///
    /// # Panics
    ///
    /// If there is no room for them.
    pub(crate) fn link(&mut self, first: usize, bytes: usize, rng: &mut impl Rng) {
        self.first = Self::place(first);
        self.linked = (bytes / LINE / SPACING).max(2);
        self.following = cycle(self.linked, rng);
        for (slot, next) in self.following.iter().enumerate() {
            let next = self.first + Self::place(*next as usize * SPACING);
            let word = self.before + self.first + Self::place(slot * SPACING);
            *self.words[word].get_mut() = next;
        }
    }

    /// The place of the line of that number.
    pub(crate) const fn place(line: usize) -> usize {
        line * WORDS
    }

    /// The place of the line where it begins.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// How many lines are linked.
    pub(crate) fn linked(&self) -> usize {
        self.linked
    }

    /// The words of all lines.
    fn words(&self) -> &[AtomicUsize] {
        &self.words[self.before..]
    }

    /// What leads from the line at that place to the one that follows.
    pub(crate) fn link_at(&self, at: usize) -> &AtomicUsize {
        &self.words()[at]
    }

    /// What is written of the line at that place to make it dirty.
    pub(crate) fn mark_at(&self, at: usize) -> &AtomicUsize {
        &self.words()[at + 1]
    }

    /// Goes `steps` lines on from `at`, and says where that is. Each load's address is what the one before it
    /// has loaded, so they come one after the other.
    #[inline(never)]
    pub(crate) fn chase(&self, mut at: usize, steps: usize) -> usize {
        let words = self.words();
        for _ in 0..steps {
            // Relaxed: whoever links or writes lines is done by then, and has told by other means.
            at = words[at].load(Ordering::Relaxed);
        }
        at
    }

    /// The places of the `steps` lines that follow the one at `at`. No line is touched for it.
    pub(crate) fn ahead(&self, at: usize, steps: usize) -> Vec<usize> {
        let mut slot = (at - self.first) / Self::place(SPACING);
        let step = |_| {
            slot = self.following[slot] as usize;
            self.first + Self::place(slot * SPACING)
        };
        (0..steps).map(step).collect()
    }

    /// The places of the linked lines, in their order from the first on.
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
            let begin = Chain::place(first);
            prop_assert_eq!(chain.ahead(begin, chain.linked()), &order[..], "they are known ahead");
            prop_assert_eq!(chain.ahead(order[0], 1)[0], order[1]);
            prop_assert_eq!(order.len(), (bytes / LINE / SPACING).max(2));
            prop_assert_eq!(order.last(), Some(&begin), "it comes back to where it began");
            prop_assert_eq!(chain.chase(chain.first(), chain.linked()), begin);
            order.sort_unstable();
            let line = |slot: usize| Chain::place(first + slot * SPACING);
            let all: Vec<usize> = (0..chain.linked()).map(line).collect();
            prop_assert_eq!(&order, &all);
            // Both words that are used are in one line of the cache.
            for at in order {
                let [link, mark] = [chain.link_at(at), chain.mark_at(at)];
                let [link, mark] = [link, mark].map(|word| std::ptr::from_ref(word).addr());
                prop_assert_eq!((link % LINE, mark / LINE), (0, link / LINE));
            }
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
