//! The command line: one file a subcommand.

mod aggregate_trial;
mod cmp;
mod conclude;
mod drawn;
mod export;
mod folders;
mod list;
mod live;
mod machine;
mod merge;
mod plot;
mod question;
mod rank;
mod report;
mod run;
mod scaling;
mod space_trial;
mod sweep;
mod trace;
mod trial;
mod trials;
mod verify;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::panic;
use std::process::{self, ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::subject::Registry;

/// A workbench for concurrent hash tables: measures them, checks them, draws them.
///
/// Data goes to standard output, progress to standard error. Exit codes: 0 done, 1 a run or a
/// check failed, 2 wrong usage or input.
#[derive(Debug, Parser)]
#[command(name = "bench", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Sweep(sweep::Args),
    Run(run::Args),
    Cmp(cmp::Args),
    Rank(rank::Args),
    Scaling(scaling::Args),
    Plot(plot::Args),
    Report(report::Args),
    Export(export::Args),
    Merge(merge::Args),
    Verify(verify::Args),
    Machine(machine::Args),
    Trace(trace::Args),
    #[command(name = crate::launch::TRIAL_COMMAND, hide = true)]
    Trial(trial::Args),
    #[command(name = crate::aggregate::AGGREGATE_COMMAND, hide = true)]
    AggregateTrial(aggregate_trial::Args),
    #[command(name = crate::space::SPACE_COMMAND, hide = true)]
    SpaceTrial(space_trial::Args),
    #[command(name = verify::SUBJECT_COMMAND, hide = true)]
    VerifySubject(verify::SubjectArgs),
}

/// Runs the command line `arguments` (the first is the program's name) over `registry`.
pub(crate) fn main(registry: &Registry, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no failure; what is not printed
            // because nobody reads it is none either.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = match cli.command {
        Command::List(args) => list::run(registry, &args),
        Command::Sweep(args) => sweep::run(registry, &args),
        Command::Run(args) => run::run(registry, &args),
        Command::Cmp(args) => cmp::run(registry, &args),
        Command::Rank(args) => rank::run(&args),
        Command::Scaling(args) => scaling::run(&args),
        Command::Plot(args) => plot::run(registry, &args),
        Command::Export(args) => export::run(&args),
        Command::Report(args) => report::run(registry, &args),
        Command::Merge(args) => merge::run(registry, &args),
        Command::Machine(args) => machine::run(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Verify(args) => verify::run(registry, &args),
        Command::VerifySubject(args) => verify::run_subject(registry, &args),
        Command::Trial(args) => trial::run(registry, &args),
        Command::AggregateTrial(args) => aggregate_trial::run(registry, &args),
        Command::SpaceTrial(args) => space_trial::run(registry, &args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&failure);
            failure.exit_code()
        }
    }
}

/// Prints data. That its reader has gone, as `head` does, is no failure and stops nothing.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Prints a line of progress or a complaint. That nobody reads it stops nothing, where
/// `eprintln!` would panic.
fn say(message: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{message}");
}

/// Makes a panic end the process. Otherwise the threads of a trial would wait at their barrier
/// for ever for the one that panicked.
fn exit_at_panic() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        report(panic);
        process::exit(1);
    }));
}
