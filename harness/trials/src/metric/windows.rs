//! Clean windows: the rate while every worker was really running.
//!
//! A trial is cut into windows of [`WINDOW`]. Each worker notes, at the first stride's end after a
//! window's edge, the time, its own CPU clock and the operations it has done. A window is clean if
//! every worker was on a CPU for at least [`CLEAN`] of each of its notes' intervals that the window
//! touches; then its rate is what the table does with that many threads, not what the machine's
//! other guests left of it. docs/METHODOLOGY.md tells why wall time alone misleads.

use std::time::Duration;

/// Length of a window.
pub const WINDOW: Duration = Duration::from_millis(1);

/// The share of an interval that a worker must have been on a CPU.
pub const CLEAN: f64 = 0.97;

/// What a worker notes at a window's edge; all counted from the common start of a slice of the trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Note {
    /// Wall time, in nanoseconds.
    pub wall: u64,
    /// The worker's CPU time, in nanoseconds, from any origin.
    pub cpu: u64,
    /// Operations done.
    pub ops: u64,
}

/// The windows of a slice of a trial, or of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Windows {
    /// Operations per second in each clean window, all workers together.
    pub clean: Vec<f64>,
    /// All windows that every worker's notes cover.
    pub total: usize,
}

impl Windows {
    /// Adds those of another slice.
    pub fn add(&mut self, other: Self) {
        self.clean.extend(other.clean);
        self.total += other.total;
    }

    /// The median of the clean ones, of an even number the mean of the middle two; NaN of none.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted = self.clean.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let middle = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let half = sorted.len() / 2;
        if sorted.len() % 2 == 1 {
            middle(half)
        } else {
            (middle(half.wrapping_sub(1)) + middle(half)) / 2.0
        }
    }
}

/// Cuts the workers' notes, each in order of time, into windows.
#[must_use]
pub fn windows(workers: &[impl AsRef<[Note]>]) -> Windows {
    let workers: Vec<&[Note]> = workers.iter().map(AsRef::as_ref).collect();
    let first = workers.iter().map(|notes| notes.first().map_or(u64::MAX, |note| note.wall)).max();
    let last = workers.iter().map(|notes| notes.last().map_or(0, |note| note.wall)).min();
    let window = WINDOW.as_nanos() as u64;
    let (Some(first), Some(last)) = (first, last) else {
        return Windows { clean: Vec::new(), total: 0 };
    };
    let (first, last) = (first.div_ceil(window), last / window);
    let mut cursors = vec![0; workers.len()];
    let mut clean = Vec::new();
    for index in first..last {
        let (start, end) = (index * window, (index + 1) * window);
        let rates = workers.iter().zip(&mut cursors).map(|(notes, cursor)| {
            while notes[*cursor + 1].wall <= start {
                *cursor += 1;
            }
            ops_if_clean(&notes[*cursor..], start, end)
        });
        if let Some(ops) = rates.sum::<Option<f64>>() {
            clean.push(ops / WINDOW.as_secs_f64());
        }
    }
    Windows { clean, total: last.saturating_sub(first) as usize }
}

/// The operations between `start` and `end`, if each interval of notes in between is clean; within
/// an interval they are spread evenly. `notes` begins with the last at or before `start`.
fn ops_if_clean(notes: &[Note], start: u64, end: u64) -> Option<f64> {
    let mut ops = 0.0;
    for pair in notes.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        if from.wall >= end {
            break;
        }
        let wall = (to.wall - from.wall) as f64;
        if wall == 0.0 {
            continue;
        }
        if ((to.cpu - from.cpu) as f64) < CLEAN * wall {
            return None;
        }
        let overlap = to.wall.min(end) - from.wall.max(start);
        ops += (to.ops - from.ops) as f64 * overlap as f64 / wall;
    }
    Some(ops)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Notes every millisecond plus `late`, at `rate` operations a millisecond; in the intervals
    /// that `asleep` names the worker was off its CPU.
    fn worker(rate: u64, late: u64, asleep: &[u64]) -> Vec<Note> {
        let mut cpu = 77;
        let mut notes = vec![Note { wall: 0, cpu, ops: 0 }];
        for i in 1..=10 {
            let wall = i * MS + late;
            let before = notes[notes.len() - 1];
            let on_cpu = if asleep.contains(&i) { 0 } else { wall - before.wall };
            cpu += on_cpu;
            notes.push(Note { wall, cpu, ops: before.ops + rate * on_cpu / MS });
        }
        notes
    }

    #[test]
    fn rates_of_workers_add_up() {
        let all = windows(&[worker(1_000, 0, &[]), worker(500, 0, &[])]);
        assert_eq!(all.total, 10);
        assert_eq!(all.clean, vec![1_500_000.0; 10]);
    }

    #[test]
    fn a_worker_off_its_cpu_spoils_the_windows_it_touches() {
        let one = windows(&[worker(1_000, 0, &[3]), worker(500, 0, &[7])]);
        assert_eq!((one.total, one.clean.len()), (10, 8));
        // Late notes: the interval touches two windows.
        let late = windows(&[worker(1_000, 10_000, &[3])]);
        assert_eq!((late.total, late.clean.len()), (10, 8));
        assert!(late.clean.iter().all(|rate| (rate - 1_000_000.0).abs() < 1.0), "{late:?}");
    }

    #[test]
    fn a_long_absence_spoils_every_window_it_spans() {
        let gap = |wall, cpu, ops| Note { wall, cpu, ops };
        let notes = vec![
            gap(0, 0, 0),
            gap(MS, MS, 10),
            gap(5 * MS, MS + 1_000, 10),
            gap(6 * MS, 2 * MS + 1_000, 20),
        ];
        let windows = windows(&[notes]);
        assert_eq!((windows.total, windows.clean.len()), (6, 2));
    }

    #[test]
    fn the_threshold_is_97_percent() {
        let at = |cpu| vec![Note { wall: 0, cpu: 0, ops: 0 }, Note { wall: MS, cpu, ops: 5 }];
        assert_eq!(windows(&[at(970_000)]).clean.len(), 1);
        assert_eq!(windows(&[at(969_999)]).clean.len(), 0);
    }

    #[test]
    fn no_notes_no_windows() {
        assert_eq!(windows(&[] as &[&[Note]]).total, 0);
        assert_eq!(windows(&[vec![], worker(1, 0, &[])]).total, 0);
        assert_eq!(windows(&[vec![Note { wall: 0, cpu: 0, ops: 0 }]]).total, 0);
    }
}
