//! Cuckoo hash tables: every entry is in one of two buckets of a few slots.

pub mod path;
#[allow(dead_code, unused_imports, reason = "the tables that count come next")]
mod stats;

#[cfg(feature = "stats")]
pub use self::stats::Stats;
