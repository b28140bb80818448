//! Made-up rows, for tests of what is computed and drawn from rows.

use trials::aggregate::{AggregateSpec, Aggregated, Way};
use trials::space::{At, Filled, LoadPoint};

use table::cache::{CacheState, CacheTally};
use trials::cache::Cached;
use trials::server::{Quantiles, ServedTrial, ServerLoad, ServerTally};

use crate::case::{CacheLoad, Case, Mix};
use crate::programs::catalogue::{Catalogue, StructureEntry};
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use crate::rows::cache::CacheRow;
use crate::rows::server::ServerRow;
use crate::rows::space::SpaceRow;
use crate::trial::Measurement;
use virtual_cores::{PREDICTED, PredictedRow};

/// A grid of cells whose rates follow a smooth made-up law.
#[derive(Clone)]
pub(crate) struct Grid {
    pub(crate) subjects: Vec<(&'static str, &'static str)>,
    pub(crate) threads: Vec<usize>,
    pub(crate) reads: Vec<f64>,
    pub(crate) zipf: Vec<f64>,
    pub(crate) keys: Vec<u64>,
    pub(crate) blocks: u32,
}

impl Grid {
    /// Two subjects, one workload, threads 1, 2 and 4, five blocks.
    pub(crate) fn small() -> Self {
        Self {
            subjects: vec![("papaya", "none"), ("hamt-cas", "epoch")],
            threads: vec![1, 2, 4],
            reads: vec![95.0],
            zipf: vec![0.99],
            keys: vec![65_536],
            blocks: 5,
        }
    }

    /// Every trial, block by block.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for block in 0..self.blocks {
            for (i, (structure, reclaimer)) in self.subjects.iter().enumerate() {
                for &threads in &self.threads {
                    for &reads in &self.reads {
                        for &zipf in &self.zipf {
                            for &keys in &self.keys {
                                let case = case(structure, reclaimer, threads, reads, zipf, keys);
                                let at_rest = 20e6 / (1.0 + 0.35 * i as f64);
                                let speed_up = (threads as f64).min(2.0 + reads / 200.0);
                                let noise = 1.0 + 0.04 * (f64::from(block * 7 % 5) - 2.0);
                                let rate = at_rest * (0.4 + reads / 170.0) * (1.0 + zipf / 3.0);
                                rows.push(measured(&case, block, rate * speed_up * noise));
                            }
                        }
                    }
                }
            }
        }
        rows
    }
}

pub(crate) fn case(
    structure: &str,
    reclaimer: &str,
    threads: usize,
    reads: f64,
    zipf: f64,
    keys: u64,
) -> Case {
    let (mix, prefill) = (Mix::balanced(reads), keys / 2);
    let (hash_seed, pin) = (1, false);
    Case { threads, mix, zipf, keys, prefill, hash_seed, pin, ..Case::new(structure, reclaimer) }
}

/// Structures that take no reclaimer.
pub(crate) fn catalogue(names: &[&str]) -> Catalogue {
    let structure = |name: &&str| StructureEntry {
        name: (*name).to_owned(),
        reclaimers: vec!["none".to_owned()],
        ..StructureEntry::default()
    };
    let allocators = vec!["system".to_owned()];
    Catalogue {
        structures: names.iter().map(structure).collect(),
        allocators,
        ..Catalogue::default()
    }
}

/// A valid trial with this rate, all of whose windows were clean.
pub(crate) fn measured(case: &Case, block: u32, rate: f64) -> Row {
    let mut row = Row::unmeasured(case, 1, block, 0);
    row.seconds = Some(1.0);
    row.ops = Some(rate as u64);
    row.ops_per_sec = Some(rate);
    row.cpu_seconds = Some(case.threads as f64);
    row.ops_per_cpu_sec = Some(rate / case.threads as f64);
    row.clean_ops_per_sec = Some(rate * 1.1);
    row.clean_windows = Some(400);
    row.windows = Some(500);
    row.valid = true;
    row.noise = "quiet".to_owned();
    row
}

/// A valid trial of a structure without a reclaimer, in the workload of [`Grid::small`].
pub(crate) fn trial(structure: &str, threads: usize, block: u32, rate: f64) -> Row {
    measured(&case(structure, "none", threads, 95.0, 0.99, 65_536), block, rate)
}

/// A space trial that looks at the table once, when all keys are in it.
pub(crate) fn filled(block: u32, entries: u64, moves: u64, seconds: f64) -> Vec<SpaceRow> {
    let case = case("papaya", "none", 1, 0.0, 0.0, 64);
    let step = LoadPoint {
        at: At::Keys,
        asked: None,
        entries,
        capacity: Some(100),
        bytes: Some(1600),
        longest_chain: Some(moves / 2),
        inserts: 10,
        moves: Some(moves),
        max_moves: Some(moves),
        capacity_after: None,
        bytes_after: None,
        gets_per_sec: Some(1e6 * seconds),
    };
    let timed = Filled { seconds: Some(seconds), ..Filled::default() };
    let looked = Filled { steps: vec![step], ..Filled::default() };
    SpaceRow::of_trial(&case, 1, (block, 0), &[timed, looked.clone(), looked])
}

/// An aggregation of a million words by `way` that took so long; one thread takes two seconds.
pub(crate) fn counted(way: Way, block: u32, seconds: f64) -> AggregateRow {
    let case = case("papaya", "none", 1, 0.0, 0.0, 64);
    let spec = AggregateSpec { case, seed: 1, way, words: 1_000_000, text: None };
    let done = Aggregated {
        seconds,
        words: 1_000_000,
        distinct: 64,
        sequential_seconds: 2.0,
        ..Aggregated::default()
    };
    AggregateRow::new(&spec, (block, 0), Ok(done))
}

/// A cache of keys of 16 and values of 32 bytes, under the workload of [`Grid::small`] but for its reads.
pub(crate) fn cached_case(name: &str, bytes: u64) -> Case {
    let lengths = [16, 32].map(|bytes| Some(table::Length::Bytes(bytes)));
    Case {
        cache: Some(CacheLoad { bytes, requests: 2000 }),
        key_bytes: lengths[0],
        value_bytes: lengths[1],
        prefill: 0,
        ..case(name, "none", 1, 100.0, 0.99, 65_536)
    }
}

/// A valid trial of it that hit so often: 1000 lookups in a CPU-second, 100 items in 6400 resident bytes.
pub(crate) fn cached(case: &Case, block: u32, hit_ratio: f64) -> (Row, CacheRow) {
    let row = measured(case, block, 1e6);
    let hits = (1000.0 * hit_ratio) as u64;
    let done = Cached {
        measured: Measurement { cpu_seconds: Some(1.0), ..Measurement::default() },
        tally: CacheTally {
            gets: 1000,
            hits,
            get_bytes: 32_000,
            hit_bytes: 32 * hits,
            ..CacheTally::default()
        },
        state: CacheState { items: 100, evictions: Some(7), ..CacheState::default() },
        peak_memory_bytes: 0,
        resident_bytes: Some(6400),
    };
    let trial = CacheRow::new(&row, &done);
    (row, trial)
}

/// A server that is asked by `get` so deep, of keys of 16 and values of 32 bytes.
pub(crate) fn served_case(name: &str, depth: u32) -> Case {
    let lengths = [16, 32].map(|bytes| Some(table::Length::Bytes(bytes)));
    Case {
        server: Some(ServerLoad { depth, ..ServerLoad::default() }),
        key_bytes: lengths[0],
        value_bytes: lengths[1],
        prefill: 0,
        ..case(name, "none", 1, 100.0, 0.99, 65_536)
    }
}

/// A valid trial of it: a million keys in so many seconds of the server's CPU time, of which a quarter is its own
/// code's; 3000 items in 3 MiB.
pub(crate) fn served(case: &Case, block: u32, cpu: f64) -> (Row, ServerRow) {
    let mut row = measured(case, block, 1e6);
    row.ops_per_cpu_sec = Some(1e6 / cpu);
    let times = Quantiles { p50: 1e-4, p90: 2e-4, p99: 2.5e-4, p999: 3e-4, max: 4e-4 };
    let done = ServedTrial {
        measured: Measurement { ops: 1_000_000, cpu_seconds: Some(cpu), ..Measurement::default() },
        tally: ServerTally { hits: 900_000, misses: 100_000, ..ServerTally::default() },
        version: "1".to_owned(),
        user_seconds: Some(cpu / 4.0),
        system_seconds: Some(cpu * 0.75),
        client_cpu_seconds: 2.0,
        items: Some(3000),
        resident_bytes: Some(3 << 20),
        response: None,
        service: Some(times),
    };
    let trial = ServerRow::new(&row, None, &done);
    (row, trial)
}

/// The row after a change.
pub(crate) fn with(row: &Row, change: impl FnOnce(&mut Row)) -> Row {
    let mut row = row.clone();
    change(&mut row);
    row
}

/// A prediction for each cell of a grid, whose numbers follow a smooth made-up law.
pub(crate) fn predictions(grid: &Grid) -> Vec<PredictedRow> {
    let rows = Grid { blocks: 1, ..grid.clone() }.rows();
    let predicted = |row: &Row| {
        let (rate, threads) = (row.ops_per_sec.unwrap_or(1e6), row.threads as f64);
        PredictedRow {
            structure: row.structure.clone(),
            reclaimer: row.reclaimer.clone(),
            threads: row.threads,
            reads: row.mix.reads,
            zipf: row.zipf,
            keys: row.keys,
            ops_per_sec: rate,
            low: rate * 0.8,
            high: rate * 1.25,
            source: PREDICTED.to_owned(),
            machine: "a machine".to_owned(),
            near: 0.5 * (threads - 1.0),
            far: 0.1 * (threads - 1.0),
            queued_cycles: 10.0 * (threads - 1.0),
            cycles_work: 80.0,
            cycles_caches: 20.0,
            cycles_queued: 100.0 * (threads - 1.0),
            ..PredictedRow::default()
        }
    };
    rows.iter().map(predicted).collect()
}
