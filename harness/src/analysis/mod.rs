//! Statistics of rows: functions of rows alone, which read no file and draw nothing.
//!
//! | file | holds |
//! | --- | --- |
//! | `cell` | the trials of a cell taken together: medians with their intervals |
//! | `throughput` | cells of throughput trials, and by which rate |
//! | `within` | the same with intervals that show what decides a comparison |
//! | `latency`, `space`, `aggregate`, `cache`, `server` | the same of the other kinds of trials |
//! | `setting` | what the trials of a table or panel have in common |
//! | `compare` | ratios between subjects or runs, and verdicts |
//! | `rank`, `scaling` | subjects by the geometric mean of their ratios; fits over threads |
//!
//! Medians, intervals and tests are functions of numbers, in the crate `stats`.

pub mod aggregate;
pub mod cache;
pub mod cell;
pub mod compare;
pub mod latency;
pub mod rank;
pub mod scaling;
pub(crate) mod server;
pub mod setting;
pub mod space;
pub mod throughput;
pub mod within;
