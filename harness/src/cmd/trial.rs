//! `bench trial` (hidden): one trial, told on standard input and answered on standard output, as
//! JSON. `launch.rs` is the other end.

use std::io;

use anyhow::Context;

use crate::failure::Failure;
use crate::subject::Registry;
use crate::trial::TrialSpec;

/// Run one trial told on standard input (used by `sweep`)
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The sweep's process, with which the trial ends
    #[arg(long, value_name = "PID")]
    parent: u32,
}

pub(super) fn run(registry: &Registry, args: &Args) -> Result<(), Failure> {
    die_with(args.parent)?;
    super::exit_at_panic();
    let spec: TrialSpec =
        serde_json::from_reader(io::stdin().lock()).context("cannot understand the trial")?;
    let measured = registry.run(&spec)?;
    serde_json::to_writer(io::stdout().lock(), &measured).context("cannot answer")?;
    Ok(())
}

/// A command that is killed must not leave a process that it started running.
#[cfg(target_os = "linux")]
pub(super) fn die_with(parent: u32) -> anyhow::Result<()> {
    use nix::sys::{prctl, signal::Signal};
    // A kernel that refuses leaves one process running to its end: no harm but time.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    // From here on the signal comes; if the parent was killed before, it will not.
    let now = nix::unistd::getppid().as_raw();
    anyhow::ensure!(i64::from(now) == i64::from(parent), "the process that started it is gone");
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn die_with(_: u32) -> anyhow::Result<()> {
    Ok(())
}
