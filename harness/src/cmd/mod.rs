//! The command line: one file per subcommand.

mod calibrate;
mod cmp;
mod conclude;
mod cost;
mod decides;
#[cfg(test)]
mod documented;
mod drawn;
mod export;
mod filter;
mod folders;
mod hit;
mod joined;
mod list;
mod live;
mod machine;
mod merge;
mod output;
mod plot;
mod predicted;
mod progress;
mod question;
mod rank;
mod report;
mod run;
mod scaling;
mod serve;
mod submit;
mod sweep;
mod trace;
mod values;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use self::output::Printed;
use self::output::{say, show};
use crate::failure::Failure;
use crate::programs::Programs;

/// A workbench for concurrent hash tables: measures them, checks them, draws figures.
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
    Submit(submit::Args),
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
    Calibrate(calibrate::Args),
    Trace(trace::Args),
    Hit(hit::Args),
    Serve(serve::Serve),
    Load(serve::LoadArgs),
}

/// The `main` of the program `bench`.
#[must_use]
pub fn main() -> ExitCode {
    let code = match Programs::of_process() {
        Ok(programs) => run(&programs, std::env::args_os()),
        Err(error) => {
            let failure = Failure::Run(error);
            say(&failure);
            failure.code()
        }
    };
    ExitCode::from(code)
}

/// Runs the command line `arguments` (the first is the program's name), and returns its exit code.
fn run(programs: &Programs, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // What is not printed because nobody reads it is no failure.
            let _ = show(&error);
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    match command(programs, &cli.command) {
        Ok(()) => 0,
        Err(failure) => {
            say(&failure);
            failure.code()
        }
    }
}

fn command(programs: &Programs, command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list::run(programs, args),
        Command::Sweep(args) => sweep::run(programs, args),
        Command::Submit(args) => submit::run(programs, args),
        Command::Run(args) => run::run(programs, args),
        Command::Cmp(args) => cmp::run(&programs.built(), args),
        Command::Rank(args) => rank::run(args),
        Command::Scaling(args) => scaling::run(args),
        Command::Plot(args) => plot::run(&programs.built(), args),
        Command::Export(args) => export::run(args),
        Command::Report(args) => report::run(&programs.built(), args),
        Command::Merge(args) => merge::run(&programs.built(), args),
        Command::Machine(args) => machine::run(&programs.built(), args),
        Command::Calibrate(args) => calibrate::run(args),
        Command::Trace(args) => trace::run(args),
        Command::Hit(args) => hit::run(args),
        Command::Serve(args) => serve::serve(programs, args),
        Command::Load(args) => serve::load(programs, args),
        Command::Verify(args) => verify::run(programs, args),
    }
}

/// Runs a command line in this process and returns its exit code and what it has printed. The first of
/// `arguments` is the program's name.
pub fn captured<A: Into<OsString>>(
    programs: &Programs,
    arguments: impl IntoIterator<Item = A>,
) -> (u8, Printed) {
    output::captured(|| run(programs, arguments.into_iter().map(Into::into)))
}
