//! Throughput and peak unreclaimed bytes against the reclamation batch; two rows of panels for each
//! table and workload, one column for each number of threads.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::panels::{Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::schemes::{Place, Schemes, file_stem, threads};
use super::style::Style;
use super::{Drawing, Results};
use crate::analysis::cell::Estimate;
use crate::analysis::setting::{Group, Setting, split_by};
use crate::analysis::throughput::{CellSummary, ChosenRate, choose_metric, summarise};
use crate::rows::Row;

const NAME: &str = "batch-sweep";

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let rows = Schemes::of(results, is_measured).rows;
    let batches: BTreeSet<_> = rows.iter().map(|row| row.reclaim_batch).collect();
    (batches.len() < 2)
        .then_some("the trials do not differ in `reclaim_batch`, of which it needs two values")
}

fn is_measured(row: &Row) -> bool {
    row.reclaim_batch.is_some() && row.ops_per_sec.is_some()
}

/// See [`super::FIGURES`].
pub(super) fn draw(results: &Results<'_>, style: &Style) -> Result<Vec<Drawing>> {
    let schemes = Schemes::of(results, is_measured);
    let choice = choose_metric(&schemes.rows, results.cpus);
    let of = |row: &Row| Setting::of(row).whatever(&["reclaim_batch"]);
    split_by(&schemes.rows, &of)
        .iter()
        .map(|group| panels(group, &schemes, &choice).drawing(file_stem(NAME, &group.label), style))
        .collect()
}

/// What a row of panels shows of a cell: the value with its interval.
type Value = fn(&CellSummary, &[Row]) -> Option<(f64, Option<(f64, f64)>)>;

fn panels(group: &Group, schemes: &Schemes, choice: &ChosenRate) -> Panels {
    let places = Place::all(&group.rows, Place::of_any_threads);
    let columns: BTreeSet<usize> = group.rows.iter().map(|row| row.threads).collect();
    let batches: BTreeSet<usize> = group.rows.iter().filter_map(|row| row.reclaim_batch).collect();
    let cells = summarise(&group.rows, choice.metric);
    let values: [(&str, bool, Value); 2] =
        [("Mops/s", false, rate), ("peak unreclaimed bytes", true, peak)];
    let (mut rows, mut y) = (Vec::new(), Vec::new());
    for place in &places {
        for (label, is_log, value) in values {
            let panel = |number: &usize| Panel {
                title: place.title(&places, &threads(*number)),
                series: series(&cells, group, schemes, (place, *number), value),
                ..Panel::default()
            };
            rows.push(columns.iter().map(panel).collect());
            y.push(if is_log { YAxis::log(label) } else { YAxis::linear(label) });
        }
    }
    let common = Place::in_common(&places);
    let common = if common.is_empty() { common } else { format!("; {common}") };
    let notes = format!(
        "Medians with their 95\u{a0}% BCa interval{common}; {}. {}. Schemes whose batch is fixed \
         are not drawn. Each row of panels has its own scale.",
        choice.in_words(),
        group.setting.in_words()
    );
    Panels {
        rows,
        y,
        x: XAxis::Counts(batches.into_iter().collect()),
        lines: Lines::Marked(1),
        shade_from: None,
        x_label: "retirements between scans (reclaim_batch)".to_owned(),
        legend: schemes.legend(&group.rows),
        notes: vec![notes],
    }
}

fn series(
    cells: &[CellSummary],
    group: &Group,
    schemes: &Schemes,
    (place, number): (&Place, usize),
    value: Value,
) -> Vec<Series> {
    let mut lines: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
    for cell in cells {
        let row = &cell.row;
        let is_here = Place::of_any_threads(row) == *place && row.threads == number;
        if let (true, Some(batch), Some((y, interval))) =
            (is_here, row.reclaim_batch, value(cell, &group.rows))
        {
            let point = Point { x: batch as f64, y, interval, band: None };
            lines.entry(&row.reclaimer).or_default().push(point);
        }
    }
    let by_batch = |(name, mut points): (&str, Vec<Point>)| {
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        Series { name: name.to_owned(), look: schemes.looks[name], points }
    };
    lines.into_iter().map(by_batch).collect()
}

fn rate(cell: &CellSummary, _: &[Row]) -> Option<(f64, Option<(f64, f64)>)> {
    Some(cell.estimate?.in_units_of(1e6))
}

fn peak(cell: &CellSummary, rows: &[Row]) -> Option<(f64, Option<(f64, f64)>)> {
    let own = rows.iter().filter(|row| row.case == cell.row.case && row.counts());
    let peaks: Vec<f64> = own.filter_map(|row| Some(row.peak_unreclaimed_bytes? as f64)).collect();
    Estimate::of(&peaks).map(|peak| peak.in_units_of(1.0))
}
