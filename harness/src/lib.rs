//! The workbench: plans, results, analysis, figures and the command line. It names no table: each family's
//! tables are in a program of their own, which runs the trials (crates `subjects-*`, `trials`).
//!
//! docs/ARCHITECTURE.md explains how the crates and modules are organised, CONTRIBUTING.md how to add a
//! structure, a reclaimer, a workload or a metric. `Bench`, with the feature `tables`, gives your own table the whole
//! command line; everything else needs the feature `command-line`, the default.

#[cfg(feature = "tables")]
mod own;

// What a program of one's own needs of the crates behind it: the calls that register, and the allocators.
#[cfg(feature = "tables")]
pub use ::kernel;
#[cfg(feature = "tables")]
pub use ::trials::allocator;
#[cfg(feature = "tables")]
pub use own::Bench;

#[cfg(feature = "command-line")]
pub mod analysis;
#[cfg(feature = "command-line")]
mod cmd;
#[cfg(feature = "command-line")]
pub mod experiment;
#[cfg(feature = "command-line")]
pub mod failure;
#[cfg(feature = "command-line")]
mod names;
#[cfg(feature = "command-line")]
pub mod programs;
#[cfg(feature = "command-line")]
pub mod results;
#[cfg(feature = "command-line")]
pub mod rows;
#[cfg(feature = "command-line")]
pub mod show;
#[cfg(feature = "command-line")]
pub mod sweep;
#[cfg(all(test, feature = "command-line"))]
mod test_rows;

#[cfg(feature = "command-line")]
pub use ::table::hashers;
#[cfg(feature = "command-line")]
pub use cmd::{Printed, captured, main};
#[cfg(feature = "command-line")]
pub use trials::{case, fault, metric, pin, trace, trial, verify, workload};
