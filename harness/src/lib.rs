//! Measures concurrent maps: experiment files, fresh-process trials, results, figures.
//!
//! docs/ARCHITECTURE.md says how the modules hang together, CONTRIBUTING.md how to add a
//! structure, a reclaimer, a workload or a metric. A table of one's own gets the whole command
//! line by [`Bench`].

pub mod aggregate;
pub mod allocator;
mod attached;
mod bench;
pub mod case;
pub mod catalogue;
mod cmd;
pub mod compare;
pub mod controls;
pub mod experiment;
pub mod export;
mod factors;
pub mod failure;
pub mod fault;
pub mod hashers;
pub mod latency;
pub mod launch;
mod lines;
pub mod machine;
pub mod merge;
pub mod metric;
pub mod payload;
#[cfg(feature = "peers")]
pub mod peers;
pub mod pin;
pub mod plot;
pub mod rank;
pub mod record;
pub mod report;
pub mod row;
pub mod scaling;
pub mod schedule;
pub mod series;
pub mod setting;
pub mod space;
pub mod stats;
mod study;
pub mod subject;
pub mod summary;
pub mod table;
#[cfg(test)]
mod test_rows;
pub mod trace;
pub mod trial;
pub mod verify;
pub mod workload;

pub use bench::Bench;
pub use cmd::Printed;
