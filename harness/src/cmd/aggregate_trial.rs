//! `bench aggregate-trial` (hidden): one aggregation, told on standard input and answered on standard output, as
//! JSON.

use std::io;

use anyhow::Context;

use super::trial::die_with;
use crate::aggregate::AggregateSpec;
use crate::failure::Failure;
use crate::subject::Registry;

/// Count words as told on standard input (used by `sweep`)
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The sweep's process, with which it ends
    #[arg(long, value_name = "PID")]
    parent: u32,
}

pub(super) fn run(registry: &Registry, args: &Args) -> Result<(), Failure> {
    die_with(args.parent)?;
    super::exit_at_panic();
    let spec: AggregateSpec =
        serde_json::from_reader(io::stdin().lock()).context("cannot understand the task")?;
    let counted = registry.aggregate(&spec)?;
    serde_json::to_writer(io::stdout().lock(), &counted).context("cannot answer")?;
    Ok(())
}
