//! What `ci/scenarios.sh` runs.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::draw::{DrawnPrograms, Family, Layout, smaller};
use crate::explore::{Explored, Finding, Limits, explore, note_panics};
use crate::judge;
use crate::program::Program;
use crate::tables::{self, Explorable, Under};

/// The model checker of this build.
const CHECKER: &str = if cfg!(loom) { "loom" } else { "shuttle" };

const USAGE: &str = "\
usage: scenarios [deep] [TABLE …] [--seed N] [--executions N] [--preemptions N] [--each N]
                 [--trace] [--program 'LAYOUT [KEYS]: OPERATION, … | OPERATION, …']
  TABLE          tables whose name contains this; all by default
  deep           all of the exhaustive families, and a third as many programs from the seed
  --executions   of a table in all; it ends with the program in which there are so many
  --each         of a program that is explored longer, at most
  --preemptions  of an execution, at most
  --program      this one alone
  --trace        say on standard error which program is next";

/// The options that have a number.
const NUMBERS: [&str; 4] = ["--seed", "--executions", "--preemptions", "--each"];

/// What was asked for.
#[derive(Clone, Debug)]
struct Options {
    tables: Vec<String>,
    /// All other arguments.
    flags: Vec<String>,
    seed: u64,
    /// Of each table, if it was said.
    executions: Option<u64>,
    limits: Limits,
    program: Option<Program>,
    trace: bool,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut deep, mut trace) = (false, false);
        let (mut tables, mut program) = (Vec::new(), None);
        let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
        let (mut arguments, mut flags) = (arguments.peekable(), Vec::new());
        while let Some(argument) = arguments.next() {
            if argument == "deep" || argument.starts_with('-') {
                flags.push(argument.clone());
            }
            let mut value = || {
                let value = arguments.next();
                flags.extend(value.clone());
                value.ok_or_else(|| format!("{argument} needs a value\n{USAGE}"))
            };
            match argument.as_str() {
                "deep" => deep = true,
                "--trace" => trace = true,
                "--program" => program = Some(value()?.parse()?),
                name if NUMBERS.contains(&name) => {
                    let text = value()?;
                    let number =
                        text.parse().map_err(|_| format!("{name}: {text} is no number"))?;
                    numbers.insert(name.to_owned(), number);
                }
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}\n{USAGE}"));
                }
                _ => tables.push(argument),
            }
        }
        let (budget, each) = match program {
            Some(_) => (Some(u64::MAX), 1 << 20),
            None if deep => (Some(u64::MAX), DEEP),
            None => (None, EACH),
        };
        let limits = limits(&numbers, each);
        Ok(Self {
            tables,
            flags,
            seed: limits.seed,
            executions: numbers.get("--executions").copied().or(budget),
            limits,
            program,
            trace,
        })
    }

    /// The tables that are meant: one of exactly that name, or all whose names contain it.
    fn names(&self, subject: &Explorable, all: &[Explorable]) -> bool {
        let means = |part: &String| {
            let is_exact = all.iter().any(|subject| subject.name == part);
            if is_exact { subject.name == part } else { subject.name.contains(part.as_str()) }
        };
        self.tables.is_empty() || self.tables.iter().any(means)
    }
}

/// The limits that were said, and else the usual ones, with `each` executions of a program.
fn limits(numbers: &BTreeMap<String, u64>, each: u64) -> Limits {
    let number = |name: &str, usual: u64| numbers.get(name).copied().unwrap_or(usual);
    Limits {
        preemptions: number("--preemptions", 2) as usize,
        executions: number("--each", each) as usize,
        at_random: false,
        seed: number("--seed", 1),
    }
}

/// Executions of a table, and of a program of it that is explored longer, in the short form.
const BUDGET: u64 = if cfg!(loom) { 10_000 } else { 150_000 };
const EACH: u64 = if cfg!(loom) { 3_000 } else { 1_500 };
/// Executions of a program before any is explored longer.
const AT_FIRST: usize = if cfg!(loom) { 300 } else { 240 };
/// Executions of a program that is explored longer, in the deep form.
const DEEP: u64 = 1 << 15;

/// What was done on a table.
#[derive(Debug, Default)]
struct Summary {
    programs: BTreeMap<Family, u64>,
    /// Programs of the exhaustive families: those that were run, and all.
    exhaustive: (usize, usize),
    executions: u64,
    outcomes: u64,
    /// Programs that were explored longer.
    longer: u64,
    /// Programs that were not explored to the end.
    cut: u64,
    seconds: f64,
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    program: Program,
    failure: Finding,
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
    let named: Vec<&Explorable> =
        all.iter().filter(|subject| options.names(subject, &all)).collect();
    if named.is_empty() {
        eprintln!("scenarios: no table has such a name");
        return ExitCode::from(2);
    }
    let runs = |subject: &&Explorable| cfg!(shuttle) || subject.under == Under::Both;
    let subjects: Vec<&Explorable> = named.into_iter().filter(runs).collect();
    let is_good = match subjects[..] {
        [] => {
            println!("{CHECKER} runs none of these tables: see `Under` in tables.rs");
            true
        }
        [subject] => {
            note_panics();
            print(subject, &run(subject, &options))
        }
        _ => run_apart(&subjects, &options),
    };
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs each table in a process of its own, as many at a time as there are processors; false if
/// something was wrong. What the tables have in common, such as the numbers of threads, would be
/// shared by two model checkers that know nothing of each other; and a process that is aborted
/// costs one table alone.
fn run_apart(subjects: &[&Explorable], options: &Options) -> bool {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let printing = Mutex::new(());
    let work = || {
        // Relaxed: the counters order nothing.
        while let Some(&subject) = subjects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ended = std::env::current_exe().and_then(|this| {
                Command::new(this).arg(subject.name).args(&options.flags).output()
            });
            let _alone = printing.lock();
            let is_good = ended.as_ref().is_ok_and(|ended| ended.status.success());
            failed.fetch_add(usize::from(!is_good), Ordering::Relaxed);
            match ended {
                Ok(Output { status, stdout, stderr }) => {
                    print!("{}", String::from_utf8_lossy(&stdout));
                    let is_known = matches!(status.code(), Some(0 | 1));
                    if !is_known {
                        println!("{:<42} {CHECKER}: FAILED: {status}", subject.name);
                    }
                    if !is_known || options.trace {
                        eprint!("{}", String::from_utf8_lossy(&stderr));
                    }
                }
                Err(error) => println!("{:<42} {CHECKER}: FAILED: {error}", subject.name),
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    failed.into_inner() == 0
}

fn layout<'s>(subject: &'s Explorable, program: &Program) -> Option<&'s Layout> {
    subject.layouts.iter().find(|layout| layout.name == program.layout)
}

fn explore_on(subject: &Explorable, program: &Program, limits: Limits) -> Explored {
    match layout(subject, program) {
        Some(layout) => explore(subject.name, &subject.build, layout, program, limits),
        None => Explored::default(),
    }
}

/// Each table has another part of the programs.
fn seed_of(subject: &Explorable, seed: u64) -> u64 {
    subject.name.bytes().fold(seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()))
}

/// The exploration of one table.
struct Tour<'t> {
    subject: &'t Explorable,
    options: &'t Options,
    summary: Summary,
}

impl Tour<'_> {
    /// Whether nothing is wrong yet and fewer executions have been made.
    fn is_below(&self, executions: u64) -> bool {
        self.summary.found.is_none() && self.summary.executions < executions
    }

    /// Explores a program; says whether there is more of it.
    fn explore(&mut self, program: &Program, limits: Limits) -> bool {
        let (subject, summary) = (self.subject, &mut self.summary);
        if self.options.trace {
            eprintln!("{}: {program}", subject.name);
        }
        let explored = explore_on(subject, program, limits);
        summary.executions += explored.executions;
        summary.outcomes += explored.outcomes.len() as u64;
        if let Some(failure) = explored.failure {
            let after = summary.programs.values().sum();
            let (program, failure) = shrink(subject, program.clone(), failure, limits);
            summary.found = Some(Found { program, failure, after });
        }
        explored.executions >= limits.executions as u64 || explored.unfair
    }

    /// Some executions of each program, most of them at random, until there are so many; gives those
    /// programs of which there are more.
    fn at_first(&mut self, programs: &mut DrawnPrograms, executions: u64) -> Vec<Program> {
        let limits = self.options.limits;
        let limits =
            Limits { executions: AT_FIRST.min(limits.executions), at_random: true, ..limits };
        let mut cut = Vec::new();
        // Without an end of executions, that of the exhaustive families is it.
        while self.is_below(executions) && (programs.left() > 0 || executions < u64::MAX / 2) {
            let Some((family, program)) = programs.next_program() else { break };
            *self.summary.programs.entry(family).or_default() += 1;
            if self.explore(&program, limits) {
                cut.push(program);
            }
        }
        cut
    }
}

/// Some executions of each program, for half of those that the table may have. Then those
/// programs of which there are more, in the same order, each to its end if it has one soon.
fn run(subject: &Explorable, options: &Options) -> Summary {
    let begun = Instant::now();
    let mut programs =
        DrawnPrograms::new(subject.layouts, subject.extras, seed_of(subject, options.seed));
    let all = programs.left();
    let executions = options.executions.unwrap_or(BUDGET / subject.part);
    let mut tour = Tour { subject, options, summary: Summary::default() };
    let cut = match &options.program {
        Some(program) => {
            tour.summary.programs.insert(Family::Drawn, 1);
            vec![program.clone()]
        }
        None => tour.at_first(&mut programs, executions / 2),
    };
    tour.summary.cut = cut.len() as u64;
    for program in cut {
        if !tour.is_below(executions) {
            break;
        }
        tour.summary.longer += 1;
        if !tour.explore(&program, options.limits) {
            tour.summary.cut -= 1;
        }
    }
    let mut summary = tour.summary;
    summary.exhaustive = (all - programs.left(), all);
    summary.seconds = begun.elapsed().as_secs_f64();
    summary
}

/// The smallest program, of those that are a little smaller again and again, that still fails.
fn shrink(
    subject: &Explorable,
    mut program: Program,
    mut failure: Finding,
    limits: Limits,
) -> (Program, Finding) {
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
fn print(subject: &Explorable, summary: &Summary) -> bool {
    let Summary { programs, exhaustive: (done, exhaustive), executions, .. } = summary;
    let Summary { outcomes, longer, cut, seconds, found, .. } = summary;
    let count = |family| programs.get(&family).copied().unwrap_or(0);
    let all: u64 = programs.values().sum();
    println!(
        "{:<42} {CHECKER}: {all} programs ({} pairs, {} observers, {} drawn), {executions} executions, \
         {outcomes} histories, {longer} explored longer, {cut} cut, {done} of {exhaustive} of the \
         exhaustive families, {seconds:.1} s",
        subject.name,
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
    if all == 0 || *executions <= all {
        println!("  FAILED: nothing was explored");
        return false;
    }
    true
}
