//! Percentiles as text, in the form of HdrHistogram's `outputPercentileDistribution`, which its
//! plotter reads. Values are in milliseconds, the unit that the plotter assumes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use crate::case::{Case, Mix};
use crate::names::file_name;
use crate::rows::Row;
use crate::rows::latency::{LatencyTrial, Time, Times, hdr_histogram};

/// Lines of each half of what is left above the percentile.
const TICKS: u32 = 5;

/// What is in one file: a cell (its folder), the operations, and the kind of time.
type Place = (String, &'static str, Time);

/// The files of `trials`, each with its path: a folder for each cell and rate, and in it a file for
/// each operation, and for `all` of them, and each kind of time. The trials of a cell are added up. Among the response
/// times of all are those of operations that never began.
#[must_use]
pub fn files(trials: &[LatencyTrial]) -> Vec<(PathBuf, String)> {
    let mut all: BTreeMap<Place, Times> = BTreeMap::new();
    for trial in trials.iter().filter(|trial| trial.counts()) {
        let folder = folder(&trial.row, trial.open.rate);
        let mut add = |operations, time, buckets: &[(u64, u64)]| {
            all.entry((folder.clone(), operations, time)).or_default().add(buckets);
        };
        for one in &trial.distributions {
            add(one.operation.name(), one.time, &one.buckets);
        }
        for time in Time::ALL {
            let buckets: Vec<(u64, u64)> = trial.times_of_all_due(time).buckets().collect();
            if !buckets.is_empty() {
                add("all", time, &buckets);
            }
        }
    }
    let path = |(folder, operations, time): Place| {
        PathBuf::from(folder).join(format!("{operations}-{time}.hgrm"))
    };
    all.into_iter().map(|(place, times)| (path(place), text(&times))).collect()
}

/// A name for a cell at a rate: in words, and its id.
fn folder(row: &Row, rate: f64) -> String {
    let Row { case, .. } = row;
    let Case { threads, mix: Mix { reads, .. }, zipf, keys, .. } = &**row;
    let subject = row.subject();
    let name = format!("{subject}-threads{threads}-reads{reads}-zipf{zipf}-keys{keys}-rate{rate}");
    file_name(&format!("{}-{case}", file_name(&name)))
}

/// The percentile distribution of `times`.
fn text(times: &Times) -> String {
    let mut all = hdr_histogram();
    times.buckets().for_each(|(nanos, count)| all.saturating_record_n(nanos, count));
    let millis = |nanos: f64| nanos / 1e6;
    let mut text = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n".to_owned();
    let mut count = 0;
    for step in all.iter_quantiles(TICKS) {
        count += step.count_since_last_iteration();
        let (value, quantile) =
            (millis(step.value_iterated_to() as f64), step.quantile_iterated_to());
        let _ = write!(text, "{value:12.6} {quantile:.12} {count:10}");
        // Of the last one there is no such number.
        if quantile < 1.0 {
            let _ = write!(text, " {:14.2}", 1.0 / (1.0 - quantile));
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:12.6}, StdDeviation   = {:12.6}]\n\
         #[Max     = {:12.6}, Total count    = {:12}]",
        millis(all.mean()),
        millis(all.stdev()),
        millis(all.max() as f64),
        times.count()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::latency::Histogram;
    use crate::rows::latency::test_trials::latency_trial;
    use crate::workload::Op;

    #[test]
    fn each_cell_has_a_folder_and_each_operation_a_file() {
        let mut trials = vec![
            latency_trial("papaya", 1e5, 0, &[(1000, 90), (2_000_000, 10)]),
            latency_trial("papaya", 1e5, 1, &[(1000, 100)]),
            latency_trial("papaya", 2e5, 0, &[(1000, 1)]),
            latency_trial("cuckoo/x y", 1e5, 0, &[(1000, 1)]),
        ];
        let insert =
            Histogram { operation: Op::Insert, time: Time::Response, buckets: vec![(5_000, 100)] };
        trials[0].distributions.push(insert);
        trials[3].row.valid = false;
        let files = files(&trials);
        let names: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
        assert_eq!(names.len(), 5 + 4, "{names:?}");
        let start = "papaya-threads1-reads95-zipf0.99-keys65536-rate100000-";
        let of_first: Vec<_> = names.iter().filter(|name| name.starts_with(start)).collect();
        assert_eq!(of_first.len(), 5, "{names:?}");
        let mut kinds: Vec<&str> =
            of_first.iter().map(|name| name.rsplit_once('/').unwrap().1).collect();
        kinds.sort_unstable();
        let expected =
            ["all-response", "all-service", "get-response", "get-service", "insert-response"];
        assert_eq!(kinds, expected.map(|kind| format!("{kind}.hgrm")));
        let (_, all) = files.iter().find(|(path, _)| path.ends_with("all-response.hgrm")).unwrap();
        assert!(all.contains("Total count    =          300]"), "{all}");
    }

    /// A trial in which many did not begin would look good without them.
    #[test]
    fn what_never_began_has_waited_for_a_second() {
        let mut trial = latency_trial("papaya", 1e5, 0, &[(1000, 90)]);
        trial.open.unstarted = Some(10);
        let files = files(&[trial]);
        let last_of = |name: &str| {
            let (_, text) = files.iter().find(|(path, _)| path.ends_with(name)).expect("a file");
            let last = text.lines().take_while(|line| !line.starts_with('#')).last();
            let words = last.expect("a line").split_whitespace();
            words.map(|word| word.parse::<f64>().unwrap()).collect::<Vec<_>>()
        };
        let longest = last_of("all-response.hgrm");
        assert!((longest[0] / 1000.0 - 1.0).abs() < 0.002 && longest[2] == 100.0, "{longest:?}");
        for name in ["all-service.hgrm", "get-response.hgrm"] {
            assert_eq!(last_of(name)[2], 90.0, "{name}");
        }
    }

    #[test]
    fn the_text_is_that_of_the_plotter() {
        let mut times = Times::default();
        times.add(&[(1_000, 900), (2_000_000, 100)]);
        let text = text(&times);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("       Value     Percentile TotalCount 1/(1-Percentile)"));
        assert_eq!(lines.next(), Some(""));
        assert_eq!(lines.next(), Some("    0.001000 0.000000000000        900           1.00"));
        let data: Vec<Vec<f64>> = lines
            .take_while(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
            .collect();
        let (last, rest) = data.split_last().unwrap();
        assert!(rest.iter().all(|line| line.len() == 4), "{text}");
        // Milliseconds, to three digits.
        assert!((last[0] - 2.0).abs() < 0.002 && last[1..] == [1.0, 1000.0], "{text}");
        assert!(rest.is_sorted_by(|a, b| a[0] <= b[0] && a[1] < b[1] && a[2] <= b[2]), "{text}");
        assert!(text.ends_with("]\n") && text.contains("#[Max     ="), "{text}");
    }
}
