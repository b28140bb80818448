//! Concurrent hash tables, each generic over how memory is reclaimed.
//!
//! A table is a [`ConcurrentMap`](map::ConcurrentMap): each thread takes a handle of it and works
//! through that. Protecting memory costs something per thread, per critical section and per step;
//! the three layers of [`map`] keep these apart.
//!
//! ```
//! use structures::ChainingLockFree;
//! use structures::map::MapHandle;
//! use structures::reclaim::Haphazard;
//!
//! let map = ChainingLockFree::<u64, u64, Haphazard>::default();
//! let mut handle = map.handle();
//! assert!(handle.insert(1, 10));
//! let mut pinned = handle.pin(); // one critical section for the two that follow
//! assert_eq!(pinned.update(&1, |value| value + 1), Some(10));
//! assert_eq!(pinned.get(&1), Some(11));
//! ```
//!
//! # Tables
//!
//! Every operation below is linearizable; each table's file names the points.
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
//! "Lock-free" and "wait-free" are given an allocator and a reclaimer that are; under a reclaimer that
//! protects single nodes what is wait-free here is lock-free. "Weak" is worded exactly at
//! [`PinnedMap::for_each`](map::PinnedMap::for_each). The locked tables need no handle: their
//! operations are methods on a shared reference too. Keys are `Eq + Hash`; tables that
//! take a reclaimer clone keys and values, so there they are `Clone + Send + Sync`. Inline tables hold machine
//! words, [`Word`](word::Word), alone; what their `get` waits for is a writer that is suspended
//! within a few stores to its bucket. Cuckoo tables hold a limited number of keys with equal hashes,
//! and have `try_insert` for those who expect more. The versioned tables are sequential objects under
//! the constructions of [`versioned`], which make any other object concurrent as well; they have
//! snapshots. What closures, and the code of keys and values, may do with the table that runs them is
//! said in [`map`](map#user-code-that-uses-the-map).
//!
//! # Reclaimers
//!
//! [`Leak`](reclaim::Leak) never frees, [`Epoch`](reclaim::Epoch) is the default,
//! [`Haphazard`](reclaim::Haphazard) holds up a bounded number of nodes even if a thread stalls.
//! [`Hazard`](reclaim::Hazard), [`Debra`](reclaim::Debra) and [`Ibr`](reclaim::Ibr) are our own: their
//! readers run no fence. Hazard pointers hold up least, intervals some more, DEBRA anything.
//! [`Qsbr`](reclaim::Qsbr), [`WorkerRcu`](reclaim::WorkerRcu), [`PoorRcu`](reclaim::PoorRcu) and
//! [`GraceRcu`](reclaim::GraceRcu) are of the RCU family, [`Seize`](reclaim::Seize) and
//! [`Sdd`](reclaim::Sdd) stand on the crates that papaya and scc stand on.
//! [`reclaim`] has the contract, and says how to add one.
//!
//! # Features and configurations
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
mod owner;
mod panics;
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
