#![doc = include_str!("../README.md")]
//!
//! ## The map, the handle, the pin
//!
//! Each thread makes a *handle* of a table and calls the operations on it; a handle can be *pinned* for many
//! operations. Protecting memory costs something per thread, per critical section and per step, and these
//! three layers keep the costs apart. All three have the operations as inherent methods, which need no
//! import. The traits of [`map`] have the core operations, for code that is generic over the table.
//!
//! ```
//! use structures::ChainingLockFree;
//! use structures::reclaim::Haphazard;
//!
//! let map = ChainingLockFree::<u64, u64, Haphazard>::new();
//! let mut handle = map.handle();
//! assert!(handle.insert(1, 10));
//! let mut pinned = handle.pin(); // one critical section for the two operations that follow
//! assert_eq!(pinned.update(&1, |value| value + 1), Some(10));
//! assert_eq!(pinned.get(&1), Some(11));
//! ```
//!
//! ## Which operations each table has
//!
//! * All tables have `new`, `with_capacity`, `with_hasher` and `with_capacity_and_hasher`, and each of these
//!   with the suffix `_in`, which takes a domain of the reclaimer; `hasher`; `Default`, `Extend`,
//!   `FromIterator`, and `From` for arrays. Tries are an exception: they have no `with_capacity`, since they have
//!   no buckets to allocate in advance.
//! * All have `get`, `get_with`, `contains`, `insert`, `insert_or_assign`, `get_or_insert_with`, `update`,
//!   `upsert`, `remove` and `remove_if`, which are linearizable. A lookup takes any borrowed form of the key
//!   (`get("key")` for `String` keys); a table of machine words takes the word itself.
//! * All have `get_many`, `insert_many`, `retain` and `clear`; each is a sequence of such steps, not atomic as a
//!   whole. `for_each` and `len` are also methods of the map, without a handle; the table below says what
//!   iteration guarantees.
//! * All but the versioned tables have `try_reserve` and `reserve`. Versioned tables allocate what they need
//!   at each update.
//! * [`ChainingGlobalLock`] and [`CuckooStriped`] have `shrink_to_fit`. A trie has nothing to shrink. In the other
//!   tables readers do not announce themselves, so nobody could tell when the old buckets may be freed.
//! * None implements `Clone`: a copy of a table that other threads change meanwhile would not show the table at
//!   any one moment. A versioned table has [`snapshot`](versioned::map::Pinned::snapshot) instead.
//!
//! ## Tables
//!
//! Every operation below is linearizable; each table's file names the linearization points. `remove_if` has the
//! progress guarantee of `update`; `get_or_insert_with` and `insert_or_assign` have that of `upsert`.
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
//! | [`HamtSharded`] | wait-free | lock-free | any of [`reclaim`] | of one moment per root | as `HamtCas` |
//! | [`HamtPsim`] | wait-free | wait-free; `update` and `upsert` lock-free | any of [`reclaim`] | of one moment | as `HamtCas` |
//! | [`LogHerlihy`] | wait-free | wait-free; `update` and `upsert` lock-free | any of [`reclaim`] | of one moment | as `HamtCas`, in each handle's replica |
//! | [`LeftRightTable`] | wait-free | blocking | none needed | of one moment | each instance by itself |
//!
//! * "Lock-free" and "wait-free" hold if the allocator and the reclaimer are lock-free or wait-free too. A map's
//!   [`INFO`](map::ConcurrentMap::INFO) states the guarantees of a table together with its reclaimer.
//! * Iteration "of one moment" is linearizable. "Weak" iteration is defined at
//!   [`PinnedMap::for_each`](map::PinnedMap::for_each).
//! * The locked tables need no handle: their operations are methods of the map itself, on a shared reference.
//! * Keys are `Eq + Hash`. Tables that take a reclaimer clone keys and values, so there both are
//!   `Clone + Send + Sync`.
//! * Inline tables hold only machine words, [`Word`](word::Word). Their `get` waits only for a writer that is
//!   suspended between the few stores by which it changes a bucket.
//! * Cuckoo tables hold a limited number of keys with equal hashes; where more are to be expected, use
//!   `try_insert` and `try_upsert`.
//! * The versioned tables are sequential objects under the universal constructions of [`versioned`], which make
//!   any other object concurrent as well. They have snapshots.
//! * [`map`](map#user-code-that-uses-the-map) states what closures, and the code of keys and values, may do with
//!   the table that runs them.
//!
//! ## Reclaimers
//!
//! [`Leak`](reclaim::Leak) never frees. [`Epoch`](reclaim::Epoch) is the default.
//! [`Haphazard`](reclaim::Haphazard) leaves a bounded number of nodes unreclaimed even if a thread stalls.
//! [`Hazard`](reclaim::Hazard), [`Debra`](reclaim::Debra) and [`Ibr`](reclaim::Ibr) are our own implementations;
//! their readers run no fence. While a thread stalls, hazard pointers keep the fewest nodes from being freed,
//! interval-based reclamation (`Ibr`) a number in proportion to the table, and DEBRA all that are retired.
//! [`Qsbr`](reclaim::Qsbr), [`WorkerRcu`](reclaim::WorkerRcu), [`PoorRcu`](reclaim::PoorRcu) and
//! [`GraceRcu`](reclaim::GraceRcu) belong to the RCU family. [`Seize`](reclaim::Seize) and [`Sdd`](reclaim::Sdd)
//! use the crates on which papaya and scc are built. [`reclaim`] has the contract between table and scheme, and
//! says how to add a scheme.
//!
//! ## Features and configurations
//!
//! * Feature `meter` (on by default): [`meter`] counts and weighs every node from allocation to
//!   free, per process. Without it the hooks compile to nothing.
//! * Feature `stats`: the cuckoo tables count paths, displacements and retries. Without it the
//!   hooks compile to nothing.
//! * `--cfg loom`, `--cfg shuttle`: [`sync`] takes its atomics from that model checker instead of
//!   `std`.
//! * `--cfg perturb`: threads yield at random between loading a pointer and using it, so that sanitizers find a
//!   premature free far more often.

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
