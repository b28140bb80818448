//! The rows of several folders together, and the folder that is made from them.

use std::fs;
use std::path::Path;

use anyhow::Context;
use trials::unfinished::Unfinished;

use crate::results::folder::{EXPERIMENT, MACHINE, write_whole};
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use crate::rows::cache::CacheRow;
use crate::rows::latency::{self, LatencyTrial};
use crate::rows::log::{self, Logged, utf8};
use crate::rows::samples::SeriesRow;
use crate::rows::server::ServerRow;
use crate::rows::slices::SliceRow;
use crate::rows::space::SpaceRow;
use crate::rows::throughput::TRIALS;

/// What a merged folder will hold.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The text of `experiment.toml`.
    pub experiment: String,
    /// The text of `machine.toml`, the first folder's.
    pub machine: String,
    /// The trials, by block and position.
    pub rows: Vec<Row>,
    /// The samples of each, in the same order; `None` if no folder holds any.
    pub samples: Option<Vec<SeriesRow>>,
    /// The slices of each, in the same order; `None` if no folder holds any.
    pub slices: Option<Vec<SliceRow>>,
    /// What is measured of caches alone, of each trial in the same order; `None` if no folder holds any.
    pub cache: Option<Vec<CacheRow>>,
    /// What is measured of servers alone, likewise, and then of each latency trial; `None` if no folder holds any.
    pub server: Option<Vec<ServerRow>>,
    /// The latency trials, by block and position; `None` if no folder holds any.
    pub latency: Option<Vec<LatencyTrial>>,
    /// The rows of the space trials, by block; `None` if no folder holds any.
    pub space: Option<Vec<SpaceRow>>,
    /// The aggregations, by block; `None` if no folder holds any.
    pub aggregate: Option<Vec<AggregateRow>>,
    /// Trials that several folders hold alike, and that are taken once.
    pub repeated: usize,
}

/// Makes the result folder `path`, which must not exist, of trials that other folders hold: in one step, so that who is
/// stopped meanwhile, or finds the disk full, leaves no folder of that name.
///
/// # Errors
///
/// There is something at `path` already, or it cannot be written.
pub fn create(path: &Path, merged: &Merged) -> anyhow::Result<()> {
    let making = || format!("cannot make {}", path.display());
    let unfinished = Unfinished::beside(path).with_context(making)?;
    fill(unfinished.path(), merged).with_context(making)?;
    unfinished.put().with_context(making)
}

/// Makes the folder with its files.
fn fill(path: &Path, merged: &Merged) -> anyhow::Result<()> {
    let Merged { experiment, machine, rows, samples, latency, space, .. } = merged;
    let trials = log::text::<Row>(rows)?;
    fs::create_dir_all(path)?;
    write_rows(path, samples)?;
    write_rows(path, &merged.slices)?;
    write_rows(path, &merged.cache)?;
    write_rows(path, &merged.server)?;
    if let Some(latency) = latency {
        for (name, text) in latency::texts(latency)? {
            write_whole(&path.join(name), utf8(&text, path)?)?;
        }
    }
    write_rows(path, space)?;
    write_rows(path, &merged.aggregate)?;
    write_whole(&path.join(TRIALS), utf8(&trials, path)?)?;
    write_whole(&path.join(MACHINE), machine)?;
    write_whole(&path.join(EXPERIMENT), experiment)
}

fn write_rows<R: Logged>(folder: &Path, rows: &Option<Vec<R>>) -> anyhow::Result<()> {
    let Some(rows) = rows else { return Ok(()) };
    write_whole(&folder.join(R::FILE), utf8(&log::text::<R>(rows)?, folder)?)
}
