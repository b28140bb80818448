//! Throughput against peak unreclaimed bytes: one marker a scheme, one panel for each table and
//! read ratio (rows) and number of threads (columns).

use std::collections::BTreeSet;

use anyhow::Result;

use super::Results;
use super::arrange::arranged;
use super::levels::{floor_key, floor_of};
use super::panels::{Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::schemes::{Place, Schemes, file_stem, threads};
use crate::analysis::cell::Estimate;
use crate::analysis::compare::{Floors, cells};
use crate::analysis::setting::{Group, split};
use crate::analysis::throughput::{CellSummary, ChosenRate, choose_metric};
use crate::analysis::within::{self, summarise_within};
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
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let schemes = Schemes::of(results, is_measured);
    let choice = choose_metric(&schemes.rows, results.cpus);
    let floors = Floors::of(&cells(&[results.rows], choice.metric));
    let picture = |group: &Group| Sketch {
        file_stem: file_stem(NAME, &group.label),
        panels: panels(group, &schemes, &choice, &floors),
    };
    Ok(split(&schemes.rows).iter().map(picture).collect())
}

fn panels(group: &Group, schemes: &Schemes, choice: &ChosenRate, floors: &Floors) -> Panels {
    let places = Place::all(&group.rows, Place::of_any_threads);
    let counts: BTreeSet<usize> = group.rows.iter().map(|row| row.threads).collect();
    let counts: Vec<usize> = counts.into_iter().collect();
    let cells = summarise_within(&group.rows, choice.metric);
    let panel = |place: &Place, number: &usize| {
        let here = |cell: &&CellSummary| {
            Place::of_any_threads(&cell.row) == *place && cell.row.threads == *number
        };
        cells.iter().find(here)?;
        let series = cells.iter().filter(here).filter_map(|cell| {
            let point = marker(cell, group, floors)?;
            Some(Series::new(&cell.subject, schemes.looks[&cell.subject], vec![point]))
        });
        let (title, series) = (place.title(&threads(*number)), series.collect());
        Some(Panel { title, series, ..Panel::default() })
    };
    let rows = arranged(&places, &counts, panel);
    let n = cells.iter().map(|cell| cell.n()).max().unwrap_or(0);
    let caption = format!(
        "Medians of up to {n} trials. Of rates, {}; of bytes, they are the 95\u{a0}% BCa interval. Both \
         axes are logarithmic; up and left is better. By {}. {}. Each row of panels has its own \
         scale of rates.",
        within::IN_WORDS,
        choice.metric.in_words(),
        group.setting.in_words()
    );
    let twice: BTreeSet<&str> = cells
        .iter()
        .filter(|cell| floor_of(floors, cell).is_some())
        .map(|cell| cell.subject.as_str())
        .collect();
    Panels {
        y: vec![YAxis::log("Mops/s"); rows.len()],
        rows,
        x: XAxis::Log,
        lines: Lines::None,
        shade_from: None,
        x_label: "peak unreclaimed bytes".to_owned(),
        legend: schemes.legend(&group.rows).into_iter().chain(floor_key(&twice)).collect(),
        heading: String::new(),
        height: None,
        caption: vec![caption],
    }
}

/// The rate against the peak, each with its interval.
fn marker(cell: &CellSummary, group: &Group, floors: &Floors) -> Option<Point> {
    let of_cell = group.rows.iter().filter(|row| row.case == cell.row.case && row.counts());
    let peaks: Vec<f64> =
        of_cell.filter_map(|row| Some(row.peak_unreclaimed_bytes? as f64)).collect();
    let ((x, across), (y, interval)) =
        (Estimate::of(&peaks)?.in_units_of(1.0), cell.estimate?.in_units_of(1e6));
    let band = floor_of(floors, cell).map(|factor| (y / factor, y * factor));
    Some(Point { x, y, interval, across, band })
}
