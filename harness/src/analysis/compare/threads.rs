//! Subjects against themselves at another number of threads.

use std::collections::BTreeMap;

use super::Plan;
use super::cells::{Contender, Workload, pairs_of};

/// Each cell that is `wanted`, and is at another number of threads than these, against that of the same subject at
/// these, under the same workload otherwise.
#[must_use]
pub fn with_threads<'c>(
    cells: &'c [Contender],
    threads: usize,
    wanted: impl Fn(&Contender) -> bool,
) -> Plan<'c> {
    let place =
        |cell: &'c Contender| (cell.subject.as_str(), cell.workload.clone().of_any_threads());
    let is_base = |cell: &Contender| cell.row.threads == threads;
    let bases: BTreeMap<(&str, Workload), &'c Contender> =
        cells.iter().filter(|cell| is_base(cell)).map(|cell| (place(cell), cell)).collect();
    let mut plan = Plan::default();
    for ours in cells.iter().filter(|cell| !is_base(cell) && wanted(cell)) {
        match bases.get(&place(ours)) {
            Some(&base) => plan.pair(ours, base, pairs_of(ours, base), "block"),
            None => {
                plan.left_out.push(format!("{}: no cell of it has threads={threads}", ours.name()));
            }
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::{Floors, Verdict, cells, judge};
    use crate::analysis::throughput::Rate;
    use crate::rows::Row;
    use crate::test_rows::{trial, with};

    /// Eight blocks, whose weather differs by a factor of eight, of two tables at one, two and four threads under two
    /// workloads.
    fn rows() -> Vec<Row> {
        let mut rows = Vec::new();
        for block in 0..8 {
            let weather = 1e6 * f64::from(1 + block * 3 % 8);
            for (name, factors) in [("a", [1.0, 1.8, 3.0]), ("b", [1.0, 0.9, 0.5])] {
                for (threads, factor) in [1, 2, 4].into_iter().zip(factors) {
                    let row = trial(name, threads, block, weather * factor);
                    rows.push(with(&row, |row| {
                        row.zipf = 0.0;
                        row.case = format!("uniform {}", row.case);
                        row.ops_per_sec = row.ops_per_sec.map(|rate| rate * 10.0);
                    }));
                    rows.push(row);
                }
            }
        }
        rows
    }

    /// Subject, threads, and the ratio in hundredths.
    fn ratios(plan: &Plan<'_>) -> Vec<(String, usize, u32)> {
        let judged = judge(plan, &Floors::default());
        let of = |ratio: f64| (100.0 * ratio).round() as u32;
        judged
            .iter()
            .map(|one| (one.ours.subject.clone(), one.ours.row.threads, of(one.ratio.centre)))
            .collect()
    }

    fn named(ratios: &[(&str, usize, u32)]) -> Vec<(String, usize, u32)> {
        ratios.iter().map(|&(name, threads, ratio)| (name.to_owned(), threads, ratio)).collect()
    }

    #[test]
    fn each_subject_stands_against_itself_under_its_workload() {
        let rows = rows();
        let cells = cells(&[&rows], Rate::WallRate);
        let of_each = [("a", 2, 180), ("b", 2, 90), ("a", 4, 300), ("b", 4, 50)];
        let plan = with_threads(&cells, 1, |_| true);
        assert_eq!(ratios(&plan), named(&of_each.repeat(2)));
        assert!(plan.left_out.is_empty() && plan.is_paired(), "{plan:?}");
        let plan = with_threads(&cells, 4, |cell| cell.row.threads == 1 && cell.row.zipf > 0.0);
        assert_eq!(ratios(&plan), named(&[("a", 1, 33), ("b", 1, 200)]));
    }

    /// At one thread `a` differs from itself by more than `b` does from itself at two.
    #[test]
    fn noise_at_the_threads_that_others_are_compared_with_counts() {
        let mut rows = rows();
        let twin = |row: &Row| {
            let noise = if row.threads == 1 { 1.3 } else { 1.0 };
            with(row, |row| {
                row.twin = true;
                row.case = format!("twin of {}", row.case);
                row.ops_per_sec = row.ops_per_sec.map(|rate| rate * noise);
            })
        };
        let twins: Vec<Row> = rows.iter().filter(|row| row.structure == "a").map(twin).collect();
        rows.extend(twins);
        let cells = cells(&[&rows], Rate::WallRate);
        let is_asked = |cell: &Contender| {
            cell.row.threads == 2 && cell.row.zipf > 0.0 && !cell.row.is_control()
        };
        let judged = judge(&with_threads(&cells, 1, is_asked), &Floors::of(&cells));
        let verdicts: Vec<Verdict> = judged.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, [Verdict::Faster, Verdict::NoDifferenceShown], "{judged:?}");
    }

    #[test]
    fn what_has_no_such_cell_is_told() {
        let mut rows = rows();
        rows.retain(|row| row.structure != "b" || row.threads > 1);
        let cells = cells(&[&rows], Rate::WallRate);
        let plan = with_threads(&cells, 1, |cell| cell.row.zipf > 0.0);
        assert_eq!(ratios(&plan), named(&[("a", 2, 180), ("a", 4, 300)]));
        let said = plan.left_out.join("\n");
        assert_eq!(said.matches("no cell of it has threads=1").count(), 2, "{said}");
    }
}
