//! Result folders as `cmp`, `rank` and `report` read them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::filter::{Filter, names_of};
use crate::analysis::compare::{Baseline, Contender, Quantity};
use crate::analysis::throughput::{ChosenRate, Rate, choose_metric};
use crate::case::is_control;
use crate::experiment::{Experiment, TrialTimes, did_you_mean, trial_times};
use crate::failure::{Failure, usage};
use crate::programs::Registry;
use crate::programs::catalogue::{Catalogue, ReclaimerEntry, StructureEntry};
use crate::results::folder::{self, EXPERIMENT};
use crate::results::machine::Machine;
use crate::rows::Row;

/// A result folder that holds trials.
pub(super) struct Recorded {
    pub(super) path: PathBuf,
    /// What it is called in captions.
    pub(super) label: String,
    pub(super) rows: Vec<Row>,
    pub(super) machine: Machine,
}

/// Which rate is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum RateName {
    /// Operations per second of wall time
    Wall,
    /// Operations per second over windows in which every thread was on a CPU; cells without such windows are left out
    Clean,
    /// Operations per second of CPU time
    Cpu,
    /// Not a rate: the peak of bytes that were retired and not yet freed
    PeakUnreclaimedBytes,
    /// Not a rate: hits over lookups of caches and servers
    HitRatio,
    /// Hits of caches per second of CPU time
    HitsPerCpuSec,
    /// Not a rate: growth of the resident set of caches per item
    BytesPerItem,
    /// Keys of servers per second of CPU time in their own code
    KeysPerUserSec,
    /// Not a rate: items of servers per MiB of their memory
    ItemsPerMib,
    /// Not a rate: the median of the response times of latency trials
    P50,
    /// Not a rate: the 90th percentile of these
    P90,
    /// Not a rate: the 99th percentile of these
    P99,
    /// Not a rate: the 99.9th percentile of these
    #[value(name = "p99.9")]
    P999,
    /// Not a rate: the 99.99th percentile of these
    #[value(name = "p99.99")]
    P9999,
    /// Not a rate: the longest response time
    Max,
}

impl RateName {
    /// What it is if it is no rate.
    fn quantity(self) -> Option<Quantity> {
        let value = clap::ValueEnum::to_possible_value(&self)?;
        Quantity::named(value.get_name())
    }
}

/// What `cmp`, `rank` and `report` take alike.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Selection {
    /// Only the cells whose subject, structure, id or description matches, such as `'* threads=2 *'`; `sweep
    /// --dry-run` prints the description of each cell
    #[arg(long, value_name = "GLOB")]
    filter: Option<Filter>,
    /// The quantity to compare [default: a rate, chosen for all cells together, as in figures]
    #[arg(long, value_enum, value_name = "METRIC")]
    metric: Option<RateName>,
    /// Include the controls: `no-op`, `sequential` and the second of each A/A pair
    #[arg(long)]
    controls: bool,
}

impl Selection {
    /// Whether a cell with this row is asked for.
    pub(super) fn wants(&self, row: &Row) -> bool {
        self.is_subject(row) && self.filter.as_ref().is_none_or(|filter| filter.matches(row))
    }

    /// Whether this row is of no control, or controls are asked for.
    pub(super) fn is_subject(&self, row: &Row) -> bool {
        self.controls || !row.is_control()
    }

    /// The rate for `rows`.
    pub(super) fn choose(&self, rows: &[Row], cpus: usize) -> ChosenRate {
        let asked = |metric| ChosenRate { metric, why: "--metric asks for it".to_owned() };
        match self.metric {
            None => choose_metric(rows, cpus),
            Some(RateName::Wall) => asked(Rate::WallRate),
            Some(RateName::Clean) => asked(Rate::CleanRate),
            Some(RateName::Cpu) => asked(Rate::CpuRate),
            // What is compared stands in place of this one.
            Some(_) => asked(Rate::WallRate),
        }
    }

    /// What is compared.
    pub(super) fn quantity(&self) -> Quantity {
        self.metric.and_then(RateName::quantity).unwrap_or_default()
    }

    /// The cells that are asked for, if not all are.
    pub(super) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// The options that are given and say something of trials alone.
    pub(super) fn of_trials(&self) -> impl Iterator<Item = &'static str> {
        let given = [("--metric", self.metric.is_some()), ("--controls", self.controls)];
        given.into_iter().filter_map(|(option, is_given)| is_given.then_some(option))
    }

    /// Refuses what is no rate.
    pub(super) fn rates_alone(&self) -> Result<(), Failure> {
        match self.metric.filter(|metric| metric.quantity().is_some()) {
            None => Ok(()),
            Some(metric) => Err(usage(format!(
                "--metric {}: only `bench cmp` compares what is no rate; the rates are wall, clean, cpu",
                clap::ValueEnum::to_possible_value(&metric)
                    .map_or_else(String::new, |value| { value.get_name().to_owned() })
            ))),
        }
    }

    /// Whether it asks for a cell of these folders.
    pub(super) fn leaves_some(&self, folders: &[Recorded]) -> bool {
        folders.iter().flat_map(|folder| &folder.rows).any(|row| self.wants(row))
    }

    /// Why nothing may be left of these folders.
    pub(super) fn in_words(&self, folders: &[Recorded]) -> String {
        let rows = folders.iter().flat_map(|folder| &folder.rows);
        let left = self.filter.as_ref().map_or_else(
            || "there is no other cell".to_owned(),
            |filter| filter.leaves_none("cell", rows.flat_map(names_of)),
        );
        let controls = if self.controls { "" } else { "; --controls takes the controls in" };
        left + controls
    }
}

impl Recorded {
    /// Its last component: unlike the path it does not tell how a machine's directories are named.
    pub(super) fn name(&self) -> String {
        name_of(&self.path)
    }
}

/// A folder's last component.
pub(super) fn name_of(folder: &Path) -> String {
    // `.` and `..` have no name of their own.
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads folders, each of which must hold trials.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Recorded>, Failure> {
    let wrong = |error: anyhow::Error| usage(format!("{error:#}"));
    let read = |path: &PathBuf| {
        let machine = folder::read_machine(path).map_err(wrong)?;
        let rows = folder::read_rows(path).map_err(wrong)?;
        if rows.is_empty() {
            return Err(usage(format!("{} holds no trials yet", path.display())));
        }
        Ok(Recorded { label: path.display().to_string(), path: path.clone(), rows, machine })
    };
    paths.iter().map(read).collect()
}

/// Refuses two folders whose trials were measured, or warmed up, for other times; those of latency only if these are
/// asked for.
pub(super) fn same_times(a: &Path, b: &Path, with_latency: bool) -> Result<(), Failure> {
    let (ours, theirs) = (times(a)?, times(b)?);
    let latency = ours.latency.zip(theirs.latency).filter(|_| with_latency);
    let all = [
        ("seconds", Some((ours.seconds, theirs.seconds))),
        ("warmup", Some((ours.warmup, theirs.warmup))),
        ("[latency] seconds", latency),
    ];
    for (what, both) in all {
        if let Some((time, other)) = both.filter(|(time, other)| time != other) {
            return Err(usage(format!(
                "`{what}` is {time} in {} and {other} in {}, so their trials are not of one kind",
                a.display(),
                b.display()
            )));
        }
    }
    Ok(())
}

/// How long a folder's trials last.
fn times(folder: &Path) -> Result<TrialTimes, Failure> {
    let path = folder.join(EXPERIMENT);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| usage(format!("cannot read {}: {error}", path.display())))?;
    trial_times(&text).ok_or_else(|| usage(format!("{} is not TOML", path.display())))
}

/// Of the cells of these trials, whether they took turns.
pub(super) fn turns_of(rows: &[Row]) -> HashMap<String, bool> {
    let counted = rows.iter().filter(|row| row.counts());
    counted.map(|row| (row.case.clone(), row.slices.is_some())).collect()
}

/// Refuses two folders in one of which alone trials of some cell took turns.
pub(super) fn same_turns(
    (a, ours): (&Path, &HashMap<String, bool>),
    (b, theirs): (&Path, &HashMap<String, bool>),
) -> Result<(), Failure> {
    let differs = |(case, took): &(&String, &bool)| theirs.get(*case).is_some_and(|o| o != *took);
    let Some((_, took)) = ours.iter().find(differs) else { return Ok(()) };
    let (with, without) = if *took { (a, b) } else { (b, a) };
    Err(usage(format!(
        "trials of one cell took turns in {} and took none in {}: they found other caches, so they are not of one kind",
        with.display(),
        without.display()
    )))
}

/// Refuses folders whose trials do not make one table; for how long those of latency last, only if these are asked for.
pub(super) fn one_table(folders: &[Recorded], with_latency: bool) -> Result<(), Failure> {
    let (first, rest) = folders.split_first().expect("clap requires one");
    for (i, folder) in rest.iter().enumerate() {
        if let Some((what, ours, theirs)) = first.machine.all_differences(&folder.machine).first() {
            return Err(usage(format!(
                "{} and {} were measured by different machines or builds ({what}: {ours} and \
                 {theirs}), so their trials do not make one table",
                first.path.display(),
                folder.path.display()
            )));
        }
        if let Some(before) = folders[..=i].iter().find(|before| share_trials(before, folder)) {
            return Err(usage(format!(
                "{} and {} both hold trials of the same cell and block, so they are not parts of \
                 one run; two runs are compared by `bench cmp BEFORE AFTER`, nothing else beside \
                 them",
                before.path.display(),
                folder.path.display()
            )));
        }
        for before in folders[..=i].iter().filter(|before| share_cells(before, folder)) {
            same_times(&before.path, &folder.path, with_latency)?;
            let (ours, theirs) = (turns_of(&before.rows), turns_of(&folder.rows));
            same_turns((&before.path, &ours), (&folder.path, &theirs))?;
        }
    }
    Ok(())
}

/// Whether both hold a trial of the same case and block.
pub(super) fn share_trials(a: &Recorded, b: &Recorded) -> bool {
    let have: HashSet<_> = a.rows.iter().map(|row| (&row.case, row.block)).collect();
    b.rows.iter().any(|row| have.contains(&(&row.case, row.block)))
}

/// Whether both hold a trial of the same case.
pub(super) fn share_cells(a: &Recorded, b: &Recorded) -> bool {
    let have: HashSet<&str> = a.rows.iter().map(|row| row.case.as_str()).collect();
    b.rows.iter().any(|row| have.contains(row.case.as_str()))
}

/// Refuses a baseline that names none of the subjects.
pub(super) fn check_baseline(baseline: &Baseline, folders: &[Recorded]) -> Result<(), Failure> {
    let mut subjects: Vec<(String, String)> = folders
        .iter()
        .flat_map(|folder| &folder.rows)
        .map(|row| (row.subject(), row.structure.clone()))
        .collect();
    subjects.sort();
    subjects.dedup();
    let Some(unknown) = baseline.unknown(&subjects).first().copied() else { return Ok(()) };
    let names: Vec<&str> = subjects.iter().map(|(subject, _)| subject.as_str()).collect();
    let of_reclaimer =
        names.iter().any(|name| name.split_once('/').is_some_and(|(_, r)| r == unknown));
    let hint = match of_reclaimer {
        true => format!("did you mean `*/{unknown}`? "),
        false => did_you_mean(unknown, &names),
    };
    Err(usage(format!(
        "--baseline: no subject matches `{unknown}`; {hint}the subjects are {}",
        names.join(", ")
    )))
}

/// The one subject that `baseline` names in `cells`, or `the best of` those.
pub(super) fn best_of(baseline: &Baseline, cells: &[Contender]) -> String {
    let named = cells
        .iter()
        .filter(|cell| !cell.row.twin && baseline.names(&cell.subject, &cell.row.structure));
    let subjects: BTreeSet<&str> = named.map(|cell| cell.subject.as_str()).collect();
    let subjects: Vec<&str> = subjects.into_iter().collect();
    match subjects.as_slice() {
        [subject] => (*subject).to_owned(),
        subjects => format!("the best of {}", subjects.join(", ")),
    }
}

/// Every name that the programs know, and those of `rows`: a result is read without its tables.
fn catalogue(registry: &Registry, rows: &[Row]) -> Catalogue {
    let mut catalogue = registry.catalogue();
    catalogue.why_no_server.clear();
    let all = catalogue.structures.iter().chain(&catalogue.caches);
    let is_known: HashSet<String> = all.map(|structure| structure.name.clone()).collect();
    for row in rows.iter().filter(|row| !is_known.contains(&row.structure)) {
        if row.server.is_some() {
            if !catalogue.servers.contains(&row.structure) {
                catalogue.servers.push(row.structure.clone());
            }
            continue;
        }
        let of_kind = match row.cache {
            Some(_) => &mut catalogue.caches,
            None => &mut catalogue.structures,
        };
        let found = of_kind.iter_mut().find(|one| one.name == row.structure);
        match found {
            Some(structure) if structure.reclaimers.contains(&row.reclaimer) => {}
            Some(structure) => {
                for names in
                    [&mut structure.reclaimers, &mut structure.hashed, &mut structure.bytes]
                {
                    names.push(row.reclaimer.clone());
                }
            }
            None => of_kind.push(StructureEntry {
                name: row.structure.clone(),
                reclaimers: vec![row.reclaimer.clone()],
                huge_pages: true,
                hashed: vec![row.reclaimer.clone()],
                bytes: vec![row.reclaimer.clone()],
                ..StructureEntry::default()
            }),
        }
        if catalogue.reclaimers.iter().all(|one| one.name != row.reclaimer) {
            let takes_batch = row.reclaim_batch.is_some();
            catalogue.reclaimers.push(ReclaimerEntry { name: row.reclaimer.clone(), takes_batch });
        }
        if !catalogue.allocators.contains(&row.allocator) {
            catalogue.allocators.push(row.allocator.clone());
        }
    }
    catalogue
}

/// The first subject of the folder's experiment that is no control and has trials, or of controls
/// the first.
pub(super) fn first_subject(registry: &Registry, folder: &Recorded) -> Result<String, Failure> {
    let path = folder.path.join(EXPERIMENT);
    let name_one = |why: String| usage(format!("{why}\nName a subject with --baseline."));
    let text = std::fs::read_to_string(&path)
        .map_err(|error| name_one(format!("cannot read {}: {error}", path.display())))?;
    let catalogue = catalogue(registry, &folder.rows);
    let experiment =
        Experiment::parse(&path.display().to_string(), &text, &catalogue).map_err(|error| {
            name_one(format!(
                "{} has something that this program does not know:\n{error}",
                path.display()
            ))
        })?;
    let measured: HashSet<String> = folder.rows.iter().map(Row::subject).collect();
    let subjects = || experiment.cases.iter().filter(|case| measured.contains(&case.subject()));
    let subject = subjects().find(|case| !is_control(&case.structure));
    let subject = subject.or_else(|| subjects().next()).or(experiment.cases.first());
    Ok(subject.expect("an experiment has a cell").subject())
}
