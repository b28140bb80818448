//! Unreclaimed bytes over time, one panel for each table (rows) and fault (columns).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Results;
use super::arrange::arranged;
use super::panels::{Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::schemes::{Place, Schemes, file_stem};
use crate::analysis::setting::{Group, Setting, split_by};
use crate::fault::Fault;
use crate::rows::Row;
use crate::rows::samples::SeriesRow;

const NAME: &str = "unreclaimed-over-time";
/// Intervals of a trial, in each of which a line has one point.
const INTERVALS: usize = 40;
/// Markers of a line.
const MARKERS: usize = 5;

/// The samples of each trial, by case and block.
type Samples<'a> = BTreeMap<(&'a str, u32), Vec<&'a SeriesRow>>;

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let measured = results.samples.iter().any(|sample| sample.unreclaimed_bytes.is_some());
    (!measured).then_some(
        "no trial has samples of unreclaimed bytes: the experiment file needs `series = true`, \
         and a table with a reclaimer",
    )
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let mut samples: Samples<'_> = BTreeMap::new();
    for sample in results.samples.iter().filter(|sample| sample.unreclaimed_bytes.is_some()) {
        samples.entry((&sample.case, sample.block)).or_default().push(sample);
    }
    let schemes = Schemes::of(results, |row| samples.contains_key(&(row.case.as_str(), row.block)));
    let of = |row: &Row| Setting::of(row).whatever(&["fault"]);
    let picture = |group: &Group| Sketch {
        file_stem: file_stem(NAME, &group.label),
        panels: panels(group, &schemes, &samples),
    };
    Ok(split_by(&schemes.rows, &of).iter().map(picture).collect())
}

fn panels(group: &Group, schemes: &Schemes, samples: &Samples<'_>) -> Panels {
    let places = Place::all(&group.rows, Place::of);
    let faults: BTreeSet<Fault> = group.rows.iter().map(|row| row.fault).collect();
    // Where every trial here still has a sample; those of the few microseconds beyond count as there.
    let own = group.rows.iter().filter_map(|row| samples.get(&(row.case.as_str(), row.block)));
    let ends = own.filter_map(|own| Some(own.last()?.at_seconds));
    let end = ends.reduce(f64::min).unwrap_or_default();
    let faults: Vec<Fault> = faults.into_iter().collect();
    let panel = |place: &Place, fault: &Fault| {
        let what = if fault.is_none() { "no fault".to_owned() } else { fault.to_string() };
        let is_here = |row: &Row| row.fault == *fault && Place::of(row) == *place;
        group.rows.iter().find(|row| is_here(row))?;
        let series = series(group, schemes, samples, &is_here, end);
        Some(Panel { title: place.title(&what), series, ..Panel::default() })
    };
    let rows = arranged(&places, &faults, panel);
    let trials = group.rows.iter().map(|row| row.block).collect::<BTreeSet<_>>().len();
    let caption = format!(
        "Median of {trials} trials of the largest reading in each interval, of which there are \
         {INTERVALS} at most. {}.",
        group.setting.in_words()
    );
    Panels {
        y: vec![YAxis::log("unreclaimed bytes"); rows.len()],
        rows,
        x: XAxis::Linear,
        lines: Lines::Marked((INTERVALS / MARKERS).max(1)),
        shade_from: None,
        x_label: "seconds".to_owned(),
        legend: schemes.legend(&group.rows),
        heading: String::new(),
        height: None,
        caption: vec![caption],
    }
}

/// One line for each subject of a panel.
fn series(
    group: &Group,
    schemes: &Schemes,
    samples: &Samples<'_>,
    is_here: &dyn Fn(&Row) -> bool,
    end: f64,
) -> Vec<Series> {
    let mut trials: BTreeMap<String, Vec<&Vec<&SeriesRow>>> = BTreeMap::new();
    for row in group.rows.iter().filter(|row| is_here(row)) {
        let own = samples.get(&(row.case.as_str(), row.block));
        trials.entry(row.subject()).or_default().extend(own);
    }
    let line = |(name, trials): (String, Vec<_>)| {
        Series::new(&name, schemes.looks[&name], line(&trials, end))
    };
    trials.into_iter().map(line).collect()
}

/// In each interval up to `end` the median, over the trials that have a reading in it, of their
/// largest one.
fn line(trials: &[&Vec<&SeriesRow>], end: f64) -> Vec<Point> {
    let readings = trials.iter().map(|samples| samples.len()).min().unwrap_or(0);
    let intervals = INTERVALS.min(readings).max(1);
    let width = end / intervals as f64;
    let mut peaks = vec![Vec::new(); intervals];
    for samples in trials {
        let mut own = vec![None; intervals];
        for sample in *samples {
            let at = ((sample.at_seconds / width) as usize).min(intervals - 1);
            own[at] = own[at].max(sample.unreclaimed_bytes);
        }
        for (all, peak) in peaks.iter_mut().zip(own) {
            all.extend(peak.map(|bytes| bytes as f64));
        }
    }
    let middle = |i: usize| (i as f64 + 0.5) * width;
    peaks
        .iter()
        .enumerate()
        .filter(|(_, all)| !all.is_empty())
        .map(|(i, all)| Point { x: middle(i), y: stats::median(all), ..Point::default() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Sample;
    use crate::test_rows::{Grid, trial};

    /// A trial under another setting may be over early.
    #[test]
    fn lines_go_on_to_the_end_of_their_own_trials() {
        let subjects = vec![("hamt-cas", "epoch")];
        let grid = Grid { subjects, threads: vec![1], keys: vec![64, 1024], ..Grid::small() };
        let rows = grid.rows();
        let of = |row: &Row| {
            let end = if row.keys == 64 { 1.0 } else { 8.0 };
            [0.0, 0.5, 1.0].map(|share| {
                let (at_seconds, unreclaimed_bytes) = (share * end, Some(9));
                SeriesRow::new(row, Sample { at_seconds, unreclaimed_bytes, ..Sample::default() })
            })
        };
        let samples: Vec<SeriesRow> = rows.iter().flat_map(of).collect();
        let results = Results { rows: &rows, samples: &samples, cpus: 2, ..Results::default() };
        let sketches = pictures(&results).expect("there are samples");
        let last = |sketch: &Sketch| {
            let points = &sketch.panels.rows[0][0].series[0].points;
            points.last().expect("a point").x
        };
        let mut ends: Vec<f64> = sketches.iter().map(last).collect();
        ends.sort_by(f64::total_cmp);
        assert!(ends.len() == 2 && ends[0] < 1.0 && (6.0..8.0).contains(&ends[1]), "{ends:?}");
    }

    #[test]
    fn a_line_has_the_median_of_the_peaks() {
        let series = |readings: &[(f64, u64)]| -> Vec<SeriesRow> {
            let of = |&(at_seconds, bytes): &(f64, u64)| {
                let unreclaimed_bytes = Some(bytes);
                let sample = Sample { at_seconds, unreclaimed_bytes, ..Sample::default() };
                SeriesRow::new(&trial("hamt-cas", 1, 0, 1e6), sample)
            };
            readings.iter().map(of).collect()
        };
        // Three intervals of a second. The second trial has two readings in the first of them.
        let trials = [
            series(&[(0.0, 1), (1.5, 9), (3.0, 2)]),
            series(&[(0.0, 5), (0.5, 3), (1.5, 1), (2.5, 8)]),
            series(&[(0.0, 4), (1.5, 7), (2.0, 3)]),
        ];
        let trials: Vec<Vec<&SeriesRow>> = trials.iter().map(|t| t.iter().collect()).collect();
        let all: Vec<_> = trials.iter().collect();
        let found: Vec<_> = line(&all, 3.0).iter().map(|point| (point.x, point.y)).collect();
        assert_eq!(found, [(0.5, 4.0), (1.5, 7.0), (2.5, 3.0)]);
    }
}
