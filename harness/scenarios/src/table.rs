//! A table as programs see it: behind a pointer, with numbers for keys and values.

use std::hash::{BuildHasher, Hasher};

use linearizability::history::{Call, Given};
use structures::map::{ConcurrentMap, MapHandle};

use crate::program::Verb;

/// A table that threads share.
pub trait SharedTable: Send + Sync {
    /// Runs `work` with this thread's way in.
    fn enter(&self, work: &mut dyn FnMut(&mut dyn Session));
    /// What `len` says, if it is no estimate.
    fn exact_len(&self) -> Option<usize>;
    /// Whether an iteration shows one moment.
    fn iterates_snapshots(&self) -> bool;
    /// Whether a key may become absent between operations, as in a cache that evicts.
    fn loses(&self) -> bool {
        false
    }
}

/// A thread's way into a table.
pub trait Session {
    /// `get`, `contains`, `insert`, `remove`, `update`, `upsert` or `cas`; a write writes `value`.
    fn call(&mut self, verb: Verb, key: u64, value: u64) -> Call;
    /// `get_many`.
    fn get_many(&mut self, keys: &[u64]) -> Vec<Option<u64>>;
    /// `for_each`.
    fn iterate(&mut self) -> Vec<(u64, u64)>;
    /// What this table can do besides.
    fn extra(&mut self, verb: Verb, key: u64);
}

/// A value, which has a number.
pub trait Numbered: Clone + Send + Sync + 'static {
    /// The value of a number.
    fn new(number: u64) -> Self;
    /// Its number.
    fn number(&self) -> u64;
}

impl Numbered for u64 {
    fn new(number: u64) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }
}

/// A value whose number stands in a cell of loom's, written at its birth and at its death: what is
/// read before it is published, or after it was freed, fails the model.
#[cfg(loom)]
#[derive(Debug)]
pub struct Living(std::sync::Arc<loom::cell::UnsafeCell<Option<u64>>>);

// SAFETY: the cell checks what it is used for: that is what it is here for.
#[cfg(loom)]
unsafe impl Send for Living {}
// SAFETY: as above.
#[cfg(loom)]
unsafe impl Sync for Living {}

#[cfg(loom)]
impl Numbered for Living {
    fn new(number: u64) -> Self {
        let cell = loom::cell::UnsafeCell::new(None);
        // SAFETY: nobody else has it; and loom looks.
        cell.with_mut(|cell| unsafe { *cell = Some(number) });
        Self(std::sync::Arc::new(cell))
    }

    fn number(&self) -> u64 {
        // SAFETY: loom says if this is concurrent with a write.
        self.0.with(|cell| unsafe { *cell }).expect("read after it was dropped")
    }
}

#[cfg(loom)]
impl Clone for Living {
    fn clone(&self) -> Self {
        Self::new(self.number())
    }
}

#[cfg(loom)]
impl Drop for Living {
    fn drop(&mut self) {
        // SAFETY: loom says if this is concurrent with a read.
        self.0.with_mut(|cell| unsafe { *cell = None });
    }
}

/// Under shuttle accesses are ordered; AddressSanitizer looks at memory.
#[cfg(shuttle)]
pub type Living = u64;

/// A hasher that is the key, without the bits from 16 to 23: they tell keys of one hash apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct Itself(u64);

/// The bits that are no part of the hash.
pub const NUMBER: u64 = 0xff << 16;

impl BuildHasher for Itself {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Itself {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("keys are u64");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key & !NUMBER;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What a table does besides a map's operations.
pub type Extra<M> = fn(&M, Verb, u64);

/// A map as a [`SharedTable`].
pub struct Mapped<M, V> {
    map: M,
    extra: Extra<M>,
    value: std::marker::PhantomData<fn() -> V>,
}

impl<M: ConcurrentMap<u64, V>, V: Numbered> Mapped<M, V> {
    /// Wraps `map`.
    pub fn new(map: M, extra: Extra<M>) -> Self {
        Self { map, extra, value: std::marker::PhantomData }
    }
}

impl<M, V> std::fmt::Debug for Mapped<M, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapped").finish_non_exhaustive()
    }
}

impl<M: ConcurrentMap<u64, V>, V: Numbered> SharedTable for Mapped<M, V> {
    fn enter(&self, work: &mut dyn FnMut(&mut dyn Session)) {
        let handle = self.map.handle();
        work(&mut Inside { table: self, handle });
    }

    fn exact_len(&self) -> Option<usize> {
        M::INFO.len_is_bounded.then(|| self.map.len())
    }

    fn iterates_snapshots(&self) -> bool {
        M::INFO.iterates_snapshots
    }
}

struct Inside<'m, M: ConcurrentMap<u64, V> + 'm, V: Numbered> {
    table: &'m Mapped<M, V>,
    handle: M::Handle<'m>,
}

fn number<V: Numbered>(value: Option<V>) -> Option<u64> {
    value.as_ref().map(V::number)
}

impl<'m, M: ConcurrentMap<u64, V> + 'm, V: Numbered> Session for Inside<'m, M, V> {
    fn call(&mut self, verb: Verb, key: u64, value: u64) -> Call {
        let handle = &mut self.handle;
        let mut given = Given::Nothing;
        match verb {
            Verb::Get => Call::Get { found: handle.get_with(&key, V::number) },
            // Present, with whatever value: what an insertion in vain says.
            Verb::Contains if handle.contains(&key) => Call::Insert { value: 0, added: false },
            Verb::Contains => Call::Get { found: None },
            Verb::Insert => Call::Insert { value, added: handle.insert(key, V::new(value)) },
            Verb::Remove => Call::Remove { taken: number(handle.remove(&key)) },
            Verb::Update => {
                let old = handle.update(&key, |old| {
                    given = Given::Value(old.number());
                    V::new(value)
                });
                Call::Update { given, new: value, old: number(old) }
            }
            Verb::Upsert => {
                let old = handle.upsert(key, |old| {
                    given = old.map(V::number).into();
                    V::new(value)
                });
                Call::Upsert { given, new: value, old: number(old) }
            }
            Verb::Cas => unreachable!("tables have no CAS numbers"),
            Verb::GetMany | Verb::Displace | Verb::Iterate | Verb::Grow | Verb::Shrink => {
                unreachable!("it is no call on a key")
            }
        }
    }

    fn get_many(&mut self, keys: &[u64]) -> Vec<Option<u64>> {
        let mut values = vec![None; keys.len()];
        self.handle.get_many(keys, &mut values);
        values.into_iter().map(number).collect()
    }

    fn iterate(&mut self) -> Vec<(u64, u64)> {
        let mut entries = Vec::new();
        self.handle.for_each(|key, value| entries.push((*key, value.number())));
        entries
    }

    fn extra(&mut self, verb: Verb, key: u64) {
        (self.table.extra)(&self.table.map, verb, key);
    }
}
