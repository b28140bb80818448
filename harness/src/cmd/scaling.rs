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
/// coherence; none is negative. The fit needs trials at four or more numbers of threads. Numbers above the
/// number of CPUs are left out if four others remain. `bench plot --figure scaling-usl` draws
/// the fit.
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
    one_table(&folders, false)?;
    let rows: Vec<Vec<Row>> = folders
        .iter()
        .map(|folder| folder.rows.iter().filter(|row| args.selection.wants(row)).cloned().collect())
        .collect();
    let cpus = folders[0].machine.parallelism();
    let choice = args.selection.choose(&rows.concat(), cpus);
    let rows: Vec<&[Row]> = rows.iter().map(Vec::as_slice).collect();
    let (choice, (scalings, left_out)) = fitted(&rows, choice, cpus);
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

/// The laws by the rate that was chosen, and the reasons why others have none. A law is of one rate at all its numbers of
/// threads: if one is of more threads than CPUs, all are of a rate that these have, too.
fn fitted(
    rows: &[&[Row]],
    choice: ChosenRate,
    cpus: usize,
) -> (ChosenRate, (Vec<Scaling>, Vec<String>)) {
    let by = |choice: &ChosenRate| scalings(&cells(rows, choice.metric), cpus);
    let laws = by(&choice);
    let is_beyond = laws.0.iter().any(|law| law.is_oversubscribed);
    let alike = if is_beyond { choice.clone().of_one_kind() } else { choice.clone() };
    if alike == choice {
        return (choice, laws);
    }
    let laws = by(&alike);
    (alike, laws)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::throughput::{Rate, choose_metric};
    use crate::test_rows::{trial, with};

    /// Six blocks of a table that does `1e6` operations a second on one thread: over clean windows, which there are up to
    /// the number of CPUs, it does twice as many.
    fn rows(threads: &[usize], cpus: usize) -> Vec<Row> {
        let row = |&n: &usize, block: u32| {
            let noise = 1.0 + 0.01 * f64::from((block * 3 + n as u32) % 4);
            let rate = 1e6 * noise * n as f64 / (1.0 + 0.1 * (n as f64 - 1.0));
            with(&trial("papaya", n, block, rate), |row| {
                row.clean_ops_per_sec = (n <= cpus).then_some(2.0 * rate);
            })
        };
        (0..6).flat_map(|block| threads.iter().map(move |n| row(n, block))).collect()
    }

    #[test]
    fn a_law_is_of_one_rate() {
        let by = |threads: &[usize], cpus: usize| {
            let rows = rows(threads, cpus);
            let choice = choose_metric(&rows, cpus);
            assert_eq!(choice.metric, Rate::CleanUpTo(cpus));
            let (choice, (laws, _)) = fitted(&[&rows], choice, cpus);
            (choice.metric, laws[0].fit.law.lambda / 1e6)
        };
        let is_near = |lambda: f64, expected: f64| (lambda / expected - 1.0).abs() < 0.05;
        let (rate, lambda) = by(&[1, 2, 4, 8], 2);
        assert!(rate == Rate::WallRate && is_near(lambda, 1.0), "{rate:?} {lambda}");
        // Five threads and more are left out of this one.
        let (rate, lambda) = by(&[1, 2, 3, 4, 8], 4);
        assert!(rate == Rate::CleanUpTo(4) && is_near(lambda, 2.0), "{rate:?} {lambda}");
    }
}
