//! A concurrent map, made of a sequential map and a universal construction.

mod construct;
mod object;
mod ops;
mod snapshot;
mod traits;

use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use foldhash::fast::RandomState;

use super::{Sequential, Universal, UniversalHandle};

use crate::operations::derived;

pub use self::construct::InDomain;
pub use self::object::{Binding, MapObject, MapOp, Outcome};
pub use self::snapshot::Snapshot;

/// A concurrent map: the sequential map `O` under the universal construction `U`.
///
/// `get`, `get_with` and `contains` read one version. `insert` and `remove` are each one operation of the
/// construction. `update`, `upsert` and `remove_if` read the key's binding, run their closure on it, and then replace
/// or remove the binding if it is still the same, else they try again. So they are lock-free where the
/// construction is lock-free or wait-free. Iteration and `len` show each root at one moment.
///
/// **[`insert`](Pinned::insert) keeps the old value** if the key is present;
/// [`insert_or_assign`](Pinned::insert_or_assign) replaces it. There is no `reserve` and no
/// `shrink_to_fit`: each update makes the version that it needs. A trie has no empty buckets; copies of a flat
/// table have as many buckets as the table.
pub struct VersionedMap<O, U, S = RandomState> {
    construction: U,
    hasher: S,
    _object: PhantomData<fn() -> O>,
}

impl<O, U, S> VersionedMap<O, U, S> {
    /// The construction.
    pub const fn construction(&self) -> &U {
        &self.construction
    }

    /// The hasher of keys.
    pub const fn hasher(&self) -> &S {
        &self.hasher
    }
}

impl<O, U, S> VersionedMap<O, U, S>
where
    O: MapObject,
    O::Key: Eq + Hash + Clone,
    O::Value: Clone,
    U: Universal<O>,
    S: BuildHasher,
{
    /// Makes a handle: registers the calling thread with the construction.
    ///
    /// # Panics
    ///
    /// If more than [`MapInfo::max_threads`](crate::map::MapInfo::max_threads) handles would exist.
    pub fn handle(&self) -> Handle<'_, O, U, S> {
        Handle { map: self, inner: self.construction.handle() }
    }

    /// The number of entries, at one moment if there is one root. It uses up none of the handles that
    /// [`MapInfo::max_threads`](crate::map::MapInfo::max_threads) counts.
    pub fn len(&self) -> usize {
        (0..U::ROOTS).map(|root| self.construction.look(root, O::len)).sum()
    }

    /// Runs `f` on every entry, root by root, each root at one moment. It uses up none of the handles that
    /// [`MapInfo::max_threads`](crate::map::MapInfo::max_threads) counts.
    pub fn for_each(&self, mut f: impl FnMut(&O::Key, &O::Value)) {
        for root in 0..U::ROOTS {
            let visit = |object: &O| object.for_each(|binding| f(&binding.key, &binding.value));
            self.construction.look(root, visit);
        }
    }

    derived!(() [O::Key, O::Value] [<Q> Q]: is_empty);
}

/// The root to which a hash belongs. The hash's high bits choose it, as tries and tables use the low ones.
#[inline]
fn root_of<O: Sequential, U: Universal<O>>(hash: u64) -> usize {
    if U::ROOTS == 1 { 0 } else { (hash >> 48) as usize % U::ROOTS }
}

/// A thread's handle of a [`VersionedMap`].
pub struct Handle<'m, O: MapObject + 'm, U: Universal<O> + 'm, S> {
    map: &'m VersionedMap<O, U, S>,
    inner: U::Handle<'m>,
}

/// A [`Handle`] in a critical section.
pub struct Pinned<'h, 'm: 'h, O: MapObject + 'm, U: Universal<O> + 'm, S> {
    map: &'m VersionedMap<O, U, S>,
    inner: <U::Handle<'m> as UniversalHandle<O>>::Pinned<'h>,
}
