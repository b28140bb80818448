//! How long trials are expected to take, for a plan.

use crate::experiment::Experiment;
use crate::sweep::groups::turns_of;
use crate::sweep::schedule::{Job, Measure};
use crate::sweep::trials;
use ::trials::server::warmup_keys;

/// What a trial costs beside its measured time: the process, its threads, the prefill.
const TRIAL_OVERHEAD: f64 = 0.03;
const PREFILL_SECONDS_PER_KEY: f64 = 2e-7;
/// To read a trace in text.
const READ_SECONDS_PER_REQUEST: f64 = 3e-7;
/// A space trial fills the table three times; two of the fills go key by key and continue to the first growth.
const FILL_SECONDS_PER_KEY: f64 = 1e-6;
/// An aggregation draws each word, counts it with one thread and with all, and checks the counts.
const SECONDS_PER_WORD: f64 = 2e-7;
/// One thread asks a cache that evicts.
const SECONDS_PER_CACHE_REQUEST: f64 = 4e-7;
/// Lookups at each step of a fill.
const LOOKUPS_SECONDS: f64 = 0.05;

/// To start a server, and to stop it.
const SERVER_OVERHEAD: f64 = 0.15;
/// To store or ask for a key before a server is measured.
const SECONDS_PER_REQUEST: f64 = 1.5e-6;

/// Seconds that a trial is expected to take.
pub(super) fn seconds(experiment: &Experiment, job: Job) -> f64 {
    if job.measure == Measure::Space {
        let keys = experiment.cases[job.cell].keys as f64;
        let steps = experiment.space.as_ref().map_or(0, |plan| plan.loads.len() + 1) as f64;
        return 3.0 * TRIAL_OVERHEAD + keys * FILL_SECONDS_PER_KEY + steps * LOOKUPS_SECONDS;
    }
    if let (Measure::Aggregate(_), Some(plan)) = (job.measure, &experiment.aggregate) {
        return TRIAL_OVERHEAD + plan.words as f64 * SECONDS_PER_WORD;
    }
    let case = &experiment.cases[job.cell];
    if let Some(load) = case.cache {
        return TRIAL_OVERHEAD + load.requests as f64 * SECONDS_PER_CACHE_REQUEST;
    }
    if case.server.is_some() {
        let keys = case.keys.saturating_add(warmup_keys(case, experiment.warmup));
        let asked = keys as f64 * SECONDS_PER_REQUEST;
        return SERVER_OVERHEAD + asked + experiment.warmup + trials::seconds(experiment, job);
    }
    let prefill = case.prefill as f64 * PREFILL_SECONDS_PER_KEY;
    let read = case.trace.as_ref().map_or(0, |trace| trace.requests);
    let read = read as f64 * READ_SECONDS_PER_REQUEST;
    let measured = trials::seconds(experiment, job)
        * turns_of(experiment, job).map_or(1.0, |turns| turns.seconds_of_each());
    measured + experiment.warmup + TRIAL_OVERHEAD + prefill + read
}
