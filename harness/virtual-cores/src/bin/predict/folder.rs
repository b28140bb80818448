//! The folder of `--out`: what its predictions follow from, and each of them as soon as it is there.
//!
//! Who stops a run loses the cell that was running. The same command goes on behind the last row that is whole, if it is the
//! same program: another build may be another model.

use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use trials::unfinished::Unfinished;
use virtual_cores::{HOT_LINES, HotLineRow, MODEL, OPTIONS, PREDICTIONS, PredictedRow};

/// The file of the experiment in a folder.
const EXPERIMENT: &str = "experiment.toml";
/// The file that tells the program that has predicted from others.
const PROGRAM: &str = "program.txt";

/// What predictions are made from, as it was when they were asked for.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The experiment file's text.
    pub(crate) experiment: String,
    /// The machine file's.
    pub(crate) machine: String,
    /// The other options, as they are typed.
    pub(crate) options: String,
}

impl Origin {
    fn files(&self) -> [(&'static str, &str); 3] {
        let Self { experiment, machine, options } = self;
        [(EXPERIMENT, experiment), (MODEL, machine), (OPTIONS, options)]
    }
}

/// A folder to which predictions are added. No other process adds to it meanwhile.
#[derive(Debug)]
pub(crate) struct PredictionsFolder {
    path: PathBuf,
    /// Locked, where the file system has locks.
    predictions: File,
    hot_lines: File,
}

impl PredictionsFolder {
    /// Makes the folder; or opens it, if it was made from the same, and returns the rows that it has. What comes
    /// behind the last whole row is cut off, and so are lines of what is no row.
    ///
    /// # Errors
    ///
    /// It cannot be made, was made from something else, or another process is writing to it.
    pub(crate) fn open(path: &Path, origin: &Origin) -> anyhow::Result<(Self, Vec<PredictedRow>)> {
        if path.symlink_metadata().is_err() {
            make(path, origin)?;
        }
        for (name, text) in origin.files() {
            let is_same = fs::read_to_string(path.join(name)).is_ok_and(|there| there == text);
            ensure!(
                is_same,
                "--out {}: it exists, and its {name} is not what is asked for; nothing is overwritten",
                path.display()
            );
        }
        let [predictions, hot_lines] = [PREDICTIONS, HOT_LINES].map(|name| log(&path.join(name)));
        let (predictions, hot_lines) = (predictions?, hot_lines?);
        if let Err(TryLockError::WouldBlock) = predictions.try_lock() {
            bail!("--out {}: another process is writing to it", path.display());
        }
        let rows: Vec<(PredictedRow, u64)> = whole_rows(&path.join(PREDICTIONS))?;
        let lines: Vec<(HotLineRow, u64)> = whole_rows(&path.join(HOT_LINES))?;
        let is_of = |line: &HotLineRow, row: &PredictedRow| {
            line.is_of_cell(row) && line.threads == row.threads
        };
        let is_kept = |line: &HotLineRow| rows.iter().any(|(row, _)| is_of(line, row));
        let kept = lines.iter().take_while(|(line, _)| is_kept(line)).count();
        cut(&predictions, &rows)?;
        cut(&hot_lines, &lines[..kept])?;
        let folder = Self { path: path.to_owned(), predictions, hot_lines };
        Ok((folder, rows.into_iter().map(|(row, _)| row).collect()))
    }

    /// Adds a prediction, and the lines that were waited for in it; on return they are on the disk. The lines come
    /// first: a row that is there has all of them.
    pub(crate) fn add(&mut self, row: &PredictedRow, hot: &[HotLineRow]) -> anyhow::Result<()> {
        let failed = |name: &str| format!("cannot write {}", self.path.join(name).display());
        append(&mut self.hot_lines, hot).with_context(|| failed(HOT_LINES))?;
        append(&mut self.predictions, std::slice::from_ref(row))
            .with_context(|| failed(PREDICTIONS))
    }

    /// Notes that this program adds to it, which has these rows.
    ///
    /// # Errors
    ///
    /// Another program has predicted them, or one that is not known.
    pub(crate) fn note_program(&self, rows: &[PredictedRow]) -> anyhow::Result<()> {
        let (path, own) = (self.path.join(PROGRAM), program()?);
        if rows.is_empty() {
            return fs::write(&path, own)
                .with_context(|| format!("cannot write {}", path.display()));
        }
        ensure!(
            fs::read_to_string(&path).is_ok_and(|there| there == own),
            "--out {}: another build of this program has predicted what is there, and may have another model; write \
             elsewhere",
            self.path.display()
        );
        Ok(())
    }

    /// Takes away what `open` has made, unless there is a prediction in it. What cannot be removed stays: the error
    /// of the run is the one that matters.
    pub(crate) fn take_away_if_empty(&self) {
        if self.predictions.metadata().is_ok_and(|file| file.len() == 0) {
            for name in [EXPERIMENT, MODEL, OPTIONS, PROGRAM, PREDICTIONS, HOT_LINES] {
                let _ = fs::remove_file(self.path.join(name));
            }
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Makes the folder `to`, without a prediction, and in one step: who stops this, or finds the disk full, leaves no folder
/// of that name.
fn make(to: &Path, origin: &Origin) -> anyhow::Result<()> {
    let making = || format!("--out {}: making it", to.display());
    let unfinished = Unfinished::beside(to).with_context(making)?;
    fill(unfinished.path(), origin).with_context(making)?;
    unfinished.put().with_context(making)
}

/// Makes a folder with what predictions are made from.
fn fill(folder: &Path, origin: &Origin) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, text) in origin.files() {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// What tells this program from others: a hash of its file, which stays though another one be built in its place.
fn program() -> anyhow::Result<String> {
    let own = fs::read("/proc/self/exe").or_else(|_| fs::read(env::current_exe()?));
    let mut hasher = DefaultHasher::new();
    own.context("this program cannot be read")?.hash(&mut hasher);
    Ok(format!("{:016x}\n", hasher.finish()))
}

/// Opens the file of rows at `path`, to add to it; makes it if there is none.
fn log(path: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.with_context(|| format!("cannot write {}", path.display()))
}

/// The rows of a file's whole lines, and where in it each ends.
fn whole_rows<R: Serialize + DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<(R, u64)>> {
    let understand = || format!("cannot understand {}", path.display());
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let mut reader = csv::Reader::from_reader(&bytes[..end]);
    let columns = reader.headers().with_context(understand)?.clone();
    let (mut record, mut rows) = (csv::StringRecord::new(), Vec::new());
    while reader.read_record(&mut record).with_context(understand)? {
        let row: R = record.deserialize(Some(&columns)).with_context(understand)?;
        rows.push((row, reader.position().byte()));
    }
    if let Some((row, _)) = rows.first() {
        let [all, alone] = [true, false].map(|named| lines(std::slice::from_ref(row), named));
        let (all, alone) = (all?, alone?);
        ensure!(
            bytes.starts_with(&all[..all.len() - alone.len()]),
            "{}: these are not the columns that this build writes, so it cannot add to them; write elsewhere with \
             --out DIR",
            path.display()
        );
    }
    Ok(rows)
}

/// Cuts a file off behind these rows of it.
fn cut<R>(file: &File, rows: &[(R, u64)]) -> anyhow::Result<()> {
    let end = rows.last().map_or(0, |(_, end)| *end);
    if file.metadata()?.len() > end {
        file.set_len(end)?;
    }
    Ok(())
}

/// The lines of these rows, below the names of their columns if they are to be `named`.
fn lines<R: Serialize>(rows: &[R], named: bool) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(named).from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    Ok(writer.into_inner()?)
}

/// Adds rows to a file, by one write.
fn append<R: Serialize>(file: &mut File, rows: &[R]) -> anyhow::Result<()> {
    let is_empty = file.metadata()?.len() == 0;
    file.write_all(&lines(rows, is_empty)?)?;
    file.sync_data()?;
    Ok(())
}
