//! Trials that measure something other than throughput, each with rows of its own in a file beside
//! `trials.csv`: those of `[space]` and `[aggregate]`.
//!
//! A trial's rows are written by one call and synced. The last of them is marked as such, so that the incomplete
//! rows of a process that died can be recognised, and are cut off.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use crate::failure::{Failure, usage};
use crate::rows::log::{self, Attached, Log};

/// What names such a trial: case, block, and which of the cell's trials of this kind.
pub(crate) type StudyPlace = (String, u32, String);

/// A row of such a trial.
pub(crate) trait StudyRow: Attached<Trial = StudyPlace> + Clone {
    /// Whether it is the last of its trial.
    fn ends_its_trial(&self) -> bool;
}

/// The file of a folder that is being written.
#[derive(Debug)]
pub(crate) struct StudyFile<R> {
    log: Log<R>,
    rows: Vec<R>,
}

impl<R: StudyRow> StudyFile<R> {
    /// Opens the file in `folder`, makes it if there is none, and cuts off what is not a whole trial.
    pub(crate) fn open(folder: &Path, notes: &mut Vec<String>) -> Result<Self, Failure> {
        let (log, rows) = Log::of_rows(folder, places, notes)?;
        Ok(Self { log, rows })
    }

    /// The rows of the trials so far.
    pub(crate) fn rows(&self) -> &[R] {
        &self.rows
    }

    /// Adds a trial; on return it is on the disk.
    pub(crate) fn append(&mut self, trial: Vec<R>) -> anyhow::Result<()> {
        self.log.append(&trial)?;
        self.rows.extend(trial);
        Ok(())
    }
}

/// The trials among `rows` that are whole.
pub(crate) fn places<R: StudyRow>(rows: &[R]) -> HashSet<StudyPlace> {
    rows.iter().filter(|row| row.ends_its_trial()).map(Attached::trial).collect()
}

/// The rows of the whole trials of a result folder, without changing it; none if it holds none.
pub(crate) fn read<R: StudyRow>(folder: &Path) -> anyhow::Result<Vec<R>> {
    let mut rows = log::read_all::<R>(folder)?;
    let whole = places(&rows);
    rows.retain(|row| whole.contains(&row.trial()));
    Ok(rows)
}

/// The trials of several folders, by block, and how many several of them hold alike; `None` if none
/// has such a file.
pub(crate) fn merge<R: StudyRow>(folders: &[&Path]) -> Result<(Option<Vec<R>>, usize), Failure> {
    let mut trials: BTreeMap<(u32, StudyPlace), (&Path, Vec<R>)> = BTreeMap::new();
    let mut repeated = 0;
    if !folders.iter().any(|folder| folder.join(R::FILE).exists()) {
        return Ok((None, 0));
    }
    for folder in folders {
        let rows = read::<R>(folder).map_err(|error| usage(format!("{error:#}")))?;
        for trial in rows.chunk_by(|a, b| a.trial() == b.trial()) {
            let place = trial[0].trial();
            match trials.get(&(place.1, place.clone())) {
                None => drop(trials.insert((place.1, place), (folder, trial.to_vec()))),
                Some((_, old)) if log::lines::<R>(old)? == log::lines::<R>(trial)? => repeated += 1,
                Some((other, _)) => return Err(two_results(other, folder, &place, R::FILE)),
            }
        }
    }
    Ok((Some(trials.into_values().flat_map(|(_, trial)| trial).collect()), repeated))
}

fn two_results(first: &Path, second: &Path, (case, block, _): &StudyPlace, file: &str) -> Failure {
    usage(format!(
        "{} and {} have different results of one trial in {file}: case {case} in block {}, counted from 1",
        first.display(),
        second.display(),
        block + 1
    ))
}
