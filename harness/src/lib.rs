//! Measures concurrent maps: experiment files, fresh-process trials, results, figures.
pub mod case;
pub mod catalogue;
pub mod machine;
pub mod metric;
pub mod pin;
pub mod row;
pub mod workload;
