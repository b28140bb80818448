//! What `ci/scenarios.sh` runs.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::draw::{Family, Layout, Programs, smaller};
use crate::explore::{Explored, Failure, Limits, explore, note_panics};
use crate::judge;
use crate::program::Program;
use crate::tables::{self, Subject, Under};

/// The model checker of this build.
const CHECKER: &str = if cfg!(loom) { "loom" } else { "shuttle" };

const USAGE: &str = "\
usage: scenarios [deep] [TABLE …] [--seed N] [--executions N] [--preemptions N] [--each N]
                 [--trace] [--program 'LAYOUT [KEYS]: OPERATION, … | OPERATION, …']
  TABLE          tables whose name contains this; all by default
  deep           all of the exhaustive families, and as many programs again from the seed
  --executions   of a table in all; it ends with the program in which there are so many
  --each         of a program, at most
  --preemptions  of an execution, at most
  --program      this one alone
  --trace        say on standard error which program is next";

/// What was asked for.
#[derive(Clone, Debug)]
struct Options {
    tables: Vec<String>,
    seed: u64,
    executions: u64,
    limits: Limits,
    program: Option<Program>,
    trace: bool,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let limits = Limits { preemptions: 2, executions: 0, seed: 0 };
        let (mut deep, mut trace) = (false, false);
        let (mut tables, mut program) = (Vec::new(), None);
        let mut numbers: BTreeMap<&str, u64> = BTreeMap::new();
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().ok_or_else(|| format!("{argument} needs a value\n{USAGE}"));
            match argument.as_str() {
                "deep" => deep = true,
                "--trace" => trace = true,
                "--program" => program = Some(value()?.parse()?),
                name @ ("--seed" | "--executions" | "--preemptions" | "--each") => {
                    let text = value()?;
                    let number =
                        text.parse().map_err(|_| format!("{name}: {text} is no number"))?;
                    let known = ["--seed", "--executions", "--preemptions", "--each"];
                    let known = known.into_iter().find(|known| *known == name);
                    numbers.insert(known.unwrap_or_default(), number);
                }
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}\n{USAGE}"));
                }
                _ => tables.push(argument),
            }
        }
        let number = |name, default| numbers.get(name).copied().unwrap_or(default);
        let seed = number("--seed", 1);
        let (budget, each) = if deep || program.is_some() { (u64::MAX, 1 << 20) } else { BUDGET };
        let limits = Limits {
            preemptions: number("--preemptions", limits.preemptions as u64) as usize,
            executions: number("--each", each) as usize,
            seed,
        };
        Ok(Self {
            tables,
            seed,
            executions: number("--executions", budget),
            limits,
            program,
            trace,
        })
    }

    /// The tables that are meant: one of exactly that name, or all whose names contain it.
    fn names(&self, subject: &Subject, all: &[Subject]) -> bool {
        let means = |part: &String| {
            let is_exact = all.iter().any(|subject| subject.name == part);
            if is_exact { subject.name == part } else { subject.name.contains(part.as_str()) }
        };
        self.tables.is_empty() || self.tables.iter().any(means)
    }
}

/// Executions of a table, and of a program, in the short form.
const BUDGET: (u64, u64) = if cfg!(loom) { (12_000, 4_000) } else { (80_000, 4_000) };

/// What was done on a table.
#[derive(Debug, Default)]
struct Summary {
    programs: BTreeMap<Family, u64>,
    left: usize,
    executions: u64,
    outcomes: u64,
    /// Programs that were not explored to the end.
    cut: u64,
    seconds: f64,
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    program: Program,
    failure: Failure,
    after: u64,
}

/// The program.
pub fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("scenarios: {error}");
            return ExitCode::from(2);
        }
    };
    let all = tables::all();
    let named: Vec<&Subject> = all.iter().filter(|subject| options.names(subject, &all)).collect();
    if named.is_empty() {
        eprintln!("scenarios: no table has such a name");
        return ExitCode::from(2);
    }
    let runs = |subject: &&Subject| cfg!(shuttle) || subject.under == Under::Both;
    let subjects: Vec<&Subject> = named.into_iter().filter(runs).collect();
    note_panics();
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let printing = Mutex::new(());
    let work = || {
        // Relaxed: the counters order nothing.
        while let Some(&subject) = subjects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let summary = run(subject, &options);
            let _alone = printing.lock();
            let is_good = print(subject, &summary);
            failed.fetch_add(usize::from(!is_good), Ordering::Relaxed);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    match failed.into_inner() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn layout<'s>(subject: &'s Subject, program: &Program) -> Option<&'s Layout> {
    subject.layouts.iter().find(|layout| layout.name == program.layout)
}

fn explore_on(subject: &Subject, program: &Program, limits: Limits) -> Explored {
    match layout(subject, program) {
        Some(layout) => explore(subject.name, &subject.build, layout, program, limits),
        None => Explored::default(),
    }
}

/// Each table has another part of the programs.
fn seed_of(subject: &Subject, seed: u64) -> u64 {
    subject.name.bytes().fold(seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()))
}

fn run(subject: &Subject, options: &Options) -> Summary {
    let begun = Instant::now();
    let mut programs =
        Programs::new(subject.layouts, subject.extras, seed_of(subject, options.seed));
    let mut summary = Summary { left: programs.left(), ..Summary::default() };
    let all = summary.left;
    let mut only = options.program.clone();
    loop {
        let given = only.take().map(|program| (Family::Drawn, program));
        let (family, program) = given.unwrap_or_else(|| programs.next_program());
        if options.trace {
            eprintln!("{}: {program}", subject.name);
        }
        let explored = explore_on(subject, &program, options.limits);
        summary.executions += explored.executions;
        summary.outcomes += explored.outcomes.len() as u64;
        let is_cut = explored.executions >= options.limits.executions as u64;
        summary.cut += u64::from(is_cut || explored.unfair);
        *summary.programs.entry(family).or_default() += 1;
        summary.left = all - programs.left();
        if let Some(failure) = explored.failure {
            let after = summary.programs.values().sum();
            let (program, failure) = shrink(subject, program, failure, options.limits);
            summary.found = Some(Found { program, failure, after });
            break;
        }
        let is_over = programs.left() == 0 && options.executions == u64::MAX;
        if options.program.is_some() || is_over || summary.executions >= options.executions {
            break;
        }
    }
    summary.left = all - programs.left();
    summary.seconds = begun.elapsed().as_secs_f64();
    summary
}

/// The smallest program, of those that are a little smaller again and again, that still fails.
fn shrink(
    subject: &Subject,
    mut program: Program,
    mut failure: Failure,
    limits: Limits,
) -> (Program, Failure) {
    'smaller: loop {
        for less in smaller(&program) {
            if let Some(still) = explore_on(subject, &less, limits).failure {
                (program, failure) = (less, still);
                continue 'smaller;
            }
        }
        return (program, failure);
    }
}

/// Prints a table's line, and what was wrong; false if something was.
fn print(subject: &Subject, summary: &Summary) -> bool {
    let Summary { programs, left, executions, outcomes, cut, seconds, found } = summary;
    let count = |family| programs.get(&family).copied().unwrap_or(0);
    let all: u64 = programs.values().sum();
    println!(
        "{:<42} {}: {all} programs ({} pairs, {} observers, {} drawn), {executions} executions, \
         {outcomes} histories, {cut} programs cut, {left} of the exhaustive done, {seconds:.1} s",
        subject.name,
        CHECKER,
        count(Family::Pairs),
        count(Family::Observers),
        count(Family::Drawn),
    );
    if let Some(Found { program, failure, after }) = found {
        println!("  FAILED at program {after}, the smallest form of which is\n    {program}");
        println!("  {}", failure.message);
        if let Some(run) = &failure.run {
            print!("{}", judge::tell(run));
        }
        println!("  ci/scenarios.sh {} --program '{program}'", subject.name);
        return false;
    }
    if *executions <= all {
        println!("  FAILED: nothing was explored");
        return false;
    }
    true
}
