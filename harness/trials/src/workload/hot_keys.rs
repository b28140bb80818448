//! How many of the hottest keys share a stripe under a table's hash.
//!
//! Under skew a few keys get most of the operations, and those of them that share a stripe (a lock, a
//! version, a bucket) contend where others do not. Which keys these are follows from the hash's seed and from
//! which keys are hot, so it can be computed without the table.

use super::{Permutation, Purpose, derive};
use crate::case::Case;

/// The stripes in which keys may meet: as many as MemC3 and `cuckoo-striped` have in a large table.
pub const STRIPES: u64 = 8192;

/// The `count` hottest keys (or all) of `case` in the trial with this seed, hottest first; `None`
/// if no key is hot by its rank.
#[must_use]
pub fn hottest(case: &Case, seed: u64, count: u64) -> Option<Vec<u64>> {
    if !case.distribution.is_ranked() || case.zipf == 0.0 {
        return None;
    }
    // As `ZipfKeys` scatters them.
    let scatter = Permutation::new(case.keys, derive(seed, Purpose::Scatter, 0));
    Some((0..count.min(case.keys)).map(|rank| scatter.apply(rank)).collect())
}

/// How many of these hashes share one of [`STRIPES`] stripes with another of them. The stripe is in
/// a hash's low bits, as buckets are.
#[must_use]
pub fn sharing(hashes: impl Iterator<Item = u64>) -> u64 {
    let mut stripes: Vec<u64> = hashes.map(|hash| hash % STRIPES).collect();
    stripes.sort_unstable();
    let groups = stripes.chunk_by(|a, b| a == b);
    groups.filter(|group| group.len() > 1).map(|group| group.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use rand::SeedableRng;

    use foldhash::fast::FixedState;

    use super::super::{Keys, Rng, ZipfKeys};
    use super::*;
    use crate::case::tests;
    use crate::workload::Distribution;

    fn skewed() -> Case {
        tests::case("papaya", "none", 1, 95.0, 0.99, 1 << 20)
    }

    #[test]
    fn sharing_counts_each_key_that_has_company() {
        assert_eq!(sharing([].into_iter()), 0);
        assert_eq!(sharing([1, 2, 3].into_iter()), 0);
        assert_eq!(sharing([1, 2, 1 + STRIPES, 3, 2 + 5 * STRIPES, 2].into_iter()), 5);
    }

    #[test]
    fn the_hottest_keys_are_those_that_are_drawn_most() {
        let case = skewed();
        let mut drawn = ZipfKeys::new(case.keys, case.zipf, derive(9, Purpose::Scatter, 0));
        let mut rng = Rng::seed_from_u64(1);
        let mut seen = std::collections::HashMap::<u64, u64>::new();
        (0..400_000).for_each(|_| *seen.entry(drawn.next_key(&mut rng)).or_default() += 1);
        let counts: Vec<u64> = hottest(&case, 9, 4).unwrap().iter().map(|key| seen[key]).collect();
        // 6.5 % and then by k^-0.99: neighbours are 60 standard deviations apart.
        assert!((25_000..27_000).contains(&counts[0]) && counts.is_sorted_by(|a, b| a > b));
        assert!(
            counts[3]
                > *seen
                    .values()
                    .collect::<std::collections::BTreeSet<_>>()
                    .iter()
                    .rev()
                    .nth(4)
                    .copied()
                    .unwrap()
        );
        assert_eq!(hottest(&Case { zipf: 0.0, ..case.clone() }, 9, 4), None);
        let latest = Case { distribution: Distribution::Latest, ..case.clone() };
        assert_eq!(hottest(&latest, 9, 4), None);
        assert_eq!(hottest(&Case { keys: 3, ..case }, 9, 4).unwrap().len(), 3);
    }

    /// A birthday problem: 1 − Π (1 − i / 8192), which is 5.9 % for 32 keys and 45 % for 100. Keys
    /// and hash seeds both vary, as over the blocks and the cells of a sweep: over the seeds of one
    /// set of keys foldhash is a little off, by set (4.9 to 6.0 % for 32 keys).
    #[test]
    fn some_share_a_stripe_as_often_as_birthdays_have_it() {
        let (case, seeds) = (skewed(), 20_000);
        for (count, published) in [(32, 0.059), (100, 0.45)] {
            let apart: f64 = (0..count).map(|i| 1.0 - i as f64 / STRIPES as f64).product();
            let expected = 1.0 - apart;
            assert!((expected - published).abs() < 0.005, "{count} keys: {expected}");
            let shares = |seed: &u64| {
                let (keys, hasher) =
                    (hottest(&case, *seed, count).unwrap(), FixedState::with_seed(*seed));
                sharing(keys.iter().map(|key| hasher.hash_one(key))) > 0
            };
            let seen = (0..seeds).filter(shares).count() as f64 / seeds as f64;
            let deviation = (expected * apart / seeds as f64).sqrt();
            assert!((seen - expected).abs() < 4.0 * deviation, "{count} keys: {seen}");
        }
    }
}
