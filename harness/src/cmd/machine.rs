//! `bench machine`: the machine's fingerprint, its counters, and whether it is quiet.

use std::time::Duration;

use super::output;
use crate::failure::Failure;
use crate::metric::{COUNTERS, Counters, NoiseProbe};
use crate::programs::Registry;
use crate::results::machine::Machine;

/// Show the machine's fingerprint, its hardware counters and whether it is quiet
///
/// For the noise verdict it watches the machine for a second.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(registry: &Registry, args: &Args) -> Result<(), Failure> {
    let machine = Machine::read(&registry.build());
    let probe = NoiseProbe::start();
    std::thread::sleep(Duration::from_secs(1));
    let noise = probe.stop();
    let absent = Counters::open().absent();
    let text = if args.json {
        let all = serde_json::json!({
            "fingerprint": machine.fingerprint(),
            "machine": machine,
            "counters": { "absent": absent },
            "noise": { "verdict": noise.verdict(), "readings": noise },
        });
        format!("{all:#}\n")
    } else {
        let counters = absent.unwrap_or_else(|| COUNTERS.join(", "));
        let noise = noise.verdict();
        format!("{machine}\nhardware counters: {counters}\nnoise over one second: {noise}\n")
    };
    output::print(&text)?;
    Ok(())
}
