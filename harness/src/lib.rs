//! Measures concurrent maps: experiment files, fresh-process trials, results, figures.
pub mod case;
pub mod catalogue;
pub mod experiment;
pub mod row;
