//! The workbench: plans, results, analysis, figures and the command line. It names no table: each family's
//! tables are in a program of their own, which runs the trials (crates `subjects-*`, `trials`).
//!
//! docs/ARCHITECTURE.md says how the crates and modules hang together, CONTRIBUTING.md how to add a
//! structure, a reclaimer, a workload or a metric. A table of one's own gets the whole command
//! line by `Bench`, with the feature `tables`; all else needs the feature `command-line`, the default.

#[cfg(feature = "tables")]
mod own;

#[cfg(feature = "tables")]
pub use own::Bench;

#[cfg(feature = "command-line")]
pub mod aggregate;
#[cfg(feature = "command-line")]
mod attached;
#[cfg(feature = "command-line")]
pub mod catalogue;
#[cfg(feature = "command-line")]
mod cmd;
#[cfg(feature = "command-line")]
pub mod compare;
#[cfg(feature = "command-line")]
pub mod experiment;
#[cfg(feature = "command-line")]
pub mod export;
#[cfg(feature = "command-line")]
pub mod failure;
#[cfg(feature = "command-line")]
pub mod latency;
#[cfg(feature = "command-line")]
mod lines;
#[cfg(feature = "command-line")]
pub mod machine;
#[cfg(feature = "command-line")]
pub mod merge;
#[cfg(feature = "command-line")]
mod names;
#[cfg(feature = "command-line")]
pub mod plot;
#[cfg(feature = "command-line")]
pub mod programs;
#[cfg(feature = "command-line")]
pub mod rank;
#[cfg(feature = "command-line")]
pub mod record;
#[cfg(feature = "command-line")]
pub mod report;
#[cfg(feature = "command-line")]
pub mod row;
#[cfg(feature = "command-line")]
pub mod scaling;
#[cfg(feature = "command-line")]
pub mod schedule;
#[cfg(feature = "command-line")]
pub mod series;
#[cfg(feature = "command-line")]
pub mod setting;
#[cfg(feature = "command-line")]
pub mod space;
#[cfg(feature = "command-line")]
pub mod stats;
#[cfg(feature = "command-line")]
mod study;
#[cfg(feature = "command-line")]
pub mod summary;
#[cfg(feature = "command-line")]
pub mod table;
#[cfg(all(test, feature = "command-line"))]
mod test_rows;

#[cfg(feature = "command-line")]
pub use ::table::hashers;
#[cfg(feature = "command-line")]
pub use cmd::{Printed, captured, main};
#[cfg(feature = "command-line")]
pub use trials::{case, fault, metric, pin, trace, trial, verify, workload};
