//! Parts of one sweep, joined.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::merged::Merged;
use crate::failure::{Failure, usage};
use crate::results::folder::{self, EXPERIMENT, MACHINE};
use crate::results::machine::Machine;
use crate::rows::latency::{self, LATENCY_TRIALS, LatencyTrial};
use crate::rows::log::{self, Attached, Logged};
use crate::rows::{Row, server, study, throughput};

/// Reads result folders and joins them, without changing any.
///
/// # Errors
///
/// Wrong usage: one is no result folder, they are of different experiments, machines or builds, or
/// two hold different results of one trial.
pub fn merge(folders: &[&Path]) -> Result<Merged, Failure> {
    let (first, rest) = folders.split_first().expect("there is a folder");
    folders.iter().try_for_each(|path| folder::must_be_one(path)).map_err(wrong)?;
    let experiment = read(&first.join(EXPERIMENT))?;
    let machine = machine_of(first)?;
    for folder in rest {
        same_text(first, &experiment, folder, &read(&folder.join(EXPERIMENT))?)?;
        same_machine(first, &machine, folder, &machine_of(folder)?)?;
    }
    let mut trials: BTreeMap<(u32, u32, String), (&Path, Row)> = BTreeMap::new();
    let mut repeated = 0;
    for folder in folders {
        for row in whole_records(folder)? {
            let place = (row.block, row.position, row.case.clone());
            if let Some((other, old)) = trials.get(&place) {
                same_row(other, old, folder, &row)?;
                repeated += 1;
            } else {
                trials.insert(place, (folder, row));
            }
        }
    }
    one_place_each(&trials)?;
    let rows: Vec<Row> = trials.into_values().map(|(_, row)| row).collect();
    let places: Vec<_> = rows.iter().map(|row| (row.case.clone(), row.block)).collect();
    let (samples, slices) = (of_trials(folders, &places)?, of_trials(folders, &places)?);
    let cache = of_trials(folders, &places)?;
    let (latency, again) = merge_latency(folders)?;
    let at_rates = latency.iter().flatten().map(LatencyTrial::place);
    let of_servers: Vec<_> = rows.iter().map(server::place).chain(at_rates).collect();
    let server = of_trials(folders, &of_servers)?;
    let (space, filled_again) = study::merge(folders)?;
    let (aggregate, counted_again) = study::merge(folders)?;
    let repeated = repeated + again + filled_again + counted_again;
    let machine = read(&first.join(MACHINE))?;
    Ok(Merged {
        experiment,
        machine,
        rows,
        samples,
        slices,
        cache,
        server,
        latency,
        space,
        aggregate,
        repeated,
    })
}

/// The trials of a folder, but for those of a group that is not there whole: a sweep runs all of it again, and does not
/// tell it from a whole one where others are behind it.
fn whole_records(folder: &Path) -> Result<Vec<Row>, Failure> {
    let mut rows = folder::read_rows(folder).map_err(wrong)?;
    rows.truncate(rows.len() - Row::torn(&rows));
    Ok(rows)
}

/// What a file beside `trials.csv` holds of `trials`, in their order; `None` if no folder has it.
fn of_trials<R: Attached<Trial: Clone>>(
    folders: &[&Path],
    trials: &[R::Trial],
) -> Result<Option<Vec<R>>, Failure> {
    if !folders.iter().any(|folder| folder.join(<R as Attached>::FILE).exists()) {
        return Ok(None);
    }
    let wanted: HashSet<R::Trial> = trials.iter().cloned().collect();
    let mut rows = HashMap::new();
    for folder in folders {
        for (trial, own) in log::by_trial(log::read::<R>(folder, &wanted).map_err(wrong)?) {
            // A trial that several folders hold alike is there once.
            rows.entry(trial).or_insert(own);
        }
    }
    let of = |trial: &R::Trial| rows.remove(trial).unwrap_or_default();
    Ok(Some(trials.iter().flat_map(of).collect()))
}

/// The latency trials of all folders, and how many several of them hold alike.
fn merge_latency(folders: &[&Path]) -> Result<(Option<Vec<LatencyTrial>>, usize), Failure> {
    if !folders.iter().any(|folder| folder.join(LATENCY_TRIALS).exists()) {
        return Ok((None, 0));
    }
    let mut trials: BTreeMap<latency::LatencyPlace, (&Path, LatencyTrial)> = BTreeMap::new();
    let mut repeated = 0;
    for folder in folders {
        for trial in latency::read(folder).map_err(wrong)? {
            if let Some((other, old)) = trials.get(&trial.place()) {
                if latency::line(old)? != latency::line(&trial)? {
                    return Err(two_results(other, folder, &trial.row));
                }
                repeated += 1;
            } else {
                trials.insert(trial.place(), (folder, trial));
            }
        }
    }
    let mut trials: Vec<LatencyTrial> = trials.into_values().map(|(_, trial)| trial).collect();
    trials.sort_by_key(|trial| (trial.row.block, trial.row.position));
    Ok((Some(trials), repeated))
}

fn wrong(error: anyhow::Error) -> Failure {
    usage(format!("{error:#}"))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .with_context(|| format!("cannot read {}", path.display()))
        .map_err(wrong)
}

fn machine_of(folder: &Path) -> Result<Machine, Failure> {
    folder::read_machine(folder).map_err(wrong)
}

fn same_text(first: &Path, ours: &str, folder: &Path, theirs: &str) -> Result<(), Failure> {
    if ours == theirs {
        return Ok(());
    }
    let (mut ours, mut theirs) = (ours.lines(), theirs.lines());
    let differ = (1..).map(|line| (line, ours.next(), theirs.next())).find(|(_, a, b)| a != b);
    let (line, a, b) = differ.expect("lines end");
    let shown = |line: Option<&str>| line.map_or("nothing".to_owned(), |line| format!("`{line}`"));
    Err(usage(format!(
        "{} and {} are not parts of one sweep: line {line} of {EXPERIMENT} is {} and {}",
        first.display(),
        folder.display(),
        shown(a),
        shown(b)
    )))
}

fn same_machine(
    first: &Path,
    ours: &Machine,
    folder: &Path,
    theirs: &Machine,
) -> Result<(), Failure> {
    let differences = ours.all_differences(theirs);
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> =
        differences.iter().map(|(what, a, b)| format!("  {what}: {a} and {b}")).collect();
    Err(usage(format!(
        "{} and {} were measured by different machines or builds, so their trials are not one \
         sample:\n{}",
        first.display(),
        folder.display(),
        lines.join("\n")
    )))
}

fn same_row(first: &Path, ours: &Row, folder: &Path, theirs: &Row) -> Result<(), Failure> {
    if throughput::line(ours)? == throughput::line(theirs)? {
        return Ok(());
    }
    Err(two_results(first, folder, ours))
}

fn two_results(first: &Path, folder: &Path, row: &Row) -> Failure {
    usage(format!(
        "{} and {} have different results of one trial: case {} ({}) in block {}, counted from 1",
        first.display(),
        folder.display(),
        row.case,
        row.subject(),
        row.block + 1
    ))
}

/// Refuses a case that is in a block twice, at different positions.
fn one_place_each(trials: &BTreeMap<(u32, u32, String), (&Path, Row)>) -> Result<(), Failure> {
    let mut seen: BTreeMap<(u32, &str), &Path> = BTreeMap::new();
    for ((block, _, case), (folder, row)) in trials {
        if let Some(other) = seen.insert((*block, case), folder) {
            return Err(two_results(other, folder, row));
        }
    }
    Ok(())
}
