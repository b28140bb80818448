//! `[turns]`: how long a trial's turn is, or that trials take none.

use std::fmt;

use super::error::Problem;
use super::value::{FLAG, SETTLE, SLICE, Section, TURNS, mismatch};
use crate::case::Case;
use trials::conductor::Slice;
use trials::fault::Fault;

/// Seconds of a slice, and of the part of it that is not counted, if the file does not say.
const DEFAULT_SLICE: f64 = 0.02;
const DEFAULT_SETTLE: f64 = 0.005;

/// Entries that the caches hold again after the default part that is not counted.
const SETTLED_ENTRIES: u64 = 1 << 15;
/// The most times as long that slices of larger tables are: the caches hold no more, and a round of longer ones
/// sees another machine at its end.
const LONGEST: f64 = 4.0;

/// How throughput trials take turns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turns {
    /// Length of a slice, in seconds.
    pub slice: f64,
    /// Its first part, which is not counted.
    pub settle: f64,
    /// Whether both are longer where a table is larger, which takes longer to be in the caches again.
    pub grow: bool,
}

impl Default for Turns {
    fn default() -> Self {
        Self { slice: DEFAULT_SLICE, settle: DEFAULT_SETTLE, grow: true }
    }
}

impl Turns {
    /// What the file at `top` asks for; `None` if trials are to take no turns, or if something in it is
    /// wrong.
    pub(super) fn of(top: &Section<'_, '_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let usual = Self::default();
        let Some(value) = top.get("turns") else { return Some(usual) };
        let Some(table) = value.get_ref().as_table() else {
            if value.get_ref().as_bool().is_none() {
                let expected = "true, false, or a table: `[turns]` on a line by itself";
                problems.push(mismatch("turns", value, expected));
                return None;
            }
            return top.one("turns", &FLAG, problems)?.then_some(usual);
        };
        let section = Section::new("[turns]", value.span(), table, TURNS, problems);
        let slice = section.one("slice", &SLICE, problems).unwrap_or(usual.slice);
        // In proportion, if only the slice is another.
        let share = usual.settle / usual.slice;
        let settle = section.one("settle", &SETTLE, problems).unwrap_or(slice * share);
        if settle >= slice {
            problems.push(Problem {
                span: section.get("settle").map_or(value.span(), toml::Spanned::span),
                message: format!(
                    "`settle` is {settle}, and nothing is left of a `slice` of {slice}"
                ),
                help: "`settle` is the first part of the slice, which is not counted".to_owned(),
            });
        }
        Some(Self { slice, settle, grow: false })
    }

    /// Whether a throughput trial of `case` takes turns. What fills a range is counted whole, and ends when
    /// it is full. A writer that sleeps for about as long as a slice would fall into step with the slices of a
    /// table that waits for it: in each of them it would sleep in the same part.
    #[must_use]
    pub fn takes(case: &Case) -> bool {
        // A cache's trial goes to the end of its requests.
        let goes_by_itself = case.ends_by_itself() || case.cache.is_some();
        !goes_by_itself && case.fault != Fault::DescheduledWriter
    }

    /// The slices of a trial of `case`: with more workers than CPUs they are as much longer, so that each worker
    /// runs as long; and longer where the table is larger.
    #[must_use]
    pub fn slice_of(&self, case: &Case, cpus: usize) -> Slice {
        let workers = case.fault.workers(case.threads);
        let times = workers.div_ceil(cpus.max(1)).max(1) as f64 * self.times_for(case);
        Slice { seconds: times * self.slice, settle: times * self.settle }
    }

    /// How many times as long the slices of `case` are for its size: in proportion to the root of the entries, up
    /// to [`LONGEST`].
    fn times_for(&self, case: &Case) -> f64 {
        let entries = case.prefill.max(case.capacity.unwrap_or(0)) as f64;
        match self.grow {
            true => (entries / SETTLED_ENTRIES as f64).sqrt().clamp(1.0, LONGEST),
            false => 1.0,
        }
    }

    /// The time that it takes to count a second.
    #[must_use]
    pub fn seconds_of_each(&self) -> f64 {
        self.slice / (self.slice - self.settle)
    }
}

impl fmt::Display for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slices of {} s that settle for {} s", self.slice, self.settle)?;
        if self.grow { f.write_str(", longer for larger tables") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_sleeps_as_long_as_a_slice_takes_no_turns() {
        let takes = |fault| Turns::takes(&Case { fault, ..Case::new("chaining-inline", "none") });
        let goes_alone = Fault::ALL.into_iter().filter(|fault| !takes(*fault));
        assert_eq!(goes_alone.collect::<Vec<_>>(), [Fault::DescheduledWriter]);
    }

    #[test]
    fn workers_that_share_cpus_have_longer_slices() {
        let turns = Turns { slice: 0.02, settle: 0.005, grow: false };
        let case = |threads| Case { threads, prefill: 1 << 30, ..Case::new("papaya", "none") };
        let slice = |workers, cpus| turns.slice_of(&case(workers), cpus);
        assert_eq!(slice(1, 2), Slice { seconds: 0.02, settle: 0.005 });
        assert_eq!(slice(2, 2), slice(1, 2));
        assert_eq!(slice(3, 2), Slice { seconds: 0.04, settle: 0.01 });
        assert_eq!(slice(8, 2), Slice { seconds: 0.08, settle: 0.02 });
        assert_eq!(slice(1, 0), slice(1, 1), "where CPUs cannot be counted");
        assert!((turns.seconds_of_each() - 4.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn larger_tables_have_longer_slices_unless_the_file_says_how_long() {
        let times = |entries, turns: Turns| {
            let case = Case { prefill: entries, ..Case::new("papaya", "none") };
            let slice = turns.slice_of(&case, 1);
            assert!((slice.settle / slice.seconds - 0.25).abs() < 1e-12, "as large a part counts");
            slice.seconds / DEFAULT_SLICE
        };
        let grown = |entries| times(entries, Turns::default());
        assert_eq!([0, 100, SETTLED_ENTRIES].map(grown), [1.0; 3]);
        assert!(grown(SETTLED_ENTRIES + 1000) > 1.0);
        assert!((grown(4 * SETTLED_ENTRIES) - 2.0).abs() < 1e-12);
        assert_eq!([1 << 24, 1 << 40].map(grown), [LONGEST; 2]);
        let by_hand = Turns { grow: false, ..Turns::default() };
        assert_eq!(times(1 << 24, by_hand), 1.0);
    }
}
