//! Caches in bounded memory: the other half of MemC3, besides its table.
//!
//! Items, which map byte strings to byte strings, are in an [arena](memory) of a stated size. When it is full,
//! an [eviction policy](evict) decides which item is evicted. A [store] finds items, and decides what threads share.
//! docs/CACHE.md says what MemC3 did, and what is different here.
//!
//! ```
//! use cache::evict::ClockClear;
//! use cache::store::{Config, Memc3, Options};
//!
//! let cache = Memc3::<ClockClear>::new(&Config::of(8 << 20)).unwrap();
//! cache.set(b"key", b"value", Options::default()).unwrap();
//! let mut value = Vec::new();
//! assert!(cache.get(b"key", &mut value).is_some());
//! assert_eq!(value, b"value");
//! ```
//!
//! This crate has the stores over tables. It re-exports all of the crate [`eviction`], which has the rest.
//!
//! The crate has no networking. It has no `unsafe` code: data that a reader may read during a write
//! is in atomics.

#![forbid(unsafe_code)]

pub mod store;
mod sync;

pub use eviction::{evict, item, memory, theory, time};
