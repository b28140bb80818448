//! Throughput against threads with the Universal Scalability Law fitted to it, one panel for each
//! read ratio (rows) and skew (columns).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use stats::FEWEST_COUNTS;

use super::Results;
use super::arrange::arranged;
use super::levels::{drawn, kinds, reads, skew};
use super::panels::{Curve, Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::schemes::file_stem;
use super::style::{Look, looks};
use crate::analysis::compare::{Workload, cells};
use crate::analysis::scaling::{Scaling, scalings};
use crate::analysis::setting::{Group, split};
use crate::analysis::throughput::{CellSummary, ChosenRate, choose_metric, summarise};

const NAME: &str = "scaling-usl";
/// Straight parts of a drawn curve.
const PARTS: usize = 60;
/// How much further than the last number of threads a law is drawn.
const BEYOND: usize = 2;
/// Laws whose numbers fit under the panels.
const MOST_NAMED: usize = 12;

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let mut counts: BTreeMap<(Workload, String), BTreeSet<usize>> = BTreeMap::new();
    for row in drawn(results.rows).into_iter().filter(|row| row.threads <= results.cpus) {
        let curve = (Workload::of(&row).of_any_threads(), row.subject());
        counts.entry(curve).or_default().insert(row.threads);
    }
    let is_enough = |counts: &BTreeSet<usize>| counts.len() >= FEWEST_COUNTS;
    (!counts.values().any(is_enough)).then_some(
        "no subject has valid trials at four numbers of threads up to the number of CPUs, which \
             the law needs",
    )
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let rows = drawn(results.rows);
    let choice = choose_metric(&rows, results.cpus);
    let looks = looks(results.rows);
    let mut pictures = Vec::new();
    for group in split(&rows) {
        let (mut laws, _) = scalings(&cells(&[&group.rows], choice.metric), results.cpus);
        // What such a law says of threads is what sharing CPUs costs.
        laws.retain(|law| !law.is_oversubscribed);
        if !laws.is_empty() {
            let panels = Fitted::new(&group, &choice, laws, results.cpus).panels(&looks);
            pictures.push(Sketch { file_stem: file_stem(NAME, &group.label), panels });
        }
    }
    Ok(pictures)
}

/// One group's points and laws.
struct Fitted<'a> {
    group: &'a Group,
    choice: &'a ChosenRate,
    laws: Vec<Scaling>,
    cells: Vec<CellSummary>,
    cpus: usize,
}

impl<'a> Fitted<'a> {
    /// Subjects without a law are not drawn.
    fn new(group: &'a Group, choice: &'a ChosenRate, laws: Vec<Scaling>, cpus: usize) -> Self {
        let has_law = |cell: &CellSummary| {
            let workload = Workload::of(&cell.row).of_any_threads();
            laws.iter().any(|law| law.subject == cell.subject && law.workload == workload)
        };
        let mut cells = summarise(&group.rows, choice.metric);
        cells.retain(has_law);
        Self { group, choice, laws, cells, cpus }
    }

    fn panels(&self, looks: &BTreeMap<String, Look>) -> Panels {
        let (ratios, skews) = kinds(self.cells.iter().map(|cell| &cell.row));
        let xs: BTreeSet<usize> = self.cells.iter().map(|cell| cell.row.threads).collect();
        let end = xs.last().copied().unwrap_or(1) * BEYOND;
        let panel = |ratio: &f64, theta: &f64| self.panel(*ratio, *theta, end, looks);
        let rows = arranged(&ratios, &skews, panel);
        let oversubscribed = end > self.cpus;
        Panels {
            y: vec![YAxis::linear("Mops/s"); rows.len()],
            rows,
            x: XAxis::Counts(xs.into_iter().chain([end]).collect()),
            lines: Lines::None,
            shade_from: oversubscribed.then_some(self.cpus as f64 + 0.5),
            x_label: "threads".to_owned(),
            legend: self.legend(looks, oversubscribed),
            heading: String::new(),
            height: None,
            caption: self.caption(),
        }
    }

    fn panel(
        &self,
        ratio: f64,
        theta: f64,
        end: usize,
        looks: &BTreeMap<String, Look>,
    ) -> Option<Panel> {
        let here = |cell: &&CellSummary| cell.row.mix.reads == ratio && cell.row.zipf == theta;
        let mut points: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
        let mut curves = Vec::new();
        let mut row = None;
        for cell in self.cells.iter().filter(here) {
            if let Some(median) = cell.median() {
                let interval = cell.interval().map(|(low, high)| (low / 1e6, high / 1e6));
                let (x, y) = (cell.row.threads as f64, median / 1e6);
                points.entry(&cell.subject).or_default().push(Point {
                    x,
                    y,
                    interval,
                    ..Point::default()
                });
            }
            row = Some(&cell.row);
        }
        let row = row?;
        let workload = Workload::of(row).of_any_threads();
        for law in self.laws.iter().filter(|law| law.workload == workload) {
            curves.extend(curves_of(law, end, looks[&law.subject]));
        }
        let series = points.into_iter().map(|(name, mut points)| {
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            Series::new(name, looks[name].solid(), points)
        });
        let title = vec![reads(row), skew(row)];
        Some(Panel { title, series: series.collect(), curves, ..Panel::default() })
    }

    fn legend(&self, looks: &BTreeMap<String, Look>, shaded: bool) -> Vec<(Key, String)> {
        let names: BTreeSet<&str> = self.laws.iter().map(|law| law.subject.as_str()).collect();
        let mut legend: Vec<(Key, String)> = names
            .into_iter()
            .map(|name| (Key::Subject(looks[name].solid()), name.to_owned()))
            .collect();
        legend.push((Key::Dashed, "extrapolated".to_owned()));
        if shaded {
            legend.push((Key::Shade, format!("threads > CPUs ({})", self.cpus)));
        }
        legend
    }

    fn caption(&self) -> Vec<String> {
        let note = format!(
            "Points are medians with their 95\u{a0}% BCa intervals, lines the Universal Scalability \
             Law λN / (1 + σ(N−1) + κN(N−1)) fitted to them up to the number of CPUs; dashed beyond \
             the last number of threads that was fitted, where it is a guess; {}. {}.",
            self.choice.metric.in_words(),
            self.group.setting.in_words()
        );
        let mut notes = vec![note];
        if self.laws.len() > MOST_NAMED {
            notes.push("λ, σ and κ with their intervals: `bench scaling`.".to_owned());
        } else {
            notes.extend(self.laws.iter().map(|law| self.in_words(law)));
        }
        notes
    }

    /// The numbers of one law, with what tells its panel from others.
    fn in_words(&self, law: &Scaling) -> String {
        let mut names: Vec<String> = self.laws.iter().map(|law| law.workload.to_string()).collect();
        names.dedup();
        let cell = self
            .cells
            .iter()
            .find(|cell| Workload::of(&cell.row).of_any_threads() == law.workload)
            .filter(|_| names.len() > 1);
        let panel = cell.map_or_else(String::new, |cell| {
            format!(", {}, {}", reads(&cell.row), skew(&cell.row))
        });
        format!("{}{panel}: {}.", law.subject, law.in_words())
    }
}

/// A law within what it was fitted to, and beyond.
fn curves_of(law: &Scaling, end: usize, look: Look) -> [Curve; 2] {
    let ends = |from: usize, to: usize| {
        let (from, to) = (from as f64, to as f64);
        // Even steps of an axis that is logarithmic.
        let at = move |i: usize| from * (to / from).powf(i as f64 / PARTS as f64);
        let points = (0..=PARTS).map(at).map(|n| (n, law.fit.law.rate(n) / 1e6)).collect();
        let name = law.subject.clone();
        Curve { name, points, colour: look.colour, is_dashed: false, in_front: false }
    };
    let (first, last) = (law.threads[0], law.threads[law.threads.len() - 1]);
    [ends(first, last), Curve { is_dashed: true, ..ends(last, end) }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Row;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::tests::{assert_texts_are_clear, markers, texts};
    use crate::test_rows::{Grid, trial};
    use stats::Usl;

    fn results(rows: &[Row], cpus: usize) -> Results<'_> {
        Results { rows, cpus, ..Results::default() }
    }

    fn law_rows(threads: &[usize]) -> Vec<Row> {
        let law = Usl { lambda: 2e6, sigma: 0.1, kappa: 0.02 };
        let row = |&n: &usize, block: u32| {
            let rate = law.rate(n as f64) * (1.0 + 0.01 * f64::from((block * 3 + n as u32) % 4));
            Row { clean_windows: Some(0), ..trial("papaya", n, block, rate) }
        };
        (0..6).flat_map(|block| threads.iter().map(move |n| row(n, block))).collect()
    }

    /// Polylines of so many points.
    fn curves(svg: &str, points: usize) -> usize {
        let of = |line: &&str| {
            let list = line.split("points=\"").nth(1).and_then(|rest| rest.split('"').next());
            list.is_some_and(|list| list.split_whitespace().count() == points)
        };
        svg.lines().filter(|line| line.starts_with("<polyline")).filter(of).count()
    }

    #[test]
    fn points_have_a_line_and_a_dashed_one_beyond() {
        let grid = Grid { threads: vec![1, 2, 4, 8], reads: vec![50.0, 95.0], ..Grid::small() };
        let mut rows = grid.rows();
        rows.push(trial("no-op", 1, 0, 90e6));
        rows.extend([1, 2].map(|n| trial("dashmap", n, 0, 90e6)));
        for style in STYLES {
            let drawing = &crate::show::plot::tests::drawn(pictures, &results(&rows, 8), style)
                .expect("rows to draw")[0];
            assert_eq!(markers(&drawing.svg), 2 * 4 * 2 + 2);
            assert_eq!(curves(&drawing.svg, PARTS + 1), 2 * 2, "a whole line for each");
            assert_texts_are_clear(&drawing.svg);
            let text = texts(&drawing.svg).join("; ");
            for expected in ["extrapolated", "threads", "16", "95 % reads", "papaya"] {
                assert!(text.contains(expected), "no {expected} in {text}");
            }
            let caption = drawing.caption.join(" ");
            assert!(caption.contains("papaya, 50 % reads"), "{caption}");
            assert!(!text.contains("no-op") && !text.contains("dashmap"), "{text}");
        }
    }

    #[test]
    fn the_line_is_the_law_and_ends_twice_as_far() {
        let rows = law_rows(&[1, 2, 4, 8]);
        let group = &split(&rows)[0];
        let (laws, _) = scalings(&cells(&[&rows], choose_metric(&rows, 8).metric), 8);
        let [fitted, beyond] = curves_of(&laws[0], 16, looks(&rows)["papaya"]);
        assert!(!fitted.is_dashed && beyond.is_dashed);
        let ends = |curve: &Curve| (curve.points[0], curve.points[PARTS]);
        assert_eq!((ends(&fitted).0.0, ends(&fitted).1.0), (1.0, 8.0));
        assert_eq!((ends(&beyond).0.0, ends(&beyond).1.0), (8.0, 16.0));
        for (n, rate) in fitted.points.iter().chain(&beyond.points) {
            assert!((rate - laws[0].fit.law.rate(*n) / 1e6).abs() < 1e-9);
        }
        let drawing = &crate::show::plot::tests::drawn(pictures, &results(&rows, 8), &STYLES[0])
            .expect("rows to draw")[0];
        let text = texts(&drawing.svg).join(" ");
        assert!(drawing.caption.join(" ").contains(&laws[0].in_words()[..12]));
        assert!(text.contains("threads &gt; CPUs (8)"), "{text}");
        // Both are in the LaTeX, one of them dashed.
        let tex = &drawing.pgf.tex;
        assert_eq!(tex.matches("\\draw[color=").count(), 2, "{tex}");
        assert_eq!(tex.matches("dash pattern=on").count(), 2, "and the legend's: {tex}");
        assert_eq!(group.rows.len(), rows.len());
    }

    #[test]
    fn no_law_needs_more_threads_than_cpus() {
        let rows = law_rows(&[1, 2, 4, 8]);
        assert!(
            lacks(&results(&rows, 4)).is_some_and(|what| what.contains("up to the number of CPUs"))
        );
        // Of two subjects the one with enough.
        let more = [1, 2, 3, 4].map(|n| law_rows(&[n])).concat();
        let more = more.into_iter().map(|row| {
            crate::test_rows::with(&row, |row| {
                row.structure = "dashmap".to_owned();
                row.case = format!("dashmap {}", row.threads);
            })
        });
        let both: Vec<Row> = rows.into_iter().chain(more).collect();
        let drawing = &crate::show::plot::tests::drawn(pictures, &results(&both, 4), &STYLES[0])
            .expect("a law")[0];
        let text = texts(&drawing.svg).join(" ");
        assert!(text.contains("dashmap") && !text.contains("papaya"), "{text}");
    }

    #[test]
    fn three_numbers_of_threads_are_too_few() {
        let rows = law_rows(&[1, 2, 4]);
        assert!(lacks(&results(&rows, 8)).is_some_and(|what| what.contains("four numbers")));
        assert_eq!(lacks(&results(&law_rows(&[1, 2, 4, 8]), 8)), None);
    }
}
