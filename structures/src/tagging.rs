//! The factor tagging: whether a slot's tag tells which key may be in it.
//!
//! B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent MemCache with Dumber Caching
//! and Smarter Hashing*, NSDI 2013, "Tag-based Lookup/Insert": a lookup compares a few bits of
//! the hash before it compares keys. Without tags the same lanes of the control word tell only which slots are
//! occupied, so that the layout and everything else stay the same.

use std::fmt::Debug;

use crate::hash;
use crate::sealed::Sealed;

/// The content of an occupied slot's lane in the control word. Sealed: a value that is too wide would run
/// into the next lane or the lock.
pub trait Tagging: Sealed + Debug + Default + Send + Sync + 'static {
    /// The name of this value in the names of tables.
    const NAME: &'static str;

    /// Whether an entry's lane distinguishes it from most other entries; if not, keys must be read instead.
    const DISTINGUISHES: bool;

    /// The lane of an entry with `hash`: not 0, and below `1 << bits`.
    fn tag(hash: u64, bits: u32) -> u64;
}

/// The lane is the [tag](hash::tag): keys are compared only where it matches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tagged;

impl Sealed for Tagged {}
impl Tagging for Tagged {
    const NAME: &'static str = "tag";
    const DISTINGUISHES: bool = true;

    #[inline(always)]
    fn tag(hash: u64, bits: u32) -> u64 {
        hash::tag(hash, bits)
    }
}

/// The lane is 1: every occupied slot's key is compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untagged;

impl Sealed for Untagged {}
impl Tagging for Untagged {
    const NAME: &'static str = "no-tag";
    const DISTINGUISHES: bool = false;

    #[inline(always)]
    fn tag(_hash: u64, _bits: u32) -> u64 {
        1
    }
}
