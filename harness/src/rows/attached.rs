//! Files of rows that belong to trials, beside the file that records the trials.
//!
//! The rows of a trial are written and synced before the trial's own row. So every recorded trial
//! has all of its rows; a process that dies in between leaves rows of a trial that is not recorded,
//! at the end of the file, and they are cut off when the folder is opened again.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::hash::Hash;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Failure, usage};
use crate::rows::lines::whole_lines;

/// A row that belongs to a trial.
pub(crate) trait Attached: Serialize + DeserializeOwned {
    /// What names a trial.
    type Trial: Eq + Hash;

    /// The file's name in a result folder.
    const FILE: &'static str;

    /// The file's first line.
    const HEADER: &'static str;

    /// The trial that it belongs to.
    fn trial(&self) -> Self::Trial;
}

/// The file of a folder that is being written.
#[derive(Debug)]
pub(crate) struct AttachedFile<R> {
    path: PathBuf,
    file: File,
    rows: PhantomData<R>,
}

impl<R: Attached> AttachedFile<R> {
    /// Opens the file in `folder`, whose recorded trials are `trials`: makes it if there is none,
    /// and cuts off a torn last line and rows of a trial that was not recorded.
    pub(crate) fn open(
        folder: &Path,
        trials: &HashSet<R::Trial>,
        notes: &mut Vec<String>,
    ) -> Result<Self, Failure> {
        let path = folder.join(R::FILE);
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
        let kept = recorded::<R>(&bytes, trials, &path)?;
        if kept < bytes.len() {
            file.set_len(kept as u64).with_context(|| failed("repair"))?;
            notes.push(format!(
                "{}: cut off {} bytes of a trial that was not recorded",
                path.display(),
                bytes.len() - kept
            ));
        }
        if kept == 0 {
            let written = file.write_all(R::HEADER.as_bytes()).and_then(|()| file.sync_all());
            written.with_context(|| failed("write"))?;
        }
        Ok(Self { path, file, rows: PhantomData })
    }

    /// Adds a trial's rows; on return they are on the disk. The trial's own row must follow.
    pub(crate) fn append(&mut self, rows: impl Iterator<Item = R>) -> anyhow::Result<()> {
        let lines = lines(rows)?;
        let written = self.file.write_all(&lines).and_then(|()| self.file.sync_data());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The rows of a result folder, in their order, of trials that are among `trials`; none if it
/// holds no such file.
pub(crate) fn read<R: Attached>(
    folder: &Path,
    trials: &HashSet<R::Trial>,
) -> anyhow::Result<Vec<R>> {
    let mut rows = read_all::<R>(folder)?;
    rows.retain(|row| trials.contains(&row.trial()));
    Ok(rows)
}

/// All rows of a result folder, in their order, but a torn last one; none if it holds no such file.
pub(crate) fn read_all<R: Attached>(folder: &Path) -> anyhow::Result<Vec<R>> {
    let path = folder.join(R::FILE);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        bytes => bytes.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let whole = &bytes[..whole_lines(&bytes)];
    Ok(parse::<R>(whole, &path)?.into_iter().map(|(_, row)| row).collect())
}

/// The rows of each trial.
pub(crate) fn by_trial<R: Attached>(rows: Vec<R>) -> HashMap<R::Trial, Vec<R>> {
    let mut trials: HashMap<_, Vec<R>> = HashMap::new();
    for row in rows {
        trials.entry(row.trial()).or_default().push(row);
    }
    trials
}

/// The text of a file with these rows.
pub(crate) fn text<R: Attached>(rows: impl Iterator<Item = R>) -> anyhow::Result<Vec<u8>> {
    Ok([R::HEADER.as_bytes(), &lines(rows)?].concat())
}

/// Length of the part of the file to keep: 0 if not even the header is whole.
fn recorded<R: Attached>(
    bytes: &[u8],
    trials: &HashSet<R::Trial>,
    path: &Path,
) -> Result<usize, Failure> {
    let whole = &bytes[..whole_lines(bytes)];
    if whole.is_empty() {
        return Ok(0);
    }
    if !whole.starts_with(R::HEADER.as_bytes()) {
        return Err(usage(format!(
            "{}:1: these are not the columns that this build writes, so it cannot add to them; \
             write elsewhere with --out DIR, or start anew with --fresh",
            path.display()
        )));
    }
    let rows = parse::<R>(whole, path)?;
    let last = rows.iter().rev().find(|(_, row)| trials.contains(&row.trial()));
    Ok(last.map_or(R::HEADER.len(), |(end, _)| *end))
}

/// Each row with the place in the file at which it ends.
fn parse<R: Attached>(whole: &[u8], path: &Path) -> anyhow::Result<Vec<(usize, R)>> {
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

fn lines<R: Attached>(rows: impl Iterator<Item = R>) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).with_context(|| format!("cannot write a row of {}", R::FILE))?;
    }
    writer.into_inner().with_context(|| format!("cannot write a row of {}", R::FILE))
}

/// Checks that the header names the fields, and that what is written is read again.
#[cfg(test)]
pub(crate) fn assert_round_trip<R: Attached + Clone + PartialEq + std::fmt::Debug>(row: &R) {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.serialize(row).unwrap();
    let named = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    assert!(named.starts_with(R::HEADER), "{named}");
    let text = self::text(std::iter::once(row.clone())).unwrap();
    assert_eq!(parse::<R>(&text, Path::new("rows")).unwrap(), [(text.len(), row.clone())]);
}
