//! The section of a page about predictions.

use std::collections::BTreeSet;

use ::table::subject_name;
use virtual_cores::{HotLineRow, Part, PredictedRow};

use super::tables::{Field, Table, interval};
use crate::show::text::throughput::mops;
use trials::mix::percentage;

/// Lines of a prediction that are shown.
const MOST_LINES: usize = 3;
/// The least share of all waiting at which a line is shown.
const LEAST_SHARE: f64 = 0.01;

/// What all of it is; empty where nothing is predicted.
pub(super) fn note(rows: &[PredictedRow]) -> String {
    let machines: BTreeSet<&str> = rows.iter().map(|row| row.machine.as_str()).collect();
    let machines: Vec<&str> = machines.into_iter().collect();
    if machines.is_empty() {
        return String::new();
    }
    format!(
        "The source of our tables ran on virtual cores over a model of {}. Nothing here was measured, and none of \
         it is among the trials. Each number of the model has a source in its file; docs/PREDICTION.md says what is \
         not modelled, and how far the model is from published curves.",
        machines.join(", and of ")
    )
}

/// Whether two predictions can be compared.
fn are_alike(a: &PredictedRow, b: &PredictedRow) -> bool {
    (&a.machine, &a.work_from, a.threads, a.reads, a.upserts, a.zipf, a.keys)
        == (&b.machine, &b.work_from, b.threads, b.reads, b.upserts, b.zipf, b.keys)
}

/// With the batch of its scheme, if that was set.
fn subject(row: &PredictedRow) -> String {
    named(&row.structure, &row.reclaimer, row.reclaim_batch)
}

fn named(structure: &str, reclaimer: &str, batch: Option<usize>) -> String {
    let name = subject_name(structure, reclaimer);
    batch.map_or_else(|| name.clone(), |batch| format!("{name}, batch {batch}"))
}

/// The names of cycle stacks' parts.
fn part_in_words(part: Part) -> &'static str {
    match part {
        Part::Work => "instructions",
        Part::Branches => "mispredictions",
        Part::Atomics => "atomics and fences",
        Part::Caches => "caches",
        Part::Memory => "memory",
        Part::Upgrades => "invalidating others",
        Part::Near => "lines of the socket",
        Part::Far => "lines of other sockets",
        Part::Queued => "the queue for a line",
        Part::Pauses => "waiting loops",
        Part::System => "the system, and sleep",
    }
}

/// Every prediction.
pub(super) fn table(rows: &[PredictedRow]) -> Table {
    let names = [
        "machine",
        "subject",
        "#threads",
        "#reads",
        "#upserts",
        "#zipf",
        "#keys",
        "work from",
        "#Mops/s",
        "#band",
        "#model ÷ published",
        "#cycles",
        "largest part",
        "ahead of",
    ];
    let of = |row: &PredictedRow| {
        let cycles: f64 = Part::ALL.iter().map(|part| row.cycles(*part)).sum();
        let most = Part::ALL.into_iter().max_by(|a, b| row.cycles(*a).total_cmp(&row.cycles(*b)));
        let below = rows.iter().filter(|other| are_alike(row, other) && row.is_above(other));
        let below: Vec<String> = below.map(subject).collect();
        vec![
            Field::text(&row.machine),
            Field::text(subject(row)),
            Field::count(row.threads),
            Field::number(row.reads, format!("{} %", percentage(row.reads))),
            Field::number(row.upserts, format!("{} %", percentage(row.upserts))),
            Field::number(row.zipf, row.zipf.to_string()),
            Field::number(row.keys as f64, row.keys.to_string()),
            Field::text(&row.work_from),
            Field::number(row.ops_per_sec, mops(row.ops_per_sec)),
            interval(row.band(), mops),
            Field::maybe(row.to_published(), |ratio| format!("{ratio:.2}")),
            Field::number(cycles, format!("{cycles:.0}")),
            Field::text(most.map_or("", part_in_words)),
            Field::text(below.join(", ")),
        ]
    };
    Table::new(&names, rows.iter().map(of).collect())
}

/// The lines that were waited for most, of each subject and workload on each machine, at the most threads.
pub(super) fn hot_lines(rows: &[PredictedRow], lines: &[HotLineRow]) -> Table {
    let most = |line: &HotLineRow| {
        rows.iter().filter(|row| line.is_of_cell(row)).map(|row| row.threads).max()
    };
    let is_shown = |line: &&HotLineRow| {
        line.rank <= MOST_LINES && line.share >= LEAST_SHARE && most(line) == Some(line.threads)
    };
    let names = [
        "machine", "subject", "#threads", "#reads", "#upserts", "#zipf", "#keys", "field",
        "#share", "where",
    ];
    let of = |line: &HotLineRow| {
        vec![
            Field::text(&line.machine),
            Field::text(named(&line.structure, &line.reclaimer, line.reclaim_batch)),
            Field::count(line.threads),
            Field::number(line.reads, format!("{} %", percentage(line.reads))),
            Field::number(line.upserts, format!("{} %", percentage(line.upserts))),
            Field::number(line.zipf, line.zipf.to_string()),
            Field::number(line.keys as f64, line.keys.to_string()),
            Field::text(&line.field),
            Field::number(line.share, format!("{:.1} %", 100.0 * line.share)),
            Field::text(&line.at),
        ]
    };
    Table::new(&names, lines.iter().filter(is_shown).map(of).collect())
}
