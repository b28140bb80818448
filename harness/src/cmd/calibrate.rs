//! `bench calibrate`: a machine's latencies, as a file for predictions.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use ::table::BuildFacts;
use anyhow::Context;
use calibrate::{Calibration, Effort, LatencyReading, Provenance, calibrate};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use trials::unfinished::Unfinished;
use virtual_cores::MachineModel;

use super::output::{print, say};
use crate::failure::{Failure, usage};
use crate::results::machine::Machine;

/// Measure this machine's latencies and write them to a file, for predictions by `cargo predict`
///
/// It measures caches and memory; accesses to cache lines that another core has written, by loads, stores,
/// read-modify-writes and CAS; a line for which two cores contend; fences, pauses, mispredicted branches; malloc and
/// free; membarrier, sleep and wake. All results are in nanoseconds, each the median of its batches with its quartiles.
/// It takes about half a minute; let nothing else run meanwhile. For what cannot be measured here, the file has a
/// typical number, which is marked as such (docs/PREDICTION.md).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to write, in the format of those in experiments/machines/
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The machine's name in the file [default: the CPU's model, and how many of its cores may be used]
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// Batches of each measurement
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batches: u32,
    /// Overwrite the file, if there is one
    #[arg(long)]
    fresh: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A name that is there, on one line.
fn name(text: &str) -> Result<String, String> {
    let is_one_line = !text.trim().is_empty() && !text.chars().any(char::is_control);
    is_one_line.then(|| text.to_owned()).ok_or_else(|| "a name, on one line".to_owned())
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    check(&args.out, args.fresh)?;
    // Of the machine alone: no program of tables is asked.
    let machine = Machine::read(&BuildFacts::default());
    let effort = Effort { batches: args.batches as usize, memory_bytes: machine.memory_bytes };
    let calibration = calibrate(&effort, |what| say(format_args!("measuring {what}")))?;
    let provenance = provenance(args, &machine, &calibration);
    let text = calibration.text(&provenance);
    // What nothing could be predicted on is not written.
    let model = MachineModel::parse(&text).context("the file would be no machine")?;
    write(&args.out, &text)?;
    calibration.doubts().iter().for_each(|doubt| say(format_args!("note: {doubt}")));
    say(format_args!("wrote {}", args.out.display()));
    let text = if args.json { json(&calibration, &model)? } else { in_words(&calibration) };
    print(&text)?;
    Ok(())
}

/// Whether the file can be written: before anything is measured.
fn check(out: &Path, fresh: bool) -> Result<(), Failure> {
    let shown = out.display();
    if out.is_dir() {
        return Err(usage(format!("--out {shown} is a folder: it names the file to write")));
    }
    if out.symlink_metadata().is_ok() && !fresh {
        return Err(usage(format!(
            "{shown} exists already; choose another with --out, or overwrite it with --fresh"
        )));
    }
    let folder = folder(out);
    if !folder.is_dir() {
        return Err(usage(format!("--out {shown}: there is no folder {}", folder.display())));
    }
    Ok(())
}

fn folder(out: &Path) -> &Path {
    out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file whole: beside its place, and then there.
fn write(out: &Path, text: &str) -> anyhow::Result<()> {
    let put = || -> io::Result<()> {
        let unfinished = Unfinished::beside(out)?;
        fs::write(unfinished.path(), text)?;
        unfinished.put()
    };
    put().with_context(|| format!("writing {}", out.display()))
}

fn provenance(args: &Args, machine: &Machine, calibration: &Calibration) -> Provenance {
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let date = date.split('T').next().unwrap_or_default();
    let cpu = machine.cpu_model.as_deref().unwrap_or("a CPU that does not say its model");
    let kernel = machine.kernel.as_deref().unwrap_or("of no known version");
    let guest = if machine.hypervisor == Some(true) { ", in a virtual machine" } else { "" };
    let (sockets, cores) = calibrate::counts(&calibration.places);
    let own = || format!("{cpu}, {} cores as measured {date}", sockets * cores);
    Provenance {
        name: args.name.clone().unwrap_or_else(own),
        by: format!("bench calibrate, {date}, {cpu}, kernel {kernel}{guest}"),
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct PrintedMachine<'a> {
    name: &'a str,
    sockets: f64,
    cores_per_socket: f64,
    ghz: f64,
    curve: &'a calibrate::LatencyCurve,
    readings: &'a [LatencyReading],
    doubts: Vec<String>,
}

fn json(calibration: &Calibration, model: &MachineModel) -> anyhow::Result<String> {
    let printed = PrintedMachine {
        name: &model.name,
        sockets: model.sockets.is,
        cores_per_socket: model.cores_per_socket.is,
        ghz: model.ghz.is,
        curve: &calibration.curve,
        readings: &calibration.readings,
        doubts: calibration.doubts(),
    };
    Ok(format!("{}\n", serde_json::to_string_pretty(&printed)?))
}

const HEADER: [&str; 5] = ["what", "median", "lower\nquartile", "upper\nquartile", "how"];

/// Tables of all that was measured, in ns: latency against size, and the rest.
fn in_words(calibration: &Calibration) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(HEADER);
    for point in calibration.curve.points() {
        let what = format!("chain_{}_kib_ns", point.bytes / 1024);
        table.add_row(row(&what, &point.ns, "a step of a chain of lines that spans so much"));
    }
    for LatencyReading { name, how, summary, absent } in &calibration.readings {
        match summary {
            Some(ns) => table.add_row(row(name, ns, how)),
            None => table.add_row([name, "-", "-", "-", absent]),
        };
    }
    for column in 1..4 {
        let numbers = table.column_mut(column).expect("the header has as many");
        numbers.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    format!("{}\n", lines.join("\n"))
}

fn row(what: &str, ns: &calibrate::Summary, how: &str) -> [String; 5] {
    let number = |ns: f64| format!("{ns:.2}");
    [what.to_owned(), number(ns.median), number(ns.low), number(ns.high), how.to_owned()]
}
