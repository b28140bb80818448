//! Cuckoo hash tables: every entry is in one of two buckets of a few slots.
//!
//! * [`CuckooOptimistic`]: keys and values of one word, inline; readers write nothing.
//! * [`CuckooOptimisticItems`]: any keys and values, behind pointers that a reclaimer frees.
//! * [`CuckooStriped`]: any keys and values, inline; striped locks, taken by readers too.
//!
//! How they make room is a [search](path) of its own.

pub mod buckets;
mod driver;
mod error;
pub mod optimistic;
pub mod optimistic_items;
pub mod path;
mod prefetch;
mod stats;
mod striped;
mod turns;

pub use self::error::{GrowError, TryInsertError};
pub use self::optimistic::CuckooOptimistic;
pub use self::optimistic_items::CuckooOptimisticItems;
#[cfg(feature = "stats")]
pub use self::stats::Stats;
pub use self::striped::CuckooStriped;
