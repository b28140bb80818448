//! Constructors.
//!
//! Tries have no `with_capacity`: they have no buckets to allocate in advance.

use foldhash::fast::RandomState;

use super::VersionedMap;
use crate::reclaim::{Reclaimer, RootScheme};
use crate::versioned::cow::{Cow, Writers};
use crate::versioned::flat::Flat;
use crate::versioned::left_right::LeftRight;
use crate::versioned::log::HerlihyLog;
use crate::versioned::psim::PSim;
use crate::versioned::{LeftRightTable, Sequential, Version};

/// A construction whose versions a reclamation domain frees.
pub trait InDomain<O>: Sized {
    /// The domain.
    type Domain;

    /// A domain with the scheme's own batch.
    fn new_domain() -> Self::Domain;

    /// The construction, over as many objects as it has roots.
    fn over(domain: Self::Domain, object: impl FnMut() -> O) -> Self;
}

impl<O: Version, R: RootScheme, W: Writers, const ROOTS: usize> InDomain<O>
    for Cow<O, R, W, ROOTS>
{
    type Domain = R;

    fn new_domain() -> R {
        R::new(None)
    }

    fn over(domain: R, object: impl FnMut() -> O) -> Self {
        Self::new_in(domain, object)
    }
}

impl<O: Version, R: Reclaimer> InDomain<O> for PSim<O, R> {
    type Domain = R;

    fn new_domain() -> R {
        R::new(None)
    }

    fn over(domain: R, mut object: impl FnMut() -> O) -> Self {
        Self::new_in(domain, object())
    }
}

impl<O: Sequential + Clone, R: Reclaimer> InDomain<O> for HerlihyLog<O, R> {
    type Domain = R;

    fn new_domain() -> R {
        R::new(None)
    }

    fn over(domain: R, mut object: impl FnMut() -> O) -> Self {
        Self::new_in(domain, object())
    }
}

impl<O, U, S> VersionedMap<O, U, S> {
    /// A map of what `construction` holds.
    pub const fn with_hasher_over(hasher: S, construction: U) -> Self {
        Self { construction, hasher, _object: std::marker::PhantomData }
    }

    /// An empty map.
    pub fn with_hasher(hasher: S) -> Self
    where
        U: Default,
    {
        Self::with_hasher_over(hasher, U::default())
    }

    /// An empty map whose versions `domain` frees.
    pub fn with_hasher_in(hasher: S, domain: U::Domain) -> Self
    where
        O: Default,
        U: InDomain<O>,
    {
        Self::with_hasher_over(hasher, U::over(domain, O::default))
    }
}

impl<O, U> VersionedMap<O, U> {
    /// An empty map whose hasher is seeded at random.
    #[must_use]
    pub fn new() -> Self
    where
        U: Default,
    {
        Self::with_hasher(RandomState::default())
    }

    /// An empty map whose hasher is seeded at random and whose versions `domain` frees.
    pub fn new_in(domain: U::Domain) -> Self
    where
        O: Default,
        U: InDomain<O>,
    {
        Self::with_hasher_in(RandomState::default(), domain)
    }
}

impl<K, V, U: InDomain<Flat<K, V>>, S> VersionedMap<Flat<K, V>, U, S> {
    /// An empty table with room for `capacity` entries; its copies have as much room.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self::with_capacity_and_hasher_in(capacity, hasher, U::new_domain())
    }

    /// The same; `domain` frees its versions.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    pub fn with_capacity_and_hasher_in(capacity: usize, hasher: S, domain: U::Domain) -> Self {
        Self::with_hasher_over(hasher, U::over(domain, || Flat::with_capacity(capacity)))
    }
}

impl<K, V, U: InDomain<Flat<K, V>>> VersionedMap<Flat<K, V>, U> {
    /// An empty table with room for `capacity` entries, and a hasher that is seeded at random; its copies have as
    /// much room.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_in(capacity, U::new_domain())
    }

    /// The same; `domain` frees its versions.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    pub fn with_capacity_in(capacity: usize, domain: U::Domain) -> Self {
        Self::with_capacity_and_hasher_in(capacity, RandomState::default(), domain)
    }
}

impl<K: Clone, V: Clone, S> LeftRightTable<K, V, S> {
    /// An empty table with room for `capacity` entries in each of its instances.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self::with_hasher_over(hasher, LeftRight::new(Flat::with_capacity(capacity)))
    }
}

impl<K: Clone, V: Clone> LeftRightTable<K, V> {
    /// The same, with a hasher that is seeded at random.
    ///
    /// # Panics
    ///
    /// If `capacity` is too large, or there is no memory for it.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, RandomState::default())
    }
}
