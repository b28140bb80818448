//! Throughput and peak unreclaimed bytes against the reclamation batch; two rows of panels for each
//! table and workload, one column for each number of threads.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Results;
use super::levels::{floor_key, floor_of};
use super::panels::{Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::schemes::{Place, Schemes, file_stem, threads};
use crate::analysis::cell::Estimate;
use crate::analysis::compare::Floors;
use crate::analysis::setting::{Group, Setting, split_by};
use crate::analysis::throughput::{CellSummary, ChosenRate, choose_metric};
use crate::analysis::within::{self, summarise_within};
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
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let schemes = Schemes::of(results, is_measured);
    let choice = choose_metric(&schemes.rows, results.cpus);
    let floors = Floors::of(&crate::analysis::compare::cells(&[results.rows], choice.metric));
    let of = |row: &Row| Setting::of(row).whatever(&["reclaim_batch"]);
    let picture = |group: &Group| Sketch {
        file_stem: file_stem(NAME, &group.label),
        panels: panels(group, &schemes, &choice, &floors),
    };
    Ok(split_by(&schemes.rows, &of).iter().map(picture).collect())
}

/// What a row of panels shows of a cell.
type Value = fn(&CellSummary, &[Row], &Floors) -> Option<Point>;

fn panels(group: &Group, schemes: &Schemes, choice: &ChosenRate, floors: &Floors) -> Panels {
    let places = Place::all(&group.rows, Place::of_any_threads);
    let columns: BTreeSet<usize> = group.rows.iter().map(|row| row.threads).collect();
    let batches: BTreeSet<usize> = group.rows.iter().filter_map(|row| row.reclaim_batch).collect();
    let cells = summarise_within(&group.rows, choice.metric);
    let values: [(&str, Value); 2] = [("Mops/s", rate), ("peak unreclaimed bytes", peak)];
    let (mut rows, mut y) = (Vec::new(), Vec::new());
    for place in &places {
        for (label, value) in values {
            let panel = |number: &usize| {
                let here = |cell: &&CellSummary| {
                    Place::of_any_threads(&cell.row) == *place && cell.row.threads == *number
                };
                cells.iter().find(here)?;
                let own = cells.iter().filter(here);
                let points = own.filter_map(|cell| Some((cell, value(cell, &group.rows, floors)?)));
                let (title, series) = (place.title(&threads(*number)), series(points, schemes));
                Some(Panel { title, series, ..Panel::default() })
            };
            rows.push(columns.iter().filter_map(panel).collect());
            y.push(YAxis::log(label));
        }
    }
    let twice: BTreeSet<&str> = cells
        .iter()
        .filter(|cell| floor_of(floors, cell).is_some())
        .map(|cell| cell.subject.as_str())
        .collect();
    let n = cells.iter().map(|cell| cell.n()).max().unwrap_or(0);
    let caption = format!(
        "Medians of up to {n} trials. Of rates, {}; of bytes, they are the 95\u{a0}% BCa interval. All axes are \
         logarithmic. By {}. {}. Schemes whose batch is fixed, and trials at a scheme's own batch, are not \
         drawn. Each row of panels has its own scale.",
        within::IN_WORDS,
        choice.metric.in_words(),
        group.setting.in_words()
    );
    Panels {
        rows,
        y,
        x: XAxis::Counts(batches.into_iter().collect()),
        lines: Lines::Marked(1),
        shade_from: None,
        x_label: "retirements between scans (reclaim_batch)".to_owned(),
        legend: schemes.legend(&group.rows).into_iter().chain(floor_key(&twice)).collect(),
        heading: String::new(),
        height: None,
        caption: vec![caption],
    }
}

/// One line for each subject.
fn series<'c>(
    points: impl Iterator<Item = (&'c CellSummary, Point)>,
    schemes: &Schemes,
) -> Vec<Series> {
    let mut lines: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
    for (cell, point) in points {
        if let Some(batch) = cell.row.reclaim_batch {
            lines.entry(&cell.subject).or_default().push(Point { x: batch as f64, ..point });
        }
    }
    let by_batch = |(name, mut points): (&str, Vec<Point>)| {
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        Series::new(name, schemes.looks[name], points)
    };
    lines.into_iter().map(by_batch).collect()
}

fn rate(cell: &CellSummary, _: &[Row], floors: &Floors) -> Option<Point> {
    let (y, interval) = cell.estimate?.in_units_of(1e6);
    let band = floor_of(floors, cell).map(|factor| (y / factor, y * factor));
    Some(Point { y, interval, band, ..Point::default() })
}

fn peak(cell: &CellSummary, rows: &[Row], _: &Floors) -> Option<Point> {
    let own = rows.iter().filter(|row| row.case == cell.row.case && row.counts());
    let peaks: Vec<f64> = own.filter_map(|row| Some(row.peak_unreclaimed_bytes? as f64)).collect();
    let (y, interval) = Estimate::of(&peaks)?.in_units_of(1.0);
    Some(Point { y, interval, ..Point::default() })
}
