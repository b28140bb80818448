//! The hasher axis: what turns keys into hashes.
//!
//! The default, foldhash, is compiled into each table by itself. The others share one type that
//! chooses at each hash, for fewer tables: to compile every table for each of them would take hours.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// A hash function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hashing {
    /// foldhash's fast variant: a multiplication of 64 by 64 bits, folded.
    #[default]
    Foldhash,
    /// The crate ahash: AES rounds where the CPU has them.
    Ahash,
    /// SipHash-1-3, the standard library's: keyed, to resist flooding.
    Siphash,
    /// A key's first eight bytes, unchanged, whatever the seed.
    Identity,
    /// One of 64 hashes, by the key's low six bits: an attack that found them.
    Adversarial,
}

/// The different hashes of [`Hashing::Adversarial`].
const ATTACKED: u64 = 64;

impl Hashing {
    /// Every hash function.
    pub const ALL: [Self; 5] =
        [Self::Foldhash, Self::Ahash, Self::Siphash, Self::Identity, Self::Adversarial];

    /// Its name in experiment files and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Foldhash => "foldhash",
            Self::Ahash => "ahash",
            Self::Siphash => "siphash",
            Self::Identity => "identity",
            Self::Adversarial => "adversarial",
        }
    }

    /// What it is, in a line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::Foldhash => "crate foldhash, fast: the default",
            Self::Ahash => "crate ahash: AES rounds where the CPU has them",
            Self::Siphash => "SipHash-1-3, the standard library's: keyed, against flooding",
            Self::Identity => "the key's first eight bytes as they are",
            Self::Adversarial => "64 different hashes for all keys: flooding that has succeeded",
        }
    }

    /// That of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hashing| hashing.name() == name)
    }

    /// Whether it is the default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Any of them, with a seed. `hash_one` chooses once a hash; a table that asks for a [`Hasher`]
/// instead chooses once more for each part of a key.
#[derive(Clone, Debug)]
pub enum AnyHasher {
    /// See [`Hashing::Foldhash`].
    Foldhash(FixedState),
    /// See [`Hashing::Ahash`].
    Ahash(Box<ahash::RandomState>),
    /// See [`Hashing::Siphash`].
    Siphash(u64),
    /// See [`Hashing::Identity`].
    Identity,
    /// See [`Hashing::Adversarial`].
    Adversarial(u64),
}

impl AnyHasher {
    /// That hash function with a seed.
    #[must_use]
    pub fn new(hashing: Hashing, seed: u64) -> Self {
        match hashing {
            Hashing::Foldhash => Self::Foldhash(FixedState::with_seed(seed)),
            Hashing::Ahash => {
                // Four words from one, as it wants.
                let word = |i| FixedState::with_seed(seed).hash_one(i);
                let state = ahash::RandomState::with_seeds(word(0_u64), word(1), word(2), word(3));
                Self::Ahash(Box::new(state))
            }
            Hashing::Siphash => Self::Siphash(seed),
            Hashing::Identity => Self::Identity,
            Hashing::Adversarial => Self::Adversarial(seed),
        }
    }
}

fn sip(seed: u64) -> SipHasher13 {
    SipHasher13::new_with_keys(seed, !seed)
}

fn attacked(key: u64, seed: u64) -> u64 {
    FixedState::with_seed(seed).hash_one(key % ATTACKED)
}

impl BuildHasher for AnyHasher {
    type Hasher = AnyState;

    fn build_hasher(&self) -> AnyState {
        match self {
            Self::Foldhash(state) => AnyState::Foldhash(state.build_hasher()),
            Self::Ahash(state) => AnyState::Ahash(state.build_hasher()),
            Self::Siphash(seed) => AnyState::Siphash(sip(*seed)),
            Self::Identity => AnyState::Word(FirstWord::default(), None),
            Self::Adversarial(seed) => AnyState::Word(FirstWord::default(), Some(*seed)),
        }
    }

    #[inline]
    fn hash_one<T: Hash>(&self, key: T) -> u64 {
        let through = |mut state: FirstWord| {
            key.hash(&mut state);
            state.finish()
        };
        match self {
            Self::Foldhash(state) => state.hash_one(key),
            Self::Ahash(state) => state.hash_one(key),
            Self::Siphash(seed) => {
                let mut state = sip(*seed);
                key.hash(&mut state);
                state.finish()
            }
            Self::Identity => through(FirstWord::default()),
            Self::Adversarial(seed) => attacked(through(FirstWord::default()), *seed),
        }
    }
}

/// A key that is being hashed by an [`AnyHasher`].
#[derive(Clone)]
pub enum AnyState {
    /// See [`Hashing::Foldhash`].
    Foldhash(foldhash::fast::FoldHasher<'static>),
    /// See [`Hashing::Ahash`].
    Ahash(ahash::AHasher),
    /// See [`Hashing::Siphash`].
    Siphash(SipHasher13),
    /// See [`Hashing::Identity`]; with a seed [`Hashing::Adversarial`].
    Word(FirstWord, Option<u64>),
}

impl fmt::Debug for AnyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyState").finish_non_exhaustive()
    }
}

impl Hasher for AnyState {
    fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Foldhash(state) => state.write(bytes),
            Self::Ahash(state) => state.write(bytes),
            Self::Siphash(state) => state.write(bytes),
            Self::Word(state, _) => state.write(bytes),
        }
    }

    fn write_u64(&mut self, word: u64) {
        match self {
            Self::Foldhash(state) => state.write_u64(word),
            Self::Ahash(state) => state.write_u64(word),
            Self::Siphash(state) => state.write_u64(word),
            Self::Word(state, _) => state.write_u64(word),
        }
    }

    fn write_usize(&mut self, length: usize) {
        match self {
            Self::Foldhash(state) => state.write_usize(length),
            Self::Ahash(state) => state.write_usize(length),
            Self::Siphash(state) => state.write_usize(length),
            Self::Word(state, _) => state.write_usize(length),
        }
    }

    fn finish(&self) -> u64 {
        match self {
            Self::Foldhash(state) => state.finish(),
            Self::Ahash(state) => state.finish(),
            Self::Siphash(state) => state.finish(),
            Self::Word(state, None) => state.finish(),
            Self::Word(state, Some(seed)) => attacked(state.finish(), *seed),
        }
    }
}

/// The first eight bytes of a key; not the length that comes before a byte string.
#[derive(Clone, Copy, Debug, Default)]
pub struct FirstWord {
    word: u64,
    is_set: bool,
}

impl Hasher for FirstWord {
    fn write(&mut self, bytes: &[u8]) {
        let mut word = [0; 8];
        let len = bytes.len().min(8);
        word[..len].copy_from_slice(&bytes[..len]);
        self.write_u64(u64::from_le_bytes(word));
    }

    fn write_u64(&mut self, word: u64) {
        if !self.is_set {
            (self.word, self.is_set) = (word, true);
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.word
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_found() {
        for hashing in Hashing::ALL {
            assert_eq!(Hashing::named(hashing.name()), Some(hashing));
        }
        assert_eq!(Hashing::named("md5"), None);
    }

    /// As a table that knows only of [`Hasher`]s hashes.
    #[expect(clippy::manual_hash_one, reason = "that is what is compared")]
    fn in_parts<T: Hash + ?Sized>(any: &AnyHasher, key: &T) -> u64 {
        let mut state = any.build_hasher();
        key.hash(&mut state);
        state.finish()
    }

    #[test]
    fn in_one_call_or_in_parts_a_hash_is_the_same() {
        for hashing in Hashing::ALL {
            let any = AnyHasher::new(hashing, 7);
            for key in 0..100_u64 {
                assert_eq!(in_parts(&any, &key), any.hash_one(key), "{hashing}");
            }
            let bytes = b"a key of some length".as_slice();
            assert_eq!(in_parts(&any, bytes), any.hash_one(bytes), "{hashing}");
        }
    }

    #[test]
    fn a_seed_changes_all_but_the_identity() {
        for hashing in Hashing::ALL {
            let [one, other] = [1, 2].map(|seed| AnyHasher::new(hashing, seed).hash_one(5_u64));
            assert_eq!(one == other, hashing == Hashing::Identity, "{hashing}");
        }
        assert_eq!(AnyHasher::new(Hashing::Identity, 0).hash_one(5_u64), 5);
        assert_eq!(
            AnyHasher::new(Hashing::Identity, 0).hash_one([5_u8, 0, 1].as_slice()),
            0x1_0005
        );
        let default = AnyHasher::new(Hashing::Foldhash, 9).hash_one(5_u64);
        assert_eq!(default, FixedState::with_seed(9).hash_one(5_u64), "the tables' own");
    }

    #[test]
    fn an_attack_leaves_64_hashes_and_the_others_leave_all() {
        for hashing in Hashing::ALL {
            let any = AnyHasher::new(hashing, 3);
            let hashes: HashSet<u64> = (0..10_000_u64).map(|key| any.hash_one(key)).collect();
            let expected = if hashing == Hashing::Adversarial { 64 } else { 10_000 };
            assert_eq!(hashes.len(), expected, "{hashing}");
        }
    }
}
