//! Cuckoo hash tables: every entry is in one of two buckets of a few slots.
//!
//! * [`CuckooStriped`]: striped locks, taken by readers too.
//!
//! How they make room is a [search](path) of its own.

pub mod path;
mod prefetch;
mod stats;
mod striped;

#[cfg(feature = "stats")]
pub use self::stats::Stats;
pub use self::striped::{CuckooStriped, GrowError, TryInsertError};
