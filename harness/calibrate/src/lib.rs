//! Measures a machine: latencies of its caches and memory, of lines that other cores have written, of atomics, of
//! the allocator and of the kernel. The results go to a file, from which virtual cores predict.
//!
//! | module | holds |
//! | --- | --- |
//! | `place`, `caches` | which CPUs measure; the caches that the system reports |
//! | `chain` | cache lines chained in a random order that is one cycle (pointer chasing) |
//! | `batches`, `suite` | medians and quartiles of batches; measurements, and the order of their batches |
//! | `curve` | latency against size |
//! | `alone`, `pair`, `kernel` | measurements by one thread and by two; the cost of sleeping, waking and `membarrier(2)` |
//! | `file`, `draft` | the machine's file, and its numbers with their sources |
//!
//! How each number is measured is in `docs/PREDICTION.md`.

mod alone;
mod batches;
mod caches;
mod chain;
mod curve;
mod draft;
mod file;
mod kernel;
mod pair;
mod place;
mod suite;

use std::path::Path;
use std::thread;

use anyhow::Context;
use trials::pin::Cpus;

pub use self::batches::Summary;
pub use self::caches::{ToldCache, told};
pub use self::curve::{CurvePoint, LatencyCurve};
pub use self::file::Provenance;
pub use self::place::{CpuPlace, Pair, Placement, counts};
pub use self::suite::LatencyReading;

/// The most memory that a chain spans, in bytes.
const MOST_BYTES: usize = 1 << 30;
/// How often as large as the last cache a chain is that hardly finds a line there.
const BEYOND: usize = 4;
/// The size of the last cache in KiB for choosing the largest chain, if the system tells of none.
const UNTOLD_KIB: usize = 32 << 10;

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Batches of each measurement.
    pub batches: usize,
    /// The machine's memory in bytes, a quarter of which is used at most; if it is known.
    pub memory_bytes: Option<u64>,
}

/// What was measured of a machine, and what it tells of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Where the CPUs are that the process may use.
    pub places: Vec<CpuPlace>,
    /// The caches that the system tells of, by level from 1.
    pub told: [Option<ToldCache>; 3],
    /// Latency against size.
    pub curve: LatencyCurve,
    /// All else.
    pub readings: Vec<LatencyReading>,
}

/// Measures this machine: in half a minute at 100 batches. It says meanwhile what it does.
///
/// # Errors
///
/// The system does not say which CPUs may be used or refuses to bind a thread to one, or has no memory for the
/// chains. What else cannot be measured is in the readings, with the reason.
///
/// # Panics
///
/// If `effort` has no batches.
pub fn calibrate(
    effort: &Effort,
    mut progress: impl FnMut(&str) + Send,
) -> anyhow::Result<Calibration> {
    assert!(effort.batches > 0, "there are batches");
    let cpus = Cpus::allowed().context("which CPUs may be used")?;
    let root = Path::new("/");
    let places: Vec<CpuPlace> =
        cpus.numbers().iter().map(|cpu| CpuPlace::read(root, *cpu)).collect();
    let placement = Placement::of(&places);
    let alone = placement.near.or(placement.far).map_or(0, |pair| pair.first);
    let told = told(root, cpus.numbers()[alone]);
    // In a thread of its own: it is bound, and the caller's is not.
    let measure = || -> anyhow::Result<_> {
        cpus.bind(alone).context("binding a thread to a CPU")?;
        progress("latency against size");
        let largest = largest(told, effort.memory_bytes);
        let (curve, independent) = LatencyCurve::measure(largest, effort.batches)?;
        let mut readings = vec![LatencyReading {
            name: "memory_independent_ns".to_owned(),
            how: "loads at random places of the largest chain, that depend on nothing".to_owned(),
            summary: independent,
            absent: String::new(),
        }];
        let mut all = alone::measurements();
        if let Some(pair) = placement.near {
            all.extend(pair::measurements(&cpus, pair, "near"));
        }
        if let Some(pair) = placement.far {
            all.extend(pair::measurements(&cpus, pair, "far"));
        }
        if let Some(pair) = placement.near.or(placement.far) {
            all.extend(kernel::measurements(&cpus, pair));
        }
        let rounds = suite::ROUNDS;
        let say = |round: usize| {
            progress(&format!("instructions, lines and the kernel: {} of {rounds}", round + 1))
        };
        readings.extend(suite::run(all, effort.batches, say));
        Ok((curve, readings))
    };
    let measured = thread::scope(|scope| scope.spawn(measure).join());
    let (curve, readings) = measured.expect("no measurement panics")?;
    Ok(Calibration { places, told, curve, readings })
}

/// Bytes that the largest chain spans.
fn largest(told: [Option<ToldCache>; 3], memory_bytes: Option<u64>) -> usize {
    let kib = told.iter().flatten().map(|cache| cache.kib).max().unwrap_or(0);
    let kib = if told[2].is_some() { kib } else { kib.max(UNTOLD_KIB) };
    let quarter =
        memory_bytes.map_or(MOST_BYTES, |bytes| usize::try_from(bytes / 4).unwrap_or(MOST_BYTES));
    (BEYOND * 1024 * kib).min(MOST_BYTES).min(quarter)
}
