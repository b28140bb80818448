//! A map behind a pointer, so that what is tested of each map is compiled once for each type of keys and
//! values and not for each map: of the suite's build that was more than half.

use structures::map::{ConcurrentMap, MapHandle, PinnedMap};

/// A map of any type. Each of its operations is that of the map, of the same name.
pub struct Erased<K, V>(pub Box<dyn Map<K, V>>);

impl<K: 'static, V: Clone + 'static> Erased<K, V> {
    pub fn new(map: impl ConcurrentMap<K, V> + 'static) -> Self {
        Self(Box::new(OfMap(map)))
    }
}

impl<K: 'static, V: Clone + 'static> ConcurrentMap<K, V> for Erased<K, V> {
    type Handle<'m> = Handle<'m, K, V>;

    fn handle(&self) -> Handle<'_, K, V> {
        Handle(self.0.handle())
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a map can do.
pub trait Map<K, V>: Send + Sync {
    fn handle(&self) -> Box<dyn Operations<K, V> + '_>;
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool;
}

struct OfMap<M>(M);

impl<K: 'static, V: Clone + 'static, M: ConcurrentMap<K, V>> Map<K, V> for OfMap<M> {
    fn handle(&self) -> Box<dyn Operations<K, V> + '_> {
        Box::new(OfHandle(self.0.handle()))
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a handle and what a pinned one can do.
pub trait Operations<K, V> {
    /// Of a handle alone.
    fn pin(&mut self) -> Box<dyn Operations<K, V> + '_>;
    /// Of a handle alone.
    fn offline(&mut self, f: &mut dyn FnMut());
    fn get(&mut self, key: &K) -> Option<V>;
    fn get_many(&mut self, keys: &[K], values: &mut [Option<V>]);
    fn get_with(&mut self, key: &K, read: &mut dyn FnMut(&V)) -> bool;
    fn contains(&mut self, key: &K) -> bool;
    fn insert(&mut self, key: K, value: V) -> bool;
    fn insert_many(&mut self, entries: &mut dyn Iterator<Item = (K, V)>) -> usize;
    fn update(&mut self, key: &K, f: &mut dyn FnMut(&V) -> V) -> Option<V>;
    fn upsert(&mut self, key: K, f: &mut dyn FnMut(Option<&V>) -> V) -> Option<V>;
    fn remove(&mut self, key: &K) -> Option<V>;
    fn for_each(&mut self, f: &mut dyn FnMut(&K, &V));
}

struct OfHandle<H>(H);
struct OfPinned<P>(P);

/// All but what is of a handle alone, of what the first field is.
macro_rules! operations {
    () => {
        fn get(&mut self, key: &K) -> Option<V> {
            self.0.get(key)
        }

        fn get_many(&mut self, keys: &[K], values: &mut [Option<V>]) {
            self.0.get_many(keys, values);
        }

        fn get_with(&mut self, key: &K, read: &mut dyn FnMut(&V)) -> bool {
            self.0.get_with(key, read).is_some()
        }

        fn contains(&mut self, key: &K) -> bool {
            self.0.contains(key)
        }

        fn insert(&mut self, key: K, value: V) -> bool {
            self.0.insert(key, value)
        }

        fn insert_many(&mut self, entries: &mut dyn Iterator<Item = (K, V)>) -> usize {
            self.0.insert_many(entries)
        }

        fn update(&mut self, key: &K, f: &mut dyn FnMut(&V) -> V) -> Option<V> {
            self.0.update(key, f)
        }

        fn upsert(&mut self, key: K, f: &mut dyn FnMut(Option<&V>) -> V) -> Option<V> {
            self.0.upsert(key, f)
        }

        fn remove(&mut self, key: &K) -> Option<V> {
            self.0.remove(key)
        }

        fn for_each(&mut self, f: &mut dyn FnMut(&K, &V)) {
            self.0.for_each(f);
        }
    };
}

impl<K: 'static, V: Clone + 'static, H: MapHandle<K, V>> Operations<K, V> for OfHandle<H> {
    fn pin(&mut self) -> Box<dyn Operations<K, V> + '_> {
        Box::new(OfPinned(self.0.pin()))
    }

    fn offline(&mut self, f: &mut dyn FnMut()) {
        self.0.offline(f);
    }

    operations!();
}

impl<K: 'static, V: Clone + 'static, P: PinnedMap<K, V>> Operations<K, V> for OfPinned<P> {
    fn pin(&mut self) -> Box<dyn Operations<K, V> + '_> {
        unreachable!("it is pinned");
    }

    fn offline(&mut self, _: &mut dyn FnMut()) {
        unreachable!("it is pinned");
    }

    operations!();
}

/// A handle of an [`Erased`] map.
pub struct Handle<'m, K, V>(Box<dyn Operations<K, V> + 'm>);

/// One that is pinned.
pub struct Pinned<'h, K, V>(Box<dyn Operations<K, V> + 'h>);

/// All but what is of a handle alone, by what is behind the pointer.
macro_rules! by_pointer {
    () => {
        fn get(&mut self, key: &K) -> Option<V> {
            self.0.get(key)
        }

        fn get_many(&mut self, keys: &[K], values: &mut [Option<V>]) {
            self.0.get_many(keys, values);
        }

        fn get_with<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
            let (mut read, mut result) = (Some(read), None);
            let found = self.0.get_with(key, &mut |value| {
                let read = read.take().expect("a lookup reads once");
                result = Some(read(value));
            });
            assert_eq!(found, result.is_some(), "found, and not read");
            result
        }

        fn contains(&mut self, key: &K) -> bool {
            self.0.contains(key)
        }

        fn insert(&mut self, key: K, value: V) -> bool {
            self.0.insert(key, value)
        }

        fn insert_many(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> usize {
            self.0.insert_many(&mut entries.into_iter())
        }

        fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> Option<V> {
            self.0.update(key, &mut f)
        }

        fn upsert(&mut self, key: K, mut f: impl FnMut(Option<&V>) -> V) -> Option<V> {
            self.0.upsert(key, &mut f)
        }

        fn remove(&mut self, key: &K) -> Option<V> {
            self.0.remove(key)
        }

        fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
            self.0.for_each(&mut f);
        }
    };
}

impl<K: 'static, V: Clone + 'static> MapHandle<K, V> for Handle<'_, K, V> {
    type Pinned<'h>
        = Pinned<'h, K, V>
    where
        Self: 'h;

    fn pin(&mut self) -> Pinned<'_, K, V> {
        Pinned(self.0.pin())
    }

    fn offline<T>(&mut self, f: impl FnOnce() -> T) -> T {
        let (mut f, mut result) = (Some(f), None);
        self.0.offline(&mut || {
            let f = f.take().expect("it is run once");
            result = Some(f());
        });
        result.expect("it is run")
    }

    by_pointer!();
}

impl<K: 'static, V: Clone + 'static> PinnedMap<K, V> for Pinned<'_, K, V> {
    by_pointer!();
}
