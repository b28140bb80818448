//! `cache.csv`: quantities that only caches have, beside `trials.csv` and in the same order.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::rows::Row;
use crate::rows::log::{self, Attached};
use crate::rows::samples::places;
use trials::cache::Cached;

/// The file's name in a result folder.
pub const CACHE: &str = "cache.csv";

/// What was measured of one trial of a cache: a line of the file. Lookups, hits, their bytes and refusals are of
/// the measured half of the requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CacheRow {
    /// The cell's id.
    pub case: String,
    /// The trial's block.
    pub block: u32,
    /// The trial's seed.
    pub seed: u64,
    /// The store's name.
    pub store: String,
    /// The policy's name.
    pub eviction: String,
    /// The bound of memory.
    pub cache_bytes: u64,
    /// Lookups.
    pub gets: u64,
    /// Lookups that found their key.
    pub hits: u64,
    /// `hits / gets`.
    pub hit_ratio: Option<f64>,
    /// Bytes of the values that were looked up.
    pub get_bytes: u64,
    /// Bytes of the values that were found.
    pub hit_bytes: u64,
    /// `hit_bytes / get_bytes`.
    pub byte_hit_ratio: Option<f64>,
    /// Hits over the CPU time of the process.
    pub hits_per_cpu_sec: Option<f64>,
    /// Values that were to be stored, and were not: too large, or no room.
    pub refused: u64,
    /// Items at the end.
    pub items: u64,
    /// Bytes that counted against the bound at the end, as the store counts them.
    pub memory_bytes: u64,
    /// The most that there were at any time, as sampled or as the store has counted it.
    pub peak_memory_bytes: u64,
    /// How far that is above the bound.
    pub overrun_bytes: u64,
    /// How much larger the resident set was at the end than before there was a cache.
    pub resident_bytes: Option<u64>,
    /// `resident_bytes / items`.
    pub bytes_per_item: Option<f64>,
    /// Bytes of the index and of what else leads to items.
    pub index_bytes: Option<u64>,
    /// Bytes of the policy's metadata.
    pub metadata_bytes: Option<u64>,
    /// Items that went for others to have room, since the cache was made.
    pub evictions: Option<u64>,
}

impl Attached for CacheRow {
    /// A case runs once in a block.
    type Trial = (String, u32);

    const FILE: &'static str = CACHE;

    const HEADER: &'static str = "case,block,seed,store,eviction,cache_bytes,gets,hits,hit_ratio,\
        get_bytes,hit_bytes,byte_hit_ratio,hits_per_cpu_sec,refused,items,memory_bytes,\
        peak_memory_bytes,overrun_bytes,resident_bytes,bytes_per_item,index_bytes,metadata_bytes,\
        evictions\n";

    fn trial(&self) -> (String, u32) {
        (self.case.clone(), self.block)
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl CacheRow {
    /// That of `trial`, which was measured so.
    #[must_use]
    pub fn new(trial: &Row, cached: &Cached) -> Self {
        let Cached { measured, tally, state, peak_memory_bytes, resident_bytes } = cached;
        let bound = trial.cache.map_or(0, |load| load.bytes);
        let (store, eviction) = trial.structure.rsplit_once('/').unwrap_or((&trial.structure, ""));
        let cpu = measured.cpu_seconds.filter(|seconds| *seconds > 0.0);
        Self {
            case: trial.case.clone(),
            block: trial.block,
            seed: trial.seed,
            store: store.to_owned(),
            eviction: eviction.to_owned(),
            cache_bytes: bound,
            gets: tally.gets,
            hits: tally.hits,
            hit_ratio: ratio(tally.hits, tally.gets),
            get_bytes: tally.get_bytes,
            hit_bytes: tally.hit_bytes,
            byte_hit_ratio: ratio(tally.hit_bytes, tally.get_bytes),
            hits_per_cpu_sec: cpu.map(|seconds| tally.hits as f64 / seconds),
            refused: tally.refused,
            items: state.items,
            memory_bytes: state.memory_bytes,
            peak_memory_bytes: *peak_memory_bytes,
            overrun_bytes: peak_memory_bytes.saturating_sub(bound),
            resident_bytes: *resident_bytes,
            bytes_per_item: resident_bytes.and_then(|bytes| ratio(bytes, state.items)),
            index_bytes: state.index_bytes,
            metadata_bytes: state.metadata_bytes,
            evictions: state.evictions,
        }
    }
}

/// The rows of a result folder, in their order, of trials that are among `trials`; none if it holds no trials of
/// caches.
///
/// # Errors
///
/// The file cannot be read, or has a malformed line.
pub fn read(folder: &Path, trials: &[Row]) -> anyhow::Result<Vec<CacheRow>> {
    log::read(folder, &places(trials))
}

/// Each of `rows` by its trial.
pub(crate) fn by_trial(rows: &[CacheRow]) -> HashMap<(&str, u32), &CacheRow> {
    rows.iter().map(|row| ((row.case.as_str(), row.block), row)).collect()
}

#[cfg(test)]
mod tests {
    use table::cache::{CacheState, CacheTally};

    use super::*;
    use crate::case::{CacheLoad, Case};
    use crate::trial::Measurement;

    #[test]
    fn rows_have_ratios_and_are_read_again() {
        let load = CacheLoad { bytes: 1000, requests: 400 };
        let case = Case { cache: Some(load), ..Case::new("over/map/clock-set", "epoch") };
        let trial = Row::unmeasured(&case, 9, 3, 1);
        let cached = Cached {
            measured: Measurement { cpu_seconds: Some(0.5), ..Measurement::default() },
            tally: CacheTally {
                gets: 200,
                hits: 50,
                get_bytes: 100,
                hit_bytes: 75,
                ..CacheTally::default()
            },
            state: CacheState { items: 8, memory_bytes: 900, ..CacheState::default() },
            peak_memory_bytes: 1100,
            resident_bytes: Some(4000),
        };
        let row = CacheRow::new(&trial, &cached);
        assert_eq!((row.store.as_str(), row.eviction.as_str()), ("over/map", "clock-set"));
        assert_eq!((row.hit_ratio, row.byte_hit_ratio), (Some(0.25), Some(0.75)));
        assert_eq!((row.hits_per_cpu_sec, row.bytes_per_item), (Some(100.0), Some(500.0)));
        assert_eq!((row.overrun_bytes, row.trial()), (100, (case.id(), 3)));
        log::assert_round_trip(&row);
        let nothing = CacheRow::new(&trial, &Cached::default());
        assert_eq!(
            (nothing.hit_ratio, nothing.bytes_per_item, nothing.overrun_bytes),
            (None, None, 0)
        );
        log::assert_round_trip(&nothing);
    }
}
