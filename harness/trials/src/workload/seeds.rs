//! The seeds of everything random in a trial, and how large a key range may be.

use rand_xoshiro::Xoshiro256PlusPlus;
use table::mix;

/// The generator of every stream: 32 bytes of state, less than a nanosecond a word.
pub type Rng = Xoshiro256PlusPlus;

/// The largest key range: 2^40 keys.
pub const MAX_KEYS: u64 = 1 << 40;

/// What a seed is derived for; each gets sequences of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A thread's keys and operations; the index is the thread.
    Stream = 1,
    /// Where the ranks of a skewed distribution lie in the key range.
    Scatter = 2,
    /// Which keys are present at the start.
    Prefill = 3,
    /// A round of a recorded history; the index is the round.
    Verify = 4,
    /// When the operations of an open-loop trial are due; the index is the thread.
    Arrivals = 5,
    /// A thread's lookups in the warm-up, where its operations must wait; the index is the thread.
    WarmUp = 6,
}

/// The seed for the `index`-th use for `purpose` in the trial with this seed.
#[must_use]
pub fn derive(seed: u64, purpose: Purpose, index: u64) -> u64 {
    mix(mix(mix(seed).wrapping_add(purpose as u64)).wrapping_add(index))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn derived_seeds_differ() {
        let mut seen = HashSet::new();
        for seed in 0..50 {
            for purpose in [Purpose::Stream, Purpose::Scatter, Purpose::Prefill, Purpose::Verify] {
                for index in 0..50 {
                    assert!(seen.insert(derive(seed, purpose, index)));
                }
            }
        }
    }
}
