//! `bench run`: one trial, in this process, which is a fresh one.

use std::time::SystemTime;

use crate::case::{Case, Mix, can_batch};
use crate::experiment::did_you_mean;
use crate::failure::{Failure, usage};
use crate::row::Row;
use crate::subject::{ALLOCATOR, NO_RECLAIMER, Registry, Structure};
use crate::trial::{MAX_BATCH, TrialSpec};
use crate::workload::MAX_KEYS;

/// Run one trial and print what it measured
///
/// One trial says little: `bench sweep` repeats trials in random order and gives intervals.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The table: a name from `bench list`
    #[arg(long, value_name = "NAME")]
    structure: String,
    /// The reclaimer; the default is `epoch` for a table that takes one
    #[arg(long, value_name = "NAME")]
    reclaimer: Option<String>,
    /// Worker threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: u16,
    /// Percent of operations that are `get`; of the rest, half are `insert` and half `remove`
    #[arg(long, value_name = "P", default_value_t = 95.0, value_parser = percent)]
    reads: f64,
    /// Percent `insert`, instead of half of the rest
    #[arg(long, value_name = "P", value_parser = percent)]
    inserts: Option<f64>,
    /// Percent `remove`, instead of half of the rest
    #[arg(long, value_name = "P", value_parser = percent)]
    removes: Option<f64>,
    /// Percent `update`
    #[arg(long, value_name = "P", value_parser = percent)]
    updates: Option<f64>,
    /// Skew of the Zipf distribution of keys; 0 is uniform
    #[arg(long, value_name = "THETA", default_value_t = 0.0, value_parser = skew)]
    zipf: f64,
    /// Size of the key range
    #[arg(long, value_name = "N", default_value_t = 65536, value_parser = clap::value_parser!(u64).range(1..=MAX_KEYS))]
    keys: u64,
    /// Share of the key range that is present at the start
    #[arg(long, value_name = "FRACTION", default_value_t = 0.5, value_parser = fraction)]
    prefill: f64,
    /// Measured time in seconds
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = positive_seconds)]
    seconds: f64,
    /// Unmeasured time before it, in seconds
    #[arg(long, value_name = "S", default_value_t = 0.1, value_parser = seconds)]
    warmup: f64,
    /// Seed of keys and operations
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// Seed of the table's hasher
    #[arg(long, value_name = "N", default_value_t = 0)]
    hash_seed: u64,
    /// Issue so many lookups as one `get_many`; needs --reads 100
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=MAX_BATCH as i64))]
    batch: u16,
    /// Let the table ask for huge pages
    #[arg(long)]
    huge_pages: bool,
    /// Leave the threads to the scheduler instead of binding each to a CPU
    #[arg(long)]
    no_pin: bool,
    /// Print one JSON object, with the columns of `trials.csv`
    #[arg(long)]
    json: bool,
}

pub(super) fn run(registry: &Registry, args: &Args) -> Result<(), Failure> {
    let spec = TrialSpec {
        case: case(registry, args)?,
        seed: args.seed,
        seconds: args.seconds,
        warmup: args.warmup,
    };
    let mut row = Row::unmeasured(&spec.case, args.seed, 0, 0);
    row.started_at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    super::exit_at_panic();
    row.measured(registry.run(&spec)?);
    let text = if args.json {
        serde_json::to_string(&row).map_err(anyhow::Error::from)? + "\n"
    } else {
        in_words(&row)
    };
    super::print(&text)?;
    if row.valid {
        Ok(())
    } else {
        Err(Failure::Run(anyhow::anyhow!("the trial is invalid: {}", row.error)))
    }
}

fn case(registry: &Registry, args: &Args) -> Result<Case, Failure> {
    let structure = registry.structure(&args.structure).ok_or_else(|| {
        let names: Vec<&str> =
            registry.structures().iter().map(|structure| structure.name.as_str()).collect();
        usage(unknown("structure", &args.structure, &names))
    })?;
    let threads = usize::from(args.threads);
    if let Some(most) = structure.info.max_threads
        && threads > most
    {
        return Err(usage(format!(
            "`{}` serves at most {most} thread(s), not {threads}",
            structure.name
        )));
    }
    let mix = mix(args)?;
    check_options(registry, structure, &mix, args)?;
    Ok(Case {
        structure: structure.name.clone(),
        reclaimer: reclaimer(structure, args.reclaimer.as_deref())?,
        allocator: ALLOCATOR.to_owned(),
        threads,
        mix,
        zipf: args.zipf,
        keys: args.keys,
        prefill: (args.keys as f64 * args.prefill).round() as u64,
        hash_seed: args.hash_seed,
        pin: !args.no_pin,
        batch: usize::from(args.batch),
        huge_pages: args.huge_pages,
    })
}

/// Refuses options that the mix or the structure has no use for.
fn check_options(
    registry: &Registry,
    structure: &Structure,
    mix: &Mix,
    args: &Args,
) -> Result<(), Failure> {
    if args.batch > 1 && !can_batch(mix) {
        return Err(usage(format!(
            "--batch {} needs --reads 100, not {}: only lookups are issued in batches",
            args.batch, mix.reads
        )));
    }
    if args.huge_pages && !structure.huge_pages {
        let able = registry.structures().iter().filter(|s| s.huge_pages && s.variant_of.is_none());
        let able: Vec<&str> = able.map(|structure| structure.name.as_str()).collect();
        return Err(usage(format!(
            "`{}` cannot ask for huge pages; those that can are {}",
            structure.name,
            able.join(", ")
        )));
    }
    Ok(())
}

fn reclaimer(structure: &Structure, wanted: Option<&str>) -> Result<String, Failure> {
    let takes: Vec<&str> = structure.reclaimers().collect();
    let default = if takes == [NO_RECLAIMER] { NO_RECLAIMER } else { "epoch" };
    let wanted = wanted.unwrap_or(default);
    if takes.contains(&wanted) {
        return Ok(wanted.to_owned());
    }
    let known: Vec<&str> = Registry::reclaimers().iter().map(|info| info.name).collect();
    if !known.contains(&wanted) && wanted != NO_RECLAIMER {
        return Err(usage(unknown("reclaimer", wanted, &known)));
    }
    let why = if structure.why_not.is_empty() {
        String::new()
    } else {
        format!(" ({})", structure.why_not)
    };
    Err(usage(format!(
        "`{}` does not take the reclaimer `{wanted}`: it takes {}{why}",
        structure.name,
        takes.join(", ")
    )))
}

pub(super) fn unknown(what: &str, name: &str, names: &[&str]) -> String {
    let hint = did_you_mean(name, names);
    format!("there is no {what} `{name}`; {hint}`bench list` shows all")
}

/// The mix: by default half of what is not read is inserted and half removed.
fn mix(args: &Args) -> Result<Mix, Failure> {
    if args.inserts.is_none() && args.removes.is_none() && args.updates.is_none() {
        return Ok(Mix::balanced(args.reads));
    }
    let mix = Mix {
        reads: args.reads,
        inserts: args.inserts.unwrap_or(0.0),
        removes: args.removes.unwrap_or(0.0),
        updates: args.updates.unwrap_or(0.0),
    };
    let sum = mix.reads + mix.inserts + mix.removes + mix.updates;
    if (sum - 100.0).abs() > 1e-9 {
        return Err(usage(format!(
            "reads, inserts, removes and updates must sum to 100 percent, not {sum}"
        )));
    }
    Ok(mix)
}

fn in_words(row: &Row) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<24}{value}");
    };
    let mops = |rate: Option<f64>| {
        rate.map_or("not measured".to_owned(), |rate| format!("{:.2} Mops/s", rate / 1e6))
    };
    let count = |n: Option<u64>| n.map_or("not measured".to_owned(), |n| n.to_string());
    let windows = format!("{} of {} windows", count(row.clean_windows), count(row.windows));
    line("subject", row.subject());
    line(
        "workload",
        format!(
            "{} threads, {} % reads, {} % inserts, {} % removes, {} % updates, θ = {}, {} keys{}{}",
            row.threads,
            row.reads,
            row.inserts,
            row.removes,
            row.updates,
            row.zipf,
            row.keys,
            if row.batch > 1 { format!(", batches of {}", row.batch) } else { String::new() },
            if row.huge_pages { ", huge pages asked for" } else { "" }
        ),
    );
    line("throughput", mops(row.ops_per_sec));
    line("  in clean windows", format!("{} ({windows})", mops(row.clean_ops_per_sec)));
    line("  per CPU-second", mops(row.ops_per_cpu_sec));
    line("operations", count(row.ops));
    line("retired / freed", format!("{} / {}", count(row.retired), count(row.freed)));
    line("peak unreclaimed nodes", count(row.peak_unreclaimed));
    line("peak RSS, bytes", count(row.peak_rss_bytes));
    line("on huge pages, bytes", count(row.huge_page_bytes));
    line("entries at the end", count(row.final_len));
    line("self-check", if row.valid { "passed".to_owned() } else { row.error.clone() });
    line("noise", row.noise.clone());
    text
}

fn number(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() { Ok(number) } else { Err("must be finite".to_owned()) }
}

fn in_range(text: &str, low: f64, high: f64, what: &str) -> Result<f64, String> {
    let number = number(text)?;
    if (low..=high).contains(&number) { Ok(number) } else { Err(format!("must be {what}")) }
}

fn percent(text: &str) -> Result<f64, String> {
    in_range(text, 0.0, 100.0, "a percentage, 0 to 100")
}

fn fraction(text: &str) -> Result<f64, String> {
    in_range(text, 0.0, 1.0, "a share, 0 to 1")
}

fn skew(text: &str) -> Result<f64, String> {
    in_range(text, 0.0, f64::MAX, "0 or more")
}

fn seconds(text: &str) -> Result<f64, String> {
    in_range(text, 0.0, 86_400.0, "a number of seconds, 0 to 86400")
}

pub(super) fn positive_seconds(text: &str) -> Result<f64, String> {
    in_range(text, 0.001, 86_400.0, "a number of seconds, 0.001 to 86400")
}
