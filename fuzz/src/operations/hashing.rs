//! Hashers of an adversary.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

use super::faults::{Fault, maybe_panic, maybe_poisoned};

/// What the hashes of different keys have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    /// Nothing: a good hasher.
    Seeded,
    /// The low half, from which buckets come.
    OneBucket,
    /// The high bits, from which tags come.
    OneTag,
    /// All bits but these.
    Few(u64),
    /// All bits.
    Constant,
    /// A hash is its key.
    Identity,
}

impl Spread {
    /// The one for this byte.
    pub(super) fn of(byte: u8) -> Self {
        match byte % 8 {
            0 | 1 => Self::Seeded,
            2 => Self::OneBucket,
            3 => Self::OneTag,
            4 => Self::Few(0b111 << (byte >> 3 << 1).min(60)),
            5 => Self::Few(0x0101_0101_0101_0101 << (byte >> 5)),
            6 => Self::Constant,
            _ => Self::Identity,
        }
    }

    /// Whether so many keys can have the same two buckets that a cuckoo table refuses one.
    pub(super) fn can_flood(self) -> bool {
        self != Self::Seeded
    }
}

/// A hasher with this spread, which panics where [`faults`](super::faults) say so.
#[derive(Clone, Debug)]
pub(super) struct Hashing {
    pub(super) spread: Spread,
    pub(super) seed: u64,
}

impl BuildHasher for Hashing {
    type Hasher = OfOneWord;

    fn build_hasher(&self) -> OfOneWord {
        OfOneWord { spread: self.spread, state: FixedState::with_seed(self.seed), key: 0 }
    }
}

/// Hashes a single word.
#[derive(Debug)]
pub(super) struct OfOneWord {
    spread: Spread,
    state: FixedState,
    key: u64,
}

impl Hasher for OfOneWord {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a key is a word");
    }

    fn write_u64(&mut self, key: u64) {
        self.key = key;
    }

    fn finish(&self) -> u64 {
        maybe_panic(Fault::Hash);
        maybe_poisoned(self.key);
        let mixed = self.state.hash_one(self.key);
        let constant = self.state.hash_one(u64::MAX);
        let varying = match self.spread {
            Spread::Seeded => u64::MAX,
            Spread::OneBucket => u64::MAX << 32,
            Spread::OneTag => u64::MAX >> 16,
            Spread::Few(bits) => bits,
            Spread::Constant => 0,
            Spread::Identity => return self.key,
        };
        mixed & varying | constant & !varying
    }
}
