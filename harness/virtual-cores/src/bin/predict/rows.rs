//! What is printed and written: rows, each of one cell at one number of threads.

use std::io::Write;

use virtual_cores::{
    CycleStack, HotLineRow, MachineModel, PREDICTED, Part, PredictedRow, PublishedCurve, arena_at,
};

use crate::cell::CellRun;
use crate::fields::Fields;
use crate::spec::PredictedCell;

/// What is published of a cell, if anything is.
pub(crate) fn published<'m>(
    machine: &'m MachineModel,
    cell: &PredictedCell,
) -> Option<&'m PublishedCurve> {
    machine.published.iter().find(|curve| {
        curve.structure == cell.structure
            && curve.reclaimer == cell.reclaimer
            && (curve.reads, curve.upserts, curve.zipf, curve.keys)
                == (cell.reads, cell.upserts, cell.zipf, cell.keys)
    })
}

/// The row of a run, whose rate and counts are `outcome`'s.
pub(crate) fn row(
    cell: &PredictedCell,
    threads: usize,
    machine: &MachineModel,
    work_from: &str,
    outcome: &CellRun,
    (band, draws): ((f64, f64), u64),
) -> PredictedRow {
    let per = |count: u64| count as f64 / outcome.ops as f64;
    let (counts, spent) = (&outcome.counts, &outcome.spent);
    let curve = published(machine, cell);
    let published = curve.and_then(|curve| curve.at(threads));
    let published_of = published.and(curve).map_or(String::new(), |curve| curve.of.clone());
    let cycles = |stack: &CycleStack, part: Part| per(stack.of(part));
    PredictedRow {
        structure: cell.structure.clone(),
        reclaimer: cell.reclaimer.clone(),
        reclaim_batch: cell.reclaim_batch,
        threads,
        reads: cell.reads,
        upserts: cell.upserts,
        zipf: cell.zipf,
        keys: cell.keys,
        ops_per_sec: outcome.ops_per_sec,
        low: band.0,
        high: band.1,
        draws,
        source: PREDICTED.to_owned(),
        machine: machine.name.clone(),
        published,
        published_of,
        work_from: work_from.to_owned(),
        accesses: per(counts.accesses),
        l1: per(counts.l1),
        l2: per(counts.l2),
        llc: per(counts.llc),
        memory: per(counts.memory),
        upgrades: per(counts.upgrades),
        near: per(counts.near),
        far: per(counts.far),
        invalidations: per(counts.invalidations),
        failed_cas: per(counts.failed),
        queued_cycles: per(counts.queued),
        parks: per(outcome.parks),
        cycles_work: cycles(spent, Part::Work),
        cycles_branches: cycles(spent, Part::Branches),
        cycles_atomics: cycles(spent, Part::Atomics),
        cycles_caches: cycles(spent, Part::Caches),
        cycles_memory: cycles(spent, Part::Memory),
        cycles_upgrades: cycles(spent, Part::Upgrades),
        cycles_near: cycles(spent, Part::Near),
        cycles_far: cycles(spent, Part::Far),
        cycles_queued: cycles(spent, Part::Queued),
        cycles_pauses: cycles(spent, Part::Pauses),
        cycles_system: cycles(spent, Part::System),
    }
}

/// The rows of the lines that were waited for in the run of `row`.
pub(crate) fn hot_lines(row: &PredictedRow, outcome: &CellRun) -> Vec<HotLineRow> {
    let mut fields = Fields::default();
    let of_line = |(index, line): (usize, &virtual_cores::HotLine)| HotLineRow {
        rank: index + 1,
        waited_cycles: line.waited,
        share: line.waited as f64 / outcome.waited as f64,
        field: arena_at(line.address)
            .map_or_else(|| fields.name(line.at), |core| format!("arena of core {core}")),
        at: format!("{}:{}", line.at.file(), line.at.line()),
        share_there: line.waited_there as f64 / line.waited as f64,
        ..HotLineRow::in_cell_of(row)
    };
    outcome.hot.iter().enumerate().map(of_line).collect()
}

/// Prints the rows, as a JSON array with a line for each or as a table.
pub(crate) fn print(rows: &[PredictedRow], as_json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        let rows: Vec<String> = rows.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        writeln!(out, "[\n{}\n]", rows.join(",\n"))?;
        return Ok(());
    }
    writeln!(
        out,
        "{:<36} {:>7} {:>6} {:>7} {:>5} {:>9} {:>9} {:>19} {:>7} {:>6} {:>9} {:>9}",
        "subject",
        "threads",
        "reads",
        "upserts",
        "zipf",
        "keys",
        "Mops/s",
        "band",
        "near",
        "far",
        "queued",
        "published"
    )?;
    for row in rows {
        let mut subject = table::subject_name(&row.structure, &row.reclaimer);
        if let Some(batch) = row.reclaim_batch {
            subject += &format!(" batch={batch}");
        }
        let band = row.band().map_or_else(
            || "-".to_owned(),
            |(low, high)| format!("{:.2} to {:.2}", low / 1e6, high / 1e6),
        );
        let ratio =
            row.to_published().map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        writeln!(
            out,
            "{subject:<36} {:>7} {:>6} {:>7} {:>5} {:>9} {:>9.2} {band:>19} {:>7.3} {:>6.3} {:>9.1} {ratio:>9}",
            row.threads,
            row.reads,
            row.upserts,
            row.zipf,
            row.keys,
            row.ops_per_sec / 1e6,
            row.near,
            row.far,
            row.queued_cycles
        )?;
    }
    writeln!(
        out,
        "near, far: lines handed over for an operation; queued: cycles waited for lines; published: model ÷ \
         published."
    )?;
    Ok(())
}
