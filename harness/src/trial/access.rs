//! How a worker reaches the table: by a pin for each operation, or within one for several.
//!
//! Both are types, so that the loop over operations is compiled for each by itself and the choice
//! costs no operation anything.

use structures::map::{MapHandle, PinnedMap};

/// The operations of a trial's mix.
pub(super) trait Access {
    fn get(&mut self, key: &u64) -> Option<u64>;
    fn insert(&mut self, key: u64, value: u64) -> bool;
    fn update(&mut self, key: &u64, f: impl FnMut(&u64) -> u64) -> Option<u64>;
    fn upsert(&mut self, key: u64, f: impl FnMut(Option<&u64>) -> u64) -> Option<u64>;
    fn remove(&mut self, key: &u64) -> Option<u64>;
}

/// Each operation pins for itself.
pub(super) struct PinEach<'h, H>(pub(super) &'h mut H);

impl<H: MapHandle<u64, u64>> Access for PinEach<'_, H> {
    #[inline(always)]
    fn get(&mut self, key: &u64) -> Option<u64> {
        self.0.get(key)
    }

    #[inline(always)]
    fn insert(&mut self, key: u64, value: u64) -> bool {
        self.0.insert(key, value)
    }

    #[inline(always)]
    fn update(&mut self, key: &u64, f: impl FnMut(&u64) -> u64) -> Option<u64> {
        self.0.update(key, f)
    }

    #[inline(always)]
    fn upsert(&mut self, key: u64, f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
        self.0.upsert(key, f)
    }

    #[inline(always)]
    fn remove(&mut self, key: &u64) -> Option<u64> {
        self.0.remove(key)
    }
}

/// Within a pin that is held already.
pub(super) struct Pinned<P>(pub(super) P);

impl<P: PinnedMap<u64, u64>> Access for Pinned<P> {
    #[inline(always)]
    fn get(&mut self, key: &u64) -> Option<u64> {
        self.0.get(key)
    }

    #[inline(always)]
    fn insert(&mut self, key: u64, value: u64) -> bool {
        self.0.insert(key, value)
    }

    #[inline(always)]
    fn update(&mut self, key: &u64, f: impl FnMut(&u64) -> u64) -> Option<u64> {
        self.0.update(key, f)
    }

    #[inline(always)]
    fn upsert(&mut self, key: u64, f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
        self.0.upsert(key, f)
    }

    #[inline(always)]
    fn remove(&mut self, key: &u64) -> Option<u64> {
        self.0.remove(key)
    }
}
