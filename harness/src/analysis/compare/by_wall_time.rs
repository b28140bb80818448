//! The effects that ratios over clean windows leave out.
//!
//! A window in which a thread of the table sleeps, since it waits for another, is not clean; and a median of windows
//! does not show what happens in only a few of them, such as a stall. Wall time includes both.

use super::Judged;
use super::words::factor;

/// How far apart the two ratios may be without being named.
const APART: f64 = 1.1;
/// So many are named, the farthest first.
const NAMED: usize = 8;

/// A paragraph with a line for each ratio that is another one over all wall time; `None` if there is none.
pub(crate) fn in_words(judged: &[Judged<'_>]) -> Option<String> {
    let of = |one: &Judged<'_>| {
        let (here, wall) = (one.ratio.centre, one.wall_ratio?);
        let distance = (wall / here).ln().abs();
        let ratios = format!("{}, over wall time {}", factor(here), factor(wall));
        let line = format!("\n{}: {ratios}", one.ours.name());
        (distance > APART.ln()).then_some((distance, line))
    };
    let mut apart: Vec<(f64, String)> = judged.iter().filter_map(of).collect();
    apart.sort_by(|a, b| b.0.total_cmp(&a.0));
    let named: String = apart.iter().take(NAMED).map(|(_, line)| line.as_str()).collect();
    (!apart.is_empty()).then(|| {
        format!(
            "Clean windows leave out the time in which a table's threads sleep while they wait for \
             each other, and their median what happens in few of them. Over all wall time, which \
             --metric wall compares, {} of {} ratios are more than a tenth away; the farthest:{named}",
            apart.len(),
            judged.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::{Floors, cells, judge, with_baseline};
    use crate::analysis::throughput::Rate;
    use crate::rows::Row;
    use crate::test_rows::{trial, with};

    /// Six blocks of tables at so many Mops/s over clean windows, and over all wall time.
    fn rows(tables: &[(&str, f64, f64)]) -> Vec<Row> {
        let mut rows = Vec::new();
        for block in 0..6 {
            for (name, clean, wall) in tables {
                let row = trial(name, 1, block, wall * 1e6);
                rows.push(with(&row, |row| row.clean_ops_per_sec = Some(clean * 1e6)));
            }
        }
        rows
    }

    fn said(tables: &[(&str, f64, f64)], metric: Rate) -> Option<String> {
        let rows = rows(tables);
        let cells = cells(&[&rows], metric);
        let plan = with_baseline(&cells, &"base".parse().unwrap(), |_| true);
        in_words(&judge(&plan, &Floors::default()))
    }

    #[test]
    fn a_table_that_sleeps_is_named_before_one_that_stalls_now_and_then() {
        let base = ("base", 1.0, 1.0);
        let tables = [base, ("same", 2.0, 2.1), ("sleeps", 3.0, 1.5), ("stalls", 2.0, 1.6)];
        let words = said(&tables, Rate::CleanRate).expect("two ratios are others");
        assert!(words.contains("2 of 3 ratios"), "{words}");
        let named: Vec<&str> = words.lines().skip(1).collect();
        let [first, second] = named[..] else { panic!("{words}") };
        assert!(first.starts_with("sleeps ") && first.ends_with(": 3.00, over wall time 1.50"));
        assert!(second.starts_with("stalls ") && second.ends_with(": 2.00, over wall time 1.60"));
        // Nothing is left out of wall time; and what is alike is not named.
        assert_eq!(said(&tables, Rate::WallRate), None);
        assert_eq!(said(&tables[..2], Rate::CleanRate), None);
    }

    #[test]
    fn of_many_the_farthest_are_named() {
        let names: Vec<String> = (0..12).map(|i| format!("table-{i}")).collect();
        let slower = |(name, power)| (name, 1.0, 0.85_f64.powi(power));
        let mut tables: Vec<(&str, f64, f64)> =
            names.iter().map(String::as_str).zip(1..).map(slower).collect();
        tables.push(("base", 1.0, 1.0));
        let words = said(&tables, Rate::CleanRate).expect("twelve are slower");
        assert!(words.contains("12 of 12 ratios"), "{words}");
        let named: Vec<&str> = words.lines().skip(1).collect();
        assert_eq!(named.len(), NAMED);
        assert!(named[0].starts_with("table-11 ") && named[7].starts_with("table-4 "), "{words}");
    }
}
