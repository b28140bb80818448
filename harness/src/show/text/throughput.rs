//! Throughput as a table of text, for the end of a sweep.

use std::cmp::Ordering;
use std::collections::HashMap;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use crate::analysis::setting::{Group, split};
use crate::analysis::throughput::{CellSummary, ChosenRate, Rate, choose_metric, summarise};
use crate::rows::Row;
use trials::mix::percentage;

/// No line is wider.
const WIDTH: u16 = 100;

const HEADER: [&str; 10] = [
    "subject",
    "threads",
    "reads",
    "zipf",
    "keys",
    "Mops/s",
    "95 %\ninterval",
    "Mops per\nCPU-s",
    "trials",
    "invalid",
];

/// The throughput of every cell of `rows`, measured on a machine with so many CPUs: by
/// workload, then subject, then threads, under a caption that says which rate it is.
#[must_use]
pub fn throughput(rows: &[Row], cpus: usize) -> String {
    let choice = choose_metric(rows, cpus);
    let mut text = format!(
        "Throughput on {cpus} CPUs, median of trials with its 95 % BCa bootstrap interval:\n\
         {},\nsince {}.\n",
        choice.metric.in_words(),
        choice.why
    );
    for group in split(rows) {
        text.push('\n');
        if !group.label.is_empty() || !group.setting.is_plain() {
            // On one line it could be wider than the table.
            text.push_str(&group.setting.in_words().replace("; ", ";\n"));
            text.push_str(":\n");
        }
        for line in group_table(&group, &choice).lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

fn group_table(group: &Group, choice: &ChosenRate) -> Table {
    let mut cells = summarise(&group.rows, choice.metric);
    cells.sort_by(|a, b| by_workload(a, b).then_with(|| by_subject(a, b)));
    let cpu_rates: HashMap<String, Option<f64>> = summarise_cpu(&group.rows);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH).set_header(HEADER);
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 && by_workload(&cells[i - 1], cell).is_ne() {
            table.add_row([""]);
        }
        table.add_row(fields(cell, cpu_rates[&cell.row.case]));
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if i == 0 {
            column.set_delimiter('/');
        } else {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The median rate over CPU time of each cell; cheaper than a summary with intervals.
fn summarise_cpu(rows: &[Row]) -> HashMap<String, Option<f64>> {
    let mut rates: HashMap<String, Vec<f64>> = HashMap::new();
    for row in rows {
        let values = rates.entry(row.case.clone()).or_default();
        values.extend(Rate::CpuRate.of(row).filter(|_| row.counts()));
    }
    let median = |values: Vec<f64>| (!values.is_empty()).then(|| stats::median(&values));
    rates.into_iter().map(|(case, values)| (case, median(values))).collect()
}

fn by_workload(a: &CellSummary, b: &CellSummary) -> Ordering {
    let (a, b) = (&a.row, &b.row);
    b.mix.reads.total_cmp(&a.mix.reads).then(a.zipf.total_cmp(&b.zipf)).then(a.keys.cmp(&b.keys))
}

fn by_subject(a: &CellSummary, b: &CellSummary) -> Ordering {
    (&a.subject, a.row.threads).cmp(&(&b.subject, b.row.threads))
}

fn fields(cell: &CellSummary, cpu_rate: Option<f64>) -> Vec<Cell> {
    let CellSummary { row, subject, invalid, .. } = cell;
    let interval = cell.interval().map(|(low, high)| format!("{}–{}", mops(low), mops(high)));
    let rate = |rate: Option<f64>| rate.map_or("-".to_owned(), mops);
    [
        subject.clone(),
        row.threads.to_string(),
        percentage(row.mix.reads),
        row.zipf.to_string(),
        row.keys.to_string(),
        rate(cell.median()),
        interval.unwrap_or_else(|| "-".to_owned()),
        rate(cpu_rate),
        cell.n().to_string(),
        invalid.to_string(),
    ]
    .map(Cell::new)
    .into()
}

/// In millions, to three digits or so. What is not 0 is not shown as 0.
pub(crate) fn mops(rate: f64) -> String {
    let mops = rate / 1e6;
    let decimals = match mops.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 || size == 0.0 => 2,
        size if size >= 0.0005 => 3,
        _ => 6,
    };
    format!("{mops:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{Grid, trial, with};

    fn fields_of<'t>(text: &'t str, subject: &str) -> Vec<Vec<&'t str>> {
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.filter(|fields| fields.first() == Some(&subject)).collect()
    }

    #[test]
    fn a_row_holds_what_its_trials_say() {
        let mut rows: Vec<_> = [1e6, 2e6, 4e6]
            .iter()
            .zip(0..)
            .map(|(rate, block)| trial("papaya", 2, block, *rate))
            .collect();
        rows.push(trial("papaya", 2, 3, 9e6));
        rows[3].valid = false;
        rows.push(trial("dashmap", 1, 0, 123.4e6));
        rows[4].ops_per_cpu_sec = None;
        let text = throughput(&rows, 1);
        assert_eq!(
            fields_of(&text, "papaya"),
            [["papaya", "2", "95", "0.99", "65536", "2.00", "1.00–4.00", "1.00", "3", "1"]]
        );
        assert_eq!(
            fields_of(&text, "dashmap"),
            [["dashmap", "1", "95", "0.99", "65536", "136", "-", "-", "1", "0"]],
            "the rate in clean windows"
        );
        assert!(text.contains("over wall time with more threads than CPUs,\nsince"), "{text}");
        assert!(throughput(&rows, 2).contains("clean windows"));
    }

    #[test]
    fn rows_are_by_workload_then_subject_then_threads() {
        let text = throughput(&Grid { reads: vec![50.0, 100.0], ..Grid::small() }.rows(), 2);
        let order: Vec<_> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|fields| fields.len() == 10 && fields[0] != "subject")
            .map(|fields| format!("{} {} {}", fields[2], fields[0], fields[1]))
            .collect();
        let expected = ["100", "50"].iter().flat_map(|reads| {
            ["hamt-cas/epoch", "papaya"].iter().flat_map(move |subject| {
                [1, 2, 4].map(|threads| format!("{reads} {subject} {threads}"))
            })
        });
        assert_eq!(order, expected.collect::<Vec<_>>());
    }

    #[test]
    fn no_line_is_wider_than_the_table() {
        let grid = Grid {
            subjects: vec![("cuckoo-optimistic-items", "haphazard"), ("papaya", "none")],
            keys: vec![1 << 40, 1 << 30],
            threads: vec![1, 128],
            ..Grid::small()
        };
        for text in [throughput(&grid.rows(), 128), throughput(&grid.rows(), 2)] {
            for line in text.lines() {
                assert!(line.chars().count() <= usize::from(WIDTH), "{line}");
            }
            assert_eq!(text.matches("keys (u64)").count(), 2, "a heading a setting: {text}");
        }
        assert!(throughput(&[], 2).contains("wall time"));
    }

    #[test]
    fn batches_and_huge_pages_are_tables_of_their_own_and_named() {
        let plain = trial("cuckoo-optimistic", 1, 0, 1e6);
        let batched = with(&plain, |row| {
            row.batch = 16;
            row.huge_pages = true;
        });
        let alone = throughput(std::slice::from_ref(&batched), 2);
        assert!(alone.contains("lookups in batches of 16;\nhuge pages asked for:"), "{alone}");
        let both = throughput(&[plain.clone(), batched], 2);
        assert_eq!(fields_of(&both, "cuckoo-optimistic").len(), 2, "{both}");
        assert_eq!(both.matches("lookups in batches of 16").count(), 1, "{both}");
        assert!(!throughput(&[plain], 2).contains("batch"));
    }

    #[test]
    fn rates_have_three_digits() {
        for (rate, shown) in [
            (0.0, "0.00"),
            (12_345.0, "0.012"),
            (320.0, "0.000320"),
            (9_994_000.0, "9.99"),
            (9_996_000.0, "10.0"),
            (99.96e6, "100"),
            (1234.5e6, "1234"),
        ] {
            assert_eq!(mops(rate), shown);
        }
    }
}
