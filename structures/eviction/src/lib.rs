//! The parts of a cache that need no table.
//!
//! Items, byte strings under byte strings, live in an [arena](memory) of a stated size. When it is full, an [eviction
//! policy](evict) chooses the item to evict. A [store] finds items, and decides what threads share. The stores over tables
//! are in the crate `cache`, which re-exports all of this crate.
//!
//! They are two crates because the workbench `harness` simulates policies, and must not be rebuilt when a table has
//! changed. docs/CACHE.md has the rest.
//!
//! ```
//! use eviction::evict::ClockClear;
//! use eviction::store::{Config, Options, Sharded};
//!
//! let cache = Sharded::<ClockClear>::new(&Config::of(8 << 20)).unwrap();
//! cache.set(b"key", b"value", Options::default()).unwrap();
//! let mut value = Vec::new();
//! assert!(cache.get(b"key", &mut value).is_some());
//! assert_eq!(value, b"value");
//! ```
//!
//! The crate has no networking. It has no `unsafe` code: data that a reader may read during a write
//! is in atomics.

#![forbid(unsafe_code)]

pub mod evict;
pub mod item;
pub mod memory;
pub mod store;
pub mod sync;
pub mod theory;
pub mod time;
mod words;
