//! A program of tables: prints its catalogue, or runs the trial that it is told to. `bench` starts it, anew for each
//! trial.
//!
//! | argument | reads | writes |
//! | --- | --- | --- |
//! | `catalogue` | | its catalogue |
//! | `trial` | a [`TrialSpec`] | a [`Measurement`] |
//! | `turns` | a [`TrialSpec`], then messages | messages: `turns.rs` |
//! | `space-trial` | a [`SpaceSpec`] | what it [`Filled`] |
//! | `aggregate-trial` | an [`AggregateSpec`] | what it has [`Aggregated`] |
//! | `cache-trial` | a [`CacheSpec`] | what was [`Cached`] |
//! | `verify-subject` | a [`VerifySpec`] | its [`Findings`] |
//!
//! All of it is JSON, on standard input and output. All arguments but `catalogue` are followed by `--parent PID`: the
//! process that started it; when that process ends, this one ends too.

use std::io::{self, BufRead, Write};
use std::panic;
use std::process::{self, ExitCode};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use table::cache::CacheMaker;
use table::{
    AllocatorEntry, BuildFacts, Maker, MapOptions, ProgramCatalogue, Structures, Subject,
    subject_name,
};

use crate::aggregate::{self, AGGREGATE_COMMAND, AggregateSpec, Aggregated};
use crate::allocator;
use crate::cache::{self, CACHE_COMMAND, CacheSpec, Cached};
use crate::case::Case;
use crate::conductor::Conductor;
use crate::memory;
use crate::space::{self, Asked, Filled, SPACE_COMMAND, SpaceSpec};
use crate::trial::{self, Measurement, TrialSpec};
use crate::turns::{self, ByTurns, Said};
use crate::verify::{self, Findings, VerifySpec};

/// The command that says what a program has.
pub const CATALOGUE_COMMAND: &str = "catalogue";
/// The command of a trial's process.
pub const TRIAL_COMMAND: &str = "trial";
/// The command of the process of a trial that takes turns with others.
pub const TURNS_COMMAND: &str = "turns";
/// The command of a process that records and checks histories.
pub const VERIFY_COMMAND: &str = "verify-subject";

/// Whether a program of tables answers this command itself.
#[must_use]
pub fn serves(command: &str) -> bool {
    let commands = [
        TRIAL_COMMAND,
        TURNS_COMMAND,
        SPACE_COMMAND,
        AGGREGATE_COMMAND,
        CACHE_COMMAND,
        VERIFY_COMMAND,
    ];
    command == CATALOGUE_COMMAND || commands.contains(&command)
}

/// The `main` of a program that has `structures` and was built so.
#[must_use]
pub fn main(structures: &Structures, build: BuildFacts) -> ExitCode {
    main_with(
        || catalogue(structures, build),
        |command| match command {
            TRIAL_COMMAND => told(|spec| run(structures, spec)),
            TURNS_COMMAND => turns_told(structures),
            SPACE_COMMAND => told(|spec| fill(structures, spec)),
            AGGREGATE_COMMAND => told(|spec| aggregate(structures, spec)),
            VERIFY_COMMAND => told(|spec| verify(structures, spec)),
            other => bail!("this program has no command `{other}`"),
        },
    )
}

/// The same of a program that has `caches` and no table; `schemes` has the reclaimers that caches take.
#[must_use]
pub fn main_of_caches(schemes: &Structures, caches: &[CacheMaker], build: BuildFacts) -> ExitCode {
    let entries = caches.iter().map(|cache| cache.entry.clone()).collect();
    main_with(
        || ProgramCatalogue { caches: entries, ..catalogue(schemes, build) },
        |command| match command {
            CACHE_COMMAND => told(|spec| try_cache(caches, spec)),
            other => bail!("this program has no command `{other}`"),
        },
    )
}

/// A program has the code of those trials alone that `run` names: tables have no use for those of caches.
fn main_with(
    catalogue: impl FnOnce() -> ProgramCatalogue,
    run: impl FnOnce(&str) -> anyhow::Result<Vec<u8>>,
) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match answer(catalogue, run, &arguments) {
        Ok(answer) => match io::stdout().lock().write_all(&answer) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            // A parent that has gone reads nothing, which is no reason to panic.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn answer(
    catalogue: impl FnOnce() -> ProgramCatalogue,
    run: impl FnOnce(&str) -> anyhow::Result<Vec<u8>>,
    arguments: &[String],
) -> anyhow::Result<Vec<u8>> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if arguments == [CATALOGUE_COMMAND] {
        return Ok(serde_json::to_vec(&catalogue())?);
    }
    let [command, "--parent", parent] = arguments[..] else {
        bail!("this program has tables, and is started by `bench`: `bench list` shows them");
    };
    die_with(parent.parse().context("--parent is no process id")?)?;
    exit_at_panic();
    memory::end_in_a_line();
    run(command)
}

/// What is answered to what standard input says.
fn told<S: DeserializeOwned, A: Serialize>(
    answer: impl FnOnce(&S) -> anyhow::Result<A>,
) -> anyhow::Result<Vec<u8>> {
    let spec = io::read_to_string(io::stdin()).context("cannot read the spec")?;
    let spec = serde_json::from_str(&spec).context("cannot understand the spec")?;
    Ok(serde_json::to_vec(&answer(&spec)?)?)
}

/// Takes turns as standard input says; what is left to be said at the end.
fn turns_told(structures: &Structures) -> anyhow::Result<Vec<u8>> {
    let mut input = io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line).context("cannot read the spec")?;
    let spec = serde_json::from_str(&line).context("cannot understand the spec")?;
    let mut measured = take_turns(structures, &spec, &mut ByTurns::new(input, io::stdout()))?;
    let slept = measured.turns.map(|taken| taken.asleep);
    measured.failures.extend(slept.and_then(|slept| slept.complaint(measured.seconds)));
    turns::line(&Said::Measured(Box::new(measured)))
}

/// What the process of a trial does first whose `parent` this is: it ends with it, and by a panic of any thread. `answer`
/// says what is answered to the spec on standard input, as JSON.
///
/// # Errors
///
/// The parent is gone, the spec makes no sense, or the answer is an error.
pub fn answer_parent<S: DeserializeOwned, A: Serialize>(
    parent: i32,
    answer: impl FnOnce(&S) -> anyhow::Result<A>,
) -> anyhow::Result<Vec<u8>> {
    die_with(parent)?;
    exit_at_panic();
    memory::end_in_a_line();
    told(answer)
}

/// Lets the process end with its parent: a process whose parent is killed must not go on. It stays so when the process
/// becomes that of another program.
///
/// # Errors
///
/// The parent is another process already.
#[cfg(target_os = "linux")]
pub fn die_with(parent: i32) -> anyhow::Result<()> {
    use nix::sys::{prctl, signal::Signal};
    // A kernel that refuses leaves one process running to its end: no harm but time.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    // From here on the signal comes; if the parent was killed before, it will not.
    let now = nix::unistd::getppid().as_raw();
    ensure!(now == parent, "the process that started it is gone");
    Ok(())
}

/// Does nothing, where the system cannot.
///
/// # Errors
///
/// Never.
#[cfg(not(target_os = "linux"))]
pub fn die_with(_: i32) -> anyhow::Result<()> {
    Ok(())
}

/// Makes a panic end the process. Otherwise the threads of a trial would wait at their barrier
/// for ever for the one that panicked. Where a panic becomes an error it is left to that.
fn exit_at_panic() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !memory::catches_panic() {
            report(panic);
            process::exit(1);
        }
    }));
}

/// What a program with `structures` has, in a process that runs it.
#[must_use]
pub fn catalogue(structures: &Structures, build: BuildFacts) -> ProgramCatalogue {
    let allocators = allocator::available().iter();
    let allocators = allocators
        .map(|one| AllocatorEntry { name: one.name.to_owned(), summary: one.summary.to_owned() });
    ProgramCatalogue { allocators: allocators.collect(), build, ..structures.catalogue() }
}

/// Runs one trial in this process.
///
/// # Errors
///
/// The subject is unknown, or the trial could not be run.
pub fn run(structures: &Structures, spec: &TrialSpec) -> anyhow::Result<Measurement> {
    check_allocator(spec)?;
    trial::run(&subject(structures, &spec.case)?.maker, spec)
}

/// Runs one trial in this process, by turns with others, as `conductor` says.
///
/// # Errors
///
/// As [`run`].
pub fn take_turns(
    structures: &Structures,
    spec: &TrialSpec,
    conductor: &mut dyn Conductor,
) -> anyhow::Result<Measurement> {
    check_allocator(spec)?;
    trial::take_turns(&subject(structures, &spec.case)?.maker, spec, conductor)
}

fn check_allocator(spec: &TrialSpec) -> anyhow::Result<()> {
    let (wanted, running) = (&spec.case.allocator, allocator::running());
    ensure!(wanted == running, "this process's allocator is {running}, not {wanted}");
    Ok(())
}

/// Fills a table in this process.
///
/// # Errors
///
/// The subject is unknown, or cannot be filled.
pub fn fill(structures: &Structures, spec: &SpaceSpec) -> anyhow::Result<Filled> {
    let subject = subject(structures, &spec.case)?;
    let maker = &subject.maker;
    match &subject.counting {
        Some(maker) if spec.asked == Asked::Counts => space::run(&maker.info, &maker.build, spec),
        _ => space::run(&maker.info, &|options: &MapOptions| (maker.build)(options), spec),
    }
}

/// Counts words in this process.
///
/// # Errors
///
/// The subject is unknown, or cannot count.
pub fn aggregate(structures: &Structures, spec: &AggregateSpec) -> anyhow::Result<Aggregated> {
    aggregate::run(usual(structures, &spec.case.structure, &spec.case.reclaimer)?, spec)
}

/// Runs a trial of a cache in this process.
///
/// # Errors
///
/// There is no such cache, or the trial could not be run.
pub fn try_cache(caches: &[CacheMaker], spec: &CacheSpec) -> anyhow::Result<Cached> {
    let case = &spec.case;
    let maker = caches.iter().find(|cache| cache.entry.name() == case.structure);
    let missing = || format!("there is no cache {}", case.subject());
    let maker = maker.with_context(missing)?;
    cache::run(maker, maker.build(&case.reclaimer).with_context(missing)?, spec)
}

/// Records and checks histories of one subject in this process.
///
/// # Errors
///
/// The subject is unknown.
pub fn verify(structures: &Structures, spec: &VerifySpec) -> anyhow::Result<Findings> {
    Ok(verify::run(usual(structures, &spec.structure, &spec.reclaimer)?, spec))
}

/// A subject in its usual form.
fn usual<'s>(
    structures: &'s Structures,
    structure: &str,
    reclaimer: &str,
) -> anyhow::Result<&'s Maker<'static>> {
    let found = structures.get(structure).and_then(|s| s.subject(table::Form::Usual, reclaimer));
    let found = found
        .with_context(|| format!("there is no subject {}", subject_name(structure, reclaimer)))?;
    Ok(&found.maker)
}

/// The subject of a case in the form that it wants.
fn subject<'s>(structures: &'s Structures, case: &Case) -> anyhow::Result<&'s Subject> {
    let structure = structures.get(&case.structure);
    let structure = structure.with_context(|| format!("there is no subject {}", case.subject()))?;
    let missing = || format!("{} is not there in that form", case.subject());
    structure.subject(case.form(), &case.reclaimer).with_context(missing)
}
