//! Measures concurrent maps: experiment files, fresh-process trials, results, figures.
pub mod case;
pub mod catalogue;
pub mod controls;
pub mod experiment;
#[cfg(feature = "peers")]
pub mod peers;
pub mod row;
