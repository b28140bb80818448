//! The ratio to a baseline over threads (across) and read ratio (up), one panel for each subject
//! (rows) and each skew and number of keys (columns). The ratios and verdicts are those of
//! `bench cmp`.

use std::collections::{BTreeSet, HashSet};

use anyhow::Result;

use super::levels::{reads, skew};
use super::panels::{Key, Lines, Panel, Panels, Tile, XAxis, YAxis};
use super::schemes::{file_stem, threads};
use super::style::{Colour, Style, WHITE};
use super::{Drawing, Results};
use crate::analysis::compare::words::factor;
use crate::analysis::compare::{
    Baseline, Contender, Floors, Judged, Plan, Verdict, cells, judge, with_baseline,
};
use crate::analysis::setting::{Group, Setting, split_by};
use crate::analysis::throughput::{ChosenRate, choose_metric};
use crate::rows::Row;

const NAME: &str = "ratio-heatmap";
/// Height of a tile in texts' heights.
const TILE: f64 = 1.8;
/// Panels side by side where each subject has only one.
const ABREAST: usize = 4;
/// The colours of the highest ratio and of the lowest, from Okabe and Ito's palette: both are
/// darker than what is between them.
const ENDS: [Colour; 2] = [(0x56, 0xB4, 0xE9), (0xE6, 0x9F, 0x00)];
/// The ratio, or its reciprocal, from which a colour is at its end, at least.
const LEAST_END: f64 = 2.0;

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let Some(baseline) = results.baseline else {
        return Some("no baseline is known; name a subject with --baseline");
    };
    let (rows, choice) = compared(results, baseline);
    let cells = cells(&[&rows], choice.metric);
    let plan = plan(&cells, baseline);
    let places = |of: fn(&Row) -> u64| {
        let values: BTreeSet<u64> =
            plan.pairings.iter().map(|pairing| of(&pairing.ours.row)).collect();
        values.len()
    };
    if plan.pairings.is_empty() {
        return Some("no subject has trials in the same blocks as the baseline");
    }
    let is_map = places(|row| row.threads as u64) > 1 || places(|row| row.mix.reads.to_bits()) > 1;
    (!is_map).then_some("the trials differ neither in `threads` nor in `reads`")
}

/// See [`super::FIGURES`].
pub(super) fn draw(results: &Results<'_>, style: &Style) -> Result<Vec<Drawing>> {
    let Some(baseline) = results.baseline else { return Ok(Vec::new()) };
    let (rows, choice) = compared(results, baseline);
    let floors = Floors::of(&cells(&[results.rows], choice.metric));
    let cells = cells(&[&rows], choice.metric);
    let judged = judge(&plan(&cells, baseline), &floors);
    let of = |row: &Row| Setting::of(row).whatever(&["keys", "prefill", "capacity"]);
    let groups = split_by(&rows, &of);
    let pictures = groups.iter().filter_map(|group| {
        let cases: HashSet<&str> = group.rows.iter().map(|row| row.case.as_str()).collect();
        let own = judged.iter().filter(|one| cases.contains(one.ours.row.case.as_str()));
        let own: Vec<&Judged<'_>> = own.collect();
        (!own.is_empty()).then_some((group, own))
    });
    pictures
        .map(|(group, judged)| {
            let picture = Picture::new(group, &choice, judged);
            let panel_height = style.text * TILE * picture.ratios.len() as f64;
            let style = Style { panel_height, ..*style };
            picture.panels().drawing(file_stem(NAME, &group.label), &style)
        })
        .collect()
}

/// The rows of subjects and of the baseline, and the rate that `bench cmp` takes for them.
fn compared(results: &Results<'_>, baseline: &Baseline) -> (Vec<Row>, ChosenRate) {
    let is_baseline = |row: &Row| !row.twin && baseline.names(&row.subject(), &row.structure);
    let matters = |row: &&Row| !row.is_control() || is_baseline(row);
    let rows: Vec<Row> = results.rows.iter().filter(matters).cloned().collect();
    let choice = choose_metric(&rows, results.cpus);
    (rows, choice)
}

fn plan<'c>(cells: &'c [Contender], baseline: &Baseline) -> Plan<'c> {
    with_baseline(cells, baseline, |cell| !cell.row.is_control())
}

/// What is compared in one group, and where it is in the picture.
struct Picture<'a> {
    group: &'a Group,
    choice: &'a ChosenRate,
    judged: Vec<&'a Judged<'a>>,
    subjects: Vec<&'a str>,
    counts: Vec<usize>,
    /// Ascending, as all below.
    ratios: Vec<f64>,
    /// Skew and number of keys.
    kinds: Vec<(f64, u64)>,
    /// The logarithm from which a colour is at its end.
    end: f64,
}

impl<'a> Picture<'a> {
    fn new(group: &'a Group, choice: &'a ChosenRate, judged: Vec<&'a Judged<'a>>) -> Self {
        let rows = || judged.iter().map(|one| &one.ours.row);
        let subjects: BTreeSet<&str> = judged.iter().map(|one| one.ours.subject.as_str()).collect();
        let counts: BTreeSet<usize> = rows().map(|row| row.threads).collect();
        let mut ratios: Vec<f64> = rows().map(|row| row.mix.reads).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.dedup();
        let mut kinds: Vec<(f64, u64)> = rows().map(|row| (row.zipf, row.keys)).collect();
        kinds.sort_by(|a, b| a.1.cmp(&b.1).then(a.0.total_cmp(&b.0)));
        kinds.dedup();
        let logs = judged.iter().map(|one| one.ratio.centre.ln().abs());
        let end = logs.fold(LEAST_END.ln(), f64::max);
        Self {
            group,
            choice,
            subjects: subjects.into_iter().collect(),
            counts: counts.into_iter().collect(),
            ratios,
            kinds,
            end,
            judged,
        }
    }

    fn panels(&self) -> Panels {
        let panel = |subject: &&str, kind: &(f64, u64)| self.panel(subject, *kind);
        let rows: Vec<Vec<Panel>> = match self.kinds.as_slice() {
            [kind] => {
                let rows = self.subjects.chunks(ABREAST);
                rows.map(|row| row.iter().map(|subject| panel(subject, kind)).collect()).collect()
            }
            kinds => {
                let row = |subject| kinds.iter().map(|kind| panel(subject, kind)).collect();
                self.subjects.iter().map(row).collect()
            }
        };
        let labels: Vec<String> =
            self.ratios.iter().map(|ratio| format!("{ratio}\u{a0}%")).collect();
        Panels {
            y: vec![YAxis::levels("reads", labels); rows.len()],
            rows,
            x: XAxis::Levels(self.counts.iter().map(usize::to_string).collect()),
            lines: Lines::None,
            shade_from: None,
            x_label: "threads".to_owned(),
            legend: self.legend(),
            notes: vec![self.note()],
        }
    }

    fn panel(&self, subject: &str, kind: (f64, u64)) -> Panel {
        let here = |one: &&&Judged<'_>| {
            let row = &one.ours.row;
            one.ours.subject == subject && (row.zipf, row.keys) == kind
        };
        let own: Vec<&Judged<'_>> = self.judged.iter().filter(here).copied().collect();
        let keys = if self.kinds.iter().any(|other| other.1 != kind.1) {
            format!(", {} keys", kind.1)
        } else {
            String::new()
        };
        let workload = format!("θ = {}{keys}", kind.0);
        let tiles = own.iter().map(|one| self.tile(one)).collect();
        Panel { title: [subject.to_owned(), workload], tiles, ..Panel::default() }
    }

    fn tile(&self, one: &Judged<'_>) -> Tile {
        let row = &one.ours.row;
        let place = |found: Option<usize>| found.map_or(0, |i| i + 1);
        let ratio = one.ratio.centre;
        let shown = factor(ratio);
        let interval = one.ratio.interval.unwrap_or((ratio, ratio));
        Tile {
            x: place(self.counts.iter().position(|count| *count == row.threads)),
            y: place(self.ratios.iter().position(|reads| *reads == row.mix.reads)),
            colour: colour(ratio.ln() / self.end),
            text: match one.verdict {
                Verdict::NoDifferenceShown => format!("({shown})"),
                _ => shown.clone(),
            },
            value: Some((ratio, interval)),
            words: format!(
                "{}: {shown} times {} ({} to {}), {}; {}, {}, {}",
                one.ours.subject,
                one.theirs.subject,
                factor(interval.0),
                factor(interval.1),
                one.verdict,
                reads(row),
                skew(row),
                threads(row.threads)
            ),
        }
    }

    /// Five colours and their ratios.
    fn legend(&self) -> Vec<(Key, String)> {
        let key = |share: f64| (Key::Fill(colour(share)), factor((share * self.end).exp()));
        [-1.0, -0.5, 0.0, 0.5, 1.0].map(key).to_vec()
    }

    fn note(&self) -> String {
        let bases: BTreeSet<&str> =
            self.judged.iter().map(|one| one.theirs.subject.as_str()).collect();
        let bases: Vec<&str> = bases.into_iter().collect();
        let best = if bases.len() > 1 { "the best in each workload of " } else { "" };
        let floor = if self.judged.iter().any(|one| one.floor.is_some()) {
            ", or it is within the noise floor of an A/A pair"
        } else {
            ""
        };
        let alone = if self.judged.iter().any(|one| one.pairs == Some(1)) {
            " Some are of one block."
        } else {
            ""
        };
        format!(
            "Each number is the ratio of rates to {best}{}, the geometric mean over blocks; above 1 \
             is faster. In brackets: no difference shown, since chance alone may make it after the \
             correction for {} comparisons{floor}.{alone} Colours are logarithmic; by {}. {}.",
            bases.join(", "),
            self.judged.len(),
            self.choice.in_words(),
            self.group.setting.in_words_without_keys()
        )
    }
}

/// White at 0, and an end's colour at −1 and 1.
fn colour(share: f64) -> Colour {
    let end = if share >= 0.0 { ENDS[0] } else { ENDS[1] };
    let part = share.abs().min(1.0);
    let mix = |white: u8, end: u8| {
        (f64::from(white) + part * (f64::from(end) - f64::from(white))).round() as u8
    };
    (mix(WHITE.0, end.0), mix(WHITE.1, end.1), mix(WHITE.2, end.2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::plot::style::STYLES;
    use crate::show::plot::tests::{assert_texts_are_clear, texts};
    use crate::test_rows::{Grid, case, measured, with};

    /// Ten blocks; `b` is 1.5 times as fast as `a`, and `c` as fast, give or take.
    fn rows(threads: &[usize], ratios: &[f64], keys: &[u64]) -> Vec<Row> {
        let mut rows = Vec::new();
        for block in 0..10 {
            for (name, factor) in [("a", 1.0), ("b", 1.5), ("c", 1.0)] {
                for &n in threads {
                    for &reads in ratios {
                        for &keys in keys {
                            let sway =
                                if name == "c" { 0.02 * f64::from(block % 2) - 0.01 } else { 0.0 };
                            let case = case(name, "none", n, reads, 0.0, keys);
                            rows.push(measured(&case, block, 1e6 * factor * (1.0 + sway)));
                        }
                    }
                }
            }
        }
        rows
    }

    fn drawn(rows: &[Row], baseline: &str, style: &Style) -> Vec<Drawing> {
        let baseline = baseline.parse().unwrap();
        let results = Results { rows, cpus: 2, baseline: Some(&baseline), ..Results::default() };
        assert_eq!(lacks(&results), None);
        draw(&results, style).expect("rows to draw")
    }

    #[test]
    fn every_tile_has_its_ratio_and_brackets_where_none_is_shown() {
        let rows = rows(&[1, 2], &[50.0, 95.0, 100.0], &[1024, 65_536]);
        for style in STYLES {
            let drawings = drawn(&rows, "a", style);
            assert_eq!(drawings.len(), 1);
            let svg = &drawings[0].svg;
            let shown = texts(svg);
            let count = |text: &str| shown.iter().filter(|shown| *shown == text).count();
            assert_eq!((count("1.50"), count("(1.00)")), (2 * 3 * 2, 2 * 3 * 2), "{shown:?}");
            assert!(shown.iter().any(|text| text.contains("θ = 0, 1024 keys")), "{shown:?}");
            assert_eq!(drawings[0].values.len(), 2 * 2 * 3 * 2);
            assert_texts_are_clear(svg);
        }
    }

    #[test]
    fn tiles_are_where_their_levels_are() {
        let rows = rows(&[1, 2], &[50.0, 100.0], &[1024]);
        let drawing = &drawn(&rows, "a", &STYLES[0])[0];
        let at = |ends: &str| {
            let is_it = |value: &&crate::show::plot::HoverText| {
                value.text.starts_with("b: 1.50 times a") && value.text.ends_with(ends)
            };
            drawing.values.iter().find(is_it).expect("a tile").at
        };
        let [few, many] = ["1 thread", "2 threads"].map(|n| at(&format!("50 % reads, θ = 0, {n}")));
        let top = at("100 % reads, θ = 0, 1 thread");
        assert!(few.0 < many.0 && few.1 == many.1 && top.0 == few.0 && top.1 < few.1);
        let text = &drawing.values[0].text;
        assert!(text.contains("(1.50 to 1.50), faster"), "{text}");
        // The same in the table: x, y and the ratio.
        let lines: Vec<&str> =
            drawing.pgf.table.lines().filter(|line| line.starts_with('1')).collect();
        assert_eq!(lines.len(), 4, "{}", drawing.pgf.table);
        let fields: Vec<&str> = lines[0].split(';').collect();
        assert!((fields[3].parse::<f64>().unwrap() - 1.5).abs() < 1e-9, "{lines:?}");
        assert_eq!((&fields[..3], fields[6]), (&["1", "2", "1"][..], "100 _"));
        assert_eq!(drawing.pgf.tex.matches("\\filldraw").count(), 2 * 4);
        assert!(drawing.pgf.tex.contains("yticklabels={50~\\%,100~\\%}"), "{}", drawing.pgf.tex);
    }

    #[test]
    fn verdicts_are_those_of_the_comparison() {
        let rows = rows(&[1, 2], &[50.0], &[1024]);
        let drawing = &drawn(&rows, "b", &STYLES[0])[0];
        let slower = drawing.values.iter().filter(|value| value.text.contains("slower")).count();
        assert_eq!(slower, 4, "a and c at two numbers of threads");
        // An A/A pair that differs as much takes the verdicts away.
        let twin = |row: &Row| {
            with(row, |row| {
                row.twin = true;
                row.case = format!("twin {}", row.case);
                row.clean_ops_per_sec = row.clean_ops_per_sec.map(|rate| rate * 1.6);
            })
        };
        let twins = rows.iter().filter(|row| row.structure == "b").map(twin);
        let both: Vec<Row> = rows.iter().cloned().chain(twins).collect();
        let drawing = &drawn(&both, "b", &STYLES[0])[0];
        assert!(drawing.values.iter().all(|value| value.text.contains("no difference shown")));
        assert!(texts(&drawing.svg).join(" ").contains("noise floor"));
    }

    #[test]
    fn colours_diverge_about_one() {
        assert_eq!(colour(0.0), WHITE);
        assert_eq!((colour(1.0), colour(-1.0), colour(3.0)), (ENDS[0], ENDS[1], ENDS[0]));
        // In grey, further from 1 is darker on both sides.
        let grey = |(red, green, blue): Colour| {
            0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)
        };
        for side in [-1.0, 1.0] {
            let shades: Vec<f64> =
                (0..=4).map(|i| grey(colour(side * f64::from(i) / 4.0))).collect();
            assert!(shades.windows(2).all(|pair| pair[1] < pair[0]), "{shades:?}");
        }
    }

    #[test]
    fn what_it_lacks_is_said() {
        let of = |rows: &[Row], baseline: Option<&str>| {
            let baseline = baseline.map(|text| text.parse::<Baseline>().unwrap());
            lacks(&Results { rows, cpus: 2, baseline: baseline.as_ref(), ..Results::default() })
        };
        let rows = rows(&[1, 2], &[50.0], &[1024]);
        assert!(of(&rows, None).is_some_and(|what| what.contains("--baseline")));
        assert!(of(&rows, Some("none")).is_some_and(|what| what.contains("same blocks")));
        let one: Vec<Row> = rows.into_iter().filter(|row| row.threads == 1).collect();
        assert!(of(&one, Some("a")).is_some_and(|what| what.contains("neither")));
        assert_eq!(of(&Grid::small().rows(), Some("papaya")), None);
    }
}
