//! Append-only files of CSV lines: reading them, repairing what a process that died has left, and
//! adding to them.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::Context;

use crate::failure::{Failure, usage};

/// What `read` makes of each line of a file; a torn last line is left out.
pub(crate) fn read_lines<T>(path: &Path, read: ReadLine<T>) -> anyhow::Result<Vec<T>> {
    let mut bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    bytes.truncate(whole_lines(&bytes));
    parse_rows(utf8(&bytes, path)?, path, read)
}

/// What makes a row of a record and the names of the columns.
pub(crate) type ReadLine<T> = fn(&csv::StringRecord, &csv::StringRecord) -> anyhow::Result<T>;

/// Reads the trials, cuts off a torn last line, and writes the header if there is none.
pub(crate) fn recover<T>(
    mut trials: File,
    path: &Path,
    header: &[u8],
    read: ReadLine<T>,
    notes: &mut Vec<String>,
) -> Result<(File, Vec<T>), Failure> {
    let mut bytes = Vec::new();
    trials.seek(SeekFrom::Start(0)).context("cannot seek")?;
    trials.read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    let whole = whole_lines(&bytes);
    if whole < bytes.len() {
        trials
            .set_len(whole as u64)
            .with_context(|| format!("cannot repair {}", path.display()))?;
        let then = if whole == 0 { "it was the header" } else { "its trial will be run again" };
        notes.push(format!(
            "{}: cut off a torn last line of {} bytes; {then}",
            path.display(),
            bytes.len() - whole
        ));
    }
    if whole == 0 {
        trials
            .write_all(header)
            .and_then(|()| trials.sync_all())
            .with_context(|| format!("cannot write {}", path.display()))?;
        return Ok((trials, Vec::new()));
    }
    if !bytes.starts_with(header) {
        return Err(usage(format!(
            "{}:1: these are not the columns that this build writes, so it cannot add to them; \
             write elsewhere with --out DIR, or start anew with --fresh",
            path.display()
        )));
    }
    let rows = parse_rows(utf8(&bytes[..whole], path)?, path, read)?;
    Ok((trials, rows))
}

pub(crate) fn utf8<'a>(bytes: &'a [u8], path: &Path) -> anyhow::Result<&'a str> {
    std::str::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// Length of the part that consists of whole lines.
pub(crate) fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1)
}

pub(crate) fn parse_rows<T>(text: &str, path: &Path, read: ReadLine<T>) -> anyhow::Result<Vec<T>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let found =
        reader.headers().with_context(|| format!("cannot read {}", path.display()))?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let position = match &record {
            Ok(record) => record.position(),
            Err(error) => error.position(),
        };
        let line = position.map_or(0, csv::Position::line);
        let row = record.map_err(anyhow::Error::from).and_then(|record| read(&record, &found));
        rows.push(
            row.with_context(|| format!("{}:{line}: cannot understand this row", path.display()))?,
        );
    }
    Ok(rows)
}

/// Adds a line to a file; on return it is on the disk.
pub(crate) fn write_line(file: &mut File, line: &[u8]) -> io::Result<()> {
    file.write_all(line)?;
    file.sync_data()
}
