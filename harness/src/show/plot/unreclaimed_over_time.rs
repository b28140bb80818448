//! Unreclaimed bytes over time, one panel for each table (rows) and fault (columns).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::panels::{Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::schemes::{Place, Schemes, file_stem};
use super::style::Style;
use super::{Drawing, Results};
use crate::analysis::setting::{Group, Setting, split_by};
use crate::analysis::stats;
use crate::fault::Fault;
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
pub(super) fn draw(results: &Results<'_>, style: &Style) -> Result<Vec<Drawing>> {
    let mut samples: Samples<'_> = BTreeMap::new();
    for sample in results.samples.iter().filter(|sample| sample.unreclaimed_bytes.is_some()) {
        samples.entry((&sample.case, sample.block)).or_default().push(sample);
    }
    let schemes = Schemes::of(results, |row| samples.contains_key(&(row.case.as_str(), row.block)));
    let of = |row: &crate::rows::Row| Setting::of(row).whatever(&["fault"]);
    split_by(&schemes.rows, &of)
        .iter()
        .map(|group| {
            panels(group, &schemes, &samples).drawing(file_stem(NAME, &group.label), style)
        })
        .collect()
}

fn panels(group: &Group, schemes: &Schemes, samples: &Samples<'_>) -> Panels {
    let places = Place::all(&group.rows, Place::of);
    let faults: BTreeSet<Fault> = group.rows.iter().map(|row| row.fault).collect();
    // Where every trial still has a sample; those of the few microseconds beyond count as there.
    let ends = samples.values().filter_map(|own| Some(own.last()?.at_seconds));
    let end = ends.reduce(f64::min).unwrap_or_default();
    let rows = places
        .iter()
        .map(|place| {
            faults
                .iter()
                .map(|&fault| {
                    let what =
                        if fault.is_none() { "no fault".to_owned() } else { fault.to_string() };
                    let title = place.title(&places, &what);
                    let series = series(group, schemes, samples, place, fault, end);
                    Panel { title, series, ..Panel::default() }
                })
                .collect()
        })
        .collect();
    let common = Place::in_common(&places);
    let trials = group.rows.iter().map(|row| row.block).collect::<BTreeSet<_>>().len();
    let notes = format!(
        "Median of {trials} trials of the largest reading in each interval, of which there are \
         {INTERVALS} at most; {}. {}.",
        if common.is_empty() { "workloads differ".to_owned() } else { common },
        group.setting.in_words()
    );
    Panels {
        y: vec![YAxis::log("unreclaimed bytes"); places.len()],
        rows,
        x: XAxis::Linear,
        lines: Lines::Marked((INTERVALS / MARKERS).max(1)),
        shade_from: None,
        x_label: "seconds".to_owned(),
        legend: schemes.legend(&group.rows),
        notes: vec![notes],
    }
}

/// One line for each scheme of a panel.
fn series(
    group: &Group,
    schemes: &Schemes,
    samples: &Samples<'_>,
    place: &Place,
    fault: Fault,
    end: f64,
) -> Vec<Series> {
    let mut trials: BTreeMap<&str, Vec<&Vec<&SeriesRow>>> = BTreeMap::new();
    for row in group.rows.iter().filter(|row| row.fault == fault && Place::of(row) == *place) {
        let own = samples.get(&(row.case.as_str(), row.block));
        trials.entry(&row.reclaimer).or_default().extend(own);
    }
    trials
        .into_iter()
        .map(|(name, trials)| Series {
            name: name.to_owned(),
            look: schemes.looks[name],
            points: line(&trials, end),
        })
        .collect()
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
        .map(|(i, all)| Point { x: middle(i), y: stats::median(all), interval: None, band: None })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Sample;
    use crate::test_rows::trial;

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
