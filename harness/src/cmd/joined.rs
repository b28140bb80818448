//! The trials of several folders together, as figures are drawn from them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::filter::{Filter, names_of};
use super::folders::{Recorded, same_times, same_turns, turns_of};
use super::output::say;
use crate::failure::{Failure, usage};
use crate::results::folder;
use crate::rows::cache::{self, CacheRow};
use crate::rows::latency::{self, LatencyTrial};
use crate::rows::samples::{self, SeriesRow};
use crate::rows::server::{self, ServerRow};
use crate::rows::space::SpaceRow;
use crate::rows::{Row, study};

/// What figures are drawn from.
pub(super) struct Read {
    /// The trials of all folders, as of the first.
    pub(super) recorded: Recorded,
    pub(super) samples: Vec<SeriesRow>,
    pub(super) latency: Vec<LatencyTrial>,
    pub(super) space: Vec<SpaceRow>,
    pub(super) cache: Vec<CacheRow>,
    pub(super) server: Vec<ServerRow>,
}

/// The trials of all folders, which must be of one machine, with all that belongs to them: of the cells that `filter`
/// matches. Trials of one cell must have been measured for the same time, and all by turns or none; those of latency
/// must only if they are shown.
pub(super) fn read(
    folders: &[PathBuf],
    filter: Option<&Filter>,
    with_latency: bool,
) -> Result<Read, Failure> {
    let (mut known, mut all) = (Known::default(), Joined::default());
    let mut left_out: Vec<Row> = Vec::new();
    let mut before: Vec<ReadFolder<'_>> = Vec::new();
    let wrong = |error: anyhow::Error| usage(format!("{error:#}"));
    let first = folder::read_machine(&folders[0]).map_err(wrong)?;
    for folder in folders {
        let machine = folder::read_machine(folder).map_err(wrong)?;
        if let Some((what, ours, theirs)) = first.all_differences(&machine).first() {
            return Err(usage(format!(
                "{} and {} were measured by different machines or builds ({what}: {ours} and \
                 {theirs}), so their trials are not drawn together",
                folders[0].display(),
                folder.display()
            )));
        }
        let mut own = Joined::read(folder, &known).map_err(wrong)?;
        left_out.extend(filter.into_iter().flat_map(|filter| own.keep(filter)));
        let this = ReadFolder::of(folder, &own);
        before.iter().try_for_each(|other| other.goes_with(&this, with_latency))?;
        before.push(this);
        known.add(&own);
        all.join(own);
    }
    let Joined { rows, samples, latency, space, cache, server } = all;
    if let Some(filter) = filter.filter(|_| rows.is_empty() && !left_out.is_empty()) {
        let why = filter.leaves_none("cell", left_out.iter().flat_map(names_of));
        return Err(usage(format!("there is nothing to draw: {why}")));
    }
    if rows.is_empty() {
        return Err(usage(format!("{} holds no trials yet", folders[0].display())));
    }
    let label = folders[0].display().to_string();
    let recorded = Recorded { path: folders[0].clone(), label, rows, machine: first };
    Ok(Read { recorded, samples, latency, space, cache, server })
}

/// A folder that was read, as far as others must go with it.
struct ReadFolder<'f> {
    path: &'f Path,
    cases: HashSet<String>,
    blocks: BTreeSet<u32>,
    /// Of each case, whether its trials took turns.
    turns: HashMap<String, bool>,
}

impl<'f> ReadFolder<'f> {
    fn of(path: &'f Path, own: &Joined) -> Self {
        Self { path, cases: own.cases(), blocks: own.blocks(), turns: turns_of(&own.rows) }
    }

    /// Refuses trials of the same cells that are of another kind, and says it where they are of another run.
    fn goes_with(&self, other: &Self, with_latency: bool) -> Result<(), Failure> {
        if self.cases.is_disjoint(&other.cases) {
            return Ok(());
        }
        same_times(self.path, other.path, with_latency)?;
        same_turns((self.path, &self.turns), (other.path, &other.turns))?;
        if !self.blocks.is_disjoint(&other.blocks) {
            say(format_args!(
                "note: {} and {} are two runs of the same cells, drawn as one run of more blocks; `bench cmp` compares \
                 them",
                self.path.display(),
                other.path.display()
            ));
        }
        Ok(())
    }
}

/// The trials of some folders.
#[derive(Default)]
struct Joined {
    rows: Vec<Row>,
    samples: Vec<SeriesRow>,
    latency: Vec<LatencyTrial>,
    space: Vec<SpaceRow>,
    cache: Vec<CacheRow>,
    server: Vec<ServerRow>,
}

impl Joined {
    /// Those of the folder at `path` that are not `known`: one that a folder and its copy hold is one trial.
    fn read(path: &Path, known: &Known) -> anyhow::Result<Self> {
        let mut rows = folder::read_rows(path)?;
        rows.retain(|row| known.is_new(row, None));
        let mut latency = latency::read(path)?;
        latency.retain(|trial| known.is_new(&trial.row, Some(trial.open.rate)));
        let mut space = study::read::<SpaceRow>(path)?;
        space.retain(|fill| !known.fills.contains(&in_no_block(fill)));
        Ok(Self {
            samples: samples::read(path, &rows)?,
            cache: cache::read(path, &rows)?,
            server: server::read(path, &rows, &latency)?,
            rows,
            latency,
            space,
        })
    }

    /// Keeps the cells that `filter` matches, and all that belongs to them; the trials of the others.
    fn keep(&mut self, filter: &Filter) -> Vec<Row> {
        let left_out: Vec<Row> = self.rows.extract_if(.., |row| !filter.matches(row)).collect();
        self.latency.retain(|trial| filter.matches(&trial.row));
        let cases = self.cases();
        self.samples.retain(|sample| cases.contains(&sample.case));
        self.space.retain(|fill| cases.contains(&fill.case));
        self.cache.retain(|trial| cases.contains(&trial.case));
        self.server.retain(|trial| cases.contains(&trial.case));
        left_out
    }

    /// Adds those of another folder. Where both have a block of one number these are two blocks, whose trials did
    /// not run close in time: those of the other get numbers of their own.
    fn join(&mut self, mut other: Self) {
        let (ours, theirs) = (self.blocks(), other.blocks());
        if !ours.is_disjoint(&theirs) {
            other.renumber(ours.last().map_or(0, |last| last + 1));
        }
        self.rows.append(&mut other.rows);
        self.samples.append(&mut other.samples);
        self.latency.append(&mut other.latency);
        self.space.append(&mut other.space);
        self.cache.append(&mut other.cache);
        self.server.append(&mut other.server);
    }

    /// Throughput trials, and the latency trials' rows.
    fn all_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().chain(self.latency.iter().map(|trial| &trial.row))
    }

    fn cases(&self) -> HashSet<String> {
        self.all_rows().map(|row| row.case.clone()).collect()
    }

    fn blocks(&self) -> BTreeSet<u32> {
        let blocks = self.all_rows().map(|row| row.block);
        blocks.chain(self.space.iter().map(|fill| fill.block)).collect()
    }

    fn renumber(&mut self, more: u32) {
        self.rows.iter_mut().for_each(|row| row.block += more);
        self.samples.iter_mut().for_each(|sample| sample.block += more);
        self.latency.iter_mut().for_each(|trial| trial.row.block += more);
        self.space.iter_mut().for_each(|fill| fill.block += more);
        self.cache.iter_mut().for_each(|trial| trial.block += more);
        self.server.iter_mut().for_each(|trial| trial.block += more);
    }
}

/// What names a trial in any folder: its case, its rate if it is one of latency, its seed, and when it began.
type Name = (String, Option<u64>, u64, String);

fn name(row: &Row, rate: Option<f64>) -> Name {
    (row.case.clone(), rate.map(f64::to_bits), row.seed, row.started_at.clone())
}

/// The trials that are there already.
#[derive(Default)]
struct Known {
    trials: HashSet<Name>,
    fills: Vec<SpaceRow>,
}

impl Known {
    fn is_new(&self, row: &Row, rate: Option<f64>) -> bool {
        row.started_at.is_empty() || !self.trials.contains(&name(row, rate))
    }

    fn add(&mut self, own: &Joined) {
        self.trials.extend(own.rows.iter().map(|row| name(row, None)));
        let rate = |trial: &LatencyTrial| Some(trial.open.rate);
        self.trials.extend(own.latency.iter().map(|trial| name(&trial.row, rate(trial))));
        self.fills.extend(own.space.iter().map(in_no_block));
    }
}

/// A row of a fill as it is wherever it stands.
fn in_no_block(fill: &SpaceRow) -> SpaceRow {
    SpaceRow { block: 0, position: 0, ..fill.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{filled, trial};

    fn of(name: &str, blocks: &[u32]) -> Joined {
        let rows = blocks.iter().map(|block| trial(name, 1, *block, 1e6)).collect();
        let space = blocks.iter().flat_map(|block| filled(*block, 50, 20, 1.0)).collect();
        Joined { rows, space, ..Joined::default() }
    }

    fn blocks_of(joined: &Joined) -> Vec<u32> {
        let rows: Vec<u32> = joined.rows.iter().map(|row| row.block).collect();
        let fills: Vec<u32> = joined.space.iter().map(|fill| fill.block).collect();
        assert_eq!(rows, fills);
        rows
    }

    #[test]
    fn parts_of_a_sweep_keep_their_blocks_and_others_get_their_own() {
        let mut parts = of("papaya", &[0, 2, 4]);
        parts.join(of("papaya", &[1, 3]));
        assert_eq!(blocks_of(&parts), [0, 2, 4, 1, 3]);
        let mut others = of("papaya", &[0, 1, 2]);
        others.join(of("dashmap", &[1, 2]));
        others.join(of("flurry", &[0]));
        assert_eq!(blocks_of(&others), [0, 1, 2, 4, 5, 6]);
    }

    #[test]
    fn a_trial_and_its_copy_are_one() {
        let mut first = of("papaya", &[0, 1]);
        first.rows.iter_mut().zip(["a", "b"]).for_each(|(row, at)| row.started_at = at.to_owned());
        let mut known = Known::default();
        known.add(&first);
        assert!(first.rows.iter().all(|row| !known.is_new(row, None)));
        assert!(known.is_new(&first.rows[0], Some(1e5)), "a latency trial");
        let later = Row { started_at: "c".to_owned(), ..first.rows[0].clone() };
        let unknown = Row { started_at: String::new(), ..first.rows[0].clone() };
        assert!(known.is_new(&later, None) && known.is_new(&unknown, None));
        let moved = SpaceRow { block: 7, ..first.space[0].clone() };
        assert!(known.fills.contains(&in_no_block(&moved)));
    }
}
