//! What a sweep prints before it runs: how far apart two tables must be to be called faster or slower.

use std::fs;
use std::path::Path;

use stats::median;

use crate::analysis::compare::{cells, deviation};
use crate::analysis::throughput::choose_metric;
use crate::case::Case;
use crate::experiment::Experiment;
use crate::results::folder::{read_machine, read_rows};
use crate::results::machine::Machine;
use crate::rows::Row;
use crate::sweep::decides::Comparisons;

/// What the sweep of these cells into the folder `out` can call.
pub(super) fn in_words<'c>(
    experiment: &Experiment,
    wanted: impl Iterator<Item = &'c Case>,
    out: &Path,
    machine: &Machine,
) -> String {
    let Some(comparisons) = Comparisons::of(wanted) else {
        return "no workload has two subjects, so no rates are compared".to_owned();
    };
    let by_turns = experiment.turns.is_some();
    comparisons.in_words(experiment.blocks, known_deviation(out, machine, by_turns))
}

/// How much ratios varied from block to block in earlier trials of this machine that took turns, or took none:
/// of the folder itself, else in the median of the folders beside it.
fn known_deviation(out: &Path, machine: &Machine, by_turns: bool) -> Option<f64> {
    let of = |folder: &Path| -> Option<f64> {
        if !read_machine(folder).ok()?.is_same_hardware(machine) {
            return None;
        }
        let mut rows = read_rows(folder).ok()?;
        rows.retain(|row: &Row| row.slices.is_some() == by_turns);
        let metric = choose_metric(&rows, machine.parallelism()).metric;
        deviation(&cells(&[&rows], metric))
    };
    of(out).or_else(|| {
        let parent = out.parent()?;
        let parent = if parent == Path::new("") { Path::new(".") } else { parent };
        let beside = fs::read_dir(parent).ok()?;
        let all: Vec<f64> = beside.filter_map(|entry| of(&entry.ok()?.path())).collect();
        (!all.is_empty()).then(|| median(&all))
    })
}
