//! Append-only logs of rows: the CSV files of a result folder. Reads them, appends to them, and
//! repairs them after a process that wrote them died.
//!
//! Some logs record trials: a whole line is a trial, and a torn last line is cut off when the folder
//! is opened again. Trials that took turns are one record: where a process died in the middle of it, all of
//! its lines are cut off ([`Logged::torn`]). The others hold rows that belong to trials. These are written and synced before
//! the trial's own row, so every recorded trial has all of its rows. A process that dies in between
//! leaves rows of a trial that is not recorded at the end of the file, and they are cut off.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::hash::Hash;
use std::io::{self, Read, Seek, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Failure, usage};

/// A row of a log.
pub(crate) trait Logged: Sized {
    /// The file's name in a result folder.
    const FILE: &'static str;

    /// The file's first line.
    fn header() -> anyhow::Result<Vec<u8>>;

    /// The row of a line whose columns have these names.
    fn read(line: &csv::StringRecord, columns: &csv::StringRecord) -> anyhow::Result<Self>;

    /// Writes its line.
    fn write(&self, to: &mut csv::Writer<Vec<u8>>) -> csv::Result<()>;

    /// How many of the last of `rows` are part of a record that is not there whole, if a record can be
    /// several rows.
    fn torn(_rows: &[Self]) -> usize {
        0
    }
}

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

impl<R: Attached> Logged for R {
    const FILE: &'static str = <R as Attached>::FILE;

    fn header() -> anyhow::Result<Vec<u8>> {
        Ok(R::HEADER.into())
    }

    fn read(line: &csv::StringRecord, columns: &csv::StringRecord) -> anyhow::Result<Self> {
        Ok(line.deserialize(Some(columns))?)
    }

    fn write(&self, to: &mut csv::Writer<Vec<u8>>) -> csv::Result<()> {
        to.serialize(self)
    }
}

/// A log that is being written.
#[derive(Debug)]
pub(crate) struct Log<R> {
    path: PathBuf,
    file: File,
    rows: PhantomData<R>,
}

impl<R: Logged> Log<R> {
    /// Takes over `file`, which is open at `path` for reading and appending and records trials, and
    /// returns what it holds: cuts off a torn last line, and lines of a torn last record, and writes the header
    /// if there is none.
    pub(crate) fn of_trials(
        file: File,
        path: PathBuf,
        notes: &mut Vec<String>,
    ) -> Result<(Self, Vec<R>), Failure> {
        let mut log = Self { path, file, rows: PhantomData };
        let bytes = log.bytes()?;
        let whole = log.whole_lines(&bytes)?;
        utf8(whole, &log.path)?;
        let (mut rows, ends) = parse::<R>(whole, &log.path)?;
        let lines = R::torn(&rows);
        let kept = match lines {
            0 => whole.len(),
            _ => rows.len().checked_sub(lines + 1).map_or(R::header()?.len(), |last| ends[last]),
        };
        rows.truncate(rows.len() - lines);
        let cut = |lost| match (whole.len(), lines) {
            (0, _) => format!("cut off a torn last line of {lost} bytes; it was the header"),
            (_, 0) => {
                format!("cut off a torn last line of {lost} bytes; its trial will be run again")
            }
            _ => format!(
                "cut off the last {lost} bytes, part of a group of trials that took turns; all of \
                 it will be run again"
            ),
        };
        log.keep(kept, bytes.len(), cut, notes)?;
        Ok((log, rows))
    }

    /// Adds rows; on return they are on the disk.
    pub(crate) fn append(
        &mut self,
        rows: impl IntoIterator<Item = impl Borrow<R>>,
    ) -> anyhow::Result<()> {
        let lines = lines(rows)?;
        let written = self.file.write_all(&lines).and_then(|()| self.file.sync_data());
        written.with_context(|| self.failed("write"))
    }

    fn bytes(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.file.rewind().and_then(|()| self.file.read_to_end(&mut bytes));
        read.with_context(|| self.failed("read"))?;
        Ok(bytes)
    }

    /// The part of the file that consists of whole lines, if they have the columns that are written
    /// now.
    fn whole_lines<'b>(&self, bytes: &'b [u8]) -> Result<&'b [u8], Failure> {
        let whole = whole_lines(bytes);
        if whole.is_empty() || whole.starts_with(&R::header()?) {
            return Ok(whole);
        }
        Err(usage(format!(
            "{}:1: these are not the columns that this build writes, so it cannot add to them; \
             write elsewhere with --out DIR, or start anew with --fresh",
            self.path.display()
        )))
    }

    /// Keeps the first `kept` of `all` bytes, and notes what `cut` says of the others. If none is
    /// kept, the file has no header yet: writes it.
    fn keep(
        &mut self,
        kept: usize,
        all: usize,
        cut: impl Fn(usize) -> String,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<()> {
        if kept < all {
            self.file.set_len(kept as u64).with_context(|| self.failed("repair"))?;
            notes.push(format!("{}: {}", self.path.display(), cut(all - kept)));
        }
        if kept == 0 {
            let written = self.file.write_all(&R::header()?).and_then(|()| self.file.sync_all());
            written.with_context(|| self.failed("write"))?;
        }
        Ok(())
    }

    fn failed(&self, what: &str) -> String {
        format!("cannot {what} {}", self.path.display())
    }
}

impl<R: Attached> Log<R> {
    /// Opens the log in `folder`, and returns its rows of recorded trials: makes it if there is
    /// none, and cuts off a torn last line and rows of a trial that was not recorded. Which trials
    /// are recorded may depend on the rows.
    pub(crate) fn of_rows(
        folder: &Path,
        recorded: impl FnOnce(&[R]) -> HashSet<R::Trial>,
        notes: &mut Vec<String>,
    ) -> Result<(Self, Vec<R>), Failure> {
        let path = folder.join(<R as Attached>::FILE);
        let mut log = Self { file: open(&path)?, path, rows: PhantomData };
        let bytes = log.bytes()?;
        let whole = log.whole_lines(&bytes)?;
        let (mut rows, ends) = parse::<R>(whole, &log.path)?;
        let trials = recorded(&rows);
        let last = rows.iter().rposition(|row| trials.contains(&row.trial()));
        let header = R::HEADER.len().min(whole.len());
        let cut = |lost| format!("cut off {lost} bytes of a trial that was not recorded");
        log.keep(last.map_or(header, |last| ends[last]), bytes.len(), cut, notes)?;
        rows.retain(|row| trials.contains(&row.trial()));
        Ok((log, rows))
    }
}

/// Opens the log at `path` for reading and appending; makes it if there is none.
pub(crate) fn open(path: &Path) -> anyhow::Result<File> {
    let mut how = OpenOptions::new();
    how.read(true).append(true).create(true);
    how.open(path).with_context(|| format!("cannot write {}", path.display()))
}

/// [`open`], and locks it until it is closed.
///
/// # Errors
///
/// Wrong usage: another process has it open so. Otherwise: it cannot be opened.
pub(crate) fn open_alone(path: &Path) -> Result<File, Failure> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            Err(usage(format!("another sweep is writing {}", path.display())))
        }
        // A file system without locks: better unlocked than not at all.
        Err(fs::TryLockError::Error(_)) => Ok(file),
    }
}

/// The trials of the log at `path`, in their order, without a torn last line.
pub(crate) fn read_trials<R: Logged>(path: &Path) -> anyhow::Result<Vec<R>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse_trials(whole_lines(&bytes), path)
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

/// All rows of a result folder, in their order, without a torn last one; none if it holds no such
/// file.
pub(crate) fn read_all<R: Attached>(folder: &Path) -> anyhow::Result<Vec<R>> {
    let path = folder.join(<R as Attached>::FILE);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        bytes => bytes.with_context(|| format!("cannot read {}", path.display()))?,
    };
    Ok(parse(whole_lines(&bytes), &path)?.0)
}

/// The rows of each trial.
pub(crate) fn by_trial<R: Attached>(rows: Vec<R>) -> HashMap<R::Trial, Vec<R>> {
    let mut trials: HashMap<_, Vec<R>> = HashMap::new();
    for row in rows {
        trials.entry(row.trial()).or_default().push(row);
    }
    trials
}

/// The whole log of these rows.
pub(crate) fn text<R: Logged>(
    rows: impl IntoIterator<Item = impl Borrow<R>>,
) -> anyhow::Result<Vec<u8>> {
    Ok([R::header()?, lines(rows)?].concat())
}

/// The lines of these rows.
pub(crate) fn lines<R: Logged>(
    rows: impl IntoIterator<Item = impl Borrow<R>>,
) -> anyhow::Result<Vec<u8>> {
    let failed = || format!("cannot write a row of {}", R::FILE);
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for row in rows {
        row.borrow().write(&mut writer).with_context(failed)?;
    }
    writer.into_inner().with_context(failed)
}

pub(crate) fn utf8<'a>(bytes: &'a [u8], path: &Path) -> anyhow::Result<&'a str> {
    std::str::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// The part that consists of whole lines.
pub(crate) fn whole_lines(bytes: &[u8]) -> &[u8] {
    let last = bytes.iter().rposition(|byte| *byte == b'\n');
    &bytes[..last.map_or(0, |last| last + 1)]
}

fn parse_trials<R: Logged>(whole: &[u8], path: &Path) -> anyhow::Result<Vec<R>> {
    utf8(whole, path)?;
    Ok(parse(whole, path)?.0)
}

/// The rows, and the place in the file at which each ends.
fn parse<R: Logged>(whole: &[u8], path: &Path) -> anyhow::Result<(Vec<R>, Vec<usize>)> {
    let mut reader = csv::Reader::from_reader(whole);
    let columns =
        reader.headers().with_context(|| format!("cannot read {}", path.display()))?.clone();
    let (mut rows, mut ends) = (Vec::new(), Vec::new());
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        let understand = || format!("{}:{line}: cannot understand this row", path.display());
        if !reader.read_record(&mut record).with_context(understand)? {
            return Ok((rows, ends));
        }
        rows.push(R::read(&record, &columns).with_context(understand)?);
        ends.push(reader.position().byte() as usize);
    }
}

/// The rows of a log with this text.
#[cfg(test)]
pub(crate) fn parse_text<R: Logged>(text: &str, path: &Path) -> anyhow::Result<Vec<R>> {
    parse_trials(text.as_bytes(), path)
}

/// Checks that the header names the fields, and that what is written is read again.
#[cfg(test)]
pub(crate) fn assert_round_trip<R: Attached + Clone + PartialEq + std::fmt::Debug>(row: &R) {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.serialize(row).unwrap();
    let named = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    assert!(named.starts_with(R::HEADER), "{named}");
    let text = self::text::<R>([row]).unwrap();
    assert_eq!(
        parse::<R>(&text, Path::new("rows")).unwrap(),
        (vec![row.clone()], vec![text.len()])
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::slices::{SLICES, SliceRow};
    use crate::rows::{Row, throughput};
    use crate::test_rows::trial;

    fn slice(block: u32) -> SliceRow {
        SliceRow::new(&trial("papaya", 1, block, 1.0), (0, 0), Default::default())
    }

    fn recorded(_: &[SliceRow]) -> HashSet<(String, u32)> {
        [0, 1].map(|block| slice(block).trial()).into()
    }

    #[test]
    fn rows_of_a_trial_that_was_not_recorded_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SLICES);
        let kept = text::<SliceRow>([slice(0), slice(1)]).unwrap();
        let lost = [lines::<SliceRow>([slice(2)]).unwrap(), b"torn".to_vec()].concat();
        fs::write(&path, [&*kept, &lost].concat()).unwrap();
        let mut notes = Vec::new();
        let (mut log, rows) = Log::of_rows(folder.path(), recorded, &mut notes).unwrap();
        assert_eq!((rows, fs::read(&path).unwrap()), (vec![slice(0), slice(1)], kept.clone()));
        let what = format!("cut off {} bytes of a trial that was not recorded", lost.len());
        assert_eq!(notes, [format!("{}: {what}", path.display())]);
        log.append([slice(3)]).unwrap();
        let all = [kept, lines::<SliceRow>([slice(3)]).unwrap()].concat();
        assert_eq!(fs::read(&path).unwrap(), all);
    }

    #[test]
    fn a_torn_last_line_of_trials_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(throughput::TRIALS);
        let whole = text::<Row>([trial("papaya", 1, 0, 1.0)]).unwrap();
        let opened = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let mut notes = Vec::new();
            let file = open(&path).unwrap();
            let (_, rows) = Log::<Row>::of_trials(file, path.clone(), &mut notes).unwrap();
            (rows.len(), notes.concat(), fs::read(&path).unwrap())
        };
        let (n, note, left) = opened(&[&*whole, b"torn"].concat());
        assert_eq!((n, left), (1, whole));
        assert!(note.ends_with("of 4 bytes; its trial will be run again"), "{note}");
        let (n, note, left) = opened(b"case,thr");
        assert_eq!((n, left), (0, Row::header().unwrap()));
        assert!(note.ends_with("of 8 bytes; it was the header"), "{note}");
    }

    /// A trial of this block that took turns with so many others.
    fn of_group(block: u32, group_size: Option<u64>) -> Row {
        Row { group_size, ..trial("papaya", 1, block, 1.0) }
    }

    /// Wherever the writing of a log ends, what is left of it is whole records.
    #[test]
    fn a_group_is_there_whole_or_not_at_all() {
        // Two groups of one size that do the same operations, as one that was parted for want of memory; one of
        // another size; a trial that took no turns; and the group of another block.
        let records = [(0, Some(3)), (0, Some(3)), (0, Some(2)), (0, None), (1, Some(2))];
        let (mut rows, mut whole) = (Vec::new(), vec![0]);
        for (block, size) in records {
            rows.extend((0..size.unwrap_or(1)).map(|_| of_group(block, size)));
            whole.push(rows.len());
        }
        let lines: Vec<usize> =
            (0..=rows.len()).map(|count| text::<Row>(&rows[..count]).unwrap().len()).collect();
        let all = text::<Row>(&rows).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(throughput::TRIALS);
        for (written, end) in lines.iter().enumerate() {
            let torn = lines.get(written + 1).map_or(0, |next| (next - end) / 2);
            for end in [*end, end + torn] {
                fs::write(&path, &all[..end]).unwrap();
                let mut notes = Vec::new();
                let file = open(&path).unwrap();
                let (_, left) = Log::<Row>::of_trials(file, path.clone(), &mut notes).unwrap();
                let kept = *whole.iter().rfind(|count| **count <= written).unwrap();
                assert_eq!(left.len(), kept, "of {written} lines");
                assert_eq!(fs::read(&path).unwrap(), &all[..lines[kept]], "of {written} lines");
                assert_eq!(notes.len(), usize::from(end > lines[kept]), "{notes:?}");
                let says_it = notes.concat().contains("part of a group of trials that took turns");
                assert_eq!(says_it, kept < written, "{notes:?}");
            }
        }
    }

    #[test]
    fn a_file_that_was_sorted_is_not_torn() {
        let mut rows: Vec<Row> =
            [Some(2), Some(3), Some(2), Some(3), Some(3)].map(|size| of_group(0, size)).into();
        assert_eq!(Row::torn(&rows), 0);
        rows.truncate(4);
        assert_eq!(
            Row::torn(&rows),
            0,
            "two of three are not there, and one of them is not the last"
        );
        assert_eq!(Row::torn(&[of_group(0, Some(2)), of_group(1, None)]), 0);
        assert_eq!(Row::torn(&[of_group(0, Some(0))]), 0, "nobody wrote that");
    }

    /// Nothing is cut off of a file that is refused.
    #[test]
    fn other_columns_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SLICES);
        for other in ["case,block\npapaya,1\n", "case,block\npapaya,1\ntorn"] {
            fs::write(&path, other).unwrap();
            let mut notes = Vec::new();
            let file = open(&path).unwrap();
            let errors = [
                Log::of_rows(folder.path(), recorded, &mut notes).unwrap_err(),
                Log::<Row>::of_trials(file, path.clone(), &mut notes).unwrap_err(),
            ];
            for error in errors {
                let error = format!("{error:?}");
                assert!(error.contains(":1: these are not the columns"), "{error}");
            }
            assert_eq!((fs::read_to_string(&path).unwrap().as_str(), notes.len()), (other, 0));
        }
    }
}
