//! What holds of every figure, of whatever grid of cells, with gaps and failed trials.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use resvg::usvg::{Group, Node, Tree};

use super::legend::Legend;
use super::schemes::percent;
use super::style::STYLES;
use super::tests::assert_texts_are_clear;
use super::{FIGURES, Options, Results, font};
use crate::analysis::compare::Baseline;
use crate::rows::Row;
use crate::test_rows::Grid;

const SUBJECTS: [(&str, &str); 14] = [
    ("chaining-lock-free", "epoch"),
    ("chaining-lock-free", "hazard"),
    ("chaining-lock-free", "qsbr"),
    ("chaining-lock-free", "leak"),
    ("hamt-cas", "epoch"),
    ("hamt-cas", "hazard"),
    ("cuckoo-optimistic-items", "epoch"),
    ("cuckoo-optimistic", "none"),
    ("cuckoo-optimistic:tags=off", "none"),
    ("cuckoo-optimistic:exclusion=global-lock,tags=off", "none"),
    ("papaya", "none"),
    ("dashmap", "none"),
    ("my-map", "none"),
    ("no-op", "none"),
];

const LEGENDS: [Legend; 3] = [Legend::Top, Legend::None, Legend::OwnFile];

/// A grid of some subjects, of which some workloads were not asked of some, and some cells failed.
fn grid() -> impl Strategy<Value = Vec<Row>> {
    let some = |all: &'static [f64]| prop::sample::subsequence(all, 1..=3);
    let subjects = prop::sample::subsequence(&SUBJECTS[..], 1..=SUBJECTS.len());
    let threads = prop::sample::subsequence(&[1_usize, 2, 4, 8][..], 1..=4);
    let reads = some(&[0.0, 50.0, 95.0, 96.774_193_548_387_1, 100.0]);
    let grid = (subjects, threads, reads, some(&[0.0, 0.5, 0.99]), 1_usize..=2, any::<u64>());
    grid.prop_map(|(subjects, threads, reads, zipf, keys, chance)| {
        let keys = [1024, 65_536][..keys].to_vec();
        let mut rows = Grid { subjects, threads, reads, zipf, keys, blocks: 3 }.rows();
        let hash = |row: &Row, salt: u64| {
            let text = format!("{} {salt}", row.case);
            text.bytes().fold(chance ^ salt, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3).rotate_left(9)
            })
        };
        // A quarter of the workloads of a subject is not in the grid, an eighth of the cells fails.
        rows.retain(|row| !hash(row, 1).is_multiple_of(4));
        for row in &mut rows {
            row.peak_unreclaimed_bytes = Some(hash(row, 2) % 1_000_000);
            row.valid = !hash(row, 3).is_multiple_of(8);
        }
        rows
    })
}

/// The boxes of all that is painted, but for what is the whole picture.
fn boxes(group: &Group, into: &mut Vec<[f32; 4]>) {
    for node in group.children() {
        match node {
            Node::Group(inner) => boxes(inner, into),
            node => {
                let b = node.abs_stroke_bounding_box();
                into.push([b.left(), b.top(), b.right(), b.bottom()]);
            }
        }
    }
}

fn assert_all_is_inside(svg: &str) -> [f32; 2] {
    let tree = Tree::from_str(svg, font::options()).expect("an SVG");
    let (width, height) = (tree.size().width(), tree.size().height());
    let mut all = Vec::new();
    boxes(tree.root(), &mut all);
    for [left, top, right, bottom] in all {
        let is_inside =
            left >= -1.0 && top >= -3.0 && right <= width + 1.0 && bottom <= height + 1.0;
        assert!(is_inside, "{left} {top} {right} {bottom} is outside of {width} x {height}");
    }
    [width, height]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn figures_show_what_was_measured_in_one_look(
        rows in grid(), style in 0..STYLES.len(), legend in prop::sample::select(&LEGENDS[..])
    ) {
        let options = Options { legend, ..Options::from(&STYLES[style]) };
        let baseline: Option<Baseline> = rows.first().map(|row| Baseline::of_subject(&row.subject()));
        let results = Results { rows: &rows, cpus: 4, baseline: baseline.as_ref(), ..Results::default() };
        let failed: BTreeSet<(u64, u64, usize)> = rows.iter().filter(|row| !row.counts())
            .map(|row| (row.mix.reads.to_bits(), row.zipf.to_bits(), row.threads)).collect();
        let mut looks = BTreeMap::new();
        for figure in FIGURES.iter().filter(|figure| (figure.lacks)(&results).is_none()) {
            let Ok(pictures) = (figure.pictures)(&results) else {
                prop_assert!(!rows.iter().any(Row::counts), "{} fails", figure.name);
                continue;
            };
            for picture in pictures {
                let panels = picture.panels.rows.iter().flatten();
                for panel in panels.clone() {
                    prop_assert!(
                        !panel.is_empty() || !failed.is_empty(),
                        "{}: nothing in {:?}", figure.name, panel.title
                    );
                    // Whoever asked for one of these, asked for both together.
                    let said = |row: &Row| {
                        let parts = [percent(row.mix.reads), format!("θ = {}", row.zipf)];
                        parts.iter().all(|part| panel.title.contains(part))
                    };
                    prop_assert!(
                        figure.name != "throughput-threads" || rows.iter().any(said),
                        "nobody asked for {:?}", panel.title
                    );
                    prop_assert!(
                        !panel.title.iter().any(|part| part.contains("96.77")),
                        "{:?}", panel.title
                    );
                }
                for series in panels.flat_map(|panel| &panel.series).filter(|one| one.what.is_empty()) {
                    let look = (series.look.colour, series.look.marker);
                    let first = *looks.entry(series.name.clone()).or_insert(look);
                    prop_assert_eq!(first, look, "{} in {}", &series.name, figure.name);
                    if let Some((table, scheme)) = series.name.split_once('/')
                        && schemes_of(&rows, table) > 1
                    {
                        let first = *looks.entry(format!("/{scheme}")).or_insert(look);
                        prop_assert_eq!(first, look, "{} in {}", &series.name, figure.name);
                    }
                }
            }
            for drawing in figure.draw(&results, &options).expect("it was drawn before") {
                assert_texts_are_clear(&drawing.svg);
                assert_all_is_inside(&drawing.svg);
            }
        }
    }
}

fn schemes_of(rows: &[Row], table: &str) -> usize {
    let own = rows.iter().filter(|row| row.structure == table && row.reclaimer != "none");
    own.map(|row| &row.reclaimer).collect::<BTreeSet<_>>().len()
}
