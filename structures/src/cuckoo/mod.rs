//! Cuckoo hash tables: every entry is in one of two buckets of a few slots.
//!
//! * [`CuckooOptimistic`]: keys and values of one word, inline; readers write nothing.
//! * [`CuckooOptimisticItems`]: any keys and values, behind pointers that a reclaimer frees.

pub mod buckets;
mod error;
pub mod optimistic;
pub mod optimistic_items;
pub mod path;

pub use self::error::CannotGrow;
pub use self::optimistic::CuckooOptimistic;
pub use self::optimistic_items::CuckooOptimisticItems;
