//! Percentiles for terminals and programs.

use std::collections::HashSet;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::analysis::compare::Workload;
use crate::analysis::latency::{LatencyCell, QUANTILES, SHOWN};
use crate::analysis::setting::split;
use crate::rows::Row;
use crate::rows::latency::{LatencyTrial, Time, Times};
use trials::mix::percentage;

/// No line is wider.
const WIDTH: u16 = 100;

/// A time to three digits, with a unit.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let units = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")];
    let fits = |(unit, _): &(f64, &str)| seconds >= *unit;
    let (unit, name) = units.into_iter().find(fits).unwrap_or((1e-9, "ns"));
    let value = seconds / unit;
    let decimals = if name == "ns" || value >= 99.95 { 0 } else { usize::from(value < 9.995) + 1 };
    format!("{value:.decimals$}\u{a0}{name}")
}

fn shown(seconds: Option<f64>) -> String {
    seconds.map_or("-".to_owned(), duration)
}

/// Each operation of one trial, and all that were due together: its percentiles, by kind of time.
fn lines(trial: &LatencyTrial) -> Vec<(&'static str, Time, Times)> {
    let mut lines = Vec::new();
    for time in Time::ALL {
        lines.push(("all", time, trial.times_of_all_due(time)));
        for one in trial.distributions.iter().filter(|one| one.time == time) {
            let mut own = Times::default();
            own.add(&one.buckets);
            lines.push((one.operation.name(), time, own));
        }
    }
    lines
}

/// The percentiles of one trial, as a table.
#[must_use]
pub fn of_trial(trial: &LatencyTrial) -> String {
    let mut header = vec!["time", "operation", "count"];
    header.extend(QUANTILES.map(|(name, _)| name));
    let rows = lines(trial).into_iter().map(|(operation, time, times)| {
        let mut row = vec![time.to_string(), operation.to_owned(), times.count().to_string()];
        row.extend(QUANTILES.map(|(_, q)| shown(times.quantile(q))));
        row
    });
    render(&header, 2, rows)
}

/// The same for programs, in seconds; null where no operation is beyond.
#[must_use]
pub fn json_of_trial(trial: &LatencyTrial) -> Value {
    let entry = |(operation, time, times): (&str, Time, Times)| {
        let mut entry = json!({ "operation": operation, "time": time, "count": times.count() });
        for (name, q) in QUANTILES {
            entry[name] = json!(times.quantile(q));
        }
        entry
    };
    let mut open = serde_json::to_value(&trial.open).expect("numbers and text");
    open["percentiles"] = lines(trial).into_iter().map(entry).collect();
    open
}

/// The response times of every cell: medians over trials of each percentile.
#[must_use]
pub fn of_cells(trials: &[LatencyTrial]) -> String {
    let mut cells = LatencyCell::all(trials);
    cells.sort_by_cached_key(|cell| {
        (Workload::of(&cell.row), cell.at.to_bits(), cell.row.subject())
    });
    let rows: Vec<Row> = cells.iter().map(|cell| cell.row.clone()).collect();
    let mut text =
        "Response time from when an operation was due, median over trials of each percentile:\n"
            .to_owned();
    for group in split(&rows) {
        text.push('\n');
        if !group.label.is_empty() || !group.setting.is_plain() {
            text.push_str(&group.setting.in_words().replace("; ", ";\n"));
            text.push_str(":\n");
        }
        let ids: HashSet<&str> = group.rows.iter().map(|row| row.case.as_str()).collect();
        let own = cells.iter().filter(|cell| ids.contains(cell.row.case.as_str()));
        let mut header = vec!["subject", "threads", "reads", "zipf", "keys", "rate/s"];
        header.extend(SHOWN.map(|(name, _)| name));
        header.extend(["trials", "satu-\nrated"]);
        text.push_str(&render(&header, 1, own.map(fields)));
    }
    text
}

fn fields(cell: &LatencyCell) -> Vec<String> {
    let row = &cell.row;
    let mut fields = vec![row.subject(), row.threads.to_string(), percentage(row.mix.reads)];
    fields.extend([row.zipf.to_string(), row.keys.to_string(), cell.at.to_string()]);
    fields.extend(SHOWN.map(|(_, q)| shown(cell.median(Time::Response, q))));
    fields.extend([cell.n().to_string(), cell.saturated().to_string()]);
    fields
}

/// `texts` columns of text, then numbers.
fn render(header: &[&str], texts: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH).set_header(header.to_vec()).add_rows(rows);
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if i == 0 {
            column.set_delimiter('/');
        }
        if i >= texts {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::latency::test_trials::latency_trial;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let texts = [0.0, 9e-9, 99.9e-9, 1.234e-6, 12.34e-6, 123.4e-6, 9.996e-3, 0.5, 2.0, 75.0]
            .map(|seconds| duration(seconds).replace('\u{a0}', " "));
        assert_eq!(
            texts,
            [
                "0 ns", "9 ns", "100 ns", "1.23 µs", "12.3 µs", "123 µs", "10.0 ms", "500 ms",
                "2.00 s", "75.0 s"
            ]
        );
    }

    #[test]
    fn a_trial_has_lines_for_each_time_and_operation() {
        let trial = latency_trial("papaya", 1e5, 0, &[(1000, 990), (2_000_000, 10)]);
        let text = of_trial(&trial).replace('\u{a0}', " ");
        let words: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[0][..4], ["time", "operation", "count", "p50"]);
        assert_eq!(words[1][..5], ["response", "all", "1000", "1.00", "µs"]);
        assert_eq!(words[2][..3], ["response", "get", "1000"]);
        assert_eq!(words[4][..5], ["service", "get", "1000", "100", "ns"]);
        assert!(words[1].contains(&"-"), "p99.99 of 1000 is unknown: {text}");
        let json = json_of_trial(&trial);
        assert_eq!((json["rate"].as_f64(), &json["saturated"]), (Some(1e5), &json!(false)));
        let first = &json["percentiles"][0];
        assert_eq!((&first["operation"], &first["time"]), (&json!("all"), &json!("response")));
        assert_eq!((first["p50"].as_f64(), &first["p99.99"]), (Some(1e-6), &Value::Null));
    }

    #[test]
    fn what_never_began_is_among_all_of_a_trial() {
        let mut trial = latency_trial("papaya", 1e5, 0, &[(1000, 400)]);
        trial.open.unstarted = Some(600);
        let json = json_of_trial(&trial);
        let found = json["percentiles"].as_array().expect("a list").iter();
        let found = found.map(|one| (one["count"].as_u64(), one["p50"].as_f64()));
        let found: Vec<(Option<u64>, Option<f64>)> = found.collect();
        let [all, get, served, served_get] = found[..] else { panic!("{json}") };
        assert_eq!((all, get), ((Some(1000), Some(1.0)), (Some(400), Some(1e-6))));
        assert_eq!((served, served_get), ((Some(400), Some(100e-9)), (Some(400), Some(100e-9))));
    }

    #[test]
    fn cells_are_by_workload_rate_and_subject() {
        let trials = [
            latency_trial("papaya", 2e5, 0, &[(1000, 10)]),
            latency_trial("papaya", 1e5, 0, &[(1000, 10)]),
            latency_trial("dashmap", 2e5, 0, &[(1000, 10)]),
        ];
        let text = of_cells(&trials);
        let cells: Vec<(&str, &str)> = text
            .lines()
            .filter(|line| line.contains("µs"))
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                (words[0], words[5])
            })
            .collect();
        assert_eq!(cells, [("papaya", "100000"), ("dashmap", "200000"), ("papaya", "200000")]);
        assert!(!text.contains("fault"), "one setting needs no name: {text}");
        let mut stalled = trials[0].clone();
        stalled.row.fault = crate::fault::Fault::StalledReader;
        stalled.row.case = "another".to_owned();
        let text = of_cells(&[trials[0].clone(), stalled]);
        let named = text.find("fault stalled-reader").expect("its name");
        assert_eq!(text.matches("papaya").count(), 2, "{text}");
        assert!(text[named..].contains("papaya") && text[..named].contains("papaya"), "{text}");
    }
}
