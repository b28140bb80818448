//! One trial for a terminal: a line for each thing measured.

use super::latency;
use crate::analysis::setting;
use crate::case::SYSTEM;
use crate::rows::Row;
use crate::rows::latency::LatencyTrial;
use trials::mix::percentage;

/// A name and what it has, on a line.
fn line(text: &mut String, name: &str, value: &str) {
    use std::fmt::Write;
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{name:<24}{value}");
}

/// A latency trial: percentiles, and then what it was.
pub(crate) fn of_latency(trial: &LatencyTrial) -> String {
    let mut text = latency::of_trial(trial) + "\n";
    let open = &trial.open;
    let reached = trial.row.ops_per_sec.map_or("not measured".to_owned(), |rate| {
        format!("{rate:.0} of {} operations per second", open.rate)
    });
    let saturated = match open.saturated {
        Some(true) => "; it could not keep its rate, and its response times grow with its length",
        _ => "",
    };
    let never = open.unstarted.filter(|unstarted| *unstarted > 0);
    let never = never.map_or(String::new(), |unstarted| format!(", {unstarted} never begun"));
    let row = &trial.row;
    for (name, value) in [
        ("subject", row.subject()),
        ("workload", workload(row)),
        ("rate", format!("{reached}{never}{saturated}")),
        ("clock", open.clock.clone()),
        ("self-check", if row.valid { "passed".to_owned() } else { row.error.clone() }),
        ("noise", row.noise.clone()),
    ] {
        line(&mut text, name, &value);
    }
    text
}

fn workload(row: &Row) -> String {
    let upserts = Some(row.mix.upserts).filter(|share| *share > 0.0);
    let upserts =
        upserts.map_or(String::new(), |share| format!(", {} % upserts", percentage(share)));
    format!(
        "{} threads, {} % reads, {} % inserts, {} % removes, {} % updates{upserts}, θ = {}, {} keys{}",
        row.threads,
        percentage(row.mix.reads),
        percentage(row.mix.inserts),
        percentage(row.mix.removes),
        percentage(row.mix.updates),
        row.zipf,
        row.keys,
        special(row)
    )
}

/// A throughput trial.
pub(crate) fn of_throughput(row: &Row) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| line(&mut text, name, &value);
    let mops = |rate: Option<f64>| {
        rate.map_or("not measured".to_owned(), |rate| format!("{:.2} Mops/s", rate / 1e6))
    };
    let count = |n: Option<u64>| n.map_or("not measured".to_owned(), |n| n.to_string());
    let windows = format!("{} of {} windows", count(row.clean_windows), count(row.windows));
    line("subject", row.subject());
    line("workload", workload(row));
    line("throughput", mops(row.ops_per_sec));
    line("  in clean windows", format!("{} ({windows})", mops(row.clean_ops_per_sec)));
    line("  per CPU-second", mops(row.ops_per_cpu_sec));
    line("operations", count(row.ops));
    let requests = row.trace.as_ref().map(|trace| trace.requests);
    if let (Some(ops), Some(requests)) = (row.ops, requests) {
        line("  over the trace", format!("{:.1} times", ops as f64 / requests as f64));
    }
    line("retired / freed", format!("{} / {}", count(row.retired), count(row.freed)));
    line("peak unreclaimed nodes", count(row.peak_unreclaimed));
    line("retired to freed", delays(row));
    if let Some(bytes) = row.payload_bytes {
        line("key and value, bytes", format!("{bytes:.1}"));
    }
    line("peak RSS, bytes", count(row.peak_rss_bytes));
    line("on huge pages, bytes", count(row.huge_page_bytes));
    line("entries at the end", count(row.final_len));
    line("self-check", if row.valid { "passed".to_owned() } else { row.error.clone() });
    line("noise", row.noise.clone());
    text
}

/// How long retired nodes waited.
fn delays(row: &Row) -> String {
    let quantiles = [row.free_delay_p50, row.free_delay_p99, row.free_delay_max];
    match quantiles {
        [Some(p50), Some(p99), Some(max)] => format!(
            "{} in the median, {} at 99 %, {} at most",
            microseconds(p50),
            microseconds(p99),
            microseconds(max)
        ),
        _ => "not measured".to_owned(),
    }
}

fn microseconds(seconds: f64) -> String {
    format!("{:.1} µs", seconds * 1e6)
}

/// What is not at its default, each after a comma.
fn special(row: &Row) -> String {
    let values = row.lengths().map(|both| format!("values of {} B", both.values));
    let allocator = (row.allocator != SYSTEM).then(|| format!("allocator {}", row.allocator));
    let words = setting::special(row).chain(values).chain(allocator);
    words.map(|word| format!(", {word}")).collect()
}
