//! What is printed and written: rows, each of one cell at one number of threads.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::cell::CellRun;
use crate::spec::PredictedCell;

/// A prediction.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PredictedRow {
    pub(crate) structure: String,
    pub(crate) reclaimer: String,
    pub(crate) threads: usize,
    pub(crate) reads: f64,
    pub(crate) zipf: f64,
    pub(crate) keys: u64,
    pub(crate) ops_per_sec: f64,
    /// The least of the band.
    pub(crate) low: f64,
    /// The most.
    pub(crate) high: f64,
    /// Always `predicted`: such a row is none of a measurement.
    pub(crate) source: &'static str,
    pub(crate) machine: String,
}

/// What an operation did to memory, on average. A row of `predictions.csv` is a [`PredictedRow`] and this.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct PerOperation {
    accesses: f64,
    l1: f64,
    l2: f64,
    llc: f64,
    memory: f64,
    upgrades: f64,
    near: f64,
    far: f64,
    invalidations: f64,
    queued_cycles: f64,
    /// Cycles of instructions that wait for nothing: told to the model, not found by it.
    work_cycles: u64,
}

/// A row and what stands behind it.
#[derive(Clone, Debug)]
pub(crate) struct Prediction {
    pub(crate) row: PredictedRow,
    per_operation: PerOperation,
    parks: u64,
    /// Cycles that were waited for each of the hottest lines, and for all, in the whole run.
    hot: Vec<u64>,
}

impl Prediction {
    pub(crate) fn new(
        cell: &PredictedCell,
        threads: usize,
        machine: &str,
        work_cycles: u64,
        outcome: &CellRun,
        band: (f64, f64),
    ) -> Self {
        let per = |count: u64| count as f64 / outcome.ops as f64;
        let counts = &outcome.counts;
        Self {
            row: PredictedRow {
                structure: cell.structure.clone(),
                reclaimer: cell.reclaimer.clone(),
                threads,
                reads: cell.reads,
                zipf: cell.zipf,
                keys: cell.keys,
                ops_per_sec: outcome.ops_per_sec,
                low: band.0,
                high: band.1,
                source: "predicted",
                machine: machine.to_owned(),
            },
            per_operation: PerOperation {
                accesses: per(counts.accesses),
                l1: per(counts.l1),
                l2: per(counts.l2),
                llc: per(counts.llc),
                memory: per(counts.memory),
                upgrades: per(counts.upgrades),
                near: per(counts.near),
                far: per(counts.far),
                invalidations: per(counts.invalidations),
                queued_cycles: per(counts.queued),
                work_cycles,
            },
            parks: outcome.parks,
            hot: outcome.hot.clone(),
        }
    }
}

/// A line of `hot-lines.csv`.
#[derive(Debug, Serialize)]
struct HotLine<'r> {
    structure: &'r str,
    reclaimer: &'r str,
    threads: usize,
    reads: f64,
    zipf: f64,
    keys: u64,
    /// 1 is the line that was waited for most.
    rank: usize,
    /// Cycles that cores waited for it in the run, its warm-up among them.
    waited_cycles: u64,
}

/// Prints the rows, as a JSON array with a line for each or as a table.
pub(crate) fn print(predictions: &[Prediction], as_json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        let rows: Vec<String> = predictions
            .iter()
            .map(|prediction| serde_json::to_string(&prediction.row))
            .collect::<Result<_, _>>()?;
        writeln!(out, "[\n{}\n]", rows.join(",\n"))?;
        return Ok(());
    }
    writeln!(
        out,
        "{:<28} {:>7} {:>6} {:>5} {:>9} {:>9} {:>19} {:>7} {:>6} {:>9}",
        "subject", "threads", "reads", "zipf", "keys", "Mops/s", "band", "near", "far", "queued"
    )?;
    for Prediction { row, per_operation, .. } in predictions {
        let subject = table::subject_name(&row.structure, &row.reclaimer);
        let band = format!("{:.2} to {:.2}", row.low / 1e6, row.high / 1e6);
        writeln!(
            out,
            "{subject:<28} {:>7} {:>6} {:>5} {:>9} {:>9.2} {band:>19} {:>7.3} {:>6.3} {:>9.1}",
            row.threads,
            row.reads,
            row.zipf,
            row.keys,
            row.ops_per_sec / 1e6,
            per_operation.near,
            per_operation.far,
            per_operation.queued_cycles
        )?;
    }
    writeln!(
        out,
        "near, far: lines handed over for an operation; queued: cycles waited for lines."
    )?;
    Ok(())
}

/// Writes `predictions.csv` and `hot-lines.csv`.
pub(crate) fn write(predictions: &[Prediction], to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    let path = to.join("predictions.csv");
    // Rows are of two parts; so their names are written by hand.
    let mut rows = csv::WriterBuilder::new()
        .has_headers(false)
        .from_path(&path)
        .with_context(|| path.display().to_string())?;
    rows.write_record([
        "structure",
        "reclaimer",
        "threads",
        "reads",
        "zipf",
        "keys",
        "ops_per_sec",
        "low",
        "high",
        "source",
        "machine",
        "accesses",
        "l1",
        "l2",
        "llc",
        "memory",
        "upgrades",
        "near",
        "far",
        "invalidations",
        "queued_cycles",
        "work_cycles",
        "parks",
    ])?;
    for Prediction { row, per_operation, parks, .. } in predictions {
        rows.serialize((row, per_operation, parks))?;
    }
    rows.flush()?;
    let path = to.join("hot-lines.csv");
    let mut lines = csv::Writer::from_path(&path).with_context(|| path.display().to_string())?;
    for Prediction { row, hot, .. } in predictions {
        let PredictedRow { structure, reclaimer, threads, reads, zipf, keys, .. } = row;
        let (threads, reads, zipf, keys) = (*threads, *reads, *zipf, *keys);
        for (index, waited_cycles) in hot.iter().enumerate() {
            let (rank, waited_cycles) = (index + 1, *waited_cycles);
            lines.serialize(HotLine {
                structure,
                reclaimer,
                threads,
                reads,
                zipf,
                keys,
                rank,
                waited_cycles,
            })?;
        }
    }
    lines.flush()?;
    Ok(())
}
