//! What a cache is made of, but for tables.
//!
//! Items, byte strings under byte strings, live in an [arena](memory) of a stated size. When it is full,
//! an [eviction policy](evict) says what goes. A [store] finds items, and says what threads share. The stores here
//! need no table; those that do are in the crate `cache`, which has all of this crate as well.
//!
//! Two crates, since the workbench `harness` simulates policies, and must not be built again when a table has changed.
//! docs/CACHE.md has the rest.
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
//! Nothing here knows of a network. Nothing here is `unsafe`: what a reader may read while it is written
//! are atomics.

#![forbid(unsafe_code)]

pub mod evict;
pub mod item;
pub mod memory;
pub mod store;
pub mod sync;
pub mod theory;
pub mod time;
mod words;
