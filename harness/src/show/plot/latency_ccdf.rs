//! The share of operations that take longer than a time, one panel for each workload (rows) and rate
//! (columns): response times solid, service times dashed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Results;
use super::arrange::arranged;
use super::by_setting::by_setting;
use super::levels::{distinct, reads, skew};
use super::panels::{Key, Lines, Panel, Panels, Point, Series, XAxis, YAxis};
use super::picture::Sketch;
use super::schemes::threads;
use super::style::{ALONE, Look, looks};
use crate::analysis::latency::LatencyCell;
use crate::analysis::setting::{Group, split};
use crate::case::NO_OP;
use crate::rows::Row;
use crate::rows::latency::Time;
use crate::show::text::latency::duration;

const NAME: &str = "latency-ccdf";
/// Points of a line in each power of ten.
const IN_A_DECADE: i32 = 20;
/// The smallest share is ten to minus this.
const DECADES: i32 = 6;
/// Of service times, in line widths.
const DASH: &[f64] = &[2.5, 1.5];

/// See [`super::FIGURES`].
pub(super) fn lacks(results: &Results<'_>) -> Option<&'static str> {
    cells(results).is_empty().then_some(
        "there is no valid latency trial of a subject: the experiment file needs `[latency]`",
    )
}

/// The cells with trials that count, of subjects and, beside them, of the harness alone.
fn cells(results: &Results<'_>) -> Vec<LatencyCell> {
    let mut cells = LatencyCell::all(results.latency);
    cells.retain(|cell| {
        cell.n() > 0 && !cell.row.twin && (!cell.row.is_control() || is_alone(cell))
    });
    if cells.iter().all(is_alone) { Vec::new() } else { cells }
}

fn is_alone(cell: &LatencyCell) -> bool {
    cell.row.structure == NO_OP
}

/// See [`super::FIGURES`].
pub(super) fn pictures(results: &Results<'_>) -> Result<Vec<Sketch>> {
    let cells = cells(results);
    let rows: Vec<Row> = cells.iter().map(|cell| cell.row.clone()).collect();
    let mut looks = looks(&[results.rows, &rows].concat());
    looks.insert(NO_OP.to_owned(), ALONE);
    Ok(by_setting(NAME, &split(&rows), (&rows, &cells), |group, cells| {
        panels(group, cells, &looks)
    }))
}

/// What a row of panels has in common.
fn workload(row: &Row) -> Vec<String> {
    vec![threads(row.threads), reads(row), skew(row)]
}

fn panels(group: &Group, mut cells: Vec<&LatencyCell>, looks: &BTreeMap<String, Look>) -> Panels {
    cells.sort_by(|a, b| {
        let (of_a, of_b) = (&a.row, &b.row);
        of_a.threads
            .cmp(&of_b.threads)
            .then(of_b.mix.reads.total_cmp(&of_a.mix.reads))
            .then(of_a.zipf.total_cmp(&of_b.zipf))
            .then(of_a.subject().cmp(&of_b.subject()))
    });
    let mut workloads: Vec<Vec<String>> = cells.iter().map(|cell| workload(&cell.row)).collect();
    workloads.dedup();
    let rates = distinct(cells.iter().map(|cell| cell.at).collect());
    let panel = |load: &Vec<String>, rate: &f64| {
        let here = || cells.iter().filter(|cell| cell.at == *rate && workload(&cell.row) == *load);
        here().find(|cell| !is_alone(cell))?;
        let series = here().filter(|cell| cell.kept_its_rate()).flat_map(|cell| lines(cell, looks));
        let title = [vec![format!("{} ops/s", short(*rate))], load.clone()].concat();
        Some(Panel { title, series: series.collect(), ..Panel::default() })
    };
    let rows = arranged(&workloads, &rates, panel);
    let subjects: BTreeSet<String> =
        cells.iter().filter(|cell| cell.kept_its_rate()).map(|cell| cell.row.subject()).collect();
    let legend = subjects.into_iter().map(|name| (Key::Subject(looks[&name].solid()), name));
    Panels {
        y: vec![YAxis::log("share of operations slower"); rows.len()],
        rows,
        x: XAxis::Seconds,
        lines: Lines::Marked(IN_A_DECADE as usize),
        shade_from: None,
        x_label: "time of an operation".to_owned(),
        legend: legend.collect(),
        heading: String::new(),
        height: None,
        caption: caption(group, &cells),
    }
}

/// What the lines are, and what is not drawn.
fn caption(group: &Group, cells: &[&LatencyCell]) -> Vec<String> {
    let n = cells.iter().map(|cell| cell.n()).max().unwrap_or(0);
    let saturated = cells.iter().filter(|cell| !cell.kept_its_rate());
    let saturated: Vec<String> = saturated
        .map(|cell| {
            let row = &cell.row;
            format!("{} at {} ({})", row.subject(), short(cell.at), threads(row.threads))
        })
        .collect();
    let mut text = format!(
        "Solid: response time, from when an operation was due. Dashed: service time, from when it \
         began. Medians of up to {n} trials of each quantile. {}.",
        group.setting.in_words()
    );
    if !saturated.is_empty() {
        text.push_str(&format!(
            " Not drawn, since most of their trials could not keep the rate: {}.",
            saturated.join(", ")
        ));
    }
    text.push_str(&harness_alone(cells));
    vec![text]
}

/// The share of a time from which it is said to be the harness's and the machine's own.
const OWN: f64 = 0.5;

/// Where the tail is that of the harness alone, and the machine's.
fn harness_alone(cells: &[&LatencyCell]) -> String {
    let p99 = |cell: &LatencyCell| cell.median(Time::Response, 0.99);
    let mut own = Vec::new();
    let mut compared = 0;
    for cell in cells.iter().filter(|cell| !is_alone(cell) && cell.kept_its_rate()) {
        let is_same = |alone: &&&LatencyCell| {
            is_alone(alone) && alone.at == cell.at && workload(&alone.row) == workload(&cell.row)
        };
        let alone = cells.iter().find(is_same).and_then(|alone| p99(alone));
        if let (Some(alone), Some(ours)) = (alone, p99(cell)) {
            compared += 1;
            if alone >= OWN * ours {
                own.push(format!(
                    "{} at {} ({}, of {})",
                    cell.row.subject(),
                    short(cell.at),
                    duration(alone),
                    duration(ours)
                ));
            }
        }
    }
    match own.len() {
        0 if compared == 0 => String::new(),
        0 => " In grey the harness alone (no-op).".to_owned(),
        _ => format!(
            " In grey the harness alone (no-op). The tail is not the table's where no-op's p99 is half of \
             it or more: {}.",
            own.join(", ")
        ),
    }
}

/// Response times, and service times.
fn lines(cell: &LatencyCell, looks: &BTreeMap<String, Look>) -> [Series; 2] {
    let (name, look) = (cell.row.subject(), looks[&cell.row.subject()].solid());
    let response = Series::new(&name, look, points(cell, Time::Response));
    let look = Look { dash: DASH, ..look };
    let service = Series::new(&name, look, points(cell, Time::Service));
    [response, Series { what: "service time", ..service }]
}

/// From the shortest time to the largest of which a share of 10⁻⁶ or more is known.
fn points(cell: &LatencyCell, time: Time) -> Vec<Point> {
    let shares =
        (0..=DECADES * IN_A_DECADE).map(|i| 10_f64.powf(f64::from(-i) / f64::from(IN_A_DECADE)));
    let known = shares.map_while(|share| Some((share, cell.median(time, 1.0 - share)?)));
    known.map(|(share, x)| Point { x, y: share, ..Point::default() }).collect()
}

/// `100 k`, `1.5 M`, `20`.
fn short(rate: f64) -> String {
    let prefixes = [(1e9, "\u{a0}G"), (1e6, "\u{a0}M"), (1e3, "\u{a0}k")];
    let found = prefixes.into_iter().find(|(unit, _)| rate >= *unit);
    let (unit, prefix) = found.unwrap_or((1.0, ""));
    format!("{}{prefix}", rate / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::latency::LatencyTrial;
    use crate::rows::latency::test_trials::at_rate;
    use crate::show::plot::Drawing;
    use crate::show::plot::style::{STYLES, Style};
    use crate::show::plot::tests::{assert_texts_are_clear, texts};
    use crate::test_rows::Grid;

    /// Two subjects at two rates, of 10⁵ operations of 80 ns to 3 ms.
    fn trials() -> Vec<LatencyTrial> {
        let rows = Grid { threads: vec![1, 2], ..Grid::small() }.rows();
        let tail = [(80, 50_000), (200, 49_000), (4_000, 900), (90_000, 99), (3_000_000, 1)];
        let at = |rate: f64| rows.iter().map(move |row| at_rate(row.clone(), rate, &tail));
        at(1e5).chain(at(1.5e6)).collect()
    }

    fn results(latency: &[LatencyTrial]) -> Results<'_> {
        Results { latency, cpus: 2, ..Results::default() }
    }

    fn one(latency: &[LatencyTrial], style: &Style) -> Drawing {
        let mut drawings = crate::show::plot::tests::drawn(pictures, &results(latency), style)
            .expect("trials to draw");
        assert_eq!(drawings.len(), 1);
        drawings.remove(0)
    }

    #[test]
    fn a_panel_for_each_rate_and_workload() {
        for style in STYLES {
            let drawing = one(&trials(), style);
            assert_texts_are_clear(&drawing.svg);
            let text = texts(&drawing.svg).join("; ");
            for part in ["100\u{a0}k ops/s", "1.5\u{a0}M ops/s", "2 threads", "10⁻⁴", "1\u{a0}µs"]
            {
                assert!(text.contains(part), "{}: no {part} in {text}", style.name);
            }
            // Two subjects, two times, two rates, two numbers of threads; 10⁵ operations end at
            // five decades, with a marker a decade, first at another place in each line.
            assert_eq!(drawing.values.len(), 16 * 5 + 4, "{}", style.name);
        }
        let drawing = one(&trials(), &STYLES[0]);
        let dashes = drawing.pgf.tex.matches("dash pattern").count();
        assert_eq!(dashes, 2, "service times of each subject, and nothing else");
    }

    #[test]
    fn lines_have_the_quantiles() {
        let cell = LatencyCell::all(&trials()).remove(0);
        let line = points(&cell, Time::Response);
        assert_eq!(line.len() as i32, 5 * IN_A_DECADE + 1, "as far as 10⁵ operations know");
        let at = |decade: i32| &line[(decade * IN_A_DECADE) as usize];
        assert!((at(1).y - 0.1).abs() < 1e-12 && (at(1).x - 200e-9).abs() < 1e-10);
        assert!((at(3).y - 1e-3).abs() < 1e-12 && (at(3).x / 4e-6 - 1.0).abs() < 1e-3);
        // Of 10⁵, one is slower than 90 µs.
        assert!((at(5).y - 1e-5).abs() < 1e-12 && (at(5).x / 90e-6 - 1.0).abs() < 1e-3);
        assert!(line.is_sorted_by(|a, b| a.x <= b.x && a.y > b.y));
        // Service times of these trials are a tenth, and dashed.
        let [solid, dashed] = lines(&cell, &looks(std::slice::from_ref(&cell.row)));
        assert!(solid.look.dash.is_empty() && !dashed.look.dash.is_empty());
        assert_eq!((solid.points[20].x, dashed.points[20].x), (200e-9, 20e-9));
        assert!(dashed.in_words().ends_with(", service time"), "{}", dashed.in_words());
    }

    #[test]
    fn what_could_not_keep_its_rate_is_named_and_not_drawn() {
        let mut trials = trials();
        let is_one = |trial: &LatencyTrial| {
            trial.row.structure == "papaya" && trial.open.rate == 1.5e6 && trial.row.threads == 2
        };
        for trial in trials.iter_mut().filter(|trial| is_one(trial)) {
            trial.open.saturated = Some(true);
        }
        let drawing = one(&trials, &STYLES[0]);
        let text = drawing.caption.join(" ");
        assert!(text.contains("papaya at 1.5\u{a0}M (2 threads)"), "{text}");
        let papaya = |drawing: &Drawing| {
            drawing.values.iter().filter(|value| value.text.starts_with("papaya")).count()
        };
        let all = one(&self::trials(), &STYLES[0]);
        assert!(papaya(&drawing) < papaya(&all) && papaya(&drawing) > 0);
        // A panel is not left out since nobody could keep its rate.
        let of_panel = |trial: &LatencyTrial| trial.open.rate == 1.5e6 && trial.row.threads == 2;
        for trial in trials.iter_mut().filter(|trial| of_panel(trial)) {
            trial.open.saturated = Some(true);
        }
        let text = texts(&one(&trials, &STYLES[0]).svg).join(" ");
        assert!(text.contains("no trial kept the rate") && !text.contains("no valid"), "{text}");
    }

    #[test]
    fn the_harness_alone_is_grey_and_says_whose_the_tail_is() {
        let subjects = vec![("papaya", "none"), ("no-op", "none")];
        let rows = Grid { subjects, threads: vec![2], ..Grid::small() }.rows();
        let of = |slow: u64, alone: u64| -> Vec<LatencyTrial> {
            let tail = |row: &Row| if row.structure == NO_OP { alone } else { slow };
            rows.iter()
                .map(|row| at_rate(row.clone(), 1e5, &[(80, 900), (tail(row), 100)]))
                .collect()
        };
        let drawing = one(&of(9_000, 8_000), &STYLES[0]);
        let caption = drawing.caption.join(" ");
        assert!(
            caption.contains("The tail is not the table's") && caption.contains("papaya at 100")
        );
        assert!(texts(&drawing.svg).contains(&NO_OP.to_owned()));
        let caption = one(&of(90_000, 8_000), &STYLES[0]).caption.join(" ");
        assert!(caption.contains("In grey the harness alone") && !caption.contains("tail"));
        // Alone it is no figure.
        let alone: Vec<LatencyTrial> =
            of(1, 1).into_iter().filter(|trial| trial.row.structure == NO_OP).collect();
        assert!(lacks(&results(&alone)).is_some());
    }

    #[test]
    fn without_latency_trials_it_is_not_drawn() {
        assert!(lacks(&results(&[])).is_some_and(|what| what.contains("[latency]")));
        assert_eq!(lacks(&results(&trials())), None);
        let mut failed = trials();
        failed.iter_mut().for_each(|trial| trial.row.valid = false);
        assert!(lacks(&results(&failed)).is_some());
    }
}
