//! Caches in bounded memory: MemC3's other half. An [eviction policy](evict) says what goes.
//!
//! Nothing here knows of a network.

pub mod evict;
pub mod store;
pub mod theory;
