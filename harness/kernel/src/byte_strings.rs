//! Tables of byte strings that are driven by numbers.
//!
//! A trial draws numbers. [`ByteStrings`] gives a table of byte strings the interface of a table of numbers: the key
//! of a number is read from a list that was made before the clock started ([`ByteKeys`]), and its value
//! contains the number, so that a trial's checks apply to byte strings too. The cost in addition to that of
//! the table is a load from that list; it stands for the key that an application's request would bring along.
//!
//! As in an application, an insertion allocates its key and its value, and an update its value; a lookup
//! reads the value in place and copies nothing.

use structures::map::{ConcurrentMap, MapHandle, MapInfo, PinnedMap};
use table::{ByteKeys, Bytes};

/// A table of byte strings with the interface of a table of numbers.
#[derive(Debug)]
pub struct ByteStrings<M> {
    map: M,
    keys: &'static ByteKeys,
}

impl<M: ConcurrentMap<Bytes, Bytes>> ByteStrings<M> {
    /// `map`, with the keys of those numbers.
    #[must_use]
    pub fn new(map: M, keys: &'static ByteKeys) -> Self {
        Self { map, keys }
    }
}

impl<M: ConcurrentMap<Bytes, Bytes>> ConcurrentMap<u64, u64> for ByteStrings<M> {
    const INFO: MapInfo = M::INFO;

    type Handle<'m>
        = StringsHandle<M::Handle<'m>>
    where
        Self: 'm;

    fn handle(&self) -> Self::Handle<'_> {
        StringsHandle { inner: self.map.handle(), keys: self.keys }
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
pub struct StringsHandle<H> {
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

impl<H: MapHandle<Bytes, Bytes>> MapHandle<u64, u64> for StringsHandle<H> {
    type Pinned<'h>
        = StringsHandle<H::Pinned<'h>>
    where
        Self: 'h;

    #[inline]
    fn pin(&mut self) -> Self::Pinned<'_> {
        StringsHandle { inner: self.inner.pin(), keys: self.keys }
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        self.inner.offline(f)
    }

    by_number!();
}

impl<P: PinnedMap<Bytes, Bytes>> PinnedMap<u64, u64> for StringsHandle<P> {
    by_number!();
}

#[cfg(test)]
mod tests {
    use structures::ChainingLockFree;
    use structures::reclaim::Epoch;

    use table::{Length, Lengths};

    use super::*;

    fn keys(keys: Length, values: Length, count: u64) -> &'static ByteKeys {
        Box::leak(Box::new(ByteKeys::new(Lengths { keys, values }, count)))
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
}
