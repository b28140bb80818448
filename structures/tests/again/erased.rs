//! A table behind a pointer, so that cases are compiled once and not for each table.

use std::marker::PhantomData;

use structures::map::{ConcurrentMap, MapHandle};

/// A table that lives for ever.
pub trait Table {
    fn handle(&'static self) -> Box<dyn Operations>;
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool;
}

/// A handle of it. Keys and values are made of numbers; a lookup says whether the key is present.
pub trait Operations {
    fn get(&mut self, key: u64) -> bool;
    fn get_with(&mut self, key: u64, read: &mut dyn FnMut()) -> bool;
    fn contains(&mut self, key: u64) -> bool;
    fn get_many(&mut self, keys: [u64; 2]);
    fn insert(&mut self, key: u64) -> bool;
    fn insert_many(&mut self, keys: [u64; 3]) -> usize;
    /// The new value is a clone of the old one.
    fn update(&mut self, key: u64, f: &mut dyn FnMut()) -> bool;
    /// The same, or a new one.
    fn upsert(&mut self, key: u64, f: &mut dyn FnMut()) -> bool;
    fn remove(&mut self, key: u64) -> bool;
    fn for_each(&mut self, f: &mut dyn FnMut());
}

struct Map<K, V, M>(M, PhantomData<fn() -> (K, V)>);

/// A table of type `M`.
pub fn table<K, V, M>() -> &'static dyn Table
where
    K: From<u64> + 'static,
    V: From<u64> + Clone + 'static,
    M: ConcurrentMap<K, V> + Default + 'static,
{
    Box::leak(Box::new(Map(M::default(), PhantomData)))
}

impl<K, V, M> Table for Map<K, V, M>
where
    K: From<u64> + 'static,
    V: From<u64> + Clone + 'static,
    M: ConcurrentMap<K, V> + 'static,
{
    fn handle(&'static self) -> Box<dyn Operations> {
        Box::new(Handle(self.0.handle(), PhantomData))
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

struct Handle<K, V, H>(H, PhantomData<fn() -> (K, V)>);

impl<K: From<u64>, V: From<u64> + Clone, H: MapHandle<K, V>> Operations for Handle<K, V, H> {
    fn get(&mut self, key: u64) -> bool {
        self.0.get(&K::from(key)).is_some()
    }

    fn get_with(&mut self, key: u64, read: &mut dyn FnMut()) -> bool {
        self.0.get_with(&K::from(key), |_| read()).is_some()
    }

    fn contains(&mut self, key: u64) -> bool {
        self.0.contains(&K::from(key))
    }

    fn get_many(&mut self, keys: [u64; 2]) {
        self.0.get_many(&keys.map(K::from), &mut [None, None]);
    }

    fn insert(&mut self, key: u64) -> bool {
        self.0.insert(K::from(key), V::from(key))
    }

    fn insert_many(&mut self, keys: [u64; 3]) -> usize {
        self.0.insert_many(keys.map(|key| (K::from(key), V::from(key))))
    }

    fn update(&mut self, key: u64, f: &mut dyn FnMut()) -> bool {
        let updated = self.0.update(&K::from(key), |value| {
            f();
            value.clone()
        });
        updated.is_some()
    }

    fn upsert(&mut self, key: u64, f: &mut dyn FnMut()) -> bool {
        let replaced = self.0.upsert(K::from(key), |value| {
            f();
            value.cloned().unwrap_or_else(|| V::from(key))
        });
        replaced.is_some()
    }

    fn remove(&mut self, key: u64) -> bool {
        self.0.remove(&K::from(key)).is_some()
    }

    fn for_each(&mut self, f: &mut dyn FnMut()) {
        self.0.for_each(|_, _| f());
    }
}
