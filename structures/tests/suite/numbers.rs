//! Maps of numbers that are made of maps of other values.

use super::erased::{Erased, Map, Operations};
use super::tracked::{Census, Tracked};

/// A map of [`Tracked`] values as one of numbers: what is tested of numbers under such keys needs no table
/// compiled for that pair.
pub fn with_numbers<K: 'static>(map: Erased<K, Tracked>) -> Erased<K, u64> {
    Erased(Box::new(Numbers { inner: map.0, census: Census::default() }))
}

struct Numbers<M> {
    inner: M,
    census: Census,
}

impl<K: 'static> Map<K, u64> for Numbers<Box<dyn Map<K, Tracked>>> {
    fn handle(&self) -> Box<dyn Operations<K, u64> + '_> {
        Box::new(Numbers { inner: self.inner.handle(), census: self.census.clone() })
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }
}

fn number(value: Option<Tracked>) -> Option<u64> {
    value.map(|value| value.id)
}

impl<K: 'static> Operations<K, u64> for Numbers<Box<dyn Operations<K, Tracked> + '_>> {
    fn pin(&mut self) -> Box<dyn Operations<K, u64> + '_> {
        Box::new(Numbers { inner: self.inner.pin(), census: self.census.clone() })
    }

    fn offline(&mut self, f: &mut dyn FnMut()) {
        self.inner.offline(f);
    }

    fn get(&mut self, key: &K) -> Option<u64> {
        number(self.inner.get(key))
    }

    fn get_many(&mut self, keys: &[K], values: &mut [Option<u64>]) {
        let mut found: Vec<_> = values.iter().map(|_| None).collect();
        self.inner.get_many(keys, &mut found);
        values.iter_mut().zip(found).for_each(|(slot, value)| *slot = number(value));
    }

    fn get_with(&mut self, key: &K, read: &mut dyn FnMut(&u64)) -> bool {
        self.inner.get_with(key, &mut |value| read(&value.id))
    }

    fn contains(&mut self, key: &K) -> bool {
        self.inner.contains(key)
    }

    fn insert(&mut self, key: K, value: u64) -> bool {
        self.inner.insert(key, self.census.track(value))
    }

    fn insert_many(&mut self, entries: &mut dyn Iterator<Item = (K, u64)>) -> usize {
        let census = &self.census;
        self.inner.insert_many(&mut entries.map(|(key, value)| (key, census.track(value))))
    }

    fn update(&mut self, key: &K, f: &mut dyn FnMut(&u64) -> u64) -> Option<u64> {
        let census = &self.census;
        number(self.inner.update(key, &mut |value| census.track(f(&value.id))))
    }

    fn upsert(&mut self, key: K, f: &mut dyn FnMut(Option<&u64>) -> u64) -> Option<u64> {
        let census = &self.census;
        let mut f = |value: Option<&Tracked>| census.track(f(value.map(|value| &value.id)));
        number(self.inner.upsert(key, &mut f))
    }

    fn remove(&mut self, key: &K) -> Option<u64> {
        number(self.inner.remove(key))
    }

    fn for_each(&mut self, f: &mut dyn FnMut(&K, &u64)) {
        self.inner.for_each(&mut |key, value| f(key, &value.id));
    }
}
