//! That what LaTeX reads is whole, and says what was measured.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::rows::Row;
use crate::show::plot::style::STYLES;
use crate::show::plot::{FIGURES, Results};
use crate::test_rows::{Grid, trial};

fn drawn(rows: &[Row]) -> Pgf {
    let results = Results { rows, cpus: 2, ..Results::default() };
    let mut drawings = FIGURES[0].draw(&results, &(&STYLES[0]).into()).expect("rows to draw");
    drawings.remove(0).pgf
}

/// Without comments; `\%` is none.
fn uncommented(tex: &str) -> String {
    let code = |line: &str| -> String {
        let line = line.replace("\\\\", "\\textbackslash{}");
        let end = line.match_indices('%').find(|(at, _)| !line[..*at].ends_with('\\'));
        line[..end.map_or(line.len(), |(at, _)| at)].to_owned()
    };
    tex.lines().map(code).collect::<Vec<_>>().join("\n")
}

/// The fields of each line of the table, by its heading.
fn fields(table: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut lines = table.lines().filter(|line| !line.starts_with('#'));
    let heading: Vec<&str> = lines.next().expect("a heading").split(';').collect();
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(';').collect();
            assert_eq!(fields.len(), heading.len(), "{line}");
            heading.iter().copied().zip(fields).collect()
        })
        .collect()
}

/// Panel and series of each plot.
fn plots(tex: &str) -> BTreeSet<(String, String)> {
    let numbers = |rest: &str| {
        let mut parts = rest.split(['{', '}']).filter(|part| !part.is_empty());
        let mut next = || parts.next().expect("a number").to_owned();
        (next(), next())
    };
    uncommented(tex).split("bench of=").skip(1).map(numbers).collect()
}

#[test]
fn every_point_is_in_the_table_and_in_one_plot() {
    let grid = Grid { reads: vec![50.0, 95.0], zipf: vec![0.0, 0.99], ..Grid::small() };
    let Pgf { tex, table } = drawn(&grid.rows());
    let fields = fields(&table);
    assert_eq!(fields.len(), 2 * 3 * 4);
    let named = |row: &BTreeMap<&str, &str>| (row["panel"].to_owned(), row["series"].to_owned());
    let in_table: BTreeSet<_> = fields.iter().map(named).collect();
    assert_eq!(in_table, plots(&tex));
    assert_eq!(uncommented(&tex).matches("\\nextgroupplot").count(), 4);
    assert_eq!(uncommented(&tex).matches("\\addplot").count(), 8);
    assert!(tex.contains("\\edef\\benchtable{\\benchfigures throughput-threads.dat}"), "{tex}");
    for row in &fields {
        let number = |name: &str| row[name].parse::<f64>().expect("a number");
        assert!(number("low") <= number("y") && number("y") <= number("high"), "{row:?}");
        assert!([1.0, 2.0, 4.0].contains(&number("x")), "{row:?}");
    }
    assert!(fields.iter().any(|row| row["subject"] == "hamt-cas/epoch"));
}

#[test]
fn values_are_those_of_the_trials() {
    let rates = [(1, 10e6), (2, 20e6), (4, 40e6)];
    let wall_only =
        |(threads, rate)| Row { clean_windows: Some(0), ..trial("papaya", threads, 0, rate) };
    let table = drawn(&rates.map(wall_only)).table;
    let values: Vec<[&str; 4]> =
        fields(&table).iter().map(|row| ["x", "y", "low", "high"].map(|name| row[name])).collect();
    let expected = [["1", "10", "10", "10"], ["2", "20", "20", "20"], ["4", "40", "40", "40"]];
    assert_eq!(values, expected);
}

#[test]
fn braces_and_environments_are_closed() {
    for style in STYLES {
        let rows = Grid { reads: vec![50.0, 95.0], ..Grid::small() }.rows();
        let results = Results { rows: &rows, cpus: 2, ..Results::default() };
        let drawings = FIGURES[0].draw(&results, &style.into()).expect("rows to draw");
        let tex = uncommented(&drawings[0].pgf.tex).replace("\\{", "").replace("\\}", "");
        let count = |c: char| tex.matches(c).count();
        assert_eq!((count('{'), count('[')), (count('}'), count(']')), "{tex}");
        for name in ["tikzpicture", "groupplot"] {
            assert_eq!(tex.matches(&format!("\\begin{{{name}}}")).count(), 1);
            assert_eq!(tex.matches(&format!("\\end{{{name}}}")).count(), 1);
        }
        assert_eq!(tex.matches("\\begingroup").count(), tex.matches("\\endgroup").count());
    }
}

/// What LaTeX refuses: a place in parentheses within a place, and a style of pgfplots for TikZ's own paths.
#[test]
fn names_beside_panels_are_drawn_by_tikz() {
    let schemes = ["leak", "epoch", "debra", "ibr", "qsbr", "seize", "sdd", "hazard", "haphazard"];
    let subjects = schemes.map(|scheme| ("chaining-lock-free", scheme)).to_vec();
    let Pgf { tex, .. } = drawn(&Grid { subjects, ..Grid::small() }.rows());
    let tex = uncommented(&tex);
    assert_eq!(tex.matches("\\draw[/pgfplots/bench ").count(), schemes.len(), "{tex}");
    assert!(!tex.contains("\\draw[bench "), "{tex}");
    assert!(tex.contains("bp]rel axis cs:1,"), "{tex}");
    assert!(!tex.contains("]("), "{tex}");
}

#[test]
fn text_is_set_as_it_is_written() {
    assert_eq!(escaped("95\u{a0}% of a_b & $x"), "95~\\% of a\\_b \\& \\$x");
    assert_eq!(
        escaped("\\{θ < 1}^~"),
        "\\textbackslash{}\\{$\\theta$ $<$ 1\\}\\textasciicircum{}\\textasciitilde{}"
    );
    assert_eq!(escaped("10⁻³, 2\u{a0}µs"), "10$^{-}$$^3$, 2~$\\mu$s");
    assert_eq!(plain("my;map%\n#θ"), "my_map_ _theta");
    // A name of a table is text in the legend, and a field of the table.
    let Pgf { tex, table } = drawn(&[trial("my_map;100%", 1, 0, 1e6)]);
    assert!(tex.contains("\\addlegendentry{my\\_map;100\\%}"), "{tex}");
    assert!(table.ends_with(";my_map_100_;1;1\n"), "{table}");
}

#[test]
fn zero_has_a_place_on_a_logarithmic_axis() {
    let scale = Scale::log([0.0, 100.0, 900.0].into_iter());
    assert_eq!(scale.ends(), (10.0, 1000.0));
    assert_eq!(
        axes::ticks('y', scale, scale.labelled_ticks()),
        "ymode=log, ytick={10,100,1000}, yticklabels={0,100,1~k}"
    );
}
