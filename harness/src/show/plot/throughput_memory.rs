//! Throughput against peak unreclaimed bytes: one marker a scheme, one panel for each table and
//! read ratio (rows) and number of threads (columns).

use std::collections::BTreeSet;

use anyhow::Result;

use super::panels::{Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::schemes::{Place, Schemes, file_stem, threads};
use super::style::Style;
use super::{Drawing, Results};
use crate::analysis::setting::{Group, split};
use crate::analysis::stats;
use crate::analysis::throughput::{CellSummary, ChosenRate, choose_metric, summarise};
use crate::rows::Row;

const NAME: &str = "throughput-memory";

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let rows = Schemes::of(results, is_measured).rows;
    let schemes: BTreeSet<_> = rows.iter().map(|row| &row.reclaimer).collect();
    (schemes.len() < 2).then_some(
        "it compares reclamation schemes, and there are not two with a rate and a peak of \
         unreclaimed bytes",
    )
}

fn is_measured(row: &Row) -> bool {
    row.ops_per_sec.is_some() && row.peak_unreclaimed_bytes.is_some()
}

/// See [`super::FIGURES`].
pub(super) fn draw(results: &Results<'_>, style: &Style) -> Result<Vec<Drawing>> {
    let schemes = Schemes::of(results, is_measured);
    let choice = choose_metric(&schemes.rows, results.cpus);
    split(&schemes.rows)
        .iter()
        .map(|group| panels(group, &schemes, &choice).drawing(file_stem(NAME, &group.label), style))
        .collect()
}

fn panels(group: &Group, schemes: &Schemes, choice: &ChosenRate) -> Panels {
    let places = Place::all(&group.rows, Place::of_any_threads);
    let counts: BTreeSet<usize> = group.rows.iter().map(|row| row.threads).collect();
    let cells = summarise(&group.rows, choice.metric);
    let panel = |place: &Place, number: usize| {
        let here = |cell: &&CellSummary| {
            Place::of_any_threads(&cell.row) == *place && cell.row.threads == number
        };
        let series = cells.iter().filter(here).filter_map(|cell| marker(cell, group, schemes));
        let title = place.title(&places, &threads(number));
        Panel { title, series: series.collect(), ..Panel::default() }
    };
    let row = |place| counts.iter().map(|&number| panel(place, number)).collect();
    let common = Place::in_common(&places);
    let common = if common.is_empty() { common } else { format!("; {common}") };
    let n = cells.iter().map(|cell| cell.n()).max().unwrap_or(0);
    let notes = format!(
        "Medians of up to {n} trials{common}; the bar is the rate's 95\u{a0}% BCa interval. {}. {}. \
         Each row of panels has its own scale of rates; up and left is better.",
        capital(&choice.in_words()),
        group.setting.in_words()
    );
    Panels {
        y: vec![YAxis::linear("Mops/s"); places.len()],
        rows: places.iter().map(row).collect(),
        x: XAxis::Log,
        lines: Lines::None,
        shade_from: None,
        x_label: "peak unreclaimed bytes".to_owned(),
        legend: schemes.legend(&group.rows),
        notes: vec![notes],
    }
}

fn marker(cell: &CellSummary, group: &Group, schemes: &Schemes) -> Option<Series> {
    let of_cell = group.rows.iter().filter(|row| row.case == cell.row.case && row.counts());
    let peaks: Vec<f64> =
        of_cell.filter_map(|row| Some(row.peak_unreclaimed_bytes? as f64)).collect();
    let interval = cell.interval().map(|(low, high)| (low / 1e6, high / 1e6));
    let point = Point { x: stats::median(&peaks), y: cell.median()? / 1e6, interval, band: None };
    let name = cell.row.reclaimer.clone();
    Some(Series { look: schemes.looks[&name], name, points: vec![point] })
}

/// With its first letter large.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
