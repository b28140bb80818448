#![doc = include_str!("../README.md")]
//!
//! ## The map, the handle, the pin
//!
//! A thread takes a *handle* of a table and works through that; a handle can be *pinned* for many
//! operations. Protecting memory costs something per thread, per critical section and per step, and these
//! three layers keep the costs apart. All three have their operations as methods of their own, which need no
//! import. The traits of [`map`] have the core of them, for code that is to run with any table.
//!
//! ```
//! use structures::ChainingLockFree;
//! use structures::reclaim::Haphazard;
//!
//! let map = ChainingLockFree::<u64, u64, Haphazard>::new();
//! let mut handle = map.handle();
//! assert!(handle.insert(1, 10));
//! let mut pinned = handle.pin(); // one critical section for the two that follow
//! assert_eq!(pinned.update(&1, |value| value + 1), Some(10));
//! assert_eq!(pinned.get(&1), Some(11));
//! ```
//!
//! ## What all tables have, and what some have not
//!
//! * `new`, `with_capacity`, `with_hasher`, `with_capacity_and_hasher`, each also with `_in` for a domain
//!   of the reclaimer's; `hasher`; `Default`, `Extend`, `FromIterator` and `From` an array. A trie has no
//!   `with_capacity`, as it has no buckets to make room in.
//! * `get`, `get_with`, `contains`, `insert`, `insert_or_assign`, `get_or_insert_with`, `update`, `upsert`,
//!   `remove`, `remove_if`: linearizable. Keys are looked up by whatever they can be borrowed as
//!   (`get("key")` for `String`s), words by themselves.
//! * `get_many`, `insert_many`, `retain`, `clear`: several such steps. `for_each` and `len`: see the table
//!   below; on the map, too, without a handle.
//! * `try_reserve` and `reserve`: not the versioned tables, which make what they need with each update.
//! * `shrink_to_fit`: [`ChainingGlobalLock`] and [`CuckooStriped`]. A trie has nothing to shrink. In the other
//!   tables a reader does not announce that it reads, so nobody could tell when the old buckets may be freed.
//! * `Clone`: none. A copy of a table that others change meanwhile would not be of one moment; of a versioned
//!   table there is a [`snapshot`](versioned::map::Pinned::snapshot).
//!
//! ## Tables
//!
//! Every operation below is linearizable; each table's file names the points. `remove_if` is as
//! `update` is, `get_or_insert_with` and `insert_or_assign` as `upsert`.
//!
//! | table | `get` | `insert`, `update`, `upsert`, `remove` | reclaimer | iteration | growth |
//! | --- | --- | --- | --- | --- | --- |
//! | [`ChainingGlobalLock`] | blocking | blocking | none needed | of one moment | at once, all wait |
//! | [`ChainingBucketLock`] | blocking | blocking | none needed | weak | bucket by bucket; operations wait for the one being moved |
//! | [`ChainingInline`] | blocking | blocking | none needed | weak | all writers together; readers go on |
//! | [`CuckooOptimistic`] | blocking | blocking | none needed | weak; displacements wait for it | all writers together; readers go on |
//! | [`CuckooOptimisticItems`] | blocking | blocking | any of [`reclaim`] | weak; displacements wait for it | all writers together; readers go on |
//! | [`CuckooStriped`] | blocking | blocking | none needed | weak | stripe by stripe; small tables at once, all wait |
//! | [`ChainingLockFree`] | lock-free | lock-free | any of [`reclaim`] | weak | moves no entry; nobody waits |
//! | [`CowLock`] | wait-free | blocking | any of [`reclaim`] | of one moment | copied whole for each update |
//! | [`CowCas`] | wait-free | lock-free | any of [`reclaim`] | of one moment | copied whole for each update |
//! | [`HamtCas`] | wait-free | lock-free | any of [`reclaim`] | of one moment | a path is copied for each update |
//! | [`HamtSharded`] | wait-free | lock-free | any of [`reclaim`] | of one moment for each root | as `HamtCas` |
//! | [`HamtPsim`] | wait-free | wait-free; `update` and `upsert` lock-free | any of [`reclaim`] | of one moment | as `HamtCas` |
//! | [`LogHerlihy`] | wait-free | wait-free; `update` and `upsert` lock-free | any of [`reclaim`] | of one moment | as `HamtCas`, in each handle's replica |
//! | [`LeftRightTable`] | wait-free | blocking | none needed | of one moment | each instance by itself |
//!
//! "Lock-free" and "wait-free" are given an allocator and a reclaimer that are; a map's
//! [`INFO`](map::ConcurrentMap::INFO) is about the pair. "Weak" is worded exactly at
//! [`PinnedMap::for_each`](map::PinnedMap::for_each). The locked tables need no handle: their
//! operations are methods on a shared reference too. Keys are `Eq + Hash`; tables that
//! take a reclaimer clone keys and values, so there they are `Clone + Send + Sync`. Inline tables hold machine
//! words, [`Word`](word::Word), alone; what their `get` waits for is a writer that is suspended
//! within a few stores to its bucket. Cuckoo tables hold a limited number of keys with equal hashes,
//! and have `try_insert` and `try_upsert` for those who expect more. The versioned tables are sequential
//! objects under the constructions of [`versioned`], which make any other object concurrent as well; they
//! have snapshots. What closures, and the code of keys and values, may do with the table that runs them is
//! said in [`map`](map#user-code-that-uses-the-map).
//!
//! ## Reclaimers
//!
//! [`Leak`](reclaim::Leak) never frees, [`Epoch`](reclaim::Epoch) is the default,
//! [`Haphazard`](reclaim::Haphazard) holds up a bounded number of nodes even if a thread stalls.
//! [`Hazard`](reclaim::Hazard), [`Debra`](reclaim::Debra) and [`Ibr`](reclaim::Ibr) are our own: their
//! readers run no fence. While a thread stalls, hazard pointers hold up least, intervals (`Ibr`) as much as the
//! table has, and DEBRA everything that is retired.
//! [`Qsbr`](reclaim::Qsbr), [`WorkerRcu`](reclaim::WorkerRcu), [`PoorRcu`](reclaim::PoorRcu) and
//! [`GraceRcu`](reclaim::GraceRcu) are of the RCU family, [`Seize`](reclaim::Seize) and
//! [`Sdd`](reclaim::Sdd) stand on the crates that papaya and scc stand on.
//! [`reclaim`] has the contract, and says how to add one.
//!
//! ## Features and configurations
//!
//! * Feature `meter` (on by default): [`meter`] counts and weighs every node from allocation to
//!   free, per process. Without it the hooks compile to nothing.
//! * Feature `stats`: the cuckoo tables count paths, displacements and retries. Without it the
//!   hooks compile to nothing.
//! * `--cfg loom`, `--cfg shuttle`: [`sync`] takes its atomics from that model checker instead of
//!   `std`.
//! * `--cfg perturb`: a random yield now and then between loading a pointer and using it, so that
//!   sanitizers find a premature free far more often.

mod capacity;
pub mod chaining;
pub mod control;
mod counter;
pub mod cuckoo;
mod doubling;
pub mod exclusion;
pub mod hash;
pub mod map;
pub mod meter;
#[cfg(doctest)]
mod must_not_compile;
mod numbers;
mod operations;
mod owner;
mod padded;
mod panics;
mod prefetch;
pub mod reclaim;
mod sealed;
pub mod sync;
pub mod tagging;
pub mod versioned;
pub mod versions;
pub mod word;
mod zeroed;

pub use chaining::{ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree};
pub use cuckoo::{CuckooOptimistic, CuckooOptimisticItems, CuckooStriped};
pub use versioned::{CowCas, CowLock, HamtCas, HamtPsim, HamtSharded, LeftRightTable, LogHerlihy};
pub use zeroed::Pages;
