//! `bench rank`: one number per subject.

use std::collections::BTreeSet;
use std::path::PathBuf;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::folders::{Selection, best_of, check_baseline, one_table, read};
use super::output;
use crate::analysis::compare::words::factor;
use crate::analysis::compare::{Baseline, Workload, cells};
use crate::analysis::rank::{Ranking, rank};
use crate::analysis::throughput::ChosenRate;
use crate::failure::{Failure, usage};
use crate::rows::Row;
use crate::show::text::comparison::wrapped;

/// Rank subjects by the geometric mean of their ratios over the workloads that all of them have
///
/// The ratio is to the best subject under each workload: a subject with 1 is the best everywhere. A mean over
/// workloads is an answer only if you have exactly this mixture of them; `bench cmp` shows each.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Result folders: parts of one run
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// The subject to take ratios to; of a list `A,B` or a glob, the best in each workload [default: the best
    /// of all subjects]
    #[arg(long, value_name = "SUBJECT")]
    baseline: Option<Baseline>,
    #[command(flatten)]
    selection: Selection,
    /// Print a Markdown table
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    args.selection.rates_alone()?;
    let folders = read(&args.folders)?;
    one_table(&folders, false)?;
    if let Some(baseline) = &args.baseline {
        check_baseline(baseline, &folders)?;
    }
    let rows = folders.iter().flat_map(|folder| &folder.rows);
    let wanted: BTreeSet<Workload> =
        rows.filter(|row| args.selection.wants(row)).map(|row| Workload::of(row)).collect();
    let matters = |row: &&Row| {
        let named = |names: &Baseline| !row.twin && names.names(&row.subject(), &row.structure);
        // Where there is nothing to rank, a baseline alone has no say in the rate.
        let is_base =
            || args.baseline.as_ref().is_some_and(named) && wanted.contains(&Workload::of(row));
        args.selection.wants(row) || is_base()
    };
    let rows: Vec<Vec<Row>> = folders
        .iter()
        .map(|folder| folder.rows.iter().filter(matters).cloned().collect())
        .collect();
    let choice = args.selection.choose(&rows.concat(), folders[0].machine.parallelism());
    let rows: Vec<&[Row]> = rows.iter().map(Vec::as_slice).collect();
    if rows.iter().all(|rows| rows.is_empty()) {
        let why = args.selection.in_words(&folders);
        return Err(usage(format!("there is nothing to rank: {why}")));
    }
    let cells = cells(&rows, choice.metric);
    let ranking = rank(&cells, args.baseline.as_ref())
        .map_err(|why| usage(format!("there is nothing to rank: {why}")))?;
    let base = args.baseline.as_ref().map(|baseline| best_of(baseline, &cells));
    let base = base.unwrap_or_else(|| "the best subject".to_owned());
    let text = if args.json {
        let all = json!({
            "ratios_to": base,
            "rate": choice.metric.in_words(),
            "rate_why": choice.why,
            "ranking": ranking,
        });
        format!("{all:#}\n")
    } else {
        in_words(&ranking, &base, &choice, args.markdown)
    };
    output::print(&text)?;
    Ok(())
}

fn in_words(ranking: &Ranking, base: &str, choice: &ChosenRate, markdown: bool) -> String {
    let mut table = Table::new();
    table.load_preset(if markdown { presets::ASCII_MARKDOWN } else { presets::NOTHING });
    table.set_header(["", "subject", "score", "95 % interval", "wins", "worst", "where"]);
    for (place, rank) in ranking.ranks.iter().enumerate() {
        let interval = rank.interval.map(|(low, high)| format!("{}–{}", factor(low), factor(high)));
        table.add_row([
            (place + 1).to_string(),
            rank.subject.clone(),
            factor(rank.score),
            interval.unwrap_or_else(|| "-".to_owned()),
            rank.wins.to_string(),
            factor(rank.worst),
            rank.worst_workload.clone(),
        ]);
    }
    for i in [0, 2, 3, 4, 5] {
        table.column_mut(i).expect("it has seven").set_cell_alignment(CellAlignment::Right);
    }
    let table: Vec<String> =
        table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    let caption = format!(
        "Geometric mean over {} workloads of the ratio to {base} there, from {} blocks, with its \
         95 % BCa bootstrap interval over blocks.\nBy {}.",
        ranking.workloads.len(),
        ranking.blocks,
        choice.in_words(),
    );
    let left_out: Vec<String> =
        ranking.left_out.iter().map(|reason| format!("Left out: {reason}\n")).collect();
    let gap = if left_out.is_empty() { "" } else { "\n" };
    format!("{}\n{}\n{gap}{}", wrapped(&caption), table.join("\n"), left_out.concat())
}
