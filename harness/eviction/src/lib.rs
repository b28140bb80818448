//! The crate `cache` without its stores on our tables, for `harness`, which simulates policies.
//!
//! The sources are those of `structures/cache`. A package has one set of features in a build: all that any other
//! package asks for. The server asks for the stores on our tables. So if `harness` used `cache` itself, a change of
//! a table would rebuild `harness`, whatever features that asks for.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, reason = "what those stores alone use is unused without them")]

#[path = "../../../structures/cache/src/evict/mod.rs"]
pub mod evict;
#[path = "../../../structures/cache/src/item.rs"]
pub mod item;
#[path = "../../../structures/cache/src/memory/mod.rs"]
pub mod memory;
#[path = "../../../structures/cache/src/store/mod.rs"]
pub mod store;
#[path = "../../../structures/cache/src/sync.rs"]
mod sync;
#[path = "../../../structures/cache/src/theory.rs"]
pub mod theory;
#[path = "../../../structures/cache/src/time.rs"]
pub mod time;
#[path = "../../../structures/cache/src/words.rs"]
mod words;
