//! The keys that are present when a trial starts.

use super::{Permutation, Purpose, derive};

/// Exactly `count` different keys of `0..keys`, chosen and ordered by the trial's seed,
/// independently of how hot they are.
///
/// # Panics
///
/// Unless 1 ≤ keys ≤ [`MAX_KEYS`](super::MAX_KEYS) and count ≤ keys.
pub fn prefill_keys(
    keys: u64,
    count: u64,
    seed: u64,
) -> impl ExactSizeIterator<Item = u64> + Clone + use<> {
    assert!(count <= keys, "a prefill of {count} out of {keys} keys");
    let permutation = prefill_order(keys, seed);
    (0..count as usize).map(move |index| permutation.apply(index as u64))
}

/// The order in which the keys of `0..keys` become present: those of the prefill first.
pub(super) fn prefill_order(keys: u64, seed: u64) -> Permutation {
    Permutation::new(keys, derive(seed, Purpose::Prefill, 0))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::ZipfKeys;
    use super::*;

    #[test]
    fn keys_are_distinct_and_in_range() {
        for (keys, count) in [(1, 0), (1, 1), (7, 3), (1000, 500), (1024, 1024), (99_999, 12_345)] {
            let chosen: HashSet<u64> = prefill_keys(keys, count, 5).collect();
            assert_eq!(chosen.len() as u64, count);
            assert_eq!(prefill_keys(keys, count, 5).len() as u64, count);
            assert!(chosen.iter().all(|&key| key < keys));
        }
    }

    #[test]
    fn the_seed_chooses() {
        let chosen = |seed| prefill_keys(1000, 500, seed).collect::<HashSet<u64>>();
        assert_eq!(chosen(1), chosen(1));
        assert_ne!(chosen(1), chosen(2));
    }

    /// The share of hot keys that are present, over many trials, is that of all keys.
    #[test]
    fn hot_keys_are_present_half_the_time() {
        let (keys, seeds, hot) = (1 << 12, 200, 32);
        let mut present_of_rank = [0; 32];
        for seed in 0..seeds {
            let zipf = ZipfKeys::new(keys, 0.99, derive(seed, Purpose::Scatter, 0));
            let chosen: HashSet<u64> = prefill_keys(keys, keys / 2, seed).collect();
            for rank in 0..hot {
                present_of_rank[rank as usize] += u64::from(chosen.contains(&zipf.key_of(rank)));
            }
        }
        // Binomial: 100 ± 7.1 for a rank, 3200 ± 40 for all of them.
        for (rank, &present) in present_of_rank.iter().enumerate() {
            assert!((70..=130).contains(&present), "rank {rank}: {present} of {seeds}");
        }
        let all: u64 = present_of_rank.iter().sum();
        assert!((3040..=3360).contains(&all), "{all} of {}", seeds * hot);
    }
}
