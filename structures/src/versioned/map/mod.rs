//! A concurrent map of any universal construction over any sequential map.

mod object;
mod ops;
mod snapshot;
mod traits;

use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use foldhash::fast::RandomState;

use super::{Sequential, Universal, UniversalHandle};

pub use self::object::{Binding, MapObject, MapOp, Outcome};
pub use self::snapshot::Snapshot;

/// A concurrent map: the sequential map `O` under the universal construction `U`.
///
/// `get` and its kind read one version. `insert` and `remove` are each one operation of the
/// construction. `update` and `upsert` run their closure on what they read and then ask for the
/// binding to be replaced if it still is the one read: lock-free where the construction is
/// lock-free or wait-free. Iteration sees one moment of each root, `len` likewise.
pub struct VersionedMap<O, U, S = RandomState> {
    construction: U,
    hasher: S,
    _object: PhantomData<fn() -> O>,
}

impl<O, U, S> VersionedMap<O, U, S> {
    /// A map of what `construction` holds.
    pub const fn with_hasher_in(hasher: S, construction: U) -> Self {
        Self { construction, hasher, _object: PhantomData }
    }

    /// The construction.
    pub const fn construction(&self) -> &U {
        &self.construction
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
    /// When more than [`MapInfo::max_threads`] handles would exist.
    pub fn handle(&self) -> Handle<'_, O, U, S> {
        Handle { map: self, inner: self.construction.handle() }
    }

    /// The number of entries at one moment, if there is one root. It takes none of the handles that
    /// [`MapInfo::max_threads`] counts.
    pub fn len(&self) -> usize {
        (0..U::ROOTS).map(|root| self.construction.look(root, O::len)).sum()
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The root that holds a hash. Its high bits choose, as tries and tables look at the low ones.
#[inline]
fn root_of<O: Sequential, U: Universal<O>>(hash: u64) -> usize {
    if U::ROOTS == 1 { 0 } else { (hash >> 48) as usize % U::ROOTS }
}

/// A thread's way into a [`VersionedMap`].
pub struct Handle<'m, O: MapObject + 'm, U: Universal<O> + 'm, S> {
    map: &'m VersionedMap<O, U, S>,
    inner: U::Handle<'m>,
}

/// A [`Handle`] in a critical section.
pub struct Pinned<'h, 'm: 'h, O: MapObject + 'm, U: Universal<O> + 'm, S> {
    map: &'m VersionedMap<O, U, S>,
    inner: <U::Handle<'m> as UniversalHandle<O>>::Pinned<'h>,
}
