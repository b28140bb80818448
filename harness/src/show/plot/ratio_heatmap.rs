//! The ratios to a baseline as one matrix: subjects by workloads. The ratios and verdicts are those of
//! `bench cmp`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Results;
use super::arrange::{WIDEST, in_rows};
use super::levels::{reads, skew};
use super::panels::{Key, Lines, Panel, Panels, Tile, XAxis, YAxis, place_of_name};
use super::picture::Sketch;
use super::schemes::threads;
use super::style::{Colour, WHITE};
use crate::analysis::compare::words::factor;
use crate::analysis::compare::{
    Baseline, Contender, Floors, Judged, Plan, Verdict, Workload, cells, judge, with_baseline,
};
use crate::analysis::setting::{Group, in_common, parts_that_differ, split};
use crate::analysis::throughput::{ChosenRate, choose_metric};
use crate::rows::Row;

const NAME: &str = "ratio-heatmap";
/// Height of a tile in texts' heights.
const TILE: f64 = 1.7;
/// Workloads side by side, at most, where some can be in another panel.
const MOST: usize = 12;
/// The colours of the highest ratio and of the lowest, from Okabe and Ito's palette: both are
/// darker than what is between them.
const ENDS: [Colour; 2] = [(0x56, 0xB4, 0xE9), (0xE6, 0x9F, 0x00)];
/// The ratio, or its reciprocal, from which a colour is at its end, at least and at most: a few that are
/// far out do not take the colour from all others.
const END: [f64; 2] = [2.0, 8.0];

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    let Some(baseline) = results.baseline else {
        return Some("no baseline is known; name a subject with --baseline");
    };
    let (rows, choice) = compared(results, baseline);
    let cells = cells(&[&rows], choice.metric);
    let plan = plan(&cells, baseline);
    if plan.pairings.is_empty() {
        return Some("no subject has trials in the same blocks as the baseline");
    }
    let workloads: BTreeSet<&Workload> =
        plan.pairings.iter().map(|pairing| &pairing.ours.workload).collect();
    (workloads.len() < 2).then_some("the trials are of one workload: `throughput-bars` shows it")
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let Some(baseline) = results.baseline else { return Ok(Vec::new()) };
    let (rows, choice) = compared(results, baseline);
    let floors = Floors::of(&cells(&[results.rows], choice.metric));
    let cells = cells(&[&rows], choice.metric);
    let judged = judge(&plan(&cells, baseline), &floors);
    let panels = Matrix::new(&rows, &choice, &judged).panels();
    Ok(vec![Sketch { file_stem: NAME.to_owned(), panels }])
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

/// What tells a workload from others, the outermost first: its setting, reads, skew, threads.
type Parts = Vec<String>;

/// What is compared, and where it is in the picture.
struct Matrix<'a> {
    choice: &'a ChosenRate,
    judged: &'a [Judged<'a>],
    groups: Vec<Group>,
    /// Those furthest above the baseline first.
    names: Vec<&'a str>,
    /// The workloads from the left, with the places of their comparisons.
    columns: Vec<(Parts, Vec<usize>)>,
    /// What workloads have in common beside what settings do, in words.
    alike: Vec<String>,
    /// The logarithm from which a colour is at its end.
    end: f64,
}

impl<'a> Matrix<'a> {
    fn new(rows: &[Row], choice: &'a ChosenRate, judged: &'a [Judged<'a>]) -> Self {
        let groups = split(rows);
        let logs = judged.iter().map(|one| one.ratio.centre.ln().abs());
        let end = logs.fold(END[0].ln(), f64::max).min(END[1].ln());
        let (columns, alike) = columns(&groups, judged);
        Self { choice, judged, groups, names: names(judged), columns, alike, end }
    }

    fn panels(&self) -> Panels {
        let lines = self.columns.first().map_or(0, |(parts, _)| parts.len());
        // As many of the outermost parts are panels of their own as leave room for the others.
        let widest = |outer: usize| {
            let panels = self.columns.chunk_by(|a, b| a.0[..outer] == b.0[..outer]);
            panels.map(<[_]>::len).max().unwrap_or(0)
        };
        let outer = (0..lines.max(1)).find(|outer| widest(*outer) <= MOST);
        let outer = outer.unwrap_or(lines.saturating_sub(1));
        let mut inner: Vec<&[String]> = Vec::new();
        for (parts, _) in &self.columns {
            if !inner.contains(&&parts[outer..]) {
                inner.push(&parts[outer..]);
            }
        }
        let panels = self.columns.chunk_by(|a, b| a.0[..outer] == b.0[..outer]);
        let panel = |columns: &[(Parts, Vec<usize>)]| {
            let tile = |(parts, own): &(Parts, Vec<usize>)| {
                let x =
                    inner.iter().position(|other| **other == parts[outer..]).map_or(0, |i| i + 1);
                own.iter().map(|i| self.tile(&self.judged[*i], x)).collect::<Vec<_>>()
            };
            let title = columns[0].0[..outer].to_vec();
            Panel { title, tiles: columns.iter().flat_map(tile).collect(), ..Panel::default() }
        };
        let panels: Vec<Panel> = panels.map(panel).collect();
        let abreast = side_by_side(panels.len(), inner.len());
        let rows = in_rows(panels, abreast);
        let names: Vec<String> = self.names.iter().map(|name| (*name).to_owned()).collect();
        let line = |i: usize| inner.iter().map(|parts| parts[i].clone()).collect();
        Panels {
            y: vec![YAxis::names(names); rows.len()],
            rows,
            x: XAxis::Levels((0..lines - outer).rev().map(line).collect()),
            lines: Lines::None,
            shade_from: None,
            x_label: String::new(),
            legend: self.legend(),
            heading: String::new(),
            height: Some(TILE),
            caption: vec![self.caption()],
        }
    }

    fn tile(&self, one: &Judged<'_>, x: usize) -> Tile {
        let row = &one.ours.row;
        let place = self.names.iter().position(|name| **name == one.ours.subject);
        let ratio = one.ratio.centre;
        let shown = factor(ratio);
        let interval = one.ratio.interval.unwrap_or((ratio, ratio));
        Tile {
            x,
            y: place.map_or(0, |place| place_of_name(place, self.names.len())),
            colour: colour(ratio.ln() / self.end),
            text: match one.verdict {
                Verdict::NoDifferenceShown => format!("({shown})"),
                _ => shown.clone(),
            },
            value: (ratio, interval),
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
        let logs = || self.judged.iter().map(|one| one.ratio.centre.ln());
        let is_beyond = |share: f64| logs().any(|log| log / share > self.end * 1.001);
        let key = |share: f64| {
            let sign = match share {
                1.0 if is_beyond(share) => "≥ ",
                -1.0 if is_beyond(share) => "≤ ",
                _ => "",
            };
            (Key::Fill(colour(share)), format!("{sign}{}", factor((share * self.end).exp())))
        };
        [-1.0, -0.5, 0.0, 0.5, 1.0].map(key).to_vec()
    }

    fn caption(&self) -> String {
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
        let are_said = self
            .columns
            .iter()
            .any(|(parts, _)| parts.last().is_some_and(|part| part.ends_with(" thr")));
        let threads = if are_said { " thr: threads." } else { "" };
        let alike = match self.alike.join(", ") {
            none if none.is_empty() => none,
            alike => format!(" In all columns: {alike}."),
        };
        format!(
            "Each number is the ratio of rates to {best}{}, the geometric mean over blocks; above 1 is \
             faster. In parentheses: no difference shown, since chance alone may make it after the correction \
             for {} comparisons{floor}.{alone} Colours are logarithmic. By {}. {}.{alike}{threads}",
            bases.join(", "),
            self.judged.len(),
            self.choice.metric.in_words(),
            in_common(&self.groups)
        )
    }
}

/// How many of so many panels are side by side, if each has so many columns: no more than one panel may have, in
/// rows that are about as long.
fn side_by_side(panels: usize, columns: usize) -> usize {
    let most = (MOST / columns.max(1)).clamp(1, WIDEST);
    let rows = panels.div_ceil(most).max(1);
    panels.div_ceil(rows)
}

/// The subjects, those furthest above the baseline first.
fn names<'a>(judged: &'a [Judged<'a>]) -> Vec<&'a str> {
    let mut logs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for one in judged {
        logs.entry(&one.ours.subject).or_default().push(one.ratio.centre.ln());
    }
    let mean = |logs: &Vec<f64>| logs.iter().sum::<f64>() / logs.len() as f64;
    let mut names: Vec<(&str, f64)> = logs.iter().map(|(name, logs)| (*name, mean(logs))).collect();
    names.sort_by(|a, b| b.1.total_cmp(&a.1));
    names.into_iter().map(|(name, _)| name).collect()
}

/// The workloads in order, and what tells each from the others; and what is alike in all, in words.
fn columns(groups: &[Group], judged: &[Judged<'_>]) -> (Vec<(Parts, Vec<usize>)>, Vec<String>) {
    let settings = parts_that_differ(groups);
    let of_case: BTreeMap<&str, usize> = groups
        .iter()
        .enumerate()
        .rev()
        .flat_map(|(i, group)| group.rows.iter().map(move |row| (row.case.as_str(), i)))
        .collect();
    let mut places: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (i, one) in judged.iter().enumerate() {
        let row = &one.ours.row;
        let group = of_case.get(row.case.as_str()).copied().unwrap_or_default();
        let own = (Reverse(row.mix.reads.to_bits()), row.zipf.to_bits(), row.threads);
        places.entry((group, own)).or_default().push(i);
    }
    let parts = |group: usize, row: &Row| -> Parts {
        // What a preset says is in its name.
        let is_preset = !row.preset.is_empty();
        let own = |words: String| if is_preset { String::new() } else { words };
        let threads = format!("{} thr", row.threads);
        [settings[group].clone(), vec![own(reads(row)), own(skew(row)), threads]].concat()
    };
    let all: Vec<(Parts, Vec<usize>)> = places
        .into_iter()
        .map(|((group, _), own)| (parts(group, &judged[own[0]].ours.row), own))
        .collect();
    let Some((first, own)) = all.first() else { return (Vec::new(), Vec::new()) };
    let varies = |i: &usize| all.iter().any(|(parts, _)| parts[*i] != first[*i]);
    let (kept, alike): (Vec<usize>, Vec<usize>) = (0..first.len()).partition(varies);
    // Threads are the last, which a column has no room to call so.
    let in_words = |i: usize| match i + 1 == first.len() {
        true => threads(judged[own[0]].ours.row.threads),
        false => first[i].clone(),
    };
    let alike = alike.into_iter().map(in_words).filter(|words| !words.is_empty()).collect();
    let kept_of = |parts: &Parts| kept.iter().map(|i| parts[*i].clone()).collect();
    (all.iter().map(|(parts, own)| (kept_of(parts), own.clone())).collect(), alike)
}

/// White at 0, and an end's colour at −1 and 1.
pub(super) fn colour(share: f64) -> Colour {
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
    use crate::show::plot::Drawing;
    use crate::show::plot::style::{STYLES, Style};
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
        crate::show::plot::tests::drawn(pictures, &results, style).expect("rows to draw")
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
            // Two rows of tiles, and what neighbours share said once.
            assert_eq!(
                (count("1024 keys"), count("50 % reads"), count("1 thr")),
                (1, 2, 6),
                "{shown:?}"
            );
            assert_eq!(drawings[0].values.len(), 2 * 2 * 3 * 2);
            assert_texts_are_clear(svg);
        }
    }

    #[test]
    fn too_many_workloads_are_one_above_the_other() {
        let rows = rows(&[1, 2, 4], &[50.0, 95.0, 100.0], &[1024, 65_536]);
        let shown = texts(&drawn(&rows, "a", &STYLES[0])[0].svg);
        let count = |text: &str| shown.iter().filter(|shown| *shown == text).count();
        assert_eq!((count("b"), count("1.50"), count("1 thr")), (2, 18, 3), "{shown:?}");
        assert_eq!((count("1024 keys"), count("65536 keys")), (1, 1), "titles: {shown:?}");
    }

    #[test]
    fn narrow_matrices_are_side_by_side() {
        let rows = rows(&[1, 2, 4, 8], &[0.0, 50.0, 95.0, 100.0], &[1024, 65_536]);
        for style in STYLES {
            let svg = &drawn(&rows, "a", style)[0].svg;
            let shown = texts(svg);
            let count = |text: &str| shown.iter().filter(|shown| *shown == text).count();
            // Eight of four columns each, in three rows.
            assert_eq!((count("b"), count("1.50"), count("1 thr")), (3, 32, 3), "{shown:?}");
            assert_texts_are_clear(svg);
        }
        let of = |panels| [1, 2, 4, 5, 12].map(|columns| side_by_side(panels, columns));
        assert_eq!(of(1), [1; 5]);
        assert_eq!(of(4), [4, 4, 2, 2, 1]);
        assert_eq!(of(8), [4, 4, 3, 2, 1]);
    }

    #[test]
    fn tiles_are_where_their_levels_are() {
        let rows = rows(&[1, 2], &[50.0, 100.0], &[1024]);
        let drawing = &drawn(&rows, "a", &STYLES[0])[0];
        let at = |name: &str, ends: &str| {
            let is_it = |value: &&crate::show::plot::HoverText| {
                value.text.starts_with(name) && value.text.ends_with(ends)
            };
            drawing.values.iter().find(is_it).expect("a tile").at
        };
        let [few, many] =
            ["1 thread", "2 threads"].map(|n| at("b:", &format!("50 % reads, θ = 0, {n}")));
        let first = at("b:", "100 % reads, θ = 0, 1 thread");
        assert!(first.0 < few.0 && few.0 < many.0 && few.1 == many.1 && first.1 == few.1);
        assert!(at("c:", "100 % reads, θ = 0, 1 thread").1 > first.1, "the slower are lower");
        let text = &drawing.values.iter().find(|value| value.text.starts_with("b:")).unwrap().text;
        assert!(text.contains("b: 1.50 times a (1.50 to 1.50), faster"), "{text}");
        // The same in the table: x, y and the ratio.
        let lines: Vec<&str> =
            drawing.pgf.table.lines().filter(|line| line.contains(";b;")).collect();
        assert_eq!(lines.len(), 4, "{}", drawing.pgf.table);
        let fields: Vec<&str> = lines[0].split(';').collect();
        assert!((fields[3].parse::<f64>().unwrap() - 1.5).abs() < 1e-9, "{lines:?}");
        assert_eq!((&fields[..3], fields[6]), (&["1", "2", "1"][..], "b"));
        assert_eq!(drawing.pgf.tex.matches("\\filldraw").count(), 2 * 4);
        assert!(drawing.pgf.tex.contains("yticklabels={c,b}"), "{}", drawing.pgf.tex);
    }

    #[test]
    fn verdicts_are_those_of_the_comparison() {
        let rows = rows(&[1, 2], &[50.0], &[1024]);
        let drawing = &drawn(&rows, "b", &STYLES[0])[0];
        let slower = drawing.values.iter().filter(|value| value.text.contains("slower")).count();
        assert_eq!(slower, 4, "a and c at two numbers of threads");
        let caption = drawing.caption.join(" ");
        assert!(caption.contains("In all columns: 50 % reads, θ = 0. thr: threads."), "{caption}");
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
        assert!(!drawing.values.is_empty());
        assert!(drawing.values.iter().all(|value| value.text.contains("no difference shown")));
        assert!(drawing.caption.join(" ").contains("noise floor"));
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
        assert!(of(&one, Some("a")).is_some_and(|what| what.contains("one workload")));
        assert_eq!(of(&Grid::small().rows(), Some("papaya")), None);
    }
}
