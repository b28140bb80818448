//! Caches in bounded memory: MemC3's other half.
//!
//! Items, byte strings under byte strings, live in an [arena](memory) of a stated size. When it is full,
//! an [eviction policy](evict) says what goes. A [store] finds items, and says what threads share.
//! docs/CACHE.md has what MemC3 did, and what is different here.
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
//! The stores on tables are here. All else is the crate [`eviction`]'s, and can be named from here, too.
//!
//! Nothing here knows of a network. Nothing here is `unsafe`: what a reader may read while it is written
//! are atomics.

#![forbid(unsafe_code)]

pub mod store;
mod sync;

pub use eviction::{evict, item, memory, theory, time};
