//! `bench trial` (hidden): one trial, told on standard input and answered on standard output, as
//! JSON. `launch.rs` is the other end.

use std::io;

use anyhow::Context;

use crate::failure::Failure;
use crate::subject::Registry;
use crate::trial::TrialSpec;

/// Run one trial told on standard input (used by `sweep`)
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(registry: &Registry) -> Result<(), Failure> {
    die_with_parent();
    super::exit_at_panic();
    let spec: TrialSpec =
        serde_json::from_reader(io::stdin().lock()).context("cannot understand the trial")?;
    let measured = registry.run(&spec)?;
    serde_json::to_writer(io::stdout().lock(), &measured).context("cannot answer")?;
    Ok(())
}

/// A sweep that is killed must not leave a trial running beside the next one.
fn die_with_parent() {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::{prctl, signal::Signal};
        // A kernel that refuses leaves one trial running to its end: no harm but time.
        let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    }
}
