//! The axis eviction: which item makes room for the next?
//!
//! One trait, [`Eviction`], one file a policy. To add one: write its file, and a line in [`for_each`].
//!
//! A policy knows slots, numbers from 0: the places of items that compete with each other. It is told
//! when an item comes to a slot, is hit there or goes, and says which is to go next. It never sees a key.
//! Its hits go through a part of it that threads may share with the one that changes it, [`Hits`], so that
//! readers need no lock of the store: what a hit writes, and whether it takes a lock, is a property of the
//! policy. A lock is taken only if hits are shared.
//!
//! | policy | a hit | metadata of an item |
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

/// The items of the slots that a policy decides about.
pub trait Items {
    /// Whether there is an item.
    fn is_there(&self, slot: u32) -> bool;

    /// The hash of the key of the item that is there.
    fn hash(&self, slot: u32) -> u64;
}

/// The part of a policy that a hit writes, of which each thread has one.
pub trait Hits: fmt::Debug + Clone + Send + Sync {
    /// The item of `slot` was read, and may have gone since, or another one come; or the policy is not told of it
    /// yet, nor of the slot. Returns whether anything was written that threads share.
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

/// A policy: which item goes when there must be room.
///
/// One thread at a time has it. A slot is told by [`insert`](Self::insert) when it has got an item, and by
/// [`remove`](Self::remove) or the return of [`victim`](Self::victim) when it no longer has.
///
/// If it panics, so does the operation, which may have taken effect; a lookup leaves the caller's buffer as it was. The
/// cache is in order then, but the policy may not have been told of all that has come and gone since: what it does not
/// know it cannot give up.
pub trait Eviction: fmt::Debug + Send + Sync {
    /// Its name.
    const NAME: &'static str;

    /// The hit ratio that theory foresees for independent requests, if there is a formula.
    const FORM: Option<Form> = None;

    /// Whether it ever gives an item up.
    const EVICTS: bool = true;

    /// What a hit writes.
    type Hits: Hits;

    /// A policy for no slot yet. What it draws at random, it draws by this seed.
    fn new(seed: u64) -> Self;

    /// Whether there is memory for so many slots, not fewer than before: so a [`resize`](Self::resize) to them needs no
    /// more. Where there is not, a cache has no more slots: it evicts, or refuses what is to be stored. A policy that
    /// keeps nothing of a slot has it.
    fn has_memory(&mut self, slots: usize) -> bool {
        let _ = slots;
        true
    }

    /// From now on slots are below `slots`, not fewer than before, and as many as `capacity` of them can
    /// have items at a time.
    fn resize(&mut self, slots: usize, capacity: usize);

    /// An item has come to `slot`. `hash` is its key's.
    fn insert(&mut self, slot: u32, hash: u64);

    /// The part by which threads tell hits, from now on, while one of them may have the policy.
    fn share_hits(&mut self) -> Self::Hits;

    /// The item of `slot` was read, or written again.
    fn hit(&mut self, slot: u32);

    /// The item of `slot` has gone, though not as a victim.
    fn remove(&mut self, slot: u32);

    /// The item that is to go next, which the policy forgets. `None` if there is none, or it gives none up.
    fn victim(&mut self, items: &impl Items) -> Option<u32>;

    /// Bytes of all that it keeps.
    fn metadata_bytes(&self) -> usize;
}

/// What is to be done with each policy.
pub trait Visitor {
    /// Called with each policy.
    fn visit<E: Eviction + 'static>(&mut self);
}

/// Shows `visitor` every policy.
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
