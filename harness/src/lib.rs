//! Measures concurrent maps: experiment files, fresh-process trials, results, figures.
pub mod case;
pub mod catalogue;
pub mod plot;
pub mod row;
pub mod setting;
pub mod stats;
pub mod summary;
pub mod table;
#[cfg(test)]
mod test_rows;
