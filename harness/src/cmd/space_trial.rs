//! `bench space-trial` (hidden): one fill, told on standard input and answered on standard output, as
//! JSON.

use std::io;

use anyhow::Context;

use super::trial::die_with;
use crate::failure::Failure;
use crate::space::SpaceSpec;
use crate::subject::Registry;

/// Fill one table told on standard input (used by `sweep`)
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The sweep's process, with which the fill ends
    #[arg(long, value_name = "PID")]
    parent: u32,
}

pub(super) fn run(registry: &Registry, args: &Args) -> Result<(), Failure> {
    die_with(args.parent)?;
    super::exit_at_panic();
    let spec: SpaceSpec =
        serde_json::from_reader(io::stdin().lock()).context("cannot understand the fill")?;
    let filled = registry.fill(&spec)?;
    serde_json::to_writer(io::stdout().lock(), &filled).context("cannot answer")?;
    Ok(())
}
