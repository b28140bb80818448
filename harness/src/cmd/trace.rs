//! `bench trace`: traces made, converted and looked at.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::output;
use super::values::skew;
use crate::failure::{Failure, usage};
use crate::trace::{Made, TextColumns, Trace, generate, write_binary};
use crate::workload::Op;

/// Convert, make or show traces of requests, which `trace` in an experiment file and `bench run
/// --trace` replay
///
/// A trace is text, with a line `timestamp,key,key size,value size,client id,operation,TTL` for each
/// request, as those that Twitter has published, or the binary form of the same; or, if its name has
/// `oracleGeneral` in it, the records of libCacheSim, unpacked. Other tables of text are converted by
/// --csv. It is replayed as fast as the table allows; operations are get and gets (get), set (upsert), add
/// (insert), replace, cas, append, prepend, incr and decr (update), delete (remove).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write a trace in the binary form, which is smaller and sooner read; its fingerprint is the same
    Convert {
        /// Where columns are in a table of text, from 1 on, each line of which is a read: as in
        /// `key=2,size=4`, with `,header` if the first line names them, and `,delimiter=;` (or `tab`) for
        /// another sign than a comma
        #[arg(long, value_name = "COLUMNS")]
        csv: Option<TextColumns>,
        /// The trace
        #[arg(value_name = "IN")]
        input: PathBuf,
        /// The file to make
        #[arg(value_name = "OUT")]
        output: PathBuf,
    },
    /// Make a trace in text: 84 % get, 10 % set, and some of the others, on Zipf's keys; sizes as in
    /// Facebook's pool ETC
    Generate {
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
        /// Seed of the requests
        #[arg(long, value_name = "N", default_value_t = 42)]
        seed: u64,
    },
    /// Say what a trace has
    Show {
        /// The trace
        #[arg(value_name = "TRACE")]
        trace: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let text = match &args.command {
        Command::Convert { csv, input, output } => {
            let trace = match csv {
                None => read(input)?,
                Some(columns) => {
                    Trace::read_table(input, columns).map_err(|error| usage(error.to_string()))?
                }
            };
            make(output, |file| write_binary(&trace, file))?;
            in_words(&trace, output)
        }
        Command::Generate { output, requests, keys, zipf, seed } => {
            let made = Made { requests: *requests, keys: *keys, zipf: *zipf, seed: *seed };
            make(output, |file| generate(&made, file))?;
            in_words(&read(output)?, output)
        }
        Command::Show { trace: path, json } => {
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

/// Makes a file that is not there yet.
fn make(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Failure> {
    let file = File::create_new(path).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::AlreadyExists => "it exists already; name another file".to_owned(),
            _ => error.to_string(),
        };
        usage(format!("cannot make {}: {why}", path.display()))
    })?;
    let mut file = BufWriter::new(file);
    let written = write(&mut file).and_then(|()| file.flush());
    if written.is_err() {
        // What is half a trace would be in the way of the whole.
        let _ = fs::remove_file(path);
    }
    written.with_context(|| format!("cannot write {}", path.display()))?;
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
