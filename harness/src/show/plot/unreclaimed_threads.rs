//! Peak unreclaimed bytes against threads: how much memory schemes keep as there are more readers.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::arrange::in_rows;
use super::panels::{Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::schemes::{Place, Schemes, file_stem};
use super::{Results, Unasked};
use crate::analysis::cell::{Estimate, grouped};
use crate::analysis::setting::{Group, split};
use crate::rows::Row;

const NAME: &str = "unreclaimed-threads";

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let rows = Schemes::of(results, is_measured).rows;
    let counts =
        |group: &Group| group.rows.iter().map(|row| row.threads).collect::<BTreeSet<_>>().len();
    (!split(&rows).iter().any(|group| counts(group) > 1)).then_some(
        "no table with a reclaimer has peaks of unreclaimed bytes at two numbers of threads",
    )
}

/// See [`super::FIGURES`]: of one scheme a table there is nothing to compare.
pub(super) fn unasked(results: &Results<'_>) -> Unasked {
    let mut schemes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in Schemes::of(results, is_measured).rows {
        schemes.entry(row.structure.clone()).or_default().insert(row.reclaimer.clone());
    }
    let are_compared = schemes.values().any(|own| own.len() > 1);
    if are_compared { Unasked::Everywhere } else { Unasked::Nowhere }
}

fn is_measured(row: &Row) -> bool {
    row.peak_unreclaimed_bytes.is_some()
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let schemes = Schemes::of(results, is_measured);
    let picture = |group: &Group| Sketch {
        file_stem: file_stem(NAME, &group.label),
        panels: panels(group, &schemes, results.cpus),
    };
    Ok(split(&schemes.rows).iter().map(picture).collect())
}

fn panels(group: &Group, schemes: &Schemes, cpus: usize) -> Panels {
    let places = Place::all(&group.rows, Place::of_any_threads);
    let counts: BTreeSet<usize> = group.rows.iter().map(|row| row.threads).collect();
    let panel = |place: &Place| {
        let own = group.rows.iter().filter(|row| Place::of_any_threads(row) == *place);
        let mut lines: BTreeMap<String, Vec<Point>> = BTreeMap::new();
        for rows in grouped(own, |row| row.case.clone()) {
            lines.entry(rows[0].subject()).or_default().extend(peak(&rows));
        }
        let series = lines.into_iter().map(|(name, mut points)| {
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            Series::new(&name, schemes.looks[&name], points)
        });
        Panel { title: place.title(""), series: series.collect(), ..Panel::default() }
    };
    let abreast = if places.len() < 3 { places.len() } else { 2 };
    let rows = in_rows(places.iter().map(panel).collect(), abreast);
    let trials = grouped(&group.rows, |row| row.case.clone());
    let n = trials.iter().map(Vec::len).max().unwrap_or(0);
    let caption = format!(
        "Medians of up to {n} trials of the most bytes that were retired and not yet freed at any time, with their \
         95\u{a0}% BCa intervals. The y axis is logarithmic, with a place for 0. {}.",
        group.setting.in_words()
    );
    let oversubscribed = counts.iter().any(|&threads| threads > cpus);
    Panels {
        y: vec![YAxis::log("peak unreclaimed bytes"); rows.len()],
        rows,
        x: XAxis::Counts(counts.into_iter().collect()),
        lines: Lines::Marked(1),
        shade_from: oversubscribed.then_some(cpus as f64 + 0.5),
        x_label: "threads".to_owned(),
        legend: schemes.legend(&group.rows),
        heading: String::new(),
        height: None,
        caption: vec![caption],
    }
}

/// The median peak of a case's trials.
fn peak(rows: &[&Row]) -> Option<Point> {
    let peaks: Vec<f64> =
        rows.iter().filter_map(|row| Some(row.peak_unreclaimed_bytes? as f64)).collect();
    let (y, interval) = Estimate::of(&peaks)?.in_units_of(1.0);
    Some(Point { x: rows[0].threads as f64, y, interval, ..Point::default() })
}
