//! imbl's persistent map under our own copy on write: the object of another crate, our construction
//! and reclaimers. Beside `hamt-cas` it shows what our trie adds, beside `arc-swap-imbl` what our
//! construction does.

use std::hash::{BuildHasherDefault, Hasher};
use std::iter;

use foldhash::fast::FixedState;
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;
use structures::reclaim::RootScheme;
use structures::versioned::cow::Cow;
use structures::versioned::map::{Binding, MapObject, MapOp, Outcome, VersionedMap};
use structures::versioned::{Sequential, Whole};

use kernel::{MapOptions, Rooted};

/// Keys of the inner map are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are u64");
    }
}

/// The bindings of one hash; seldom more than one.
#[derive(Clone, Debug)]
struct Chain<K, V> {
    first: Binding<K, V>,
    rest: Vec<Binding<K, V>>,
}

impl<K, V> Chain<K, V> {
    fn iter(&self) -> impl Iterator<Item = &Binding<K, V>> {
        iter::once(&self.first).chain(&self.rest)
    }

    fn find_mut(
        &mut self,
        mut is: impl FnMut(&Binding<K, V>) -> bool,
    ) -> Option<&mut Binding<K, V>> {
        iter::once(&mut self.first).chain(&mut self.rest).find(|binding| is(binding))
    }
}

type Map<K, V> = GenericHashMap<u64, Chain<K, V>, BuildHasherDefault<Identity>, DefaultSharedPtr>;

/// [`imbl::GenericHashMap`] as a sequential object. A clone is O(1), an update copies a path.
#[derive(Clone, Debug)]
pub struct Imbl<K, V> {
    chains: Map<K, V>,
    len: usize,
    /// The stamp of the last binding.
    clock: u64,
}

impl<K, V> Default for Imbl<K, V> {
    fn default() -> Self {
        Self { chains: Map::with_hasher(BuildHasherDefault::default()), len: 0, clock: 0 }
    }
}

impl<K: Eq + Clone, V: Clone> Imbl<K, V> {
    fn insert(&mut self, hash: u64, key: &K, value: &V) -> Outcome<V> {
        if self.find(hash, |other| other == key).is_some() {
            return Outcome::Refused;
        }
        self.clock += 1;
        let (key, value) = (key.clone(), value.clone());
        let binding = Binding { hash, stamp: self.clock, key, value };
        match self.chains.get_mut(&hash) {
            Some(chain) => chain.rest.push(binding),
            None => _ = self.chains.insert(hash, Chain { first: binding, rest: Vec::new() }),
        }
        self.len += 1;
        Outcome::Added
    }

    fn remove(&mut self, hash: u64, key: &K, stamp: Option<u64>) -> Outcome<V> {
        let is = |binding: &Binding<K, V>| {
            binding.key == *key && stamp.is_none_or(|stamp| binding.stamp == stamp)
        };
        let Some(mut chain) = self.chains.get(&hash).cloned() else { return Outcome::Refused };
        let removed = if is(&chain.first) {
            match chain.rest.pop() {
                Some(next) => std::mem::replace(&mut chain.first, next),
                None => {
                    self.chains.remove(&hash);
                    self.len -= 1;
                    return Outcome::Replaced(chain.first.value);
                }
            }
        } else {
            match chain.rest.iter().position(is) {
                Some(at) => chain.rest.swap_remove(at),
                None => return Outcome::Refused,
            }
        };
        self.chains.insert(hash, chain);
        self.len -= 1;
        Outcome::Replaced(removed.value)
    }

    fn replace(&mut self, hash: u64, key: &K, stamp: u64, value: &V) -> Outcome<V> {
        let (value, next) = (value.clone(), self.clock + 1);
        let is = |binding: &Binding<K, V>| binding.key == *key && binding.stamp == stamp;
        // Looked for first: `get_mut` copies a path.
        if !self.chains.get(&hash).is_some_and(|chain| chain.iter().any(is)) {
            return Outcome::Refused;
        }
        let chain = self.chains.get_mut(&hash).expect("it is there");
        let binding = chain.find_mut(is).expect("it is there");
        self.clock = next;
        binding.stamp = next;
        Outcome::Replaced(std::mem::replace(&mut binding.value, value))
    }
}

impl<K: Eq + Clone, V: Clone> Sequential for Imbl<K, V> {
    type Op = MapOp<K, V>;
    type Out = Outcome<V>;

    fn apply(&mut self, op: &MapOp<K, V>) -> Outcome<V> {
        match op {
            MapOp::Insert { hash, key, value } => self.insert(*hash, key, value),
            MapOp::Remove { hash, key, stamp } => self.remove(*hash, key, *stamp),
            MapOp::Replace { hash, key, stamp, value } => self.replace(*hash, key, *stamp, value),
        }
    }

    fn answer(&self, op: &MapOp<K, V>) -> Option<Outcome<V>> {
        op.is_refused_by(self).then_some(Outcome::Refused)
    }
}

impl<K: Eq + Clone, V: Clone> MapObject for Imbl<K, V> {
    type Key = K;
    type Value = V;

    fn find(&self, hash: u64, mut is_key: impl FnMut(&K) -> bool) -> Option<&Binding<K, V>> {
        self.chains.get(&hash)?.iter().find(|binding| is_key(&binding.key))
    }

    fn len(&self) -> usize {
        self.len
    }

    fn for_each(&self, mut f: impl FnMut(&Binding<K, V>)) {
        self.chains.values().flat_map(Chain::iter).for_each(&mut f);
    }
}

/// The map, for every scheme that looks after roots.
#[derive(Debug)]
pub struct ImblCas;

impl Rooted for ImblCas {
    type Map<R: RootScheme + 'static> =
        VersionedMap<Whole<Imbl<u64, u64>>, Cow<Whole<Imbl<u64, u64>>, R>, FixedState>;

    fn build<R: RootScheme + 'static>(options: &MapOptions) -> Self::Map<R> {
        let cow = Cow::new_in(R::new(options.reclaim_batch), Whole::default);
        VersionedMap::with_hasher_over(options.hasher(), cow)
    }
}
