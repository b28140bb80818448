//! `bench scaling`: the Universal Scalability Law of each subject.

use std::path::PathBuf;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};
use stats::FEWEST_COUNTS;

use super::folders::{Selection, one_table, read};
use super::output;
use crate::analysis::compare::cells;
use crate::analysis::scaling::{Scaling, scalings};
use crate::analysis::throughput::ChosenRate;
use crate::failure::{Failure, usage};
use crate::rows::Row;
use crate::show::text::comparison::{headings, wrapped};

/// Fit the Universal Scalability Law to each subject: λ, σ and κ with intervals
///
/// X(N) = λN / (1 + σ(N − 1) + κN(N − 1)): λ is the rate of one thread, σ contention, κ the cost of
/// coherence; none is negative. It needs trials at four numbers of threads or more. Those above the
/// number of CPUs are left out where four others are left. `bench plot --figure scaling-usl` draws
/// it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Result folders: parts of one run
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
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
    one_table(&folders)?;
    let rows: Vec<Vec<Row>> = folders
        .iter()
        .map(|folder| folder.rows.iter().filter(|row| args.selection.wants(row)).cloned().collect())
        .collect();
    let cpus = folders[0].machine.parallelism();
    let choice = args.selection.choose(&rows.concat(), cpus);
    let rows: Vec<&[Row]> = rows.iter().map(Vec::as_slice).collect();
    let (scalings, left_out) = scalings(&cells(&rows, choice.metric), cpus);
    if scalings.is_empty() {
        let why = match left_out.as_slice() {
            [] => args.selection.in_words(&folders),
            reasons => reasons.join("\n"),
        };
        return Err(usage(format!("there is no law to fit: {why}")));
    }
    let text = if args.json {
        let all = json!({
            "law": "X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1))",
            "rate": choice.metric.in_words(),
            "rate_why": choice.why,
            "scaling": scalings.iter().map(as_json).collect::<Vec<Value>>(),
            "left_out": left_out,
        });
        format!("{all:#}\n")
    } else {
        in_words(&scalings, &left_out, &choice, args.markdown)
    };
    output::print(&text)?;
    Ok(())
}

fn as_json(scaling: &Scaling) -> Value {
    let fit = scaling.fit;
    let coefficient = |i: usize, value: f64| json!({ "value": value, "interval": fit.intervals.map(|intervals| intervals[i]) });
    json!({
        "subject": scaling.subject,
        "workload": scaling.workload.to_string(),
        "setting": scaling.workload.setting().in_words(),
        "lambda_ops_per_sec": coefficient(0, fit.law.lambda),
        "sigma": coefficient(1, fit.law.sigma),
        "kappa": coefficient(2, fit.law.kappa),
        "peak_threads": fit.law.peak(),
        "worst": fit.worst,
        "threads": scaling.threads,
        "oversubscribed": scaling.is_oversubscribed,
        "blocks": scaling.blocks,
    })
}

fn in_words(
    scalings: &[Scaling],
    left_out: &[String],
    choice: &ChosenRate,
    markdown: bool,
) -> String {
    let table = if markdown { markdown_table(scalings) } else { text_table(scalings) };
    let left_out: Vec<String> =
        left_out.iter().map(|reason| format!("Left out: {reason}\n")).collect();
    let gap = if left_out.is_empty() { "" } else { "\n" };
    format!("{}\n{table}\n{gap}{}", wrapped(&caption(scalings, choice)), left_out.concat())
}

const HEADER: [&str; 6] = ["subject", "λ (Mops/s)", "σ", "κ", "best N", "off by"];

fn fields(scaling: &Scaling) -> [String; 6] {
    let [lambda, sigma, kappa] = scaling.coefficients();
    let off = format!("{:.1} %", 100.0 * scaling.fit.worst);
    [scaling.subject.clone(), lambda, sigma, kappa, scaling.peak(), off]
}

fn markdown_table(scalings: &[Scaling]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(["workload"].into_iter().chain(HEADER));
    for scaling in scalings {
        table.add_row([scaling.workload.to_string()].into_iter().chain(fields(scaling)));
    }
    align(&mut table, 2);
    table.to_string()
}

/// The workloads are headings.
fn text_table(scalings: &[Scaling]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(HEADER);
    table.add_rows(scalings.iter().map(fields));
    align(&mut table, 1);
    let table = table.to_string();
    let mut lines = table.lines().map(str::trim_end);
    let mut text = lines.next().unwrap_or_default().to_owned();
    let groups: Vec<&[Scaling]> = scalings.chunk_by(|a, b| a.workload == b.workload).collect();
    let names = headings(groups.iter().map(|group| &group[0].workload));
    for (group, name) in groups.iter().zip(names) {
        text.push_str(&format!("\n\n{name}"));
        text.extend(lines.by_ref().take(group.len()).map(|line| format!("\n{line}")));
    }
    text
}

/// Numbers, from column `first`, to the right.
fn align(table: &mut Table, first: usize) {
    table
        .column_iter_mut()
        .skip(first)
        .for_each(|column| column.set_cell_alignment(CellAlignment::Right));
}

fn caption(scalings: &[Scaling], choice: &ChosenRate) -> String {
    let blocks = || scalings.iter().map(|scaling| scaling.blocks);
    let (least, most) = (blocks().min().unwrap_or(0), blocks().max().unwrap_or(0));
    let blocks = if least == most { most.to_string() } else { format!("{least} to {most}") };
    let mut caption = format!(
        "X(N) = λN / (1 + σ(N − 1) + κN(N − 1)) by least squares of the medians over {blocks} \
         blocks, with 95 % BCa bootstrap intervals over blocks. By {}.\n`off by` is the farthest \
         median from the law: where that is much, the law does not hold, and its numbers mean \
         nothing.",
        choice.in_words()
    );
    if scalings.iter().any(|scaling| scaling.is_oversubscribed) {
        caption.push_str(&format!(
            "\nWith fewer than {FEWEST_COUNTS} numbers of threads up to the number of CPUs, those \
             above it are fitted too: σ and κ then hold what it costs to share CPUs, which is no \
             property of a table.",
        ));
    }
    caption
}
