//! A group of trials that take turns: starts their processes, and makes their rows.

use std::cell::RefCell;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use rand_xoshiro::Xoshiro256PlusPlus;

use super::turned::Turned;
use super::turns::{Game, play};
use crate::experiment::Turns;
use crate::programs::Registry;
use crate::results::folder::ThroughputTrial;
use crate::rows::Row;
use crate::rows::slices::SliceRow;
use crate::trial::TrialSpec;

/// Runs the trials of `group` by turns, each in a process of its own: a trial is told what its row begins
/// with. What they were, in the group's order, when all are over: a group is one record, so that none of
/// its trials is compared with one that it took no turns with. `None` if interrupted. `over` sees each when
/// it is over.
///
/// # Errors
///
/// A process cannot be started.
pub(crate) fn run(
    registry: &Registry,
    (turns, cpus): (Turns, usize),
    group: &[(TrialSpec, Row)],
    shuffle: Xoshiro256PlusPlus,
    interrupted: &AtomicBool,
    mut over: impl FnMut(&ThroughputTrial),
) -> anyhow::Result<Option<Vec<ThroughputTrial>>> {
    let seconds = group.iter().map(|(spec, _)| spec.seconds).fold(0.0, f64::max);
    let started_at = RefCell::new(vec![String::new(); group.len()]);
    let mut all: Vec<Option<ThroughputTrial>> = vec![None; group.len()];
    let start = |index: usize| {
        let (spec, _) = &group[index];
        started_at.borrow_mut()[index] =
            humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let program = registry.program(&spec.case.structure)?;
        Ok((Turned::start(program, spec, interrupted)?, turns.slice_of(&spec.case, cpus)))
    };
    let is_over = |index: usize, game: Game| {
        let started_at = started_at.borrow()[index].clone();
        let group_size = Some(group.len() as u64);
        let record = record(Row { started_at, group_size, ..group[index].1.clone() }, game);
        over(&record);
        all[index] = Some(record);
    };
    let is_whole = play(group.len(), seconds, shuffle, start, is_over)?;
    Ok(is_whole.then(|| all.into_iter().flatten().collect()))
}

/// The row of a trial that began so, and its slices.
fn record(mut row: Row, game: Game) -> ThroughputTrial {
    let mut samples = Vec::new();
    match game.outcome {
        Some(Ok(mut measured)) => {
            samples = std::mem::take(&mut measured.series);
            row.measured(*measured);
        }
        Some(Err(why)) => row.error = why,
        None => row.error = "it was never over".to_owned(),
    }
    let slices = game.slices.iter();
    let slices =
        slices.map(|one| SliceRow::new(&row, (one.round, one.turn), one.counted)).collect();
    ThroughputTrial { row, samples, slices, cache: None, server: None }
}
