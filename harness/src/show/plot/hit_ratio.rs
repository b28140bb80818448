//! Hit ratio against the bytes of a cache, a line for each policy, one panel for each read ratio and skew, or trace
//! (rows), and number of threads (columns); with theory's closed form where there is one.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Results;
use super::arrange::arranged;
use super::by_setting::by_setting;
use super::levels::{kinds, reads, skew};
use super::panels::{Curve, Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::schemes::threads;
use super::style::{Look, looks};
use crate::analysis::cache::CacheCell;
use crate::analysis::setting::{Group, Setting, split_by};
use crate::rows::Row;

const NAME: &str = "hit-ratio";
/// Bytes of a unit of the axis.
const MIB: f64 = (1_u64 << 20) as f64;

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let mut bounds: BTreeMap<(String, Setting), BTreeSet<u64>> = BTreeMap::new();
    for cell in cells(results) {
        let place = (cell.row.subject(), setting(&cell.row));
        bounds.entry(place).or_default().insert(cell.bytes());
    }
    let several = bounds.values().any(|bounds| bounds.len() > 1);
    (!several).then_some(
        "no cache has valid trials at two bounds of memory: the experiment file needs `[cache]` with \
         several `bytes`",
    )
}

/// What can be drawn: caches that have a hit ratio, no twins.
fn cells(results: &Results<'_>) -> Vec<CacheCell> {
    let mut cells = CacheCell::all(results.cache, results.rows);
    cells.retain(|cell| cell.hit_ratio().is_some() && !cell.row.is_control());
    cells
}

/// Of any bound.
fn setting(row: &Row) -> Setting {
    Setting::of(row).whatever(&["cache_bytes"])
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let cells = cells(results);
    let rows: Vec<Row> = cells.iter().map(|cell| cell.row.clone()).collect();
    let looks = looks(results.rows);
    let panels =
        |group: &Group, cells: Vec<&CacheCell>| Ratios { group, cells, looks: &looks }.panels();
    Ok(by_setting(NAME, &split_by(&rows, &setting), (&rows, &cells), panels))
}

/// One group's cells.
struct Ratios<'a> {
    group: &'a Group,
    cells: Vec<&'a CacheCell>,
    looks: &'a BTreeMap<String, Look>,
}

impl Ratios<'_> {
    fn panels(&self) -> Panels {
        let (ratios, skews) = kinds(self.cells.iter().map(|cell| &cell.row));
        let kinds: Vec<(f64, f64)> =
            ratios.iter().flat_map(|ratio| skews.iter().map(|skew| (*ratio, *skew))).collect();
        let counts: BTreeSet<usize> = self.cells.iter().map(|cell| cell.row.threads).collect();
        let counts: Vec<usize> = counts.into_iter().collect();
        let panel = |kind: &(f64, f64), threads: &usize| self.panel(*kind, *threads);
        let rows = arranged(&kinds, &counts, panel);
        let has_curves = rows.iter().flatten().any(|panel| !panel.curves.is_empty());
        Panels {
            y: vec![YAxis::linear("hit ratio"); rows.len()],
            rows,
            x: XAxis::Log,
            lines: Lines::Marked(1),
            shade_from: None,
            x_label: "memory for items (MiB)".to_owned(),
            legend: self.legend(has_curves),
            heading: String::new(),
            height: None,
            caption: vec![self.caption(has_curves)],
        }
    }

    fn panel(&self, (ratio, zipf): (f64, f64), number: usize) -> Option<Panel> {
        let here = |cell: &&&CacheCell| {
            let row = &cell.row;
            row.mix.reads == ratio && row.zipf == zipf && row.threads == number
        };
        let mut subjects: BTreeMap<String, Vec<&CacheCell>> = BTreeMap::new();
        for cell in self.cells.iter().filter(here) {
            subjects.entry(cell.row.subject()).or_default().push(cell);
        }
        let row = &subjects.values().next()?.first()?.row;
        let title = match &row.trace {
            Some(trace) => vec![threads(number), trace.name.clone()],
            None => vec![threads(number), reads(row), skew(row)],
        };
        let (mut series, mut curves) = (Vec::new(), Vec::new());
        for (name, mut cells) in subjects {
            cells.sort_by_key(|cell| cell.bytes());
            let look = self.looks[&name].solid();
            let points = cells.iter().filter_map(|cell| point(cell)).collect();
            series.push(Series::new(&name, look, points));
            curves.extend(closed_form(&name, &cells, look));
        }
        Some(Panel { title, series, curves, ..Panel::default() })
    }

    fn legend(&self, has_curves: bool) -> Vec<(Key, String)> {
        let names: BTreeSet<String> = self.cells.iter().map(|cell| cell.row.subject()).collect();
        let key = |name: String| (Key::Subject(self.looks[&name].solid()), name);
        let curve = has_curves.then(|| (Key::Dashed, "closed form".to_owned()));
        names.into_iter().map(key).chain(curve).collect()
    }

    fn caption(&self, has_curves: bool) -> String {
        let trials = self.cells.iter().map(|cell| cell.n()).max().unwrap_or(0);
        let theory = if has_curves {
            " Dashed: theory's closed form of the policy, for as many items as there were."
        } else {
            ""
        };
        format!(
            "Hits over lookups in the second half of the requests, where a miss is followed by a set: medians of \
             up to {trials} trials with their 95\u{a0}% BCa intervals.{theory} {}.",
            self.group.setting.in_words()
        )
    }
}

fn point(cell: &CacheCell) -> Option<Point> {
    let (y, interval) = cell.hit_ratio()?.in_units_of(1.0);
    Some(Point { x: cell.bytes() as f64 / MIB, y, interval, ..Point::default() })
}

/// What theory has of `cells`, at two bounds or more.
fn closed_form(name: &str, cells: &[&CacheCell], look: Look) -> Option<Curve> {
    let point = |cell: &&CacheCell| Some((cell.bytes() as f64 / MIB, cell.closed_form()?));
    let points: Vec<(f64, f64)> = cells.iter().filter_map(point).collect();
    (points.len() > 1).then(|| Curve {
        name: name.to_owned(),
        points,
        colour: look.colour,
        is_dashed: true,
        in_front: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::cache::CacheRow;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::tests::{assert_texts_are_clear, drawn, markers, texts};
    use crate::test_rows::{cached, cached_case};

    /// Trials of two policies, of which theory knows one, at three bounds.
    fn trials(skews: &[f64]) -> (Vec<Row>, Vec<CacheRow>) {
        let (mut rows, mut trials) = (Vec::new(), Vec::new());
        for (name, hits) in [("memc3/clock", 0.5), ("memc3/sieve", 0.6)] {
            for (step, bytes) in [1_u64 << 20, 4 << 20, 16 << 20].into_iter().enumerate() {
                for &zipf in skews {
                    let case = crate::case::Case { zipf, ..cached_case(name, bytes) };
                    for block in 0..3 {
                        let ratio = hits + 0.1 * step as f64 + 0.002 * f64::from(block);
                        let (row, trial) = cached(&case, block, ratio);
                        rows.push(row);
                        trials.push(trial);
                    }
                }
            }
        }
        (rows, trials)
    }

    #[test]
    fn a_line_for_each_policy_and_a_closed_form_where_there_is_one() {
        let (rows, trials) = trials(&[0.6, 0.99]);
        for style in STYLES {
            let results = Results { rows: &rows, cache: &trials, cpus: 2, ..Results::default() };
            let drawings = drawn(pictures, &results, style).expect("trials to draw");
            let [drawing] = drawings.as_slice() else { panic!("{}", drawings.len()) };
            assert_texts_are_clear(&drawing.svg);
            let text = texts(&drawing.svg).join("; ");
            for part in ["hit ratio", "memory for items (MiB)", "closed form", "memc3", "sieve"] {
                assert!(text.contains(part), "{}: no {part} in {text}", style.name);
            }
            // Two policies at three bounds in two panels, and the legend's.
            assert_eq!(drawing.values.len(), 12, "{}", style.name);
            assert_eq!(markers(&drawing.svg), 12 + 2, "{}", style.name);
            assert!(drawing.caption[0].contains("second half of the requests"));
            assert!(drawing.caption[0].contains("Dashed: theory's"));
        }
        let (rows, mut trials) = trials_of_sieve();
        let results = Results { rows: &rows, cache: &trials, cpus: 2, ..Results::default() };
        let drawing = drawn(pictures, &results, &STYLES[0]).expect("trials to draw").remove(0);
        assert!(!texts(&drawing.svg).join("; ").contains("closed form"));
        assert!(!drawing.caption[0].contains("Dashed"));
        trials.retain(|trial| trial.cache_bytes == 1 << 20);
        let results = Results { rows: &rows, cache: &trials, cpus: 2, ..Results::default() };
        assert!(lacks(&results).is_some_and(|what| what.contains("[cache]")), "one bound");
    }

    fn trials_of_sieve() -> (Vec<Row>, Vec<CacheRow>) {
        let (mut rows, mut all) = trials(&[0.99]);
        rows.retain(|row| row.structure == "memc3/sieve");
        all.retain(|trial| trial.eviction == "sieve");
        (rows, all)
    }

    #[test]
    fn the_closed_form_is_of_the_items_that_there_were() {
        let (rows, trials) = trials(&[0.99]);
        let cells = CacheCell::all(&trials, &rows);
        let clock: Vec<&CacheCell> = cells.iter().filter(|cell| cell.at == "clock").collect();
        let look = looks(&rows)["memc3/clock"];
        let curve = closed_form("memc3/clock", &clock, look).expect("a closed form");
        let expected = clock[0].closed_form().unwrap();
        assert_eq!(curve.points, [1.0, 4.0, 16.0].map(|mib| (mib, expected)));
        let sieve: Vec<&CacheCell> = cells.iter().filter(|cell| cell.at == "sieve").collect();
        assert!(closed_form("memc3/sieve", &sieve, look).is_none());
    }
}
