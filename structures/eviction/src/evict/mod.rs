//! The axis eviction: which item makes room for the next?
//!
//! There is one trait, [`Eviction`], and one file per policy. To add one, write its file, and a line in [`for_each`].
//!
//! A policy knows only slots, numbers from 0: the places of items that compete with each other. It is notified
//! when an item is stored in a slot, is hit there or is removed, and chooses the item to evict next. It never sees a
//! key. Hits go through a part of the policy, [`Hits`], that threads may share with the one that changes the policy.
//! So readers need no lock of the store: what a hit writes, and whether it takes a lock, is a property of the
//! policy. A lock is taken only if hits are shared.
//!
//! | policy | a hit writes | metadata per item |
//! | --- | --- | --- |
//! | [`Never`] `none` | nothing | none |
//! | [`Random`] `random` | nothing | none |
//! | [`Fifo`] `fifo` | nothing | 8 bytes |
//! | [`ClockClear`] `clock` | a bit, if it is not set | 1 bit |
//! | [`ClockSet`] `clock-set` | a bit, if it is not set | 1 bit |
//! | [`LruList`] `lru-list` | a lock, and links | 8 bytes |
//! | [`Slru`] `slru` | a lock, and links | 9 bytes |
//! | [`S3Fifo`] `s3-fifo` | a counter, up to 3 | 9 bytes, and the ghosts |
//! | [`Sieve`] `sieve` | a bit, if it is not set | 8 bytes and a bit |

mod bits;
mod clock;
mod clock_set;
mod fifo;
mod ghosts;
mod hand;
mod held;
mod links;
mod lru_list;
mod none;
mod random;
mod s3_fifo;
mod segments;
mod sieve;
mod slru;

pub use self::clock::{Clear, ClockClear};
pub use self::clock_set::{ClockSet, Set};
pub use self::fifo::Fifo;
pub use self::hand::{Hand, NewBit};
pub use self::lru_list::LruList;
pub use self::none::Never;
pub use self::random::Random;
pub use self::s3_fifo::S3Fifo;
pub use self::sieve::Sieve;
pub use self::slru::Slru;

use std::fmt;

use crate::theory::Form;

/// The items in the slots that a policy manages.
pub trait Items {
    /// Whether there is an item.
    fn is_there(&self, slot: u32) -> bool;

    /// The hash of the key of the item in the slot.
    fn hash(&self, slot: u32) -> u64;
}

/// The part of a policy that records hits; each thread has one.
pub trait Hits: fmt::Debug + Clone + Send + Sync {
    /// Records that the item of `slot` was read. It may have been removed or replaced since; or the policy may not have
    /// been notified of it yet, nor of the slot. Returns whether anything was written that threads share.
    fn hit(&self, slot: u32) -> bool;
}

/// Hits that change nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unheeded;

impl Hits for Unheeded {
    #[inline]
    fn hit(&self, _slot: u32) -> bool {
        false
    }
}

/// An eviction policy: it decides which item is evicted to make room.
///
/// One thread at a time uses it. [`insert`](Self::insert) notifies it that a slot has an item;
/// [`remove`](Self::remove), or the return of [`victim`](Self::victim), that it no longer has.
///
/// If a policy panics, so does the operation, which may have taken effect; a lookup leaves the caller's buffer
/// unchanged. The cache is consistent then, but the policy may have missed some notifications, and cannot evict items
/// of which it does not know.
pub trait Eviction: fmt::Debug + Send + Sync {
    /// The policy's name.
    const NAME: &'static str;

    /// The formula for the hit ratio under independent requests, if there is one.
    const FORM: Option<Form> = None;

    /// Whether it ever evicts an item.
    const EVICTS: bool = true;

    /// The part that records hits.
    type Hits: Hits;

    /// Makes a policy without slots. `seed` is for its random numbers.
    fn new(seed: u64) -> Self;

    /// Reserves memory for so many slots, not fewer than before, so that a [`resize`](Self::resize) to them needs no
    /// more; returns whether there is enough. If not, the cache gets no more slots: it evicts an item, or refuses the new
    /// one. A policy that keeps nothing per slot returns true.
    fn has_memory(&mut self, slots: usize) -> bool {
        let _ = slots;
        true
    }

    /// Sets the number of slots, which never decreases, and the number of slots that can have items at a time
    /// (`capacity`).
    fn resize(&mut self, slots: usize, capacity: usize);

    /// An item was stored in `slot`. `hash` is that of its key.
    fn insert(&mut self, slot: u32, hash: u64);

    /// The part by which threads record hits from now on, while one of them may be using the policy.
    fn share_hits(&mut self) -> Self::Hits;

    /// The item of `slot` was read, or written again.
    fn hit(&mut self, slot: u32);

    /// The item of `slot` was removed, but not as a victim.
    fn remove(&mut self, slot: u32);

    /// Chooses the item to evict, and forgets it. `None` if there is none, or the policy evicts nothing.
    fn victim(&mut self, items: &impl Items) -> Option<u32>;

    /// The number of bytes of the policy's metadata.
    fn metadata_bytes(&self) -> usize;
}

/// A generic function that is called with each policy as its type parameter.
pub trait Visitor {
    /// Called with each policy.
    fn visit<E: Eviction + 'static>(&mut self);
}

/// Calls `visitor` with every policy.
pub fn for_each(visitor: &mut impl Visitor) {
    visitor.visit::<Never>();
    visitor.visit::<Random>();
    visitor.visit::<Fifo>();
    visitor.visit::<ClockClear>();
    visitor.visit::<ClockSet>();
    visitor.visit::<LruList>();
    visitor.visit::<Slru>();
    visitor.visit::<S3Fifo>();
    visitor.visit::<Sieve>();
}

/// The names of all policies.
#[must_use]
pub fn names() -> Vec<&'static str> {
    struct Names(Vec<&'static str>);
    impl Visitor for Names {
        fn visit<E: Eviction + 'static>(&mut self) {
            self.0.push(E::NAME);
        }
    }
    let mut names = Names(Vec::new());
    for_each(&mut names);
    names.0
}
