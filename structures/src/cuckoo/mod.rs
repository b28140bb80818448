//! Cuckoo hash tables: every entry is in one of two buckets of a few slots.

mod buckets;
mod error;
mod optimistic;
pub mod path;

pub use self::error::CannotGrow;
pub use self::optimistic::CuckooOptimistic;
