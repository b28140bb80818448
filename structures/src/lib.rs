//! Concurrent hash tables, each generic over how memory is reclaimed.
pub mod chaining;
mod counter;
pub mod map;
pub mod meter;
pub mod reclaim;
pub mod sync;

pub use chaining::{ChainingBucketLock, ChainingGlobalLock, ChainingLockFree};
