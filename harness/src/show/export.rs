//! Throughput for services that watch it from commit to commit.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::analysis::compare::Workload;
use crate::analysis::throughput::{CellSummary, Rate, summarise};
use crate::rows::Row;

/// Bencher's metric format: by name, the measure `throughput` in operations per second, with the ends
/// of the median's interval.
#[must_use]
pub fn bencher(rows: &[Row], metric: Rate) -> Value {
    let cells = named(rows, metric);
    let entry = |(name, cell, median): (String, CellSummary, f64)| {
        let mut value = json!({ "value": median });
        if let Some((low, high)) = cell.interval() {
            value["lower_value"] = json!(low);
            value["upper_value"] = json!(high);
        }
        (name, json!({ "throughput": value }))
    };
    Value::Object(cells.into_iter().map(entry).collect())
}

/// A list for `customBiggerIsBetter` of github-action-benchmark.
#[must_use]
pub fn github_action_benchmark(rows: &[Row], metric: Rate) -> Value {
    let entry = |(name, cell, median): (String, CellSummary, f64)| {
        let mut value = json!({
            "name": name,
            "unit": "ops/s",
            "value": median,
            "extra": format!("{} trials, {}", cell.n(), metric.in_words()),
        });
        if let Some((low, high)) = cell.interval() {
            value["range"] = json!(format!("{low:.0} to {high:.0}"));
        }
        value
    };
    named(rows, metric).into_iter().map(entry).collect()
}

/// Every cell that has a rate, by workload and subject, under a name of its own: what it says stays
/// the same from commit to commit.
fn named(rows: &[Row], metric: Rate) -> Vec<(String, CellSummary, f64)> {
    let mut cells = summarise(rows, metric);
    cells.sort_by_cached_key(|cell| (Workload::of(&cell.row), cell.subject.clone()));
    let short = |cell: &CellSummary| format!("{} {}", cell.subject, Workload::of(&cell.row));
    let mut uses: HashMap<String, usize> = HashMap::new();
    cells.iter().for_each(|cell| *uses.entry(short(cell)).or_default() += 1);
    let name = |cell: &CellSummary| {
        let short = short(cell);
        match uses[&short] {
            1 => short,
            _ => format!("{short} ({})", Workload::of(&cell.row).setting().in_words()),
        }
    };
    cells
        .into_iter()
        .filter_map(|cell| {
            let (name, median) = (name(&cell), cell.median()?);
            Some((name, cell, median))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{Grid, trial, with};

    #[test]
    fn bencher_has_a_measure_of_each_cell() {
        let mut rows = Grid { threads: vec![1], ..Grid::small() }.rows();
        rows.push(trial("flurry", 1, 0, 7e6));
        let all = bencher(&rows, Rate::WallRate);
        let cell = &all["papaya threads=1 reads=95 zipf=0.99 keys=65536"]["throughput"];
        let number = |key: &str| cell[key].as_f64().expect("a number");
        assert!(number("lower_value") <= number("value"), "{cell}");
        assert!(number("value") <= number("upper_value"), "{cell}");
        let median = summarise(&rows, Rate::WallRate)[0].median().unwrap();
        assert_eq!(number("value"), median);
        let alone = &all["flurry threads=1 reads=95 zipf=0.99 keys=65536"]["throughput"];
        assert_eq!(*alone, json!({ "value": 7e6 }), "one trial has no interval");
        assert_eq!(all.as_object().unwrap().len(), 3);
    }

    #[test]
    fn github_action_benchmark_has_a_list() {
        let mut rows = Grid { threads: vec![1], ..Grid::small() }.rows();
        rows.iter_mut().filter(|row| row.structure == "papaya").for_each(|row| row.valid = false);
        let all = github_action_benchmark(&rows, Rate::WallRate);
        let [only] = all.as_array().unwrap().as_slice() else { panic!("{all}") };
        assert_eq!(only["name"], "hamt-cas/epoch threads=1 reads=95 zipf=0.99 keys=65536");
        assert_eq!(
            (only["unit"].as_str(), only["extra"].as_str().map(|e| &e[..9])),
            (Some("ops/s"), Some("5 trials,"))
        );
        let (low, high) = only["range"].as_str().unwrap().split_once(" to ").unwrap();
        let [low, high]: [f64; 2] = [low, high].map(|end| end.parse().unwrap());
        let value = only["value"].as_f64().unwrap();
        assert!(low <= value && value <= high && value > 1e6, "{only}");
    }

    #[test]
    fn cells_that_differ_in_their_setting_have_names_that_do() {
        let plain = trial("papaya", 1, 0, 1e6);
        let other = with(&plain, |row| {
            row.case = "other".to_owned();
            row.hash_seed = 9;
        });
        let all = bencher(&[plain, other], Rate::WallRate);
        let names: Vec<&String> = all.as_object().unwrap().keys().collect();
        assert_eq!(names.len(), 2);
        assert!(names.iter().any(|name| name.contains("hash seed 9")), "{names:?}");
    }
}
