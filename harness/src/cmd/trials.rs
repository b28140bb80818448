//! One trial of a sweep: runs it, and writes down what came of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use crate::experiment::Experiment;
use crate::latency::LatencyTrial;
use crate::launch::{Outcome, launch};
use crate::metric::Sample;
use crate::record::Folder;
use crate::row::Row;
use crate::schedule::{Job, trial_seed};
use crate::trial::{Measurement, TrialSpec};

/// What a trial of either kind leaves.
pub(super) enum Trial {
    Throughput(Row, Vec<Sample>),
    Latency(LatencyTrial),
}

impl Trial {
    /// Runs `job` in a process of its own; `None` if interrupted.
    pub(super) fn run(
        experiment: &Experiment,
        job: Job,
        (block, position): (u32, u32),
        interrupted: &AtomicBool,
    ) -> anyhow::Result<Option<Self>> {
        if interrupted.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let spec = spec(experiment, job, block);
        let mut row = Row::unmeasured(&spec.case, spec.seed, block, position);
        row.started_at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let mut trial = match job.rate {
            None => Self::Throughput(row, Vec::new()),
            Some(rate) => Self::Latency(LatencyTrial::unmeasured(row, rate)),
        };
        match launch(&spec, interrupted)? {
            Outcome::Measured(measured) => trial.measured(*measured, spec.seconds),
            Outcome::Failed(why) => trial.row_mut().error = why,
            Outcome::Interrupted => return Ok(None),
        }
        Ok(Some(trial))
    }

    fn measured(&mut self, mut measured: Measurement, seconds: f64) {
        match self {
            Self::Throughput(row, samples) => {
                *samples = std::mem::take(&mut measured.series);
                row.measured(measured);
            }
            Self::Latency(trial) => trial.measured(measured, seconds),
        }
    }

    /// What every trial has.
    pub(super) fn row(&self) -> &Row {
        match self {
            Self::Throughput(row, _) => row,
            Self::Latency(trial) => &trial.row,
        }
    }

    fn row_mut(&mut self) -> &mut Row {
        match self {
            Self::Throughput(row, _) => row,
            Self::Latency(trial) => &mut trial.row,
        }
    }

    /// Adds it to `folder`.
    pub(super) fn record(self, folder: &mut Folder) -> anyhow::Result<()> {
        match self {
            Self::Throughput(row, samples) => folder.append(row, &samples),
            Self::Latency(trial) => folder.append_latency(trial),
        }
    }
}

/// What the process of `job` is told.
fn spec(experiment: &Experiment, job: Job, block: u32) -> TrialSpec {
    let case = experiment.cases[job.cell].clone();
    TrialSpec {
        seed: trial_seed(experiment.seed, block, &case),
        case,
        seconds: seconds(experiment, job),
        warmup: experiment.warmup,
        series: experiment.series && job.rate.is_none(),
        rate: job.rate,
    }
}

/// The measured time of `job`.
pub(super) fn seconds(experiment: &Experiment, job: Job) -> f64 {
    let of_latency = experiment.latency.as_ref().filter(|_| job.rate.is_some());
    of_latency.map_or(experiment.seconds, |plan| plan.seconds)
}
