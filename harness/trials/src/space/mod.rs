//! Space trials: a table is filled in a fresh process, and its memory is recorded by load.
//!
//! A trial is three processes. The first fills a table with as many entries as it was made for, under
//! the clock. The second fills another one under an allocator that counts, entry by entry, and stops
//! at loads, at the stated entries and at the first growth. Nothing is timed there. The third stops at the
//! same places and times lookups.

mod fill;
mod lookups;

use serde::{Deserialize, Serialize};

pub use self::fill::{Filled, LoadPoint, run};
use crate::case::{Case, Mix};
use crate::fault::Fault;

/// Why a table is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// It has reached a load that was asked for.
    Load,
    /// It holds as many entries as it was made for.
    Keys,
    /// The next insertion made it grow.
    Growth,
    /// There was no fill to look at.
    Failed,
}

/// The hidden command of a space trial's process.
pub const SPACE_COMMAND: &str = "space-trial";

/// What the process is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpaceSpec {
    /// The case: its table, its allocator, its hash seed; its `keys` are what the table is made for.
    pub case: Case,
    /// Seed of the keys.
    pub seed: u64,
    /// Shares of the table's first capacity at which to stop; ascending.
    pub loads: Vec<f64>,
    /// What is asked.
    pub asked: Asked,
}

/// What one process of a space trial is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    /// How long the fill takes.
    Time,
    /// Bytes, chains and moves.
    Counts,
    /// How long lookups take.
    Lookups,
}

/// `case` without what a fill by one thread does not heed: cells that differ in nothing else are
/// filled once.
#[must_use]
pub fn filled_as(case: &Case) -> Case {
    Case {
        threads: 1,
        mix: Mix { reads: 0.0, inserts: 100.0, removes: 0.0, updates: 0.0, upserts: 0.0 },
        zipf: 0.0,
        prefill: 0,
        batch: 1,
        ops_per_pin: 1,
        fault: Fault::None,
        trace: None,
        ..case.clone()
    }
}
