//! `bench run`: one trial, in a process of its own.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use ::table::{Entry, Form, NO_RECLAIMER};
use trials::mix::doubtful_percentage;

use super::drawn::DrawnArgs;
use super::output;
use super::values::{
    fault, fraction, hashing, key_bytes, percent, positive_seconds, preset, rate, seconds, unknown,
    value_bytes,
};
use crate::case::{Case, MAX_RECLAIM_BATCH, Mix, SYSTEM, can_batch};
use crate::experiment::{MAX_WORKERS, Turns};
use crate::failure::{Failure, usage};
use crate::fault::Fault;
use crate::hashers::Hashing;
use crate::programs::ask::{Outcome, launch};
use crate::programs::catalogue::Catalogue;
use crate::programs::{FOLDHASH_ALONE, Programs, Registry};
use crate::results::machine::Machine;
use crate::rows::latency::LatencyTrial;
use crate::rows::{Row, throughput};
use crate::show::text;
use crate::sweep::schedule::turn_order;
use crate::sweep::together;
use crate::trial::{MAX_BATCH, MAX_OPS_PER_PIN, TrialSpec};
use crate::workload::{Length, MAX_KEYS, Preset};

/// Run one trial and print its measurements; or one trial of each of several tables, which take turns
///
/// A single trial says little: `bench sweep` repeats trials in random order and gives intervals.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The table: a name from `bench list`; or several, separated by commas, whose trials take turns in slices of
    /// 20 ms, or longer ones for larger tables or more threads than CPUs
    #[arg(long, value_name = "NAME")]
    structure: Names,
    /// The reclaimer; the default is `epoch` for a table that takes one
    #[arg(long, value_name = "NAME")]
    reclaimer: Option<String>,
    /// Worker threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: u16,
    /// Percent of operations that are `get`; of the others, half are `insert` and half `remove`
    #[arg(long, value_name = "P", default_value_t = 95.0, value_parser = percent)]
    reads: f64,
    /// Percent of operations that are `insert`, instead of half of the others
    #[arg(long, value_name = "P", value_parser = percent)]
    inserts: Option<f64>,
    /// Percent of operations that are `remove`, instead of half of the others
    #[arg(long, value_name = "P", value_parser = percent)]
    removes: Option<f64>,
    /// Percent of operations that are `update`
    #[arg(long, value_name = "P", value_parser = percent)]
    updates: Option<f64>,
    /// Percent of operations that are `upsert`, with a value that does not depend on the old one
    #[arg(long, value_name = "P", value_parser = percent)]
    upserts: Option<f64>,
    /// A named workload from `bench list presets`, instead of mix, distribution and prefill
    #[arg(long, value_name = "NAME", value_parser = preset, conflicts_with_all = ["reads", "inserts", "removes", "updates", "upserts", "distribution", "zipf", "hot_keys", "hot_operations", "hot_shift", "prefill"])]
    preset: Option<&'static Preset>,
    /// Replay the requests of a trace (see `bench trace --help`) instead of drawing operations and keys
    #[arg(long, value_name = "FILE", conflicts_with_all = ["preset", "reads", "inserts", "removes", "updates", "upserts", "distribution", "zipf", "hot_keys", "hot_operations", "hot_shift", "keys"])]
    trace: Option<PathBuf>,
    #[command(flatten)]
    drawn: DrawnArgs,
    /// Size of the key range
    #[arg(long, value_name = "N", default_value_t = 65536, value_parser = clap::value_parser!(u64).range(1..=MAX_KEYS))]
    keys: u64,
    /// Share of the key range that is present at the start
    #[arg(long, value_name = "FRACTION", default_value_t = 0.5, value_parser = fraction)]
    prefill: f64,
    /// Measured time in seconds
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = positive_seconds)]
    seconds: f64,
    /// Unmeasured warm-up before it, in seconds
    #[arg(long, value_name = "S", default_value_t = 0.1, value_parser = seconds)]
    warmup: f64,
    /// Seed of keys and operations
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// Seed of the table's hasher
    #[arg(long, value_name = "N", default_value_t = 0)]
    hash_seed: u64,
    /// Look up this many keys by one `get_many`; needs --reads 100
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=MAX_BATCH as i64))]
    batch: u16,
    /// Retirements after which the reclaimer scans or synchronises [default: the reclaimer's own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_RECLAIM_BATCH as i64))]
    reclaim_batch: Option<u32>,
    /// Operations per pin of a worker
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=MAX_OPS_PER_PIN as i64))]
    ops_per_pin: u16,
    /// Measure latency instead of throughput: begin this many operations per second, all threads
    /// together, at random times that do not depend on the table
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// The fault, which disturbs the trial on purpose: a name from `bench list faults`
    #[arg(long, value_name = "NAME", default_value_t = Fault::None, value_parser = fault)]
    fault: Fault,
    /// The hash function: a name from `bench list hashers`
    #[arg(long, value_name = "NAME", default_value_t = Hashing::default(), value_parser = hashing)]
    hasher: Hashing,
    /// Use byte strings of this many bytes as keys, or, with `etc`, of the lengths in Facebook's pool ETC
    #[arg(long, value_name = "BYTES", value_parser = key_bytes)]
    key_bytes: Option<Length>,
    /// Use byte strings of this many bytes as values, or, with `etc`, of the lengths in Facebook's pool ETC
    #[arg(long, value_name = "BYTES", value_parser = value_bytes)]
    value_bytes: Option<Length>,
    /// Let the table request huge pages
    #[arg(long)]
    huge_pages: bool,
    /// The memory allocator: a name from `bench list allocators`
    #[arg(long, value_name = "NAME", default_value = SYSTEM)]
    allocator: String,
    /// Leave the threads to the scheduler instead of binding each to a CPU
    #[arg(long)]
    no_pin: bool,
    /// Print one JSON object, with the columns of `trials.csv`
    #[arg(long)]
    json: bool,
}

/// Names of structures, separated by commas.
#[derive(Clone, Debug)]
struct Names(Vec<String>);

impl FromStr for Names {
    type Err = Infallible;

    /// A variant's name has commas, too, between its factors: `cuckoo-optimistic:tags=off,slots=4`.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let mut names: Vec<String> = Vec::new();
        for part in text.split(',') {
            match names.last_mut() {
                Some(variant) if part.contains('=') && !part.contains(':') => {
                    variant.push(',');
                    variant.push_str(part);
                }
                _ => names.push(part.to_owned()),
            }
        }
        Ok(Self(names))
    }
}

pub(super) fn run(programs: &Programs, args: &Args) -> Result<(), Failure> {
    if let Some(doubt) = doubtful_percentage("--reads", args.reads) {
        output::say(format_args!("note: {doubt}"));
    }
    let [structure] = &args.structure.0[..] else { return by_turns(programs, args) };
    let registry = programs.with(structure)?;
    let (spec, mut row) = told(&registry, structure, args)?;
    row.started_at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let program = registry.program(&spec.case.structure)?;
    let measured = match launch(program, &spec, &AtomicBool::new(false))? {
        Outcome::Measured(measured) => *measured,
        Outcome::Failed(why) => return Err(Failure::Run(anyhow::anyhow!(why))),
        Outcome::Interrupted => return Err(Failure::Run(anyhow::anyhow!("interrupted"))),
    };
    let (row, text) = match args.rate {
        None => {
            row.measured(measured);
            let text = if args.json { json(&row, None)? } else { text::trial::of_throughput(&row) };
            (row, text)
        }
        Some(rate) => {
            let mut trial = LatencyTrial::unmeasured(row, rate);
            trial.measured(measured, args.seconds);
            let text = if args.json {
                json(&trial.row, Some(&trial))?
            } else {
                text::trial::of_latency(&trial)
            };
            (trial.row, text)
        }
    };
    output::print(&text)?;
    if row.valid {
        Ok(())
    } else {
        Err(Failure::Run(anyhow::anyhow!("the trial is invalid: {}", row.error)))
    }
}

/// What the trial of `structure` is told, and what its row begins with.
fn told(registry: &Registry, structure: &str, args: &Args) -> Result<(TrialSpec, Row), Failure> {
    let spec = TrialSpec {
        case: case(registry, structure, args)?,
        seed: args.seed,
        seconds: args.seconds,
        warmup: args.warmup,
        series: false,
        rate: args.rate,
        trace_file: args.trace.clone(),
    };
    let row = Row::unmeasured(&spec.case, args.seed, 0, 0);
    Ok((spec, row))
}

/// A trial of each structure, by turns: a text for each, as it is over.
fn by_turns(programs: &Programs, args: &Args) -> Result<(), Failure> {
    let registry = programs.all()?;
    if args.rate.is_some() {
        return Err(usage("--rate is of one --structure: latency trials take no turns".to_owned()));
    }
    let group: Result<Vec<_>, Failure> =
        args.structure.0.iter().map(|structure| told(&registry, structure, args)).collect();
    let group = group?;
    if let Some((spec, _)) = group.iter().find(|(spec, _)| !Turns::takes(&spec.case)) {
        return Err(usage(format!(
            "a trial that fills a range, or has a descheduled writer, takes no turns: run {} by itself",
            spec.case.structure
        )));
    }
    let turns = (Turns::default(), Machine::read(&registry.build()).parallelism());
    let shuffle = turn_order(args.seed, 0, (args.seed, 0));
    let never = AtomicBool::new(false);
    let all = together::run(&registry, turns, &group, shuffle, &never, |_| {})?;
    let mut invalid = Vec::new();
    for row in all.into_iter().flatten().map(|done| done.row) {
        let text =
            if args.json { json(&row, None)? } else { text::trial::of_throughput(&row) + "\n" };
        output::print(&text)?;
        if !row.valid {
            invalid.push(format!("{}: {}", row.subject(), row.error));
        }
    }
    if invalid.is_empty() {
        return Ok(());
    }
    Err(Failure::Run(anyhow::anyhow!("invalid trials: {}", invalid.join("; "))))
}

/// The columns of `trials.csv`, and under `latency` what a latency trial has besides.
fn json(row: &Row, latency: Option<&LatencyTrial>) -> anyhow::Result<String> {
    let mut value = serde_json::Value::Object(throughput::to_json(row)?);
    if let Some(trial) = latency {
        value["latency"] = text::latency::json_of_trial(trial);
    }
    Ok(format!("{value}\n"))
}

/// Refuses an allocator that there is not.
fn check_allocator(registry: &Registry, name: &str) -> Result<(), Failure> {
    let available: Vec<&str> = registry.allocators().iter().map(|one| one.name.as_str()).collect();
    if available.contains(&name) {
        return Ok(());
    }
    Err(usage(unknown("allocator", name, &available)))
}

fn case(registry: &Registry, name: &str, args: &Args) -> Result<Case, Failure> {
    let structure = registry.structure(name).ok_or_else(|| {
        let names: Vec<&str> =
            registry.structures().iter().map(|structure| structure.name.as_str()).collect();
        usage(unknown("structure", name, &names))
    })?;
    check_allocator(registry, &args.allocator)?;
    let threads = usize::from(args.threads);
    check_load(structure, threads, args.fault)?;
    let reclaimer = reclaimer(registry, structure, args.reclaimer.as_deref())?;
    check_reclaim_batch(&registry.catalogue(), &reclaimer, args.reclaim_batch)?;
    let mut case = Case {
        allocator: args.allocator.clone(),
        threads,
        mix: mix(args)?,
        zipf: args.drawn.zipf,
        keys: args.keys,
        prefill: (args.keys as f64 * args.prefill).round() as u64,
        hash_seed: args.hash_seed,
        pin: !args.no_pin,
        batch: usize::from(args.batch),
        huge_pages: args.huge_pages,
        reclaim_batch: args.reclaim_batch.map(|batch| batch as usize),
        ops_per_pin: usize::from(args.ops_per_pin),
        fault: args.fault,
        distribution: args.drawn.distribution()?,
        hashing: args.hasher,
        key_bytes: args.key_bytes,
        value_bytes: args.value_bytes,
        ..Case::new(&structure.name, &reclaimer)
    };
    if let Some(path) = &args.trace {
        case.replay(&super::trace::read(path)?.facts(path));
        case.prefill = (case.keys as f64 * args.prefill).round() as u64;
    }
    if let Some(preset) = args.preset {
        if preset.lengths.is_some() && case.lengths().is_some() {
            return Err(usage(format!("the preset `{}` has lengths of its own", preset.name)));
        }
        preset.apply(&mut case);
    }
    let Case { distribution, keys, prefill, .. } = case;
    distribution.check(keys, prefill).map_err(|why| {
        let name = case.distribution_name();
        usage(format!("--distribution {name} with {prefill} of {keys} keys prefilled: {why}"))
    })?;
    check_form(structure, &case)?;
    check_options(registry, structure, &case, args)?;
    Ok(case)
}

/// Refuses a form in which the structure is not there.
fn check_form(structure: &Entry, case: &Case) -> Result<(), Failure> {
    let form = case.form();
    let there = structure.reclaimers_in(form);
    if there.contains(&case.reclaimer.as_str()) {
        return Ok(());
    }
    let what = match form {
        Form::Bytes => "byte strings".to_owned(),
        _ => format!("the hasher {}", case.hashing),
    };
    let why = match there.as_slice() {
        [] if form == Form::Bytes => structure.why_no_bytes.clone(),
        [] => FOLDHASH_ALONE.to_owned(),
        there => format!("it is there with {}", there.join(", ")),
    };
    Err(usage(format!("`{}` is not there with {what}: {why}", case.subject())))
}

/// Refuses more threads than the structure, or this harness, serves.
fn check_load(structure: &Entry, threads: usize, fault: Fault) -> Result<(), Failure> {
    let most = structure.info.max_threads.unwrap_or(MAX_WORKERS);
    let handles = fault.handles(threads);
    if handles <= most {
        return Ok(());
    }
    let why = if fault.is_none() {
        String::new()
    } else {
        format!(": {threads} under the fault `{fault}` are {handles} in all")
    };
    let name = &structure.name;
    Err(usage(format!("`{name}` serves at most {most} thread(s), not {handles}{why}")))
}

/// Refuses a batch that the reclaimer does not take.
fn check_reclaim_batch(
    catalogue: &Catalogue,
    reclaimer: &str,
    batch: Option<u32>,
) -> Result<(), Failure> {
    if batch.is_none() || catalogue.takes_batch(reclaimer) {
        return Ok(());
    }
    let able = catalogue.reclaimers.iter().filter(|entry| entry.takes_batch);
    let able: Vec<&str> = able.map(|entry| entry.name.as_str()).collect();
    let able = if able.is_empty() { "none".to_owned() } else { able.join(", ") };
    Err(usage(format!(
        "the reclaimer `{reclaimer}` takes no --reclaim-batch; those that do: {able}"
    )))
}

/// Refuses options that the mix or the structure has no use for.
fn check_options(
    registry: &Registry,
    structure: &Entry,
    case: &Case,
    args: &Args,
) -> Result<(), Failure> {
    if args.batch > 1 && !can_batch(&case.mix) {
        return Err(usage(format!(
            "--batch {} needs --reads 100, not {}: only lookups are issued in batches",
            args.batch, case.mix.reads
        )));
    }
    if args.ops_per_pin > 1 && args.batch > 1 {
        return Err(usage(format!(
            "--ops-per-pin {} does not go with --batch {}: a batch is pinned once by itself",
            args.ops_per_pin, args.batch
        )));
    }
    if let Some(rate) = args.rate {
        check_rate(rate, args)?;
        if case.ends_by_itself() {
            return Err(usage(format!(
                "--rate {rate} measures a trial that lasts as long as asked; one that fills a range \
                 ends when it is full"
            )));
        }
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

/// Refuses latency of what has none, and a trial without an operation.
fn check_rate(rate: f64, args: &Args) -> Result<(), Failure> {
    if args.batch > 1 || args.ops_per_pin > 1 {
        return Err(usage(format!(
            "--rate {rate} measures single operations: it goes neither with --batch {} nor with \
             --ops-per-pin {}, if that is above 1",
            args.batch, args.ops_per_pin
        )));
    }
    if rate * args.seconds < 1.0 {
        return Err(usage(format!(
            "--rate {rate} is less than one operation in --seconds {}; at least {} goes with it",
            args.seconds,
            (1.0 / args.seconds).ceil()
        )));
    }
    Ok(())
}

fn reclaimer(
    registry: &Registry,
    structure: &Entry,
    wanted: Option<&str>,
) -> Result<String, Failure> {
    let takes: Vec<&str> = structure.reclaimers().collect();
    let default = if takes == [NO_RECLAIMER] { NO_RECLAIMER } else { "epoch" };
    let wanted = wanted.unwrap_or(default);
    if takes.contains(&wanted) {
        return Ok(wanted.to_owned());
    }
    let known: Vec<&str> = registry.reclaimers().iter().map(|info| info.name.as_str()).collect();
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

/// The mix: by default half of what is not read is inserted and half removed.
fn mix(args: &Args) -> Result<Mix, Failure> {
    let given = [args.inserts, args.removes, args.updates, args.upserts];
    if given.iter().all(Option::is_none) {
        return Ok(Mix::balanced(args.reads));
    }
    let mix = Mix {
        reads: args.reads,
        inserts: args.inserts.unwrap_or(0.0),
        removes: args.removes.unwrap_or(0.0),
        updates: args.updates.unwrap_or(0.0),
        upserts: args.upserts.unwrap_or(0.0),
    };
    let sum = mix.reads + given.into_iter().flatten().sum::<f64>();
    if (sum - 100.0).abs() > 1e-9 {
        return Err(usage(format!(
            "reads, inserts, removes, updates and upserts must sum to 100 percent, not {sum}"
        )));
    }
    Ok(mix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_within_a_variants_name_parts_no_names() {
        let names = |text: &str| text.parse::<Names>().unwrap_or_else(|never| match never {}).0;
        assert_eq!(names("papaya"), ["papaya"]);
        assert_eq!(names("papaya,dashmap"), ["papaya", "dashmap"]);
        let both = "cuckoo-optimistic:exclusion=global-lock,tags=off,cuckoo-striped:slots=8,papaya";
        let parts = ["cuckoo-optimistic:exclusion=global-lock,tags=off", "cuckoo-striped:slots=8"];
        assert_eq!(names(both), [parts[0], parts[1], "papaya"]);
        assert_eq!(names("tags=off"), ["tags=off"]);
    }
}
