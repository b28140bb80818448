//! Byte strings: tables of them, used by the index of a key.
//!
//! A trial draws numbers. [`ByteStrings`] makes a table of byte strings one of numbers: the key of a
//! number is looked up in a list that was made before the clock started ([`ByteKeys`]), and its value
//! carries the number, so that all that a trial checks is checked of byte strings too. What it costs
//! beside the table is a load from that list, as an application's request would bring its key along.
//!
//! As in an application, an insertion allocates its key and its value, an update its value; a lookup
//! looks at the value in its place and copies nothing.

use std::borrow::{Borrow, Cow};
use std::fmt;

use structures::map::{ConcurrentMap, MapHandle, MapInfo, PinnedMap};

use crate::case::Case;
use crate::workload::Length;

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

/// What fills a byte string behind the word that it begins with.
const FILLER: u8 = 0x5a;

impl Bytes {
    /// `len` bytes that begin with those of `word`, as many as fit.
    fn with(word: u64, len: u32) -> Self {
        let mut bytes = vec![FILLER; len as usize].into_boxed_slice();
        let shown = bytes.len().min(8);
        bytes[..shown].copy_from_slice(&word.to_le_bytes()[..shown]);
        Self(bytes)
    }

    /// The word that it begins with; what does not fit in it is that of `rest`.
    #[inline]
    fn word(&self, rest: u64) -> u64 {
        let mut word = rest.to_le_bytes();
        let shown = self.0.len().min(8);
        word[..shown].copy_from_slice(&self.0[..shown]);
        u64::from_le_bytes(word)
    }
}

/// How long the keys and values of a case are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Of keys.
    pub keys: Length,
    /// Of values.
    pub values: Length,
}

/// Keys of a larger range, as that of `latest` is, are made as they are needed: their list would not
/// fit in memory.
const MOST_LISTED: u64 = 1 << 27;
/// Entries of which the mean payload is taken.
const WEIGHED: u64 = 1 << 16;

/// The byte strings of a trial.
#[derive(Debug)]
pub struct ByteKeys {
    listed: Vec<Bytes>,
    lengths: Lengths,
}

impl ByteKeys {
    /// Those of a case with byte strings, for the rest of the process: made before anything is
    /// measured.
    pub(crate) fn of(case: &Case, count: u64) -> Option<&'static Self> {
        let lengths = case.lengths()?;
        let listed = if count <= MOST_LISTED { count } else { 0 };
        let listed = (0..listed).map(|index| key(lengths, index)).collect();
        Some(Box::leak(Box::new(Self { listed, lengths })))
    }

    /// The key of that number.
    #[inline]
    fn key(&self, index: u64) -> Cow<'_, Bytes> {
        match self.listed.get(index as usize) {
            Some(key) => Cow::Borrowed(key),
            None => Cow::Owned(key(self.lengths, index)),
        }
    }

    /// A value for that key that carries `word`.
    #[inline]
    fn value(&self, index: u64, word: u64) -> Bytes {
        Bytes::with(word, self.lengths.values.of_value(index))
    }

    /// Bytes of a key and its value, in the mean over the first ones.
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    pub(crate) fn mean_payload(&self) -> f64 {
        let Lengths { keys, values } = self.lengths;
        let of_entry = |index| u64::from(keys.of_key(index)) + u64::from(values.of_value(index));
        (0..WEIGHED).map(of_entry).sum::<u64>() as f64 / WEIGHED as f64
    }
}

fn key(lengths: Lengths, index: u64) -> Bytes {
    Bytes::with(index, lengths.keys.of_key(index))
}

/// A table of byte strings as one of numbers.
#[derive(Debug)]
pub struct ByteStrings<M> {
    map: M,
    keys: &'static ByteKeys,
}

impl<M: ConcurrentMap<Bytes, Bytes>> ByteStrings<M> {
    /// `map`, with the keys of those numbers.
    pub(crate) fn new(map: M, keys: &'static ByteKeys) -> Self {
        Self { map, keys }
    }
}

impl<M: ConcurrentMap<Bytes, Bytes>> ConcurrentMap<u64, u64> for ByteStrings<M> {
    const INFO: MapInfo = M::INFO;

    type Handle<'m>
        = Handle<M::Handle<'m>>
    where
        Self: 'm;

    fn handle(&self) -> Self::Handle<'_> {
        Handle { inner: self.map.handle(), keys: self.keys }
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn capacity(&self) -> Option<usize> {
        self.map.capacity()
    }
}

/// A handle of a [`ByteStrings`], or one in a critical section.
#[derive(Debug)]
pub struct Handle<H> {
    inner: H,
    keys: &'static ByteKeys,
}

/// The operations of a handle and of a pin are the same, on what each has inside.
macro_rules! by_number {
    () => {
        #[inline]
        fn get(&mut self, key: &u64) -> Option<u64> {
            self.get_with(key, |value| *value)
        }

        #[inline]
        fn get_with<T>(&mut self, key: &u64, read: impl FnOnce(&u64) -> T) -> Option<T> {
            self.inner.get_with(&*self.keys.key(*key), |value| read(&value.word(*key)))
        }

        fn contains(&mut self, key: &u64) -> bool {
            self.inner.contains(&*self.keys.key(*key))
        }

        #[inline]
        fn insert(&mut self, key: u64, value: u64) -> bool {
            self.inner.insert(self.keys.key(key).into_owned(), self.keys.value(key, value))
        }

        fn insert_many(&mut self, entries: impl IntoIterator<Item = (u64, u64)>) -> usize {
            let keys = self.keys;
            self.inner.insert_many(
                entries
                    .into_iter()
                    .map(|(key, value)| (keys.key(key).into_owned(), keys.value(key, value))),
            )
        }

        #[inline]
        fn update(&mut self, key: &u64, mut f: impl FnMut(&u64) -> u64) -> Option<u64> {
            let keys = self.keys;
            let replace = |value: &Bytes| keys.value(*key, f(&value.word(*key)));
            self.inner.update(&*keys.key(*key), replace).map(|old| old.word(*key))
        }

        #[inline]
        fn upsert(&mut self, key: u64, mut f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
            let keys = self.keys;
            let replace = |value: Option<&Bytes>| {
                let word = value.map(|value| value.word(key));
                keys.value(key, f(word.as_ref()))
            };
            self.inner.upsert(keys.key(key).into_owned(), replace).map(|old| old.word(key))
        }

        #[inline]
        fn remove(&mut self, key: &u64) -> Option<u64> {
            self.inner.remove(&*self.keys.key(*key)).map(|old| old.word(*key))
        }

        fn for_each(&mut self, mut f: impl FnMut(&u64, &u64)) {
            self.inner.for_each(|key, value| {
                let index = key.word(0);
                f(&index, &value.word(index));
            });
        }
    };
}

impl<H: MapHandle<Bytes, Bytes>> MapHandle<u64, u64> for Handle<H> {
    type Pinned<'h>
        = Handle<H::Pinned<'h>>
    where
        Self: 'h;

    #[inline]
    fn pin(&mut self) -> Self::Pinned<'_> {
        Handle { inner: self.inner.pin(), keys: self.keys }
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        self.inner.offline(f)
    }

    by_number!();
}

impl<P: PinnedMap<Bytes, Bytes>> PinnedMap<u64, u64> for Handle<P> {
    by_number!();
}

#[cfg(test)]
mod tests {
    use structures::ChainingLockFree;
    use structures::reclaim::Epoch;

    use super::*;

    fn keys(keys: Length, values: Length, count: u64) -> &'static ByteKeys {
        let lengths = Lengths { keys, values };
        let listed = (0..count).map(|index| key(lengths, index)).collect();
        Box::leak(Box::new(ByteKeys { listed, lengths }))
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
    fn numbers_in_are_numbers_out() {
        for (of_keys, of_values) in [
            (Length::Bytes(8), Length::Bytes(0)),
            (Length::Bytes(36), Length::Bytes(224)),
            (Length::Etc, Length::Etc),
        ] {
            let keys = keys(of_keys, of_values, 500);
            let map = ByteStrings::new(ChainingLockFree::<_, _, Epoch>::default(), keys);
            let mut handle = map.handle();
            // More than are listed.
            for key in 0..1000 {
                assert!(handle.insert(key, key) && !handle.insert(key, key));
            }
            assert_eq!(handle.insert_many([(5, 5), (2000, 2000)]), 1);
            assert_eq!(handle.remove(&2000), Some(2000));
            assert_eq!(handle.update(&7, |value| *value), Some(7));
            assert_eq!(handle.upsert(8, |value| *value.expect("present")), Some(8));
            assert_eq!((handle.get(&7), handle.pin().get(&9)), (Some(7), Some(9)));
            assert!(handle.contains(&3) && !handle.contains(&3000));
            let mut seen = Vec::new();
            handle.for_each(|key, value| seen.push((*key, *value)));
            seen.sort_unstable();
            assert_eq!(seen, (0..1000).map(|key| (key, key)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_keys_of_a_range_without_end_are_not_listed() {
        let mut case = crate::test_rows::case("papaya", "none", 1, 100.0, 0.0, 8);
        assert!(ByteKeys::of(&case, 8).is_none(), "a case of numbers");
        case.key_bytes = Some(Length::Etc);
        let listed = |count| ByteKeys::of(&case, count).map(|keys| keys.listed.len());
        assert_eq!([8, MOST_LISTED + 1, 1 << 40].map(listed), [Some(8), Some(0), Some(0)]);
    }

    #[test]
    fn payload_is_what_keys_and_values_weigh() {
        let keys = keys(Length::Bytes(16), Length::Bytes(32), 10);
        assert_eq!(keys.mean_payload(), 48.0);
    }
}
