//! A table is filled, in this process, which does nothing else.

use std::time::Instant;

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use table::{Fillable, Filler, Info, MapOptions, Moves};

use super::lookups::Lookups;
use super::{Asked, At, SpaceSpec};
use crate::allocator::live_bytes;
use crate::memory;
use crate::metric::{Noise, NoiseProbe};
use crate::workload::{MAX_KEYS, prefill_keys};

/// What a process answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Filled {
    /// Of a timed fill: from before the table was made until it held all entries.
    pub seconds: Option<f64>,
    /// Of one that is looked at.
    pub steps: Vec<LoadPoint>,
    /// What disturbed a fill, or lookups, that were timed.
    #[serde(default)]
    pub noise: Option<Noise>,
    /// What was not as it must be; empty if nothing.
    pub failures: Vec<String>,
}

/// A table at a load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadPoint {
    /// Why it is looked at.
    pub at: At,
    /// Of a load: the one that was asked for.
    pub asked: Option<f64>,
    /// Entries.
    pub entries: u64,
    /// What the table says that it holds before it grows.
    pub capacity: Option<u64>,
    /// Live bytes of the allocator, less those before the table was made.
    pub bytes: Option<u64>,
    /// The most entries of a bucket.
    pub longest_chain: Option<u64>,
    /// Insertions since the step before.
    pub inserts: u64,
    /// Entries that they moved.
    pub moves: Option<u64>,
    /// Entries that one of them moved at most.
    pub max_moves: Option<u64>,
    /// Of a growth: the capacity after it.
    pub capacity_after: Option<u64>,
    /// Of a growth: the bytes after it.
    pub bytes_after: Option<u64>,
    /// Lookups of present keys a second, of one thread, if they were timed.
    pub gets_per_sec: Option<f64>,
}

/// Entries that a table gets at a time where nothing is looked at in between: some are copied for
/// each time.
const BATCH: usize = 4096;
/// A table that has not grown at so many times the stated entries is filled no further.
const ENOUGH: u64 = 4;

/// Fills a table that says this of itself, made by `build`.
///
/// # Errors
///
/// The table keeps no entries, or is asked for more than there can be.
pub fn run(
    info: &Info,
    build: &dyn Fn(&MapOptions) -> Box<dyn Fillable>,
    spec: &SpaceSpec,
) -> anyhow::Result<Filled> {
    ensure!(info.keeps_entries, "a table that keeps no entries cannot be filled");
    let case = &spec.case;
    // Some may be wanted that the table was not made for.
    let all = case.keys.saturating_mul(ENOUGH);
    ensure!(all <= MAX_KEYS, "a fill of {} keys: at most {}", case.keys, MAX_KEYS / ENOUGH);
    let options = MapOptions {
        capacity: usize::try_from(case.keys)?,
        hash_seed: case.hash_seed,
        huge_pages: case.huge_pages,
        reclaim_batch: case.reclaim_batch,
        hashing: case.hashing,
        bytes: case.byte_keys(all)?,
    };
    let keys = prefill_keys(all, all, spec.seed);
    // Said before anything is counted or timed.
    let what = case.table_in_words(options.capacity);
    let build = || memory::making(what, || build(&options));
    if spec.asked == Asked::Time {
        let keys = memory::collected(keys.take(options.capacity), "the keys to insert")?;
        return timed(build, &keys);
    }
    let lookups = (spec.asked == Asked::Lookups).then(|| Lookups::new(spec.seed));
    stepwise(build, keys, (case.keys, &spec.loads), lookups)
}

fn timed(
    build: impl Fn() -> anyhow::Result<Box<dyn Fillable>>,
    keys: &[u64],
) -> anyhow::Result<Filled> {
    let (probe, started) = (NoiseProbe::start(), Instant::now());
    let map = build()?;
    let mut filler = map.filler();
    let added: usize = keys.chunks(BATCH).map(|batch| filler.fill(batch)).sum();
    let seconds = Some(started.elapsed().as_secs_f64());
    let noise = Some(probe.stop());
    let failures = wrong_number(&*map, added as u64, keys.len() as u64);
    Ok(Filled { seconds, steps: Vec::new(), noise, failures })
}

fn wrong_number(map: &dyn Fillable, added: u64, wanted: u64) -> Vec<String> {
    let len = map.len();
    let is_right = added == wanted && len as u64 == wanted;
    let message = || format!("{added} of {wanted} new keys were added, and the table has {len}");
    if is_right { Vec::new() } else { vec![message()] }
}

/// The table, and what has been done with it.
struct Ledger<'m> {
    map: &'m dyn Fillable,
    /// Live bytes before it was made.
    before: Option<u64>,
    entries: u64,
    /// Those at the step before.
    then: u64,
    steps: Vec<LoadPoint>,
}

fn stepwise(
    build: impl Fn() -> anyhow::Result<Box<dyn Fillable>>,
    mut keys: impl ExactSizeIterator<Item = u64> + Clone,
    (wanted, loads): (u64, &[f64]),
    mut lookups: Option<Lookups>,
) -> anyhow::Result<Filled> {
    let from_the_first = keys.clone();
    // Before the first reading: nothing but the table is to allocate.
    let steps = Vec::with_capacity(loads.len() + 2);
    let mut stops = Vec::with_capacity(loads.len() + 1);
    let before = live_bytes();
    let map = build()?;
    map.take_moves();
    let mut filler = map.filler();
    // They are behind pointers for the trial's sake.
    let ours = size_of_val(&*map) + size_of_val(&*filler);
    let before = before.map(|bytes| bytes + ours as u64);
    stops.push((wanted, None));
    if let Some(capacity) = map.capacity() {
        stops
            .extend(loads.iter().map(|load| ((load * capacity as f64).ceil() as u64, Some(*load))));
    }
    stops.sort_by_key(|(entries, _)| *entries);
    let mut ledger = Ledger { map: &*map, before, entries: 0, then: 0, steps };
    let mut added = 0;
    // By reference: it is not to be freed between two readings.
    for &(entries, load) in &stops {
        let number = entries - ledger.entries;
        added += ledger.add(&mut *filler, keys.by_ref().take(number as usize));
        if ledger.has_grown() {
            break;
        }
        ledger.look(if load.is_some() { At::Load } else { At::Keys }, load);
        if let (Some(lookups), Some(step)) = (&mut lookups, ledger.steps.last_mut()) {
            let present = from_the_first.clone().take(entries as usize);
            let present = memory::collected(present, "the keys to look up")?;
            step.gets_per_sec = lookups.time(&mut *filler, &present);
        }
    }
    if map.capacity().is_some() && !ledger.has_grown() {
        added += ledger.add(&mut *filler, keys);
    }
    let Ledger { entries, steps, .. } = ledger;
    let mut failures = wrong_number(&*map, added, entries);
    failures.extend(lookups.as_ref().and_then(Lookups::complaint));
    let noise = lookups.and_then(|lookups| lookups.noise());
    Ok(Filled { seconds: None, steps, noise, failures })
}

impl Ledger<'_> {
    /// Inserts `keys` until the table grows, and says how many it took as new.
    fn add(&mut self, filler: &mut dyn Filler, mut keys: impl Iterator<Item = u64>) -> u64 {
        let mut added = 0;
        let Some(capacity) = self.map.capacity() else {
            let mut batch = Vec::with_capacity(BATCH);
            loop {
                batch.clear();
                batch.extend(keys.by_ref().take(BATCH));
                if batch.is_empty() {
                    return added;
                }
                added += filler.fill(&batch) as u64;
                self.entries += batch.len() as u64;
            }
        };
        for key in keys {
            let bytes = self.bytes();
            added += u64::from(filler.insert(key));
            if let Some(after) = self.map.capacity().filter(|after| *after != capacity) {
                self.grew(capacity, bytes, after);
                self.entries += 1;
                return added;
            }
            self.entries += 1;
        }
        added
    }

    fn bytes(&self) -> Option<u64> {
        Some(live_bytes()?.saturating_sub(self.before?))
    }

    fn has_grown(&self) -> bool {
        self.steps.last().is_some_and(|step| step.at == At::Growth)
    }

    /// Writes down the table as it is.
    fn look(&mut self, at: At, asked: Option<f64>) {
        let moves: Option<Moves> = self.map.take_moves();
        self.steps.push(LoadPoint {
            at,
            asked,
            entries: self.entries,
            capacity: self.map.capacity().map(|capacity| capacity as u64),
            bytes: self.bytes(),
            longest_chain: self.map.longest_chain().map(|entries| entries as u64),
            inserts: self.entries - self.then,
            moves: moves.map(|moves| moves.all),
            max_moves: moves.map(|moves| moves.most),
            capacity_after: None,
            bytes_after: None,
            gets_per_sec: None,
        });
        self.then = self.entries;
    }

    /// Writes down the table as it was before the insertion that made it grow.
    fn grew(&mut self, capacity: usize, bytes: Option<u64>, after: usize) {
        self.look(At::Growth, None);
        let bytes_after = self.bytes();
        let step = self.steps.last_mut().expect("it was just pushed");
        (step.capacity, step.capacity_after) = (Some(capacity as u64), Some(after as u64));
        (step.bytes, step.bytes_after) = (bytes, bytes_after);
        // Its chains are gone.
        step.longest_chain = None;
    }
}

#[cfg(test)]
mod tests;
