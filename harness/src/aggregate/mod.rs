//! Aggregation trials: words are counted by the threads of a pool, in four ways.
//!
//! The words are made, or read and numbered, before the clock starts, and so is the pool. Whatever the
//! way, what comes out is compared with a count by one thread, word by word.

mod row;
pub(crate) mod table;

pub(crate) use self::row::place;
pub use self::row::{AGGREGATE, AggregateRow};
pub use trials::aggregate::{AGGREGATE_COMMAND, AggregateSpec, Aggregated, Way, counted_as};
