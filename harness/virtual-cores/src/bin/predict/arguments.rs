//! The command line.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, ensure};
use clap::Parser;
use table::{NO_RECLAIMER, Structures};
use trials::mix::doubtful_percentage;
use virtual_cores::{MachineModel, PredictedRow};

use crate::cell::Prepared;
use crate::charge::Work;
use crate::folder::{Origin, PredictionsFolder};
use crate::glue;
use crate::rows;
use crate::spec::{Curve, PredictedCell, Spec};

/// Predicts the throughput of tables on another machine: their own source runs on virtual cores, over
/// a model of that machine's caches. docs/PREDICTION.md says what is modelled and what is not.
#[derive(Debug, Parser)]
#[command(name = "predict", bin_name = "cargo predict", args_override_self = true)]
struct Arguments {
    /// The experiment file; cells that cannot be modelled are refused.
    spec: PathBuf,
    /// The machine's file (see experiments/machines/).
    #[arg(long, value_name = "FILE")]
    machine: PathBuf,
    /// Numbers of threads, instead of those of the file.
    #[arg(long, value_delimiter = ',')]
    threads: Vec<usize>,
    /// Number of draws of the machine's uncertain numbers, in pairs that mirror each other, from which the band is
    /// made; with 0 there is no band.
    #[arg(long, default_value_t = 12)]
    draws: u64,
    /// The measured rate on one thread of that machine, in operations per second, if there is a single cell: its work
    /// apart from memory is set so that the model gives this rate, too. Or `published`, for the rates of cells in the
    /// machine's file. Without this option, and where nothing is published, the work is that of docs/INSTRUCTIONS.md.
    #[arg(long, value_name = "OPS")]
    at_one_thread: Option<OneThread>,
    /// Assume that the machine's kernel has no `membarrier(2)`: schemes announce with a full fence, as published ones
    /// do. Rows show it in the machine's name.
    #[arg(long)]
    without_membarrier: bool,
    /// Model allocation and free of nodes by the machine's file (`[allocator]`): each core has a heap, and a node
    /// that it frees goes back to the heap that it came from. Rows show it in the machine's name.
    #[arg(long)]
    with_allocator: bool,
    /// The least number of operations of each thread that are counted, instead of 1,000, and that fill caches before;
    /// of all threads together 40,000 or more are counted. Rows show it in the machine's name.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    operations_each: Option<u64>,
    /// Also write predictions.csv and hot-lines.csv to this folder, each row as soon as it is predicted, beside
    /// copies of the two files and options.txt, which are written before anything runs. `bench plot` and `bench
    /// report` read such a folder. If the command was stopped, the same command continues.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print a JSON array of rows.
    #[arg(long)]
    json: bool,
}

/// What one thread does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum OneThread {
    /// So many operations a second.
    Measured(f64),
    /// What is published of it.
    Published,
}

impl fmt::Display for OneThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measured(rate) => write!(f, "{rate}"),
            Self::Published => f.write_str("published"),
        }
    }
}

impl FromStr for OneThread {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_rate = |rate: &f64| rate.is_finite() && *rate > 0.0;
        match text.parse().ok().filter(is_rate) {
            Some(rate) => Ok(Self::Measured(rate)),
            None if text == "published" => Ok(Self::Published),
            None => Err("operations a second, above 0, or `published`".to_owned()),
        }
    }
}

impl Arguments {
    /// The options that predictions follow from, but for the machine: a line, as they are typed.
    fn options(&self) -> String {
        let mut options = format!("--draws {}", self.draws);
        if !self.threads.is_empty() {
            let threads: Vec<String> = self.threads.iter().map(ToString::to_string).collect();
            options += &format!(" --threads {}", threads.join(","));
        }
        if let Some(rate) = self.at_one_thread {
            options += &format!(" --at-one-thread {rate}");
        }
        if self.without_membarrier {
            options += " --without-membarrier";
        }
        if self.with_allocator {
            options += " --with-allocator";
        }
        if let Some(each) = self.operations_each {
            options += &format!(" --operations-each {each}");
        }
        options + "\n"
    }

    /// What one thread does of a cell, if its work is set by that; and what rows then say that it is from.
    fn at_one_thread(
        &self,
        machine: &MachineModel,
        cell: &PredictedCell,
    ) -> Option<(f64, &'static str)> {
        match self.at_one_thread? {
            OneThread::Measured(rate) => Some((rate, "one thread")),
            OneThread::Published => Some((rows::published(machine, cell)?.at(1)?, "published")),
        }
    }
}

/// What is asked for.
struct Input {
    spec: Spec,
    machine: MachineModel,
    /// That of `--out`.
    folder: Option<PredictionsFolder>,
    /// The predictions that the folder had: the first of those that are asked for.
    rows: Vec<PredictedRow>,
}

/// Runs the command: 0 done, 1 a run failed, 2 wrong usage or input.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let structures = structures();
    let input = match input(&arguments, &structures) {
        Ok(input) => input,
        Err(error) => return failed(&error, ExitCode::from(2)),
    };
    glue::install(!arguments.without_membarrier);
    match run(&arguments, input, &structures) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, ExitCode::FAILURE),
    }
}

fn failed(error: &anyhow::Error, code: ExitCode) -> ExitCode {
    eprintln!("predict: {error:#}");
    code
}

/// Prints what was predicted, also if not all could be.
fn run(arguments: &Arguments, input: Input, structures: &Structures) -> anyhow::Result<()> {
    let Input { spec, machine, mut folder, mut rows } = input;
    let ran = predict(arguments, &spec, &machine, structures, &mut rows, folder.as_mut());
    if let (Err(_), Some(folder)) = (&ran, &folder) {
        folder.take_away_if_empty();
    }
    if ran.is_ok() || !rows.is_empty() {
        rows::print(&rows, arguments.json)?;
    }
    ran
}

/// All tables of ours.
pub(crate) fn structures() -> Structures {
    let mut all = subjects_chaining::registrar().into_structures();
    all.all.extend(subjects_cuckoo::registrar().into_structures().all);
    all.all.extend(subjects_versioned::registrar().into_structures().all);
    all
}

/// What the arguments ask for, of which the folder of `--out` is made with what there is before anything runs.
fn input(arguments: &Arguments, structures: &Structures) -> anyhow::Result<Input> {
    let text = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
    };
    let origin = Origin {
        experiment: text(&arguments.spec)?,
        machine: text(&arguments.machine)?,
        options: arguments.options(),
    };
    let mut machine = MachineModel::parse(&origin.machine)
        .with_context(|| format!("{} is no machine", arguments.machine.display()))?;
    if arguments.without_membarrier {
        machine.name += ", without membarrier";
    }
    if arguments.with_allocator {
        let path = arguments.machine.display();
        ensure!(machine.allocator.is_some(), "--with-allocator: {path} has no [allocator]");
        machine.name += ", with its allocator";
    } else {
        machine.allocator = None;
    }
    if let Some(each) = arguments.operations_each {
        machine.name += &format!(", {each} operations of each thread");
    }
    let spec = Spec::parse(&origin.experiment, structures);
    let mut spec = spec.with_context(|| arguments.spec.display().to_string())?;
    if !arguments.threads.is_empty() {
        spec.at(&arguments.threads);
    }
    let cores = machine.cores();
    for threads in spec.curves.iter().flat_map(|curve| &curve.threads) {
        ensure!(
            (1..=cores).contains(threads),
            "{threads} threads on {}, which has {cores} cores: from 1 to {cores} can be predicted",
            machine.name
        );
    }
    let (cells, rate) = (spec.curves.len(), arguments.at_one_thread);
    ensure!(
        cells == 1 || !matches!(rate, Some(OneThread::Measured(_))),
        "--at-one-thread: one rate for {cells} cells: use `published`, or one cell"
    );
    say_doubts(arguments, &machine, &spec, structures)?;
    let (folder, rows) = opened(arguments, &origin, &spec)?;
    Ok(Input { spec, machine, folder, rows })
}

/// Says of which subjects less is known, or modelled, than of others.
fn say_doubts(
    arguments: &Arguments,
    machine: &MachineModel,
    spec: &Spec,
    structures: &Structures,
) -> anyhow::Result<()> {
    let (mut borrowers, mut without) = (BTreeSet::new(), BTreeSet::new());
    let (mut doubts, mut alike, mut unset) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for Curve { cell, .. } in &spec.curves {
        doubts.extend(doubtful_percentage("reads", cell.reads));
        let is_set = arguments.at_one_thread(machine, cell).is_some();
        if !is_set && !Prepared::new(structures, cell)?.are_its_own {
            borrowers.insert(cell.subject());
        }
        if !is_set && arguments.at_one_thread.is_some() {
            unset.insert(cell.subject());
        }
        if is_set && spec.curves.iter().any(|other| other.cell.is_other_batch_of(cell)) {
            alike.insert(cell.subject());
        }
        if arguments.with_allocator && cell.reclaimer == NO_RECLAIMER {
            without.insert(cell.subject());
        }
    }
    doubts.iter().for_each(|doubt| eprintln!("note: {doubt}"));
    let of_subjects = [
        (borrowers, "nobody has counted its instructions; those of the nearest table stand in"),
        (
            unset,
            "no rate at one thread is published of some of its cells; their work is that of docs/INSTRUCTIONS.md",
        ),
        (
            alike,
            "each batch is set to the one rate that is published; none shows what it costs one thread",
        ),
        (
            without,
            "no scheme frees its memory; --with-allocator changes nothing of its predictions",
        ),
    ];
    for (subjects, words) in of_subjects {
        subjects.iter().for_each(|subject| eprintln!("{subject}: {words}"));
    }
    Ok(())
}

/// The folder of `--out`, if that is given, and the predictions that it has.
fn opened(
    arguments: &Arguments,
    origin: &Origin,
    spec: &Spec,
) -> anyhow::Result<(Option<PredictionsFolder>, Vec<PredictedRow>)> {
    let Some(to) = &arguments.out else { return Ok((None, Vec::new())) };
    let (folder, rows) = PredictionsFolder::open(to, origin)?;
    ensure!(
        spec.begins_with(&rows),
        "--out {}: it has other predictions than this build makes of its files; write elsewhere",
        to.display()
    );
    if rows.len() < spec.points() {
        folder.note_program(&rows)?;
    }
    Ok((Some(folder), rows))
}

/// Says that a prediction is of a run too short for its scheme.
fn say_unfreed(cell: &PredictedCell, threads: usize) {
    eprintln!(
        "{} at {threads}: no thread retires as many nodes as its scheme waits for; what it costs to free them is not in \
         this prediction (--operations-each counts more)",
        cell.subject()
    );
}

/// Predicts what is asked for behind the rows that are there, and adds each as soon as it is.
fn predict(
    arguments: &Arguments,
    spec: &Spec,
    machine: &MachineModel,
    structures: &Structures,
    rows: &mut Vec<PredictedRow>,
    mut folder: Option<&mut PredictionsFolder>,
) -> anyhow::Result<()> {
    let drawn: Vec<MachineModel> = (0..=arguments.draws).map(|draw| machine.drawn(draw)).collect();
    let mut there = rows.len();
    for Curve { cell, threads } in &spec.curves {
        let left = threads.get(there..).unwrap_or_default();
        there = there.saturating_sub(threads.len());
        if left.is_empty() {
            continue;
        }
        let mut prepared = Prepared::new(structures, cell)?;
        prepared.operations_each = arguments.operations_each;
        let at_one_thread = arguments.at_one_thread(machine, cell);
        let work_from = at_one_thread.map_or("instructions", |(_, from)| from);
        let works = drawn
            .iter()
            .map(|machine| match at_one_thread {
                Some((rate, _)) => prepared.fitted(machine, rate, spec.seed),
                None => Ok(prepared.work(machine)),
            })
            .collect::<anyhow::Result<Vec<Work>>>()?;
        for &threads in left {
            eprintln!("{} at {threads}", cell.subject());
            let mut outcomes = Vec::new();
            for (draw, (machine, work)) in drawn.iter().zip(&works).enumerate() {
                let seed = spec.seed.wrapping_add(draw as u64);
                outcomes.push(prepared.run(machine, threads, *work, seed)?);
            }
            if cell.frees_retired() && outcomes[0].reclaimed == 0 {
                say_unfreed(cell, threads);
            }
            let rates = || outcomes.iter().map(|outcome| outcome.ops_per_sec);
            let band = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
            let band = (band, arguments.draws);
            let row = rows::row(cell, threads, machine, work_from, &outcomes[0], band);
            if let Some(folder) = folder.as_deref_mut() {
                folder.add(&row, &rows::hot_lines(&row, &outcomes[0]))?;
            }
            rows.push(row);
        }
    }
    Ok(())
}
