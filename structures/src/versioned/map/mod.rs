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
/// `get` and its kind read one version. `insert` and `remove` are each one operation of the
/// construction. `update`, `upsert` and `remove_if` run their closure on what they read and then ask
/// for the binding to be replaced or removed if it still is the one read: lock-free where the
/// construction is lock-free or wait-free. Iteration sees one moment of each root, `len` likewise.
///
/// **[`insert`](Pinned::insert) keeps the old value** if the key is present;
/// [`insert_or_assign`](Pinned::insert_or_assign) replaces it. There is no `reserve` and no
/// `shrink_to_fit`: each update makes the version that it needs. A trie has no empty buckets; a flat
/// table's copies have as many buckets as it has had.
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
    /// Registers the calling thread with the construction.
    ///
    /// # Panics
    ///
    /// When more than [`MapInfo::max_threads`](crate::map::MapInfo::max_threads) handles would exist.
    pub fn handle(&self) -> Handle<'_, O, U, S> {
        Handle { map: self, inner: self.construction.handle() }
    }

    /// The number of entries at one moment, if there is one root. It takes none of the handles that
    /// [`MapInfo::max_threads`](crate::map::MapInfo::max_threads) counts.
    pub fn len(&self) -> usize {
        (0..U::ROOTS).map(|root| self.construction.look(root, O::len)).sum()
    }

    /// Runs `f` on every entry: those of one moment, root by root. It takes none of the handles that
    /// [`MapInfo::max_threads`](crate::map::MapInfo::max_threads) counts.
    pub fn for_each(&self, mut f: impl FnMut(&O::Key, &O::Value)) {
        for root in 0..U::ROOTS {
            let visit = |object: &O| object.for_each(|binding| f(&binding.key, &binding.value));
            self.construction.look(root, visit);
        }
    }

    derived!(() [O::Key, O::Value] [<Q> Q]: is_empty);
}

/// The root that holds a hash. Its high bits choose, as tries and tables look at the low ones.
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
