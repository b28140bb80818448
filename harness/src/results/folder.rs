//! The result folder: `experiment.toml`, `machine.toml` and the append-only `trials.csv`; and samples over
//! time, latency trials, space trials and aggregations if the experiment asks for them. [`rows`](crate::rows) has
//! the types of the rows of each file.
//!
//! A record, which is a trial or all trials that took turns with each other, is written by one `write` and
//! fsynced before the next trial starts. A process that dies loses at most the running trials. If it died
//! inside the write, the incomplete record is cut off when the folder is opened again, and a message says so. Nothing
//! else is ever cut off or overwritten: `--fresh` moves a folder aside.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail, ensure};

use crate::case::Case;
use crate::experiment::Experiment;
use crate::failure::{Failure, usage};
use crate::metric::Sample;
use crate::programs::catalogue::Catalogue;
use crate::results::machine::Machine;
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use crate::rows::cache::CacheRow;
use crate::rows::latency::{LatencyFiles, LatencyTrial};
use crate::rows::log::{self, Log};
use crate::rows::predicted;
use crate::rows::samples::{SeriesRow, places};
use crate::rows::server::{self, ServerRow};
use crate::rows::slices::SliceRow;
use crate::rows::space::SpaceRow;
use crate::rows::study::StudyFile;
use crate::rows::throughput::TRIALS;

/// The experiment's file in a result folder.
pub const EXPERIMENT: &str = "experiment.toml";
/// The machine's file in a result folder.
pub const MACHINE: &str = "machine.toml";

/// A result folder that is being written; no other process can write it meanwhile.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Its file is locked.
    trials: Log<Row>,
    rows: Vec<Row>,
    series: Option<Log<SeriesRow>>,
    slices: Option<Log<SliceRow>>,
    /// Of trials of caches, with what it holds.
    cache: Option<(Log<CacheRow>, Vec<CacheRow>)>,
    /// Of trials of servers, likewise.
    server: Option<(Log<ServerRow>, Vec<ServerRow>)>,
    latency: Option<LatencyFiles>,
    space: Option<StudyFile<SpaceRow>>,
    aggregate: Option<StudyFile<AggregateRow>>,
    notes: Vec<String>,
}

/// A throughput trial as it is written down.
#[derive(Clone, Debug)]
pub struct ThroughputTrial {
    /// Its row.
    pub row: Row,
    /// Memory over time, if it was asked for.
    pub samples: Vec<Sample>,
    /// Its slices, if it took turns.
    pub slices: Vec<SliceRow>,
    /// What is measured of caches alone, if it was one's and was measured.
    pub cache: Option<CacheRow>,
    /// What is measured of servers alone, likewise.
    pub server: Option<ServerRow>,
}

impl Folder {
    /// Opens the folder at `path` for `experiment`, whose text is `text`: makes it if there is
    /// none, resumes it if it holds trials of the same experiment on the same machine.
    ///
    /// # Errors
    ///
    /// Wrong usage: the folder holds something else, another experiment, or results of another
    /// machine or build, or another process writes it. Otherwise: it cannot be read or written.
    pub fn open(
        path: &Path,
        text: &str,
        experiment: &Experiment,
        catalogue: &Catalogue,
        machine: &Machine,
    ) -> Result<Self, Failure> {
        fs::create_dir_all(path)
            .with_context(|| format!("cannot make the result folder {}", path.display()))?;
        refuse_foreign(path)?;
        // Before the comparisons: another sweep may just be writing what they read.
        let trials = log::open_alone(&path.join(TRIALS))?;
        if path.join(EXPERIMENT).exists() {
            same_experiment(path, experiment, catalogue)?;
            same_machine(path, machine)?;
        }
        write_whole(&path.join(EXPERIMENT), text)?;
        write_whole(&path.join(MACHINE), &machine.to_string())?;
        Self::of_logs(path, trials, experiment)
    }

    /// Takes over the files of the folder at `path`, of which `trials` is locked; those that `experiment` asks
    /// for are made if there are none.
    fn of_logs(path: &Path, trials: File, experiment: &Experiment) -> Result<Self, Failure> {
        let mut notes = Vec::new();
        let (trials, rows) = Log::of_trials(trials, path.join(TRIALS), &mut notes)?;
        let series = experiment.series.then(|| Log::of_rows(path, |_| places(&rows), &mut notes));
        let series = series.transpose()?.map(|(log, _)| log);
        let slices = experiment.turns.map(|_| Log::of_rows(path, |_| places(&rows), &mut notes));
        let slices = slices.transpose()?.map(|(log, _)| log);
        let latency = experiment.latency.as_ref().map(|_| LatencyFiles::open(path, &mut notes));
        let latency = latency.transpose()?;
        let space = experiment.space.as_ref().map(|_| StudyFile::open(path, &mut notes));
        let space = space.transpose()?;
        let aggregate = experiment.aggregate.as_ref().map(|_| StudyFile::open(path, &mut notes));
        let aggregate = aggregate.transpose()?;
        let is_any = |of: fn(&Case) -> bool| experiment.cases.iter().any(of);
        let cache = is_any(|case| case.cache.is_some());
        let cache = cache.then(|| Log::of_rows(path, |_| places(&rows), &mut notes)).transpose()?;
        let at_rates = latency.as_ref().map_or(&[][..], LatencyFiles::recorded);
        let recorded = |_: &[ServerRow]| server::places(&rows, at_rates);
        let server = is_any(|case| case.server.is_some());
        let server = server.then(|| Log::of_rows(path, recorded, &mut notes)).transpose()?;
        Ok(Self {
            path: path.to_owned(),
            trials,
            rows,
            series,
            slices,
            cache,
            server,
            latency,
            space,
            aggregate,
            notes,
        })
    }

    /// Moves the folder at `path`, if there is one, aside, and says where to.
    ///
    /// # Errors
    ///
    /// Wrong usage: it is no result folder, or a sweep is writing it. Otherwise: it cannot be
    /// renamed.
    pub fn move_aside(path: &Path) -> Result<Option<PathBuf>, Failure> {
        if !path.exists() {
            return Ok(None);
        }
        refuse_foreign(path)?;
        let _locked = log::open_alone(&path.join(TRIALS))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let stamp = now.replace([':', '-'], "");
        let aside = (0..)
            .map(|n| if n == 0 { String::new() } else { format!("-{n}") })
            .map(|suffix| path.with_file_name(format!("{name}.moved-{stamp}{suffix}")))
            .find(|candidate| !candidate.exists())
            .expect("some number is free");
        fs::rename(path, &aside).with_context(|| {
            format!("cannot move {} aside to {}", path.display(), aside.display())
        })?;
        Ok(Some(aside))
    }

    /// What had to be repaired, for the user.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The trials so far, in the order in which they were run.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What is measured of caches alone, of the trials so far.
    #[must_use]
    pub fn cache(&self) -> &[CacheRow] {
        self.cache.as_ref().map_or(&[], |(_, rows)| rows)
    }

    /// What is measured of servers alone, of the trials so far.
    #[must_use]
    pub fn server(&self) -> &[ServerRow] {
        self.server.as_ref().map_or(&[], |(_, rows)| rows)
    }

    /// The latency trials so far, in the order in which they were run.
    #[must_use]
    pub fn latency(&self) -> &[LatencyTrial] {
        self.latency.as_ref().map_or(&[], LatencyFiles::recorded)
    }

    /// The rows of the space trials so far, in the order in which they were run.
    #[must_use]
    pub fn space(&self) -> &[SpaceRow] {
        self.space.as_ref().map_or(&[], StudyFile::rows)
    }

    /// The aggregations so far, in the order in which they were run.
    #[must_use]
    pub fn aggregate(&self) -> &[AggregateRow] {
        self.aggregate.as_ref().map_or(&[], StudyFile::rows)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a trial, or all that took turns with each other, as one record; and, if the experiment asks for
    /// them, their samples and slices. On return they are on the disk.
    ///
    /// # Errors
    ///
    /// It could not be written: the trials before it are safe, and so is resuming.
    pub fn append(&mut self, trials: Vec<ThroughputTrial>) -> anyhow::Result<()> {
        let mut write = || {
            // Before the rows: a trial that is recorded has its samples.
            if let Some(series) = &mut self.series {
                let of_trial = |trial: &ThroughputTrial| {
                    let row = |sample| SeriesRow::new(&trial.row, sample);
                    trial.samples.iter().copied().map(row).collect::<Vec<_>>()
                };
                series.append(trials.iter().flat_map(of_trial))?;
            }
            if let Some(slices) = &mut self.slices {
                slices.append(trials.iter().flat_map(|trial| &trial.slices))?;
            }
            if let Some((log, _)) = &mut self.cache {
                log.append(trials.iter().filter_map(|trial| trial.cache.as_ref()))?;
            }
            if let Some((log, _)) = &mut self.server {
                log.append(trials.iter().filter_map(|trial| trial.server.as_ref()))?;
            }
            self.trials.append(trials.iter().map(|trial| &trial.row))
        };
        write().context(KEPT)?;
        if let Some((_, rows)) = &mut self.cache {
            rows.extend(trials.iter().filter_map(|trial| trial.cache.clone()));
        }
        if let Some((_, rows)) = &mut self.server {
            rows.extend(trials.iter().filter_map(|trial| trial.server.clone()));
        }
        self.rows.extend(trials.into_iter().map(|trial| trial.row));
        Ok(())
    }

    /// Adds a latency trial, and what is measured of servers alone if it was one's; on return it is on the disk.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    ///
    /// # Panics
    ///
    /// If the folder was opened for an experiment without any.
    pub fn append_latency(
        &mut self,
        trial: LatencyTrial,
        served: Option<ServerRow>,
    ) -> anyhow::Result<()> {
        // Before the trial: one that is recorded has its row.
        if let Some((log, rows)) = &mut self.server {
            log.append(&served).context(KEPT)?;
            rows.extend(served);
        }
        let files = self.latency.as_mut().expect("the experiment has latency trials");
        files.append(trial).context(KEPT)
    }

    /// Adds the rows of a space trial; on return they are on the disk.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    ///
    /// # Panics
    ///
    /// If the folder was opened for an experiment without any.
    pub fn append_space(&mut self, trial: Vec<SpaceRow>) -> anyhow::Result<()> {
        let file = self.space.as_mut().expect("the experiment has space trials");
        file.append(trial).context(KEPT)
    }

    /// Adds an aggregation; on return it is on the disk.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    ///
    /// # Panics
    ///
    /// If the folder was opened for an experiment without any.
    pub fn append_aggregate(&mut self, row: AggregateRow) -> anyhow::Result<()> {
        let file = self.aggregate.as_mut().expect("the experiment has aggregations");
        file.append(vec![row]).context(KEPT)
    }
}

const KEPT: &str = "the trials before this one are kept, and the same command goes on from there";

/// Refuses a path that is not a result folder, and says what it is.
///
/// # Errors
///
/// It is none.
pub(crate) fn must_be_one(path: &Path) -> anyhow::Result<()> {
    predicted::refuse(path)?;
    let name = path.display();
    if path.join(TRIALS).exists() {
        return Ok(());
    }
    if !path.exists() {
        let there = Path::new("results").join(path);
        let is_there = there.join(TRIALS).exists();
        let hint =
            if is_there { format!("; did you mean {}?", there.display()) } else { String::new() };
        bail!("there is no folder {name}{hint}");
    }
    ensure!(path.is_dir(), "{name} is a file, not a result folder");
    let mut inside: Vec<String> = fs::read_dir(path)
        .with_context(|| format!("cannot read {name}"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|inside| inside.join(TRIALS).exists())
        .map(|inside| inside.display().to_string())
        .collect();
    inside.sort();
    let hint = match inside.first() {
        Some(first) => format!("; {} inside it are, such as {first}", inside.len()),
        None => String::new(),
    };
    bail!("{name} is not a result folder: there is no {TRIALS}{hint}")
}

/// The trials of a result folder, without changing it; a torn last line is left out.
///
/// # Errors
///
/// It is no result folder, or its `trials.csv` has a malformed line.
pub fn read_rows(folder: &Path) -> anyhow::Result<Vec<Row>> {
    must_be_one(folder)?;
    log::read_trials(&folder.join(TRIALS))
}

/// The machine of a result folder.
///
/// # Errors
///
/// There is no `machine.toml`, or it cannot be understood.
pub fn read_machine(folder: &Path) -> anyhow::Result<Machine> {
    must_be_one(folder)?;
    let path = folder.join(MACHINE);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
}

/// A folder without an experiment may only hold what a sweep leaves that dies, or finds the disk
/// full, before it has written one.
fn refuse_foreign(path: &Path) -> Result<(), Failure> {
    predicted::refuse(path)
        .map_err(|error| usage(format!("{error}; choose another with --out")))?;
    if path.join(EXPERIMENT).exists() {
        return Ok(());
    }
    let reading = || format!("cannot read {}", path.display());
    for entry in fs::read_dir(path).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let is_empty = entry.metadata().with_context(reading)?.len() == 0;
        let name = entry.file_name();
        if !(name == TRIALS && is_empty || *name == *temporary(EXPERIMENT)) {
            return Err(usage(format!(
                "{} is not empty and holds no {EXPERIMENT}, so it is not a result folder; \
                 choose another with --out",
                path.display()
            )));
        }
    }
    Ok(())
}

fn same_experiment(
    folder: &Path,
    experiment: &Experiment,
    catalogue: &Catalogue,
) -> Result<(), Failure> {
    let path = folder.join(EXPERIMENT);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let difference = match Experiment::parse(&path.display().to_string(), &text, catalogue) {
        Ok(recorded) => difference(&recorded, experiment),
        Err(error) => Some(format!("its {EXPERIMENT} cannot be read any more:\n{error}")),
    };
    match difference {
        None => Ok(()),
        Some(difference) => Err(usage(format!(
            "{} holds another experiment: {difference}\n\
             Write elsewhere with --out DIR, or start anew with --fresh, which moves the old \
             folder aside.",
            folder.display()
        ))),
    }
}

/// What keeps the trials of two experiments from being one sample. More blocks, another target or
/// other words do not.
fn difference(recorded: &Experiment, new: &Experiment) -> Option<String> {
    let differs = |what: &str, recorded: &dyn ToString, new: &dyn ToString| {
        let (recorded, new) = (recorded.to_string(), new.to_string());
        (recorded != new).then(|| format!("{what} is {recorded} there and {new} here"))
    };
    let ids = |experiment: &Experiment| -> Vec<String> {
        experiment.cases.iter().map(crate::case::Case::id).collect()
    };
    let cells = || {
        let (old, new_ids) = (ids(recorded), ids(new));
        let missing = old.iter().filter(|id| !new_ids.contains(id)).count();
        let added = new_ids.iter().filter(|id| !old.contains(id)).count();
        (missing + added > 0).then(|| {
            format!("{missing} of its {} cells are not in this one, {added} are new", old.len())
        })
    };
    differs("seed", &recorded.seed, &new.seed)
        .or_else(|| differs("seconds", &recorded.seconds, &new.seconds))
        .or_else(|| differs("warmup", &recorded.warmup, &new.warmup))
        .or_else(|| differs("series", &recorded.series, &new.series))
        .or_else(|| differs("turns", &in_words(&recorded.turns), &in_words(&new.turns)))
        .or_else(|| differs("latency", &in_words(&recorded.latency), &in_words(&new.latency)))
        .or_else(|| differs("space", &in_words(&recorded.space), &in_words(&new.space)))
        .or_else(|| differs("aggregate", &in_words(&recorded.aggregate), &in_words(&new.aggregate)))
        .or_else(cells)
        .or_else(|| {
            (ids(recorded) != ids(new)).then(|| "its cells are in another order".to_owned())
        })
}

fn in_words(plan: &Option<impl ToString>) -> String {
    plan.as_ref().map_or_else(|| "not asked for".to_owned(), ToString::to_string)
}

fn same_machine(folder: &Path, machine: &Machine) -> Result<(), Failure> {
    if !folder.join(MACHINE).exists() {
        return without_machine(folder);
    }
    let recorded = read_machine(folder)?;
    let differences = recorded.all_differences(machine);
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = differences
        .iter()
        .map(|(what, there, here)| format!("  {what}: {there} there, {here} here"))
        .collect();
    Err(usage(format!(
        "{} was measured by another machine or build, and its trials are not to be mixed with \
         these:\n{}\n\
         Write elsewhere with --out DIR, or start anew with --fresh, which moves the old folder \
         aside.",
        folder.display(),
        lines.join("\n")
    )))
}

/// A sweep that died before it had written what it runs on has left no trial: trials without it are anybody's.
fn without_machine(folder: &Path) -> Result<(), Failure> {
    if folder.join(TRIALS).metadata().is_ok_and(|trials| trials.len() > 0) {
        return Err(usage(format!(
            "{} has trials and no {MACHINE}, so nobody knows what measured them; put that file back, write \
             elsewhere with --out DIR, or start anew with --fresh, which moves the old folder aside",
            folder.display()
        )));
    }
    Ok(())
}

/// The name under which the file `name` is written.
fn temporary(name: &str) -> String {
    format!("{name}.tmp")
}

/// Writes a file in one step: whoever reads it finds the old text or the new.
pub(super) fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let temporary =
        path.with_file_name(temporary(&path.file_name().unwrap_or_default().to_string_lossy()));
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
