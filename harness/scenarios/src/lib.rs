//! Generated scenarios: small programs on every table, each in every execution that a model checker
//! knows, each outcome checked for a linearization.
//!
//! N. Koval, A. Fedorov, M. Sokolova, D. Tsitelov, D. Alistarh, *Lincheck: A Practical Framework for
//! Testing Concurrent Data Structures on JVM*, CAV 2023. A model that is written by hand covers what
//! its author thought of; generated ones do not depend on that.
//!
//! * [`program`]: what two or three threads do, and to which table.
//! * [`draw`]: generates programs: all small ones up to symmetry, and larger ones from a seed.
//! * [`judge`]: whether what happened has an explanation, by the crate `linearizability`.
//! * `table`, `cache`, `tables`: the interface of a table and of a cache to programs, and the list of all of
//!   them. To add one, add a line to that list.
//! * `explore`: runs one program under loom, or under shuttle by `bounded`.
//! * `command`: what `ci/scenarios.sh` runs and prints.
//!
//! Those without a link exist only under `--cfg loom` or `--cfg shuttle`.

#[cfg(shuttle)]
mod bounded;
#[cfg(any(loom, shuttle))]
pub mod cache;
#[cfg(any(loom, shuttle))]
pub mod command;
pub mod draw;
#[cfg(any(loom, shuttle))]
pub mod explore;
pub mod judge;
pub mod program;
#[cfg(any(loom, shuttle))]
pub mod table;
#[cfg(any(loom, shuttle))]
pub mod tables;
