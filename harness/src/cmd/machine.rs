//! `bench machine`: what the numbers are numbers of.

use std::time::Duration;

use crate::failure::Failure;
use crate::machine::Machine;
use crate::metric::NoiseProbe;

/// Show the machine's fingerprint and whether it is quiet
///
/// The noise verdict watches the machine for a second.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let machine = Machine::read();
    let probe = NoiseProbe::start();
    std::thread::sleep(Duration::from_secs(1));
    let noise = probe.stop();
    let text = if args.json {
        let all = serde_json::json!({
            "fingerprint": machine.fingerprint(),
            "machine": machine,
            "noise": { "verdict": noise.verdict(), "readings": noise },
        });
        format!("{all:#}\n")
    } else {
        format!("{machine}\nnoise over one second: {}\n", noise.verdict())
    };
    super::print(&text)?;
    Ok(())
}
