//! Traits for code that is generic over the store.
//!
//! A thread uses a store through a handle of its own, like a table of `structures`: a store over a table
//! whose readers must register keeps the thread's registration in the handle. Other stores have the same operations as
//! methods that need no handle; the handle is then a reference.

use std::fmt;

use super::{Cache, Change, Config, ConfigError, Current, Found, Options, Outcome, Part};
use super::{SetError, Stats};
use crate::evict::Eviction;
use crate::time::Expiry;

/// A cache of byte strings that threads share.
///
/// Every operation on one key is linearizable, with the exception that every cache makes: between two
/// operations a key that is present may become absent, if the policy evicts or its time has come.
pub trait Store: fmt::Debug + Send + Sync + Sized {
    /// The store's name.
    const STORE: &'static str;

    /// The eviction policy.
    type Eviction: Eviction;

    /// A thread's handle.
    type Handle<'c>: CacheHandle
    where
        Self: 'c;

    /// Makes an empty cache.
    ///
    /// # Errors
    ///
    /// If such a cache is impossible, or the system has no memory for what it allocates at the start.
    fn new(config: &Config) -> Result<Self, ConfigError>;

    /// Makes a handle: registers the calling thread.
    fn handle(&self) -> Self::Handle<'_>;

    /// See [`Cache::len`].
    fn len(&self) -> usize;

    /// See [`Cache::is_empty`].
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// See [`Cache::stats`].
    fn stats(&self) -> Stats;
}

/// One thread's handle of a [`Store`].
pub trait CacheHandle {
    /// See [`Cache::get`].
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Option<Found>;

    /// See [`Cache::set`].
    ///
    /// # Errors
    ///
    /// If the value should have been stored, and was not.
    fn set(&mut self, key: &[u8], value: &[u8], options: Options) -> Result<Outcome, SetError>;

    /// See [`Cache::update`].
    ///
    /// # Errors
    ///
    /// If data should have been written, and was not.
    fn update<'v>(
        &mut self,
        key: &[u8],
        decide: impl FnOnce(Option<Current<'_>>) -> Change<'v>,
    ) -> Result<Option<Found>, SetError>;

    /// See [`Cache::remove`].
    fn remove(&mut self, key: &[u8]) -> bool;

    /// See [`Cache::touch`].
    fn touch(&mut self, key: &[u8], expiry: Expiry) -> bool;

    /// See [`Cache::reap`].
    fn reap(&mut self, slots: usize) -> usize;

    /// See [`Cache::clear`].
    fn clear(&mut self);

    /// Runs `wait`, which may block. No reclaimer waits for this thread meanwhile, whatever the store.
    fn offline<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        wait()
    }
}

impl<E: Eviction, P: Part<E>> Store for Cache<E, P> {
    const STORE: &'static str = P::NAME;

    type Eviction = E;

    type Handle<'c>
        = &'c Self
    where
        Self: 'c;

    fn new(config: &Config) -> Result<Self, ConfigError> {
        Self::new(config)
    }

    fn handle(&self) -> &Self {
        self
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn stats(&self) -> Stats {
        self.stats()
    }
}

impl<E: Eviction, P: Part<E>> CacheHandle for &Cache<E, P> {
    #[inline]
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Option<Found> {
        Cache::get(self, key, value)
    }

    fn set(&mut self, key: &[u8], value: &[u8], options: Options) -> Result<Outcome, SetError> {
        Cache::set(self, key, value, options)
    }

    fn update<'v>(
        &mut self,
        key: &[u8],
        decide: impl FnOnce(Option<Current<'_>>) -> Change<'v>,
    ) -> Result<Option<Found>, SetError> {
        Cache::update(self, key, decide)
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        Cache::remove(self, key)
    }

    fn touch(&mut self, key: &[u8], expiry: Expiry) -> bool {
        Cache::touch(self, key, expiry)
    }

    fn reap(&mut self, slots: usize) -> usize {
        Cache::reap(self, slots)
    }

    fn clear(&mut self) {
        Cache::clear(self);
    }
}
