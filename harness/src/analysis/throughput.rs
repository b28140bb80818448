//! Trials of one cell, taken together.

use rayon::prelude::*;

use crate::analysis::cell::{Estimate, grouped};
use crate::rows::Row;

/// Clean windows that the median trial of a cell needs for its clean rate to be believed.
const ENOUGH_WINDOWS: f64 = 20.0;

/// Which rate of a trial is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Operations per second of all wall time.
    WallRate,
    /// The median rate over windows in which every thread was on a CPU.
    CleanRate,
    /// [`CleanRate`](Self::CleanRate) of cells with at most so many threads, as there are CPUs;
    /// [`WallRate`](Self::WallRate) of the others, which cannot have clean windows.
    CleanUpTo(usize),
    /// Operations per second of CPU time.
    CpuRate,
}

impl Rate {
    /// This rate of one trial, if it was measured.
    #[must_use]
    pub fn of(self, row: &Row) -> Option<f64> {
        match self {
            Self::WallRate => row.ops_per_sec,
            Self::CleanRate => row.clean_ops_per_sec,
            Self::CleanUpTo(cpus) if row.workers() > cpus => row.ops_per_sec,
            Self::CleanUpTo(_) => row.clean_ops_per_sec,
            Self::CpuRate => row.ops_per_cpu_sec,
        }
        .filter(|rate| rate.is_finite())
    }

    /// Whether it leaves time out, in which some thread was on no CPU.
    #[must_use]
    pub fn is_of_clean_windows(self) -> bool {
        matches!(self, Self::CleanRate | Self::CleanUpTo(_))
    }

    /// For a caption.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::WallRate => "rate over all wall time",
            Self::CleanRate => "rate over clean windows (every thread on a CPU)",
            Self::CleanUpTo(_) => {
                "rate over clean windows (every thread on a CPU); over wall time with more threads \
                 than CPUs"
            }
            Self::CpuRate => "rate over CPU time",
        }
    }
}

/// The rate that a whole result set is shown by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenRate {
    /// The rate.
    pub metric: Rate,
    /// Why this one.
    pub why: String,
}

impl ChosenRate {
    /// For a page: the rate and the reason. A caption has the rate alone.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!("{}, since {}", self.metric.in_words(), self.why)
    }

    /// For cells of any number of threads together: not a rate that is over clean windows up to as many threads as there
    /// are CPUs, and over wall time beyond.
    #[must_use]
    pub fn of_one_kind(self) -> Self {
        let Rate::CleanUpTo(cpus) = self.metric else { return self };
        let why = format!(
            "there are no clean windows with more than {cpus} threads, and all are measured alike"
        );
        Self { metric: Rate::WallRate, why }
    }
}

/// One cell: its parameters and what its trials say.
#[derive(Clone, Debug)]
pub struct CellSummary {
    /// The cell's first row, for its parameters.
    pub row: Row,
    /// The subject's name.
    pub subject: String,
    /// Trials that failed their self-check or ended in an error; not in `values`.
    pub invalid: usize,
    /// Valid trials without this metric; not in `values`.
    pub unmeasured: usize,
    /// The metric, one value a trial, in the rows' order.
    pub values: Vec<f64>,
    /// Of `values`; `None` if there is none.
    pub estimate: Option<Estimate>,
    /// What `values` are.
    pub metric: Rate,
}

impl CellSummary {
    /// Trials that count and have the metric.
    #[must_use]
    pub fn n(&self) -> usize {
        self.values.len()
    }

    /// The median of `values`; `None` if there is none.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        Some(self.estimate?.median)
    }

    /// The 95 % BCa interval of the median; `None` of fewer than two values.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.estimate?.interval
    }
}

/// The cells of `rows`, in the order of their first rows, by one metric.
#[must_use]
pub fn summarise(rows: &[Row], metric: Rate) -> Vec<CellSummary> {
    summarise_with(rows, metric, Estimate::of)
}

/// [`summarise`] with another estimate.
pub(crate) fn summarise_with(
    rows: &[Row],
    metric: Rate,
    estimate: impl Fn(&[f64]) -> Option<Estimate> + Sync,
) -> Vec<CellSummary> {
    cells(rows).into_par_iter().map(|trials| summarise_cell(&trials, metric, &estimate)).collect()
}

/// The metric that suits the whole of `rows`, so that cells with the same number of threads can be
/// compared: the clean rate if each cell that can have it does, with enough clean windows in its
/// median trial, else the wall rate.
///
/// Cells with more threads than the `cpus` never have clean windows; their wall rate is shown.
#[must_use]
pub fn choose_metric(rows: &[Row], cpus: usize) -> ChosenRate {
    let measured: Vec<_> =
        cells(rows).into_iter().filter(|trials| trials.iter().any(|row| row.counts())).collect();
    let (beyond, within): (Vec<_>, Vec<_>) =
        measured.iter().partition(|trials| trials[0].workers() > cpus);
    let wall = |why| ChosenRate { metric: Rate::WallRate, why };
    if rows.iter().any(|row| row.server.is_some()) {
        let why = "CPU time is a server's, and what the load takes is none of it".to_owned();
        return ChosenRate { metric: Rate::CpuRate, why };
    }
    if within.is_empty() {
        return wall("no cell has as few threads as there are CPUs".to_owned());
    }
    let short = within.iter().filter(|trials| !has_enough_windows(trials)).count();
    if short > 0 {
        return wall(format!(
            "{short} of {} cells have too few clean windows (fewer than {ENOUGH_WINDOWS} in the \
             median trial)",
            within.len()
        ));
    }
    let metric = if beyond.is_empty() { Rate::CleanRate } else { Rate::CleanUpTo(cpus) };
    let why = format!("every cell has at least {ENOUGH_WINDOWS} of them in its median trial");
    ChosenRate {
        metric,
        why: if beyond.is_empty() { why } else { format!("{why} up to {cpus} threads") },
    }
}

fn cells(rows: &[Row]) -> Vec<Vec<&Row>> {
    grouped(rows, |row| row.case.as_str())
}

fn has_enough_windows(trials: &[&Row]) -> bool {
    let counted = || trials.iter().filter(|row| row.counts());
    let windows: Vec<f64> = counted().map(|row| row.clean_windows.unwrap_or(0) as f64).collect();
    stats::median(&windows) >= ENOUGH_WINDOWS
        && counted().any(|row| Rate::CleanRate.of(row).is_some())
}

fn summarise_cell(
    trials: &[&Row],
    metric: Rate,
    estimate: impl Fn(&[f64]) -> Option<Estimate>,
) -> CellSummary {
    let counted: Vec<_> = trials.iter().filter(|row| row.counts()).collect();
    let values: Vec<f64> = counted.iter().filter_map(|row| metric.of(row)).collect();
    CellSummary {
        row: trials[0].clone(),
        subject: trials[0].subject(),
        invalid: trials.len() - counted.len(),
        unmeasured: counted.len() - values.len(),
        estimate: estimate(&values),
        values,
        metric,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{Grid, trial};

    #[test]
    fn servers_are_shown_by_their_cpu_time() {
        let case = crate::test_rows::served_case("memc3/clock", 1);
        let (row, _) = crate::test_rows::served(&case, 0, 2.0);
        let choice = choose_metric(std::slice::from_ref(&row), 2);
        assert_eq!((choice.metric, choice.metric.of(&row)), (Rate::CpuRate, Some(5e5)));
    }

    #[test]
    fn cells_hold_their_valid_values() {
        let mut rows = vec![
            trial("papaya", 1, 0, 3e6),
            trial("dashmap", 1, 0, 9e6),
            trial("papaya", 1, 1, 1e6),
            trial("papaya", 1, 2, 2e6),
            trial("papaya", 1, 3, 8e6),
            trial("papaya", 1, 4, 8e6),
            trial("papaya", 1, 5, 8e6),
        ];
        rows[4].valid = false;
        rows[5].error = "killed".to_owned();
        rows[6].ops_per_sec = None;
        let cells = summarise(&rows, Rate::WallRate);
        assert_eq!(cells.len(), 2);
        assert_eq!(cells[0].values, [3e6, 1e6, 2e6]);
        assert_eq!((cells[0].n(), cells[0].invalid, cells[0].unmeasured), (3, 2, 1));
        assert_eq!(cells[0].median(), Some(2e6));
        let (low, high) = cells[0].interval().expect("three values");
        assert!((1e6..2e6).contains(&low) && high > 2e6 && high <= 3e6);
        assert_eq!((cells[1].subject.as_str(), cells[1].median()), ("dashmap", Some(9e6)));
        assert_eq!(cells[1].interval(), None);
    }

    #[test]
    fn each_metric_reads_its_column() {
        let mut row = trial("papaya", 1, 0, 3e6);
        row.clean_ops_per_sec = Some(4e6);
        row.ops_per_cpu_sec = Some(5e6);
        assert_eq!(Rate::WallRate.of(&row), Some(3e6));
        assert_eq!(Rate::CleanRate.of(&row), Some(4e6));
        assert_eq!(Rate::CpuRate.of(&row), Some(5e6));
        assert_eq!(Rate::CleanUpTo(1).of(&row), Some(4e6));
        assert_eq!(Rate::CleanUpTo(0).of(&row), Some(3e6));
        row.ops_per_sec = Some(f64::INFINITY);
        assert_eq!(Rate::WallRate.of(&row), None);
    }

    #[test]
    fn clean_rates_are_used_only_where_every_cell_has_them() {
        let mut rows = Grid { threads: vec![1, 2], ..Grid::small() }.rows();
        assert_eq!(choose_metric(&rows, 2).metric, Rate::CleanRate);
        // One trial without a clean window does not change the median trial.
        let mut crowded = rows.clone();
        for row in crowded.iter_mut().filter(|row| row.threads == 1) {
            row.fault = crate::fault::Fault::Oversubscribed;
        }
        let choice = choose_metric(&crowded, 2);
        assert_eq!(choice.metric, Rate::CleanUpTo(2), "its workers are more than the CPUs");
        let alone: Vec<_> = crowded.iter().filter(|row| row.threads == 1).collect();
        assert_eq!(choice.metric.of(alone[0]), alone[0].ops_per_sec);
        rows[0].clean_windows = Some(0);
        rows[0].clean_ops_per_sec = None;
        assert_eq!(choose_metric(&rows, 2).metric, Rate::CleanRate);
        assert_eq!(choose_metric(&rows, 1).metric, Rate::CleanUpTo(1));
        assert_eq!(choose_metric(&rows, 0).metric, Rate::WallRate, "all oversubscribed");
        let case = rows[0].case.clone();
        for row in rows.iter_mut().filter(|row| row.case == case) {
            row.clean_windows = Some(19);
        }
        let choice = choose_metric(&rows, 2);
        assert_eq!(choice.metric, Rate::WallRate);
        assert!(choice.why.starts_with("1 of "), "{choice:?}");
        // A cell of invalid trials has no say.
        for row in rows.iter_mut().filter(|row| row.case == case) {
            row.valid = false;
        }
        assert_eq!(choose_metric(&rows, 2).metric, Rate::CleanRate);
        assert_eq!(choose_metric(&[], 2).metric, Rate::WallRate);
    }
}
