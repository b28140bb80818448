//! The figures that compare reclamation schemes.

use super::style::{STYLES, Style};
use super::tests::{assert_texts_are_clear, markers, texts};
use super::{Drawing, Results, figure};
use crate::case::Case;
use crate::fault::Fault;
use crate::metric::Sample;
use crate::rows::Row;
use crate::rows::samples::SeriesRow;
use crate::test_rows::{case, measured};

const SCHEMES: [&str; 12] = [
    "leak",
    "epoch",
    "haphazard",
    "hazard",
    "qsbr",
    "worker-rcu",
    "poor-rcu",
    "grace-rcu",
    "seize",
    "sdd",
    "debra",
    "mine",
];
const TABLES: [&str; 2] = ["chaining-lock-free", "cuckoo-optimistic-items"];

/// Three blocks of every scheme in every table, as `change` changes the cell's cases.
fn rows(change: impl Fn(Case) -> Vec<Case>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (i, scheme) in SCHEMES.into_iter().enumerate() {
        for table in TABLES {
            for case in change(case(table, scheme, 2, 0.0, 0.0, 1000)) {
                for block in 0..3 {
                    let mut row = measured(&case, block, (i as f64 + 1.0) * 1e6);
                    // The first scheme keeps nothing.
                    row.peak_unreclaimed_bytes = Some((i as u64) * 10_u64.pow(i as u32 / 2 + 2));
                    rows.push(row);
                }
            }
        }
    }
    // A table that needs no scheme is not compared.
    rows.push(measured(&case("papaya", "none", 2, 0.0, 0.0, 1000), 0, 1e6));
    rows
}

fn with_faults(case: Case) -> Vec<Case> {
    let of = |fault| Case { fault, ..case.clone() };
    vec![of(Fault::None), of(Fault::StalledReader)]
}

fn with_batches(case: Case) -> Vec<Case> {
    let of = |reclaim_batch| Case { reclaim_batch, ..case.clone() };
    [None, Some(1), Some(64), Some(4096)].map(of).to_vec()
}

fn samples(rows: &[Row]) -> Vec<SeriesRow> {
    let of = |row: &Row| -> Vec<SeriesRow> {
        let sample = |i: u32| Sample {
            at_seconds: f64::from(i) * 0.005,
            unreclaimed_bytes: Some(u64::from(i) * row.peak_unreclaimed_bytes.unwrap_or(0) / 50),
            ..Sample::default()
        };
        (0..=50).map(|i| SeriesRow::new(row, sample(i))).collect()
    };
    rows.iter().flat_map(of).collect()
}

fn draw(name: &str, results: &Results<'_>, style: &Style) -> Vec<Drawing> {
    let figure = figure(name).expect("a figure");
    assert_eq!((figure.lacks)(results), None);
    figure.draw(results, &style.into()).expect("rows to draw")
}

#[test]
fn each_figure_is_readable_in_every_style() {
    let (faults, batches) = (rows(with_faults), rows(with_batches));
    let samples = samples(&faults);
    let faults = Results { rows: &faults, samples: &samples, cpus: 2, ..Results::default() };
    let batches = Results { rows: &batches, cpus: 2, ..Results::default() };
    for style in STYLES {
        for (name, results, pictures) in [
            ("unreclaimed-over-time", &faults, 1),
            ("throughput-memory", &faults, 2),
            ("batch-sweep", &batches, 1),
        ] {
            let drawings = draw(name, results, style);
            assert_eq!(drawings.len(), pictures, "{name}");
            for drawing in &drawings {
                assert!(drawing.file_stem.starts_with(name), "{}", drawing.file_stem);
                assert_texts_are_clear(&drawing.svg);
                let shown = texts(&drawing.svg);
                for scheme in SCHEMES {
                    assert!(shown.contains(&scheme.to_owned()), "{name}: no {scheme}");
                }
                for table in TABLES {
                    assert!(shown.iter().any(|text| text.contains(table)), "{name}: no {table}");
                }
                assert!(!drawing.svg.contains("papaya"), "{name}");
            }
        }
    }
}

#[test]
fn a_scheme_is_one_marker_of_a_panel_and_nothing_is_at_the_place_of_nothing() {
    let rows = rows(|case| vec![case]);
    let results = Results { rows: &rows, cpus: 2, ..Results::default() };
    let drawing = &draw("throughput-memory", &results, &STYLES[0])[0];
    // In the legend and in two panels.
    assert_eq!(markers(&drawing.svg), SCHEMES.len() * 3);
    let shown = texts(&drawing.svg);
    assert!(shown.contains(&"0".to_owned()), "{shown:?}");
}

#[test]
fn results_that_lack_something_say_so() {
    let rows = rows(|case| vec![case]);
    let results = Results { rows: &rows, cpus: 2, ..Results::default() };
    let lacks = |name: &str, results: &Results<'_>| (figure(name).unwrap().lacks)(results);
    assert!(lacks("unreclaimed-over-time", &results).unwrap().contains("series = true"));
    assert!(lacks("batch-sweep", &results).unwrap().contains("reclaim_batch"));
    assert_eq!(lacks("throughput-memory", &results), None);
    let epoch = |row: &&Row| row.reclaimer == "epoch";
    let one: Vec<Row> = rows.iter().filter(epoch).cloned().collect();
    let results = Results { rows: &one, ..results };
    assert!(lacks("throughput-memory", &results).unwrap().contains("not two"));
}
