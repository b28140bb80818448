//! One trial of a sweep: runs it, and records its result.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::case::Case;
use crate::experiment::Experiment;
use crate::programs::ask::{Answer, Outcome, ask, launch};
use crate::programs::{ProgramFile, Registry};
use crate::results::folder::{Folder, ThroughputTrial};
use crate::rows::Row;
use crate::rows::aggregate::AggregateRow;
use crate::rows::cache::CacheRow;
use crate::rows::latency::LatencyTrial;
use crate::rows::server::ServerRow;
use crate::rows::space::SpaceRow;
use crate::sweep::schedule::{Job, Measure, trial_seed};
use crate::trial::{Measurement, TrialSpec};
use trials::aggregate::{AGGREGATE_COMMAND, AggregateSpec, Way, counted_as};
use trials::allocator::COUNT;
use trials::cache::{CACHE_COMMAND, CacheSpec, Cached};
use trials::server::{SERVER_COMMAND, ServedTrial, ServerSpec, warmup_keys};
use trials::space::{Asked, Filled, SPACE_COMMAND, SpaceSpec, filled_as};

/// What a trial of any kind leaves.
pub(crate) enum Trial {
    Throughput(Box<ThroughputTrial>),
    /// With what is measured of servers alone, if it was one's.
    Latency(Box<LatencyTrial>, Option<Box<ServerRow>>),
    Space(Vec<SpaceRow>),
    Aggregate(AggregateRow),
}

impl Trial {
    /// Runs `job` in a process of its own; `None` if interrupted.
    pub(crate) fn run(
        (experiment, registry): (&Experiment, &Registry),
        job: Job,
        place: (u32, u32),
        interrupted: &AtomicBool,
    ) -> anyhow::Result<Option<Self>> {
        if interrupted.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match job.measure {
            Measure::Space => return fill((experiment, registry), job, place, interrupted),
            Measure::Aggregate(way) => {
                return aggregate((experiment, registry), job.cell, way, place, interrupted);
            }
            Measure::Throughput | Measure::Latency(_) => {}
        }
        let (spec, mut row) = told(experiment, job, place);
        row.started_at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        if spec.case.server.is_some() {
            return of_server(registry.server()?, spec, row, interrupted);
        }
        let program = registry.program(&spec.case.structure)?;
        if spec.case.cache.is_some() {
            return of_cache(program, spec, row, interrupted);
        }
        let outcome = launch(program, &spec, interrupted)?;
        if let Outcome::Failed(why) = &outcome {
            row.error.clone_from(why);
        }
        let measured = match outcome {
            Outcome::Measured(measured) => Some(*measured),
            Outcome::Failed(_) => None,
            Outcome::Interrupted => return Ok(None),
        };
        Ok(Some(match spec.rate {
            None => Self::throughput(row, measured, None),
            Some(rate) => Self::latency(row, measured, (rate, spec.seconds), None),
        }))
    }

    fn throughput(mut row: Row, measured: Option<Measurement>, server: Option<ServerRow>) -> Self {
        let mut samples = Vec::new();
        if let Some(mut measured) = measured {
            samples = std::mem::take(&mut measured.series);
            row.measured(measured);
        }
        let (slices, cache) = (Vec::new(), None);
        Self::Throughput(Box::new(ThroughputTrial { row, samples, slices, cache, server }))
    }

    fn latency(
        row: Row,
        measured: Option<Measurement>,
        (rate, seconds): (f64, f64),
        server: Option<ServerRow>,
    ) -> Self {
        let mut trial = LatencyTrial::unmeasured(row, rate);
        if let Some(measured) = measured {
            trial.measured(measured, seconds);
        }
        Self::Latency(Box::new(trial), server.map(Box::new))
    }

    /// What went wrong, if the trial is invalid.
    pub(crate) fn complaint(&self) -> Option<&str> {
        let (valid, error) = match self {
            Self::Throughput(record) => return record.row.complaint(),
            Self::Latency(trial, _) => return trial.row.complaint(),
            Self::Space(rows) => {
                let last = rows.last().expect("a trial has a row");
                (last.valid, &last.error)
            }
            Self::Aggregate(row) => (row.valid, &row.error),
        };
        (!valid).then_some(error)
    }

    /// The row of `trials.csv` that it is, if it is one.
    pub(crate) fn row(&self) -> Option<&Row> {
        match self {
            Self::Throughput(record) => Some(&record.row),
            Self::Latency(..) | Self::Space(_) | Self::Aggregate(_) => None,
        }
    }

    /// Adds it to `folder`.
    pub(crate) fn record(self, folder: &mut Folder) -> anyhow::Result<()> {
        match self {
            Self::Throughput(record) => folder.append(vec![*record]),
            Self::Latency(trial, server) => folder.append_latency(*trial, server.map(|row| *row)),
            Self::Space(rows) => folder.append_space(rows),
            Self::Aggregate(row) => folder.append_aggregate(row),
        }
    }
}

/// The trial of a cache that is told this, whose row begins so.
fn of_cache(
    program: &ProgramFile,
    spec: TrialSpec,
    mut row: Row,
    interrupted: &AtomicBool,
) -> anyhow::Result<Option<Trial>> {
    let TrialSpec { case, seed, trace_file, .. } = spec;
    let spec = CacheSpec { case, seed, trace_file };
    let requests = spec.case.cache.map_or(0, |load| load.requests);
    let prepared = spec.case.keys + spec.case.trace.as_ref().map_or(0, |trace| trace.requests);
    let limit = 60.0 + requests as f64 * SLOWEST_REQUEST + prepared as f64 * 5e-6;
    let told = (CACHE_COMMAND, &spec.case.allocator[..]);
    let limit = Duration::from_secs_f64(limit);
    let mut cache = None;
    match ask::<Cached>(program, told, &spec, limit, interrupted)? {
        Answer::Said(cached) => {
            cache = Some(CacheRow::new(&row, &cached));
            row.measured(cached.measured);
        }
        Answer::Failed(why) => row.error = why,
        Answer::Interrupted => return Ok(None),
    }
    let (samples, slices) = (Vec::new(), Vec::new());
    let trial = ThroughputTrial { row, samples, slices, cache, server: None };
    Ok(Some(Trial::Throughput(Box::new(trial))))
}

/// Seconds of a request to a cache or a server, far more than any takes.
const SLOWEST_REQUEST: f64 = 1e-4;

/// The trial of a server that is told this, whose row begins so.
fn of_server(
    program: &ProgramFile,
    spec: TrialSpec,
    mut row: Row,
    interrupted: &AtomicBool,
) -> anyhow::Result<Option<Trial>> {
    let TrialSpec { case, seed, seconds, warmup, rate, .. } = spec;
    let spec = ServerSpec { case, seed, seconds, warmup, rate };
    let requests = spec.case.keys.saturating_add(warmup_keys(&spec.case, warmup));
    let limit = 120.0 + 10.0 * (seconds + warmup) + requests as f64 * SLOWEST_REQUEST;
    let told = (SERVER_COMMAND, &spec.case.allocator[..]);
    let limit = Duration::from_secs_f64(limit);
    let (mut server, mut measured) = (None, None);
    match ask::<ServedTrial>(program, told, &spec, limit, interrupted)? {
        Answer::Said(served) => {
            server = Some(ServerRow::new(&row, rate, &served));
            measured = Some(served.measured);
        }
        Answer::Failed(why) => row.error = why,
        Answer::Interrupted => return Ok(None),
    }
    Ok(Some(match rate {
        None => Trial::throughput(row, measured, server),
        Some(rate) => Trial::latency(row, measured, (rate, seconds), server),
    }))
}

/// A timed fill, a counted one and one for lookups, each in a process of its own.
fn fill(
    (experiment, registry): (&Experiment, &Registry),
    job: Job,
    place: (u32, u32),
    interrupted: &AtomicBool,
) -> anyhow::Result<Option<Trial>> {
    let plan = experiment.space.as_ref().expect("the job is of its plan");
    let case = &experiment.cases[job.cell];
    // Its own cell's threads and mix are not heeded: all tables get the same keys.
    let seed = trial_seed(experiment.seed, place.0, &filled_as(case));
    let program = registry.program(&case.structure)?;
    let mut answers: [Filled; 3] = Default::default();
    let all = [Asked::Time, Asked::Counts, Asked::Lookups];
    for (asked, answer) in all.into_iter().zip(&mut answers) {
        let spec = SpaceSpec { case: case.clone(), seed, loads: plan.loads.clone(), asked };
        let count = if asked == Asked::Counts { COUNT } else { "" };
        let allocator = format!("{}{count}", case.allocator);
        let limit = Duration::from_secs_f64(60.0 + case.keys as f64 * 4e-5);
        match ask(program, (SPACE_COMMAND, &allocator), &spec, limit, interrupted)? {
            Answer::Said(filled) => *answer = filled,
            Answer::Failed(why) => {
                return Ok(Some(Trial::Space(vec![SpaceRow::failed(case, seed, place, why)])));
            }
            Answer::Interrupted => return Ok(None),
        }
    }
    Ok(Some(Trial::Space(SpaceRow::of_trial(case, seed, place, &answers))))
}

/// An aggregation of the cell by this way, in a process of its own.
fn aggregate(
    (experiment, registry): (&Experiment, &Registry),
    cell: usize,
    way: Way,
    place: (u32, u32),
    interrupted: &AtomicBool,
) -> anyhow::Result<Option<Trial>> {
    let plan = experiment.aggregate.as_ref().expect("the job is of its plan");
    let case = &experiment.cases[cell];
    // Whatever the number of threads, the same words.
    let counted = Case { threads: 1, ..counted_as(case, plan.text.is_some()) };
    let spec = AggregateSpec {
        case: case.clone(),
        seed: trial_seed(experiment.seed, place.0, &counted),
        way,
        words: plan.words,
        text: plan.text.clone(),
    };
    let limit = Duration::from_secs_f64(60.0 + plan.words as f64 * 2e-5);
    let program = registry.program(&case.structure)?;
    let told = (AGGREGATE_COMMAND, &case.allocator[..]);
    let answer = match ask(program, told, &spec, limit, interrupted)? {
        Answer::Said(counted) => Ok(counted),
        Answer::Failed(why) => Err(why),
        Answer::Interrupted => return Ok(None),
    };
    Ok(Some(Trial::Aggregate(AggregateRow::new(&spec, place, answer))))
}

/// What the process of `job` is told, and what its row begins with, at this block and position.
pub(crate) fn told(experiment: &Experiment, job: Job, place: (u32, u32)) -> (TrialSpec, Row) {
    let spec = spec(experiment, job, place.0);
    let row = Row::unmeasured(&spec.case, spec.seed, place.0, place.1);
    (spec, row)
}

fn spec(experiment: &Experiment, job: Job, block: u32) -> TrialSpec {
    let case = experiment.cases[job.cell].clone();
    let rate = rate(job);
    let trace_file = experiment.trace_file(&case);
    TrialSpec {
        seed: trial_seed(experiment.seed, block, &case),
        case,
        seconds: seconds(experiment, job),
        warmup: experiment.warmup,
        series: experiment.series && rate.is_none(),
        rate,
        trace_file,
    }
}

fn rate(job: Job) -> Option<f64> {
    match job.measure {
        Measure::Latency(rate) => Some(rate),
        Measure::Throughput | Measure::Space | Measure::Aggregate(_) => None,
    }
}

/// The measured time of `job`.
pub(crate) fn seconds(experiment: &Experiment, job: Job) -> f64 {
    let of_latency = experiment.latency.as_ref().filter(|_| rate(job).is_some());
    of_latency.map_or(experiment.seconds, |plan| plan.seconds)
}
