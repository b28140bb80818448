//! Byte strings: the keys and values of tables of byte strings.

use std::borrow::{Borrow, Cow};
use std::fmt;

use crate::Length;

/// A byte string: its address and length in the table, its bytes elsewhere.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bytes(Box<[u8]>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

/// The filling of a byte string after the word that it begins with.
const FILLER: u8 = 0x5a;

impl Bytes {
    /// `len` bytes that begin with those of `word`, as many as fit.
    #[must_use]
    pub fn with(word: u64, len: u32) -> Self {
        let mut bytes = vec![FILLER; len as usize].into_boxed_slice();
        let shown = bytes.len().min(8);
        bytes[..shown].copy_from_slice(&word.to_le_bytes()[..shown]);
        Self(bytes)
    }

    /// The word that it begins with; what does not fit in it is that of `rest`.
    #[inline]
    #[must_use]
    pub fn word(&self, rest: u64) -> u64 {
        let mut word = rest.to_le_bytes();
        let shown = self.0.len().min(8);
        word[..shown].copy_from_slice(&self.0[..shown]);
        u64::from_le_bytes(word)
    }
}

/// The lengths of the keys and values of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Of keys.
    pub keys: Length,
    /// Of values.
    pub values: Length,
}

impl Lengths {
    /// Bytes of a key and its value, in the mean over a sample of `count` keys.
    #[must_use]
    pub fn mean_payload(self, count: u64) -> f64 {
        mean(count, |i| u64::from(self.keys.of_key(i)) + u64::from(self.values.of_value(i)))
    }
}

/// The mean of `bytes` over a sample of `count` keys.
#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn mean(count: u64, bytes: impl Fn(u64) -> u64) -> f64 {
    let sampled = count.clamp(1, SAMPLED);
    (0..sampled).map(bytes).sum::<u64>() as f64 / sampled as f64
}

/// The keys of a larger range are made as they are needed: their list would not fit in memory. That
/// is the case for `latest`, whose keys are a few of a range that has no end.
const MOST_LISTED: u64 = 1 << 27;

/// The size of the sample of keys from which the mean payload is computed.
const SAMPLED: u64 = 1 << 16;

/// The byte strings of a trial.
#[derive(Debug)]
pub struct ByteKeys {
    listed: Vec<Bytes>,
    lengths: Lengths,
    count: u64,
}

impl ByteKeys {
    /// Those of the first `count` numbers, listed if they are not too many.
    #[must_use]
    pub fn new(lengths: Lengths, count: u64) -> Self {
        let listed = if count > MOST_LISTED { 0 } else { count };
        let listed = (0..listed).map(|index| key(lengths, index)).collect();
        Self { listed, lengths, count }
    }

    /// Bytes of the list of the first `count` numbers, about.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate, of at most 2^27 keys"
    )]
    pub fn listed_bytes(lengths: Lengths, count: u64) -> u64 {
        let listed = if count > MOST_LISTED { 0 } else { count };
        let of_each = mean(listed, |i| u64::from(lengths.keys.of_key(i)));
        (listed as f64 * (of_each + size_of::<Bytes>() as f64)) as u64
    }

    /// The key of that number.
    #[inline]
    #[must_use]
    pub fn key(&self, index: u64) -> Cow<'_, Bytes> {
        match self.listed.get(index as usize) {
            Some(key) => Cow::Borrowed(key),
            None => Cow::Owned(key(self.lengths, index)),
        }
    }

    /// A value for that key that carries `word`.
    #[inline]
    #[must_use]
    pub fn value(&self, index: u64, word: u64) -> Bytes {
        Bytes::with(word, self.lengths.values.of_value(index))
    }

    /// Bytes of a key and its value, in the mean.
    #[must_use]
    pub fn mean_payload(&self) -> f64 {
        self.lengths.mean_payload(self.count)
    }
}

fn key(lengths: Lengths, index: u64) -> Bytes {
    Bytes::with(index, lengths.keys.of_key(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: Length, values: Length, count: u64) -> ByteKeys {
        ByteKeys::new(Lengths { keys, values }, count)
    }

    #[test]
    fn a_value_carries_what_fits_of_a_word() {
        for len in [0, 3, 8, 40] {
            let word = 0x0102_0304_0506_0708;
            let bytes = Bytes::with(word, len);
            assert_eq!(bytes.0.len(), len as usize);
            assert_eq!(bytes.word(word), word, "the rest is the key's");
            let kept = if len >= 8 { u64::MAX } else { (1 << (8 * len)) - 1 };
            assert_eq!(bytes.word(0), word & kept);
        }
    }

    #[test]
    fn a_list_weighs_its_keys_and_where_they_are() {
        let lengths = Lengths { keys: Length::Bytes(100), values: Length::Bytes(7) };
        assert_eq!(ByteKeys::listed_bytes(lengths, 1000), 116 * 1000);
        assert_eq!(ByteKeys::listed_bytes(lengths, MOST_LISTED + 1), 0, "none are listed");
    }

    #[test]
    fn payload_is_what_keys_and_values_weigh() {
        assert_eq!(keys(Length::Bytes(16), Length::Bytes(32), 10).mean_payload(), 48.0);
        // Of few keys it is theirs exactly.
        let lengths: Vec<u32> =
            (0..3).map(|i| Length::Etc.of_key(i) + Length::Etc.of_value(i)).collect();
        let mean = f64::from(lengths.iter().sum::<u32>()) / 3.0;
        assert_eq!(keys(Length::Etc, Length::Etc, 3).mean_payload(), mean);
    }

    #[test]
    fn a_range_without_end_is_not_listed() {
        let endless =
            ByteKeys::new(Lengths { keys: Length::Bytes(16), values: Length::Bytes(32) }, 1 << 40);
        assert!(endless.listed.is_empty());
        assert_eq!(endless.mean_payload(), 48.0);
        assert_eq!(endless.key(1 << 39).word(0), 1 << 39);
    }
}
