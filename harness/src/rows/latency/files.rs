//! The latency trials of a result folder: `latency-trials.csv`, one row a trial, and `latency.csv`,
//! the buckets of their histograms. Neither has anything of a throughput trial.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::trial::{LatencyPlace, LatencyTrial, OpenLoop, place};
use super::{Histogram, Time};
use crate::failure::Failure;
use crate::rows::log::{self, Attached, Log, Logged};
use crate::rows::{Row, throughput};
use crate::workload::Op;

/// The trials' file in a result folder.
pub const LATENCY_TRIALS: &str = "latency-trials.csv";
/// The histograms' file in a result folder.
pub const LATENCY: &str = "latency.csv";

/// A bucket of a histogram: a line of `latency.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The cell's id.
    pub case: String,
    /// The trial's block.
    pub block: u32,
    /// The trial's rate.
    pub rate: f64,
    /// The operations that were counted.
    pub operation: Op,
    /// From when their time counts.
    pub time: Time,
    /// The largest time in the bucket.
    pub seconds: f64,
    /// Operations in it.
    pub count: u64,
}

impl Attached for Bucket {
    type Trial = LatencyPlace;

    const FILE: &'static str = LATENCY;

    const HEADER: &'static str = "case,block,rate,operation,time,seconds,count\n";

    fn trial(&self) -> LatencyPlace {
        place(&self.case, self.block, self.rate)
    }
}

/// The buckets of a trial, as the file has them.
fn buckets(trial: &LatencyTrial) -> impl Iterator<Item = Bucket> + '_ {
    trial.distributions.iter().flat_map(move |Histogram { operation, time, buckets }| {
        buckets.iter().map(move |&(nanos, count)| Bucket {
            case: trial.row.case.clone(),
            block: trial.row.block,
            rate: trial.open.rate,
            operation: *operation,
            time: *time,
            // A division gives the decimal fraction that has these digits.
            seconds: nanos as f64 / 1e9,
            count,
        })
    })
}

/// The files of a folder that is being written.
#[derive(Debug)]
pub(crate) struct LatencyFiles {
    trials: Log<LatencyTrial>,
    buckets: Log<Bucket>,
    recorded: Vec<LatencyTrial>,
}

impl LatencyFiles {
    /// Opens the files in `folder`, and repairs what a process that died has left. The folder is
    /// locked already.
    pub(crate) fn open(folder: &Path, notes: &mut Vec<String>) -> Result<Self, Failure> {
        let path = folder.join(LATENCY_TRIALS);
        let (trials, rows) = Log::of_trials(log::open(&path)?, path, notes)?;
        let (buckets, times) = Log::of_rows(folder, |_| places(&rows), notes)?;
        let recorded = with_buckets(rows, times);
        Ok(Self { trials, buckets, recorded })
    }

    /// The trials so far.
    pub(crate) fn recorded(&self) -> &[LatencyTrial] {
        &self.recorded
    }

    /// Adds a trial; on return it is on the disk.
    pub(crate) fn append(&mut self, trial: LatencyTrial) -> anyhow::Result<()> {
        // Before the row: a trial that is recorded has its histograms.
        self.buckets.append(buckets(&trial))?;
        self.trials.append([&trial])?;
        self.recorded.push(trial);
        Ok(())
    }
}

/// The latency trials of a result folder, without changing it; none if it holds none.
///
/// # Errors
///
/// A file cannot be read, or has a malformed line.
pub fn read(folder: &Path) -> anyhow::Result<Vec<LatencyTrial>> {
    let path = folder.join(LATENCY_TRIALS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let trials = log::read_trials(&path)?;
    let times = log::read(folder, &places(&trials))?;
    Ok(with_buckets(trials, times))
}

/// The texts of both files of these trials, under their names.
pub(crate) fn texts(trials: &[LatencyTrial]) -> anyhow::Result<[(&'static str, Vec<u8>); 2]> {
    let times = log::text::<Bucket>(trials.iter().flat_map(buckets))?;
    Ok([(LATENCY, times), (LATENCY_TRIALS, log::text::<LatencyTrial>(trials)?)])
}

/// What names `trials`.
fn places(trials: &[LatencyTrial]) -> HashSet<LatencyPlace> {
    trials.iter().map(LatencyTrial::place).collect()
}

fn with_buckets(mut trials: Vec<LatencyTrial>, buckets: Vec<Bucket>) -> Vec<LatencyTrial> {
    let places: HashMap<LatencyPlace, usize> =
        trials.iter().enumerate().map(|(i, trial)| (trial.place(), i)).collect();
    for bucket in buckets {
        let Some(&index) = places.get(&bucket.trial()) else { continue };
        let all = &mut trials[index].distributions;
        let value = ((bucket.seconds * 1e9).round() as u64, bucket.count);
        match all.last_mut() {
            Some(one) if (one.operation, one.time) == (bucket.operation, bucket.time) => {
                one.buckets.push(value);
            }
            _ => all.push(Histogram {
                operation: bucket.operation,
                time: bucket.time,
                buckets: vec![value],
            }),
        }
    }
    trials
}

/// The columns of `trials.csv`, then those of [`OpenLoop`].
impl Logged for LatencyTrial {
    const FILE: &'static str = LATENCY_TRIALS;

    fn header() -> anyhow::Result<Vec<u8>> {
        let mut columns = Row::header()?;
        columns.truncate(columns.trim_ascii_end().len());
        columns.extend(b",rate,planned,unstarted,late_seconds,saturated,clock\n");
        Ok(columns)
    }

    fn read(line: &csv::StringRecord, columns: &csv::StringRecord) -> anyhow::Result<Self> {
        let row = Row::read(line, columns)?;
        let open: OpenLoop = line.deserialize(Some(columns))?;
        Ok(Self { row, open, distributions: Vec::new() })
    }

    fn write(&self, to: &mut csv::Writer<Vec<u8>>) -> csv::Result<()> {
        to.serialize((throughput::fields(&self.row), &self.open))
    }
}

/// A trial's row, as the file has it.
pub(crate) fn line(trial: &LatencyTrial) -> anyhow::Result<Vec<u8>> {
    log::lines::<LatencyTrial>([trial])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::trial;

    fn example() -> LatencyTrial {
        let mut example = LatencyTrial::unmeasured(trial("papaya", 2, 3, 5e5), 1e5 / 3.0);
        (example.open.planned, example.open.saturated) = (Some(7), Some(false));
        let of = |operation, time, buckets: &[(u64, u64)]| {
            let buckets = buckets.to_vec();
            Histogram { operation, time, buckets }
        };
        example.distributions = vec![
            of(Op::Get, Time::Response, &[(123, 4), (1_234_567_891, 1)]),
            of(Op::Get, Time::Service, &[(1, 5)]),
            of(Op::Insert, Time::Response, &[(99, 2)]),
        ];
        example
    }

    #[test]
    fn the_header_names_the_fields() {
        log::assert_round_trip(&buckets(&example()).next().unwrap());
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.serialize(&example().open).unwrap();
        let own = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let own = own.lines().next().unwrap();
        let header = String::from_utf8(LatencyTrial::header().unwrap()).unwrap();
        assert!(header.trim_end().ends_with(&format!(",{own}")), "{header}");
        assert_eq!(header.split(',').next(), Some("case"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in texts(&[example()]).unwrap() {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let read = read(folder.path()).unwrap();
        let [one] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!((one.place(), &one.open), (example().place(), &example().open));
        assert_eq!(one.distributions, example().distributions);
        assert_eq!(line(one).unwrap(), line(&example()).unwrap());
    }
}
