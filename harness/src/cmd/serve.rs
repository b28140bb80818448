//! `bench serve`, `bench load`: passed on to the program `bench-server`, which has caches over the tables.

use std::convert::Infallible;
use std::ffi::OsString;
use std::process::Command;

use anyhow::Context;

use crate::failure::Failure;
use crate::programs::Programs;

/// Serve memcached's protocols over a cache; `serve --help` says more
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(super) struct Serve {
    /// memcached's flags, and --store, --eviction, --reply, --transit
    #[arg(value_name = "FLAGS", allow_hyphen_values = true, trailing_var_arg = true)]
    flags: Vec<OsString>,
}

/// Send requests to a memcached, and check every value; `load --help` says more
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(super) struct LoadArgs {
    /// An address or a socket, and the load to generate
    #[arg(value_name = "FLAGS", allow_hyphen_values = true, trailing_var_arg = true)]
    flags: Vec<OsString>,
}

pub(super) fn serve(programs: &Programs, args: &Serve) -> Result<(), Failure> {
    hand_over(programs, "serve", &args.flags)
}

pub(super) fn load(programs: &Programs, args: &LoadArgs) -> Result<(), Failure> {
    hand_over(programs, "load", &args.flags)
}

fn hand_over(programs: &Programs, command: &str, flags: &[OsString]) -> Result<(), Failure> {
    let program = programs.server()?;
    let mut process = Command::new(&program);
    process.arg(command).args(flags);
    match replaced_by(process) {
        Ok(never) => match never {},
        Err(error) => Err(error.context(format!("cannot start {}", program.display())).into()),
    }
}

/// In place of this process, so that signals and exit codes are its own.
#[cfg(unix)]
fn replaced_by(mut process: Command) -> anyhow::Result<Infallible> {
    use std::os::unix::process::CommandExt;
    Err(process.exec()).context("the system does not start it")
}

#[cfg(not(unix))]
fn replaced_by(_process: Command) -> anyhow::Result<Infallible> {
    anyhow::bail!("it works only on Unix")
}
