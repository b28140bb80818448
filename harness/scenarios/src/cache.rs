//! A cache as programs see it: a table that may lose what it has, if its policy evicts.
//!
//! `insert` is a set if the key is absent, and `cas` one if the key has still the CAS number with which it was read
//! before. `update`, `upsert` and `remove` are the cache's `update`, whose closure is shown what is there. Values are
//! bytes that are all the same, so one that is torn is seen, if it is in more than one word.

use std::fmt;
use std::marker::PhantomData;

use cache::evict::Eviction;
use cache::store::{
    CacheHandle, Change, Config, ConfigError, Found, Options, Outcome, Store, When, Write,
};
use linearizability::history::{Call, Given};

use crate::program::{KEYS, Verb};
use crate::table::{Session, SharedTable};

/// A store as a [`SharedTable`].
pub struct StoreAsTable<S> {
    store: S,
    room: CacheRoom,
}

/// How much memory there is, and what for.
#[derive(Clone, Copy, Debug)]
pub struct CacheRoom {
    /// Pages of 512 bytes.
    pub pages: usize,
    /// The smallest chunk: half a page, a quarter, and so on. The next has a page.
    pub smallest: usize,
    /// Bytes of a value with an even number, and of one with an odd one.
    pub lengths: [usize; 2],
}

const PAGE: usize = 512;

impl CacheRoom {
    /// The value with a number.
    fn value(self, number: u64) -> Vec<u8> {
        vec![number as u8; self.lengths[(number % 2) as usize]]
    }

    /// The number of a value.
    fn number(self, value: &[u8]) -> u64 {
        let number = value.first().copied().map_or(0, u64::from);
        assert_eq!(value, self.value(number), "a value is torn");
        number
    }
}

impl<S: Store> StoreAsTable<S> {
    /// An empty cache that `build` makes.
    pub fn new(room: CacheRoom, build: fn(&Config) -> Result<S, ConfigError>) -> Self {
        let config = Config {
            page: PAGE,
            smallest: room.smallest,
            growth: 16.0,
            max_value: 128,
            seed: Some(1),
            ..Config::of(PAGE * room.pages)
        };
        let store = build(&config).expect("there can be such a cache");
        let mut handle = store.handle();
        // Every page is made before there are threads: a model checker does not see what makes it.
        for key in 0..KEYS {
            let value = room.value(key.into());
            handle.set(&[key], &value, Options::default()).expect("there is room");
        }
        handle.clear();
        drop(handle);
        Self { store, room }
    }
}

impl<S> fmt::Debug for StoreAsTable<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreAsTable").field("room", &self.room).finish_non_exhaustive()
    }
}

impl<S: Store> SharedTable for StoreAsTable<S> {
    fn enter(&self, work: &mut dyn FnMut(&mut dyn Session)) {
        let handle = self.store.handle();
        work(&mut Inside::<S, _> { handle, room: self.room, store: PhantomData });
    }

    fn exact_len(&self) -> Option<usize> {
        Some(self.store.len())
    }

    fn iterates_snapshots(&self) -> bool {
        false
    }

    fn loses(&self) -> bool {
        S::Eviction::EVICTS
    }
}

struct Inside<S, H> {
    handle: H,
    room: CacheRoom,
    store: PhantomData<fn() -> S>,
}

impl<S: Store, H: CacheHandle> Inside<S, H> {
    fn get(&mut self, key: u64) -> Option<(u64, Found)> {
        let mut value = Vec::new();
        let found = self.handle.get(&[key as u8], &mut value)?;
        Some((self.room.number(&value), found))
    }

    fn set(&mut self, key: u64, value: u64, when: When) -> Outcome {
        let options = Options { when, ..Options::default() };
        let stored = self.handle.set(&[key as u8], &self.room.value(value), options);
        stored.expect("there is room")
    }

    /// Does with what is there what `decide` says; what was there.
    fn change<'v>(&mut self, key: u64, decide: impl FnOnce(bool) -> Change<'v>) -> Option<u64> {
        let (room, mut old) = (self.room, None);
        let changed = self.handle.update(&[key as u8], |current| {
            old = current.map(|current| {
                let mut value = Vec::new();
                current.value_into(&mut value);
                room.number(&value)
            });
            decide(old.is_some())
        });
        changed.expect("there is room");
        old
    }

    /// Reads the key, and sets it if nobody else has meanwhile.
    fn cas(&mut self, key: u64, value: u64) -> Call {
        let Some((old, found)) = self.get(key) else { return Call::Get { found: None } };
        let cas = found.cas.expect("a cache with CAS numbers");
        match self.set(key, value, When::Cas(cas)) {
            Outcome::Stored => {
                Call::Update { given: Given::Value(old), new: value, old: Some(old) }
            }
            // Present, with whatever value: what an insertion in vain says.
            Outcome::Changed => Call::Insert { value: 0, added: false },
            Outcome::NotFound => Call::Get { found: None },
            Outcome::NotStored => unreachable!("it has a number"),
        }
    }
}

impl<S: Store, H: CacheHandle> Session for Inside<S, H> {
    fn call(&mut self, verb: Verb, key: u64, value: u64) -> Call {
        let written = self.room.value(value);
        let write = Change::Write(Write { value: Some(&written), ..Write::default() });
        match verb {
            Verb::Get => Call::Get { found: self.get(key).map(|(number, _)| number) },
            Verb::Contains if self.get(key).is_some() => Call::Insert { value: 0, added: false },
            Verb::Contains => Call::Get { found: None },
            Verb::Insert => {
                let added = self.set(key, value, When::Absent) == Outcome::Stored;
                Call::Insert { value, added }
            }
            Verb::Remove => Call::Remove { taken: self.change(key, |_| Change::Remove) },
            Verb::Update => {
                let old =
                    self.change(key, |is_there| if is_there { write } else { Change::Nothing });
                Call::Update { given: old.map_or(Given::Nothing, Given::Value), new: value, old }
            }
            Verb::Upsert => {
                let old = self.change(key, |_| write);
                Call::Upsert { given: old.into(), new: value, old }
            }
            Verb::Cas => self.cas(key, value),
            Verb::GetMany | Verb::Displace | Verb::Iterate | Verb::Grow | Verb::Shrink => {
                unreachable!("it is no call on a key")
            }
        }
    }

    /// A cache reads one key at a time.
    fn get_many(&mut self, keys: &[u64]) -> Vec<Option<u64>> {
        keys.iter().map(|&key| self.get(key).map(|(number, _)| number)).collect()
    }

    /// Of the keys that programs use: a cache tells no others.
    fn iterate(&mut self) -> Vec<(u64, u64)> {
        let read = |key| self.get(key).map(|(number, _)| (key, number));
        (0..u64::from(KEYS)).filter_map(read).collect()
    }

    fn extra(&mut self, verb: Verb, _key: u64) {
        unreachable!("a cache has no {verb:?}")
    }
}
