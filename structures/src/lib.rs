//! Concurrent hash tables, each generic over how memory is reclaimed.
pub mod map;
pub mod sync;
