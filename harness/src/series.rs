//! `series.csv`: memory over time, beside `trials.csv` and in the same order.
//!
//! The samples of a trial are written and synced before its row. So every recorded trial has all
//! of its samples; a process that dies in between leaves samples of a trial that is not recorded,
//! at the end of the file, and they are cut off when the folder is opened again.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, usage};
use crate::metric::Sample;
use crate::record::whole_lines;
use crate::row::Row;

/// The file's name in a result folder.
pub const SERIES: &str = "series.csv";

const HEADER: &str = "case,block,seed,at_seconds,unreclaimed,unreclaimed_bytes,rss_bytes\n";

/// One sample of one trial: a line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesRow {
    /// The cell's id.
    pub case: String,
    /// The trial's block.
    pub block: u32,
    /// The trial's seed.
    pub seed: u64,
    /// Since the measured time began.
    pub at_seconds: f64,
    /// Nodes retired and not freed.
    pub unreclaimed: Option<u64>,
    /// Their bytes.
    pub unreclaimed_bytes: Option<u64>,
    /// Resident set of the process.
    pub rss_bytes: Option<u64>,
}

impl SeriesRow {
    /// The sample of `trial`.
    #[must_use]
    pub fn new(trial: &Row, sample: Sample) -> Self {
        let Sample { at_seconds, unreclaimed, unreclaimed_bytes, rss_bytes } = sample;
        let (case, block, seed) = (trial.case.clone(), trial.block, trial.seed);
        Self { case, block, seed, at_seconds, unreclaimed, unreclaimed_bytes, rss_bytes }
    }

    /// The trial that it belongs to: a case runs once in a block.
    fn trial(&self) -> (&str, u32) {
        (&self.case, self.block)
    }
}

/// The file of a folder that is being written.
#[derive(Debug)]
pub(crate) struct SeriesFile {
    path: PathBuf,
    file: File,
}

impl SeriesFile {
    /// Opens the file in `folder`, whose recorded trials are `trials`: makes it if there is none,
    /// and cuts off a torn last line and samples of a trial that was not recorded.
    pub(crate) fn open(
        folder: &Path,
        trials: &[Row],
        notes: &mut Vec<String>,
    ) -> Result<Self, Failure> {
        let path = folder.join(SERIES);
        let failed = |what: &str| format!("cannot {what} {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .with_context(|| failed("write"))?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).with_context(|| failed("read"))?;
        file.read_to_end(&mut bytes).with_context(|| failed("read"))?;
        let kept = recorded(&bytes, trials, &path)?;
        if kept < bytes.len() {
            file.set_len(kept as u64).with_context(|| failed("repair"))?;
            notes.push(format!(
                "{}: cut off {} bytes of a trial that was not recorded",
                path.display(),
                bytes.len() - kept
            ));
        }
        if kept == 0 {
            let written = file.write_all(HEADER.as_bytes()).and_then(|()| file.sync_all());
            written.with_context(|| failed("write"))?;
        }
        Ok(Self { path, file })
    }

    /// Adds a trial's samples; on return they are on the disk. The trial's row must follow.
    pub(crate) fn append(&mut self, trial: &Row, samples: &[Sample]) -> anyhow::Result<()> {
        let lines = lines(samples.iter().map(|sample| SeriesRow::new(trial, *sample)))?;
        let written = self.file.write_all(&lines).and_then(|()| self.file.sync_data());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The samples of a result folder, in their order, of trials that are among `trials`; none if it
/// holds no series.
///
/// # Errors
///
/// The file cannot be read, or has a malformed line.
pub fn read(folder: &Path, trials: &[Row]) -> anyhow::Result<Vec<SeriesRow>> {
    let path = folder.join(SERIES);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        bytes => bytes.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let whole = &bytes[..whole_lines(&bytes)];
    let trials = places(trials);
    let rows = parse(whole, &path)?.into_iter().map(|(_, row)| row);
    Ok(rows.filter(|row| trials.contains(&row.trial())).collect())
}

/// The text of a file with these samples.
///
/// # Errors
///
/// None that a row can cause.
pub(crate) fn text(rows: &[SeriesRow]) -> anyhow::Result<Vec<u8>> {
    Ok([HEADER.as_bytes(), &lines(rows.iter().cloned())?].concat())
}

/// The samples of each trial, by case and block.
pub(crate) fn by_trial(rows: Vec<SeriesRow>) -> HashMap<(String, u32), Vec<SeriesRow>> {
    let mut trials: HashMap<_, Vec<SeriesRow>> = HashMap::new();
    for row in rows {
        trials.entry((row.case.clone(), row.block)).or_default().push(row);
    }
    trials
}

fn places(trials: &[Row]) -> HashSet<(&str, u32)> {
    trials.iter().map(|row| (row.case.as_str(), row.block)).collect()
}

/// Length of the part of the file to keep: 0 if not even the header is whole.
fn recorded(bytes: &[u8], trials: &[Row], path: &Path) -> Result<usize, Failure> {
    let whole = &bytes[..whole_lines(bytes)];
    if whole.is_empty() {
        return Ok(0);
    }
    if !whole.starts_with(HEADER.as_bytes()) {
        return Err(usage(format!(
            "{}:1: these are not the columns that this build writes, so it cannot add to them; \
             write elsewhere with --out DIR, or start anew with --fresh",
            path.display()
        )));
    }
    let trials = places(trials);
    let rows = parse(whole, path)?;
    let last = rows.iter().rev().find(|(_, row)| trials.contains(&row.trial()));
    Ok(last.map_or(HEADER.len(), |(end, _)| *end))
}

/// Each row with the place in the file at which it ends.
fn parse(whole: &[u8], path: &Path) -> anyhow::Result<Vec<(usize, SeriesRow)>> {
    let mut reader = csv::Reader::from_reader(whole);
    let found =
        reader.headers().with_context(|| format!("cannot read {}", path.display()))?.clone();
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        let understand = || format!("{}:{line}: cannot understand this row", path.display());
        if !reader.read_record(&mut record).with_context(understand)? {
            return Ok(rows);
        }
        let row = record.deserialize(Some(&found)).with_context(understand)?;
        rows.push((reader.position().byte() as usize, row));
    }
}

fn lines(rows: impl Iterator<Item = SeriesRow>) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).context("cannot write a sample as CSV")?;
    }
    writer.into_inner().context("cannot write a sample as CSV")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_the_fields() {
        let row = SeriesRow::new(&crate::test_rows::trial("papaya", 1, 0, 1.0), Sample::default());
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.serialize(&row).unwrap();
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        assert!(text.starts_with(HEADER), "{text}");
        let read = parse(&self::text(std::slice::from_ref(&row)).unwrap(), Path::new("s")).unwrap();
        assert_eq!(read, [(text.len(), row)]);
    }
}
