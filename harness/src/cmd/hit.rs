//! `bench hit`: hit ratios of eviction policies.

mod simulate;

use std::path::{Path, PathBuf};

use comfy_table::{CellAlignment, Table, presets};
use eviction::evict;
use eviction::theory::zipf;

use self::simulate::{Caches, Hits, Load, simulations};
use super::output::print;
use super::values::{none_of, skew};
use crate::failure::{Failure, usage};
use crate::workload::Op;

/// Simulate caches: the hit ratios of eviction policies
///
/// One client requests keys, drawn from Zipf's distribution or read from a trace, and stores each key that it
/// misses. The second half of the requests is counted. With --items a cache holds that many items of one size;
/// with --bytes it holds byte strings in that much memory, like a real cache. In a trace only reads are counted. Adds
/// store absent keys, upserts store always, updates store present keys, removes delete. With --bytes the values of a
/// trace have the sizes and the expiry that the trace states.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Policies; all by default
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = policy)]
    eviction: Vec<&'static str>,
    /// The range of keys
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    keys: u64,
    /// Skew of the keys; 0 is uniform
    #[arg(long, value_name = "THETA", default_value_t = 0.99, value_parser = skew)]
    zipf: f64,
    /// Number of items that the cache has room for; several numbers make several caches
    #[arg(long, value_name = "N", value_delimiter = ',', required_unless_present = "bytes", value_parser = clap::value_parser!(u64).range(1..u64::from(u32::MAX)))]
    items: Vec<u64>,
    /// Memory for items, in bytes; drawn keys have 16 bytes and their values 32
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(SMALLEST as u64..=1 << 36))]
    bytes: Vec<u64>,
    /// Requests, of which the second half is counted [default: 1000000, or all of the trace]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    requests: Option<u64>,
    /// Seed of the keys, and of policies that use random numbers
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// A trace of requests, instead of drawn keys
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keys", "zipf"])]
    trace: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The least memory, in bytes: 64 pages of the smallest size.
const SMALLEST: usize = 64 * 4096;

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let found = simulated(args)?;
    let text = if args.json {
        let json = serde_json::to_value(&found).map_err(|error| Failure::Run(error.into()))?;
        format!("{json:#}\n")
    } else {
        format!("{}\n", in_words(&found))
    };
    print(&text)?;
    Ok(())
}

fn simulated(args: &Args) -> Result<Vec<Hits>, Failure> {
    let Args { eviction, items, bytes, seed, .. } = args;
    let caches = Caches { eviction, items, bytes, seed: *seed };
    simulations(&caches, &load(args)?).map_err(|error| usage(error.to_string()))
}

/// With more keys than this no closed form is computed.
const MOST_KEYS: u64 = 10_000_000;

fn load(args: &Args) -> Result<Load, Failure> {
    let Some(path) = &args.trace else {
        let Args { keys, zipf: theta, seed, .. } = *args;
        let has_form = !args.items.is_empty() && !args.json && keys <= MOST_KEYS;
        let probabilities = has_form.then(|| zipf(keys, theta));
        let requests = args.requests.unwrap_or(1_000_000);
        return Ok(Load::Drawn { keys, zipf: theta, seed, requests, probabilities });
    };
    traced(path, args.requests)
}

fn traced(path: &Path, requests: Option<u64>) -> Result<Load, Failure> {
    let trace = super::trace::read(path)?;
    let there = trace.requests().len();
    let requests = requests.map_or(there, |asked| usize::try_from(asked).unwrap_or(usize::MAX));
    if requests > there {
        let path = path.display();
        return Err(usage(format!("the trace {path} has {there} requests, fewer than {requests}")));
    }
    let counted = &trace.requests()[requests / 2..requests];
    if !counted.iter().any(|request| request.op == Op::Get) {
        let path = path.display();
        return Err(usage(format!("the trace {path} has no read in the half that is counted")));
    }
    Ok(Load::Traced { trace, requests })
}

const HEADER: [&str; 8] = [
    "eviction",
    "bytes",
    "items",
    "requests",
    "hits",
    "hit ratio",
    "closed form",
    "metadata\nper item",
];

fn in_words(all: &[Hits]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(HEADER);
    for hits in all {
        table.add_row([
            hits.eviction.to_owned(),
            hits.bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
            hits.items.to_string(),
            hits.requests.to_string(),
            hits.hits.to_string(),
            format!("{:.4}", hits.hit_ratio),
            hits.closed_form.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.4}")),
            format!("{:.2} B", hits.metadata_of_item),
        ]);
    }
    table.column_iter_mut().skip(1).for_each(|c| c.set_cell_alignment(CellAlignment::Right));
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// The name of a policy.
fn policy(text: &str) -> Result<&'static str, String> {
    let names = evict::names();
    let name = names.iter().find(|name| **name == text);
    name.copied().ok_or_else(|| none_of("policies", text, &names))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;
    use crate::trace::{Made, MadeForm, generate};

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(line: &str) -> Args {
        Line::try_parse_from(["hit"].into_iter().chain(line.split_whitespace())).unwrap().args
    }

    fn hits(line: &str) -> Vec<Hits> {
        simulated(&args(line)).unwrap()
    }

    #[test]
    fn theory_says_the_same() {
        let found = hits("--keys 20000 --items 1000 --requests 400000");
        assert_eq!(found.len(), 9, "each policy");
        let with_form: Vec<&Hits> = found.iter().filter(|h| h.closed_form.is_some()).collect();
        assert_eq!(with_form.len(), 5);
        for hits in with_form {
            let off = (hits.hit_ratio - hits.closed_form.unwrap()).abs();
            assert!(off < 0.006, "{hits:?}");
            assert_eq!(hits.requests, 200_000, "the second half");
        }
        // A hundred requests do not fill a cache of 900 items.
        let never_full = hits("--eviction fifo --keys 1000 --items 900 --requests 100");
        assert_eq!((never_full[0].items, never_full[0].closed_form), (900, None));
    }

    #[test]
    fn policies_come_in_the_order_of_the_command() {
        let line = "--eviction sieve,fifo --keys 100 --items 10,20 --requests 100";
        let found: Vec<_> = hits(line).iter().map(|h| (h.eviction, h.items)).collect();
        assert_eq!(found, [("sieve", 10), ("sieve", 20), ("fifo", 10), ("fifo", 20)]);
        assert_eq!(hits(line), hits(line), "the same seed, the same numbers");
        let json = serde_json::to_value(hits(line)).unwrap();
        let fields: Vec<_> = json[0].as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields.len(), 5);
        for field in ["eviction", "items", "requests", "hits", "hit_ratio"] {
            assert!(fields.iter().any(|name| name == field), "{field}");
        }
    }

    #[test]
    fn memory_holds_what_its_bytes_are() {
        let line = "--keys 50000 --items 7 --bytes 524288,1048576 --requests 200000";
        let found = hits(&format!("--eviction clock {line}"));
        let [units, small, large] = &found[..] else { panic!("{found:?}") };
        assert_eq!((units.items, units.bytes, small.bytes), (7, None, Some(524_288)));
        // Keys of 16 bytes, values of 32 and headers of 8.
        assert!(small.items > 9200 && small.items <= 524_288 / 56, "{small:?}");
        assert!(large.items > 18_500 && large.hit_ratio > small.hit_ratio, "{large:?}");
    }

    #[test]
    fn a_trace_is_served() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        // Two halves alike: a hit of b, which was added, and one of a; c was never there, or deleted.
        let half = "0,b,9,30,1,add,0\n0,b,9,30,1,get,0\n0,c,9,30,1,replace,0\n0,c,9,30,1,get,0\n\
                    0,c,9,30,1,delete,0\n0,a,9,30,1,set,0\n0,a,9,30,1,get,0\n0,c,9,30,1,get,0\n";
        fs::write(&path, half.repeat(2)).unwrap();
        for size in ["--items 10", "--bytes 262144"] {
            let line = format!("--eviction lru-list {size} --trace {}", path.display());
            let found = hits(&line);
            assert_eq!((found[0].requests, found[0].hits), (4, 3), "{size}");
        }
        let line = format!("--items 10 --requests 17 --trace {}", path.display());
        let error = simulated(&args(&line)).unwrap_err().message();
        assert!(error.ends_with("has 16 requests, fewer than 17"), "{error}");
        fs::write(&path, "0,b,9,30,1,set,0\n").unwrap();
        let line = format!("--items 10 --trace {}", path.display());
        let error = simulated(&args(&line)).unwrap_err().message();
        assert!(error.contains("no read in the half that is counted"), "{error}");
    }

    #[test]
    fn what_a_trace_stores_expires_as_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        // Stored for ten seconds, and asked for after nine and after eleven; then what a miss stored, for ever.
        let line = |second: u32, op: &str, ttl: u32| format!("{second},a,9,30,1,{op},{ttl}\n");
        let counted = [line(100, "set", 10), line(109, "get", 0), line(111, "get", 0)].concat()
            + &line(9000, "get", 0);
        fs::write(&path, line(1, "delete", 0).repeat(4) + &counted).unwrap();
        let line = format!("--eviction lru-list --bytes 262144 --trace {}", path.display());
        let found = hits(&line);
        assert_eq!((found[0].requests, found[0].hits), (3, 2));
    }

    #[test]
    fn pages_are_made_for_what_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let lines = "0,a,9,9000,1,delete,0\n0,a,9,30,1,get,0\n0,a,9,8000,1,set,0\n";
        fs::write(&path, lines).unwrap();
        let line = format!("--bytes 262144 --requests 2 --trace {}", path.display());
        assert_eq!(load(&args(&line)).unwrap().largest_value(), 30);
    }

    /// Under a scan that does not fit, with values of many sizes, a policy that keeps what was hit twice hits more than
    /// LRU by much: a cache in whose few pages the classes of sizes push each other out would hide it.
    #[test]
    fn policies_differ_whatever_the_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.oracleGeneral");
        let (requests, keys, once, scan, scan_keys) = (150_000, 40_000, 10.0, 25.0, 20_000);
        let (zipf, lifetime, largest_value, seed) = (0.9, 0, 2000, 5);
        let made =
            Made { requests, keys, zipf, once, scan, scan_keys, lifetime, largest_value, seed };
        let mut records = Vec::new();
        generate(&made, MadeForm::OracleGeneral, &mut records).unwrap();
        fs::write(&path, records).unwrap();
        for bytes in [1 << 20, 2 << 20] {
            let line = format!("--eviction lru-list,s3-fifo,sieve --bytes {bytes} --trace");
            let found = hits(&format!("{line} {}", path.display()));
            let [lru, s3, sieve] = [0, 1, 2].map(|i| found[i].hit_ratio);
            println!("{bytes}: lru-list {lru:.4}, s3-fifo {s3:.4}, sieve {sieve:.4}");
            assert!(s3 > lru + 0.035 && sieve > lru + 0.035, "{bytes}: {lru} {s3} {sieve}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |line: &str| {
            let line = ["hit"].into_iter().chain(line.split_whitespace());
            Line::try_parse_from(line).unwrap_err().to_string()
        };
        assert!(error("--items 10 --eviction lru").contains("lru-list, slru"));
        assert!(error("--eviction fifo").contains("--items"));
        assert!(error("--items 0").contains("0"));
        assert!(error("--items 10 --trace t --keys 10").contains("cannot be used with"));
        assert!(error("--bytes 1000").contains("262144"));
        assert!(error("--items 10 --requests 0").contains("0"));
    }
}
