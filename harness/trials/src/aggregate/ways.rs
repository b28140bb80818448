//! The ways to count. Each is for the threads of the pool that it is called in.
//!
//! Words come in parts, more than there are threads, so that a thread that was held up can leave some
//! to others. A handle of a shared table lives as long as a part: a pool's threads come back for other
//! work, and one that sleeps with a handle would, under a scheme that waits for every registered
//! thread, keep all garbage. It is made and dropped on one thread, and there are never more of them
//! than threads.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use rayon::prelude::*;
use table::Table;

/// How often each word occurs.
pub(super) type WordCounts = HashMap<u64, u64, FixedState>;

/// Parts for each thread.
const PARTS: usize = 8;

/// `words` in parts for the threads of this pool.
fn parts(words: &[u64]) -> rayon::slice::Chunks<'_, u64> {
    let parts = PARTS * rayon::current_num_threads();
    words.par_chunks(words.len().div_ceil(parts).max(1))
}

/// Counts by one thread, in a map that starts with room for `distinct` words.
pub(super) fn sequential(words: &[u64], distinct: usize, hasher: &FixedState) -> WordCounts {
    let mut counts = WordCounts::with_capacity_and_hasher(distinct, hasher.clone());
    words.iter().for_each(|word| *counts.entry(*word).or_insert(0) += 1);
    counts
}

/// Words that are added to a table in one call.
const BLOCK: usize = 128;

/// Each word is an upsert.
pub(super) fn shared(map: &dyn Table, words: &[u64]) {
    parts(words).for_each(|part| {
        let mut handle = map.handle();
        let mut counts = [(0, 0); BLOCK];
        for block in part.chunks(BLOCK) {
            let counts = &mut counts[..block.len()];
            counts.iter_mut().zip(block).for_each(|(count, word)| *count = (*word, 1));
            handle.add(counts);
        }
    });
}

/// Each word is an addition in a cache; what has to leave it is an upsert.
pub(super) fn cached(map: &dyn Table, words: &[u64], hasher: &FixedState) {
    parts(words).for_each(|part| {
        let mut handle = map.handle();
        let mut cache = Cache::new(hasher);
        let mut left = Vec::with_capacity(BLOCK);
        for &word in part {
            left.extend(cache.add(word));
            if left.len() == BLOCK {
                handle.add(&left);
                left.clear();
            }
        }
        handle.add(&left);
        let rest: Vec<(u64, u64)> = cache.into_counts().collect();
        handle.add(&rest);
    });
}

/// Counts of words, one for each slot: a word takes the place of another that has its slot.
struct Cache<'h> {
    /// Word and count; a count of 0 is an empty slot.
    slots: Vec<(u64, u64)>,
    hasher: &'h FixedState,
}

/// 16 KiB, half of a first-level cache.
const SLOTS: usize = 1024;

impl<'h> Cache<'h> {
    fn new(hasher: &'h FixedState) -> Self {
        Self { slots: vec![(0, 0); SLOTS], hasher }
    }

    /// Counts `word`; gives back the word that had its slot, with its count.
    fn add(&mut self, word: u64) -> Option<(u64, u64)> {
        // The upper bits: tables use the lower ones.
        let slot = (self.hasher.hash_one(word) >> 32) as usize % SLOTS;
        let slot = &mut self.slots[slot];
        if slot.0 == word {
            slot.1 += 1;
            return None;
        }
        let old = std::mem::replace(slot, (word, 1));
        (old.1 > 0).then_some(old)
    }

    fn into_counts(self) -> impl Iterator<Item = (u64, u64)> {
        self.slots.into_iter().filter(|(_, count)| *count > 0)
    }
}

/// A map for each part, merged as a tree: two into one, and so on.
pub(super) fn merged(words: &[u64], hasher: &FixedState) -> WordCounts {
    let empty = || WordCounts::with_hasher(hasher.clone());
    parts(words).map(|part| sequential(part, 0, hasher)).reduce(empty, merge)
}

/// The smaller map's counts are added to the larger one's.
fn merge(one: WordCounts, other: WordCounts) -> WordCounts {
    let (mut large, small) = if one.len() < other.len() { (other, one) } else { (one, other) };
    small.into_iter().for_each(|(word, count)| *large.entry(word).or_insert(0) += count);
    large
}

/// Each part is dealt out into as many shares as there are threads, by hash; then each share is counted in
/// a map of its own, with room for its part of `distinct` words.
pub(super) fn partitioned(words: &[u64], distinct: usize, hasher: &FixedState) -> Vec<WordCounts> {
    let shares = rayon::current_num_threads();
    let dealt: Vec<Vec<Vec<u64>>> = parts(words).map(|part| deal(part, shares, hasher)).collect();
    let count = |share: usize| {
        let mut counts = WordCounts::with_capacity_and_hasher(distinct / shares, hasher.clone());
        let own = dealt.iter().flat_map(|part| &part[share]);
        own.for_each(|word| *counts.entry(*word).or_insert(0) += 1);
        counts
    };
    (0..shares).into_par_iter().with_max_len(1).map(count).collect()
}

fn deal(part: &[u64], shares: usize, hasher: &FixedState) -> Vec<Vec<u64>> {
    let room = part.len() / shares + part.len() / shares / 8;
    let mut dealt: Vec<Vec<u64>> = (0..shares).map(|_| Vec::with_capacity(room)).collect();
    for &word in part {
        // The upper bits: maps use the lower ones and the uppermost seven.
        let share = (hasher.hash_one(word) >> 32) as usize % shares;
        dealt[share].push(word);
    }
    dealt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap()
    }

    /// 0 once, 1 twice, and so on; out of order.
    fn words(distinct: u64) -> Vec<u64> {
        let mut words: Vec<u64> =
            (0..distinct).flat_map(|word| (0..=word).map(move |_| word)).collect();
        words.sort_by_key(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40);
        words
    }

    #[track_caller]
    fn assert_counts(counts: impl IntoIterator<Item = (u64, u64)>, distinct: u64) {
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable();
        assert_eq!(counts, (0..distinct).map(|word| (word, word + 1)).collect::<Vec<_>>());
    }

    #[test]
    fn every_way_counts_every_word() {
        let hasher = &FixedState::with_seed(1);
        for distinct in [0, 1, 3, 100] {
            let words = words(distinct);
            assert_counts(sequential(&words, 0, hasher), distinct);
            let of_pool = pool().install(|| merged(&words, hasher));
            assert_counts(of_pool, distinct);
            let shares = pool().install(|| partitioned(&words, distinct as usize, hasher));
            assert_eq!(shares.len(), 3);
            assert_counts(shares.into_iter().flatten(), distinct);
            for is_cached in [false, true] {
                type Map = structures::ChainingBucketLock<u64, u64>;
                let map = (kernel::maker(|_| Map::default()).build)(&Default::default());
                pool().install(|| match is_cached {
                    true => cached(&*map, &words, hasher),
                    false => shared(&*map, &words),
                });
                let mut counts = Vec::new();
                map.handle().calls().for_each(&mut |word, count| counts.push((word, count)));
                assert_counts(counts, distinct);
            }
        }
    }

    #[test]
    fn a_cache_adds_up_and_gives_back_what_it_has_no_room_for() {
        let hasher = FixedState::with_seed(1);
        let mut cache = Cache::new(&hasher);
        assert_eq!((0..5).filter_map(|_| cache.add(0)).count(), 0);
        let mut given: Vec<(u64, u64)> = Vec::new();
        for word in 0..10_000 {
            given.extend(cache.add(word));
        }
        assert!(given.len() >= 10_000 - SLOTS, "of 1024 slots");
        given.extend(cache.into_counts());
        let of_zero: u64 = given.iter().filter(|(word, _)| *word == 0).map(|(_, n)| n).sum();
        assert_eq!((of_zero, given.iter().map(|(_, n)| n).sum::<u64>()), (6, 10_005));
    }
}
