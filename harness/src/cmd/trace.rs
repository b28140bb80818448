//! `bench trace`: makes, converts and shows traces.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use trials::unfinished::Unfinished;

use super::output;
use super::values::{percent, skew};
use crate::failure::{Failure, usage};
use crate::trace::{Made, MadeForm, TextColumns, Trace, generate, is_oracle_general, write_binary};
use crate::workload::Op;

/// Convert, make or show traces of requests, which `trace` in an experiment file and `bench run
/// --trace` replay
///
/// A trace is a text file with a line `timestamp,key,key size,value size,client id,operation,TTL` for each
/// request, like those that Twitter has published, or the binary form of the same; or, if its name contains
/// `oracleGeneral`, the records of libCacheSim, uncompressed. Other tables of text are converted by
/// --csv. A trace is replayed as fast as the table allows. Operations are get and gets (get), set (upsert), add
/// (insert), replace, cas, append, prepend, incr and decr (update), delete (remove).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: TraceCommand,
}

#[derive(Debug, clap::Subcommand)]
enum TraceCommand {
    /// Write a trace in the binary form, which is smaller and faster to read; its fingerprint is the same
    Convert {
        /// The columns of a table of text, counted from 1, each line of which is a read: for example
        /// `key=2,size=4`, with `,header` if the first line names the columns, and `,delimiter=;` (or `tab`) for
        /// a separator other than a comma
        #[arg(long, value_name = "COLUMNS")]
        csv: Option<TextColumns>,
        /// The trace
        #[arg(value_name = "IN")]
        input: PathBuf,
        /// The file to make
        #[arg(value_name = "OUT")]
        output: PathBuf,
    },
    /// Make a trace: keys by Zipf's distribution and, on request, scans and keys that are requested once; sizes
    /// as in Facebook's pool ETC
    ///
    /// It is text, with 84 % get, 10 % set, and some of the others; or libCacheSim's records, all of them reads, if OUT
    /// contains `oracleGeneral`.
    Generate(Generate),
    /// Show how many requests of each kind a trace has, how many keys, and their mean sizes
    Show {
        /// The trace
        #[arg(value_name = "TRACE")]
        trace: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// What a made trace is like.
#[derive(Debug, clap::Args)]
struct Generate {
    /// The file to make
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Requests
    #[arg(long, value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    requests: u64,
    /// The range of keys, not all of which need occur
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    keys: u64,
    /// Skew of the keys; 0 is uniform
    #[arg(long, value_name = "THETA", default_value_t = 0.99, value_parser = skew)]
    zipf: f64,
    /// Percent of all requests that read a key which no other request uses
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    once: f64,
    /// Percent of all requests that continue a scan, which begins again after its last key
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    scan: f64,
    /// Number of keys of the scan
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "scan", value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    scan_keys: u64,
    /// Requests after which another key takes the place of one in the range, at a different time for each [default:
    /// keys are never replaced]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1000..=1 << 32))]
    lifetime: Option<u64>,
    /// Bytes of the largest value; larger ones are cut to this size
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20, value_parser = clap::value_parser!(u32).range(0..=1 << 20))]
    largest_value: u32,
    /// Seed of the requests
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
}

impl Generate {
    fn made(&self) -> Result<Made, Failure> {
        let Self { requests, keys, zipf, once, scan, scan_keys, largest_value, seed, .. } = *self;
        if once + scan > 100.0 {
            let both = once + scan;
            return Err(usage(format!("--once and --scan are {both} % together; at most 100 %")));
        }
        let lifetime = self.lifetime.unwrap_or(0);
        Ok(Made { requests, keys, zipf, once, scan, scan_keys, lifetime, largest_value, seed })
    }

    fn form(&self) -> MadeForm {
        if is_oracle_general(&self.output) { MadeForm::OracleGeneral } else { MadeForm::Text }
    }
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let text = match &args.command {
        TraceCommand::Convert { csv, input, output } => {
            let trace = match csv {
                None => read(input)?,
                Some(columns) => {
                    Trace::read_table(input, columns).map_err(|error| usage(error.to_string()))?
                }
            };
            make(output, |file| write_binary(&trace, file))?;
            in_words(&trace, output)
        }
        TraceCommand::Generate(wanted) => {
            let made = wanted.made()?;
            make(&wanted.output, |file| generate(&made, wanted.form(), file))?;
            in_words(&read(&wanted.output)?, &wanted.output)
        }
        TraceCommand::Show { trace: path, json } => {
            let trace = read(path)?;
            if *json { in_json(&trace, path) } else { in_words(&trace, path) }
        }
    };
    output::print(&text)?;
    Ok(())
}

/// The trace at `path`; one that cannot be read is wrong input.
pub(super) fn read(path: &Path) -> Result<Trace, Failure> {
    Trace::read(path).map_err(|error| usage(error.to_string()))
}

/// Makes a file that is not there yet, in one step: part of a trace would be read as a shorter one.
fn make(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Failure> {
    let refused = |why: &str| usage(format!("cannot make {}: {why}", path.display()));
    if path.symlink_metadata().is_ok() {
        return Err(refused("it exists already; name another file"));
    }
    let cannot = |error: io::Error| refused(&error.to_string());
    let unfinished = Unfinished::beside(path).map_err(cannot)?;
    let file = File::create_new(unfinished.path()).map_err(cannot)?;
    let mut file = BufWriter::new(file);
    write(&mut file)
        .and_then(|()| file.flush())
        .and_then(|()| file.get_ref().sync_all())
        .and_then(|()| unfinished.put())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

fn in_words(trace: &Trace, path: &Path) -> String {
    let facts = trace.facts(path);
    let (key, value) = trace.mean_bytes();
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<22} {value}");
    };
    line("trace", path.display().to_string());
    line("fingerprint", facts.id.sha256.clone());
    line("requests", facts.id.requests.to_string());
    line("keys", facts.keys.to_string());
    for (op, count) in Op::ALL.into_iter().zip(facts.counts) {
        line(op.name(), count.to_string());
    }
    line("bytes of a key", format!("{key:.1} in the mean"));
    line("bytes of a value", format!("{value:.1} in the mean over requests"));
    line("expiry", if trace.expires() { "kept" } else { "none" }.to_owned());
    text
}

fn in_json(trace: &Trace, path: &Path) -> String {
    let facts = trace.facts(path);
    let counts: serde_json::Map<String, serde_json::Value> = Op::ALL
        .into_iter()
        .zip(facts.counts)
        .map(|(op, count)| (op.name().to_owned(), count.into()))
        .collect();
    let (key, value) = trace.mean_bytes();
    let all = serde_json::json!({
        "name": facts.id.name,
        "sha256": facts.id.sha256,
        "requests": facts.id.requests,
        "keys": facts.keys,
        "operations": counts,
        "mean_key_bytes": key,
        "mean_value_bytes": value,
        "expires": trace.expires(),
    });
    format!("{all:#}\n")
}
