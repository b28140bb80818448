//! `space.csv`: a row for each step of each fill.
//!
//! A space trial is three processes. The first fills a table with as many entries as it was made for,
//! under the clock. The second fills another one under an allocator that counts, entry by entry, and
//! stops at loads, at the stated entries and at the first growth. Nothing is timed there. The third stops
//! at the same places and times lookups.

use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::rows::log::Attached;
use crate::rows::study::{StudyPlace, StudyRow};
use trials::space::{At, Filled, LoadPoint};

/// The file in a result folder.
pub const SPACE: &str = "space.csv";

/// A line of `space.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpaceRow {
    /// The cell's id; of several that differ in nothing that a fill heeds, the first one's.
    pub case: String,
    /// The trial's block.
    pub block: u32,
    /// Its place in the block.
    pub position: u32,
    /// Seed of the keys.
    pub seed: u64,
    /// From 1 on.
    pub step: u32,
    /// Rows of this trial.
    pub steps: u32,
    /// Why the table is looked at.
    pub at: At,
    /// Of a load: the one that was asked for.
    pub asked_load: Option<f64>,
    /// Entries.
    pub entries: Option<u64>,
    /// What the table says that it holds before it grows.
    pub capacity: Option<u64>,
    /// Entries over capacity.
    pub load: Option<f64>,
    /// Live bytes of the allocator that came with the table.
    pub bytes: Option<u64>,
    /// Over entries.
    pub bytes_per_entry: Option<f64>,
    /// Bytes of a key and its value, in the mean.
    #[serde(default)]
    pub payload_bytes: Option<f64>,
    /// The most entries of a bucket.
    pub longest_chain: Option<u64>,
    /// Insertions since the step before.
    pub inserts: Option<u64>,
    /// Entries that they moved.
    pub moves: Option<u64>,
    /// Over `inserts`.
    pub moves_per_insert: Option<f64>,
    /// Entries that one of them moved at most.
    pub max_moves: Option<u64>,
    /// Of a growth: the capacity after it.
    pub capacity_after: Option<u64>,
    /// Of a growth: the bytes after it.
    pub bytes_after: Option<u64>,
    /// Of `keys`: how long it took, from before the table was made, without counting.
    pub build_seconds: Option<f64>,
    /// Lookups of present keys a second, of one thread, in a third process.
    pub gets_per_sec: Option<f64>,
    /// Whether every key was added once, and every lookup found its key.
    pub valid: bool,
    /// Noise verdict of what is timed: `quiet`, or what disturbed it.
    #[serde(default)]
    pub noise: String,
    /// What went wrong, if anything did.
    pub error: String,
}

impl Attached for SpaceRow {
    type Trial = StudyPlace;

    const FILE: &'static str = SPACE;

    const HEADER: &'static str = "case,block,position,seed,step,steps,at,asked_load,entries,\
        capacity,load,bytes,bytes_per_entry,payload_bytes,longest_chain,inserts,moves,\
        moves_per_insert,max_moves,capacity_after,bytes_after,build_seconds,gets_per_sec,valid,\
        noise,error\n";

    fn trial(&self) -> StudyPlace {
        place(&self.case, self.block)
    }
}

/// What names the space trial of a cell in a block.
pub(crate) fn place(case: &str, block: u32) -> StudyPlace {
    (case.to_owned(), block, String::new())
}

impl StudyRow for SpaceRow {
    fn ends_its_trial(&self) -> bool {
        self.step == self.steps
    }
}

impl SpaceRow {
    /// The row of a trial of which nothing is known but why.
    pub(crate) fn failed(case: &Case, seed: u64, place: (u32, u32), error: String) -> Self {
        Self {
            case: case.id(),
            block: place.0,
            position: place.1,
            seed,
            step: 1,
            steps: 1,
            at: At::Failed,
            asked_load: None,
            entries: None,
            capacity: None,
            load: None,
            bytes: None,
            bytes_per_entry: None,
            payload_bytes: None,
            longest_chain: None,
            inserts: None,
            moves: None,
            moves_per_insert: None,
            max_moves: None,
            capacity_after: None,
            bytes_after: None,
            build_seconds: None,
            gets_per_sec: None,
            valid: false,
            noise: String::new(),
            error,
        }
    }

    /// The rows of a trial whose processes answered this.
    pub(crate) fn of_trial(
        case: &Case,
        seed: u64,
        place: (u32, u32),
        [timed, counted, looked_up]: &[Filled; 3],
    ) -> Vec<Self> {
        let answers = [timed, counted, looked_up];
        let failures = answers.map(|answer| answer.failures.as_slice()).concat();
        let noise = [timed.noise, looked_up.noise].into_iter().flatten();
        let noise = noise.reduce(|mut all, part| {
            all.add(&part);
            all
        });
        let noise = noise.map_or_else(String::new, |noise| noise.verdict());
        let blank = Self { noise, ..Self::failed(case, seed, place, failures.join("; ")) };
        let payload = case.lengths().map_or(WORDS, |lengths| lengths.mean_payload(case.keys));
        // The same keys and the same hasher: the same steps.
        let gets = |step: &LoadPoint| {
            let same = |other: &&LoadPoint| (other.at, other.entries) == (step.at, step.entries);
            looked_up.steps.iter().find(same)?.gets_per_sec
        };
        let steps = counted.steps.iter().zip(1..).map(|(step, number)| Self {
            step: number,
            steps: counted.steps.len() as u32,
            at: step.at,
            asked_load: step.asked,
            entries: Some(step.entries),
            capacity: step.capacity,
            load: step.capacity.and_then(|capacity| over(step.entries, capacity)),
            bytes: step.bytes,
            bytes_per_entry: step.bytes.and_then(|bytes| over(bytes, step.entries)),
            payload_bytes: Some(payload),
            longest_chain: step.longest_chain,
            inserts: Some(step.inserts),
            moves: step.moves,
            moves_per_insert: step.moves.and_then(|moves| over(moves, step.inserts)),
            max_moves: step.max_moves,
            capacity_after: step.capacity_after,
            bytes_after: step.bytes_after,
            build_seconds: timed.seconds.filter(|_| step.at == At::Keys),
            gets_per_sec: gets(step),
            valid: failures.is_empty(),
            ..blank.clone()
        });
        let rows: Vec<Self> = steps.collect();
        if rows.is_empty() { vec![blank] } else { rows }
    }
}

/// Bytes of a key and its value that are words.
const WORDS: f64 = 16.0;

/// The quotient of two counts, if there is one.
fn over(count: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| count as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Noise;
    use crate::rows::log::assert_round_trip;
    use crate::test_rows::case;

    fn step(at: At, entries: u64, inserts: u64, moves: Option<u64>) -> LoadPoint {
        LoadPoint {
            at,
            asked: None,
            entries,
            capacity: Some(40),
            bytes: Some(10 * entries),
            longest_chain: None,
            inserts,
            moves,
            max_moves: moves,
            capacity_after: None,
            bytes_after: None,
            gets_per_sec: moves.map(|moves| 1e6 * moves as f64),
        }
    }

    /// The rows of a trial that took two seconds, with these steps in both processes that look.
    fn rows(steps: &[LoadPoint]) -> Vec<SpaceRow> {
        let timed = Filled { seconds: Some(2.0), ..Filled::default() };
        let looked = Filled { steps: steps.to_vec(), ..Filled::default() };
        let blank = |step: &LoadPoint| LoadPoint { gets_per_sec: None, ..*step };
        let steps = steps.iter().map(blank).collect();
        let counted = Filled { steps, ..Filled::default() };
        let case = case("papaya", "none", 1, 0.0, 0.0, 20);
        SpaceRow::of_trial(&case, 7, (3, 1), &[timed, counted, looked])
    }

    #[test]
    fn rows_have_quotients_and_the_last_ends_the_trial() {
        let rows = rows(&[step(At::Keys, 20, 20, Some(5)), step(At::Growth, 38, 18, Some(9))]);
        let [keys, growth] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((keys.load, growth.load), (Some(0.5), Some(0.95)));
        assert_eq!((keys.moves_per_insert, growth.moves_per_insert), (Some(0.25), Some(0.5)));
        assert_eq!((keys.bytes_per_entry, keys.valid), (Some(10.0), true));
        assert_eq!(keys.payload_bytes, Some(16.0));
        assert_eq!((keys.gets_per_sec, growth.gets_per_sec), (Some(5e6), Some(9e6)));
        assert_eq!((keys.build_seconds, growth.build_seconds), (Some(2.0), None));
        assert_eq!((keys.ends_its_trial(), growth.ends_its_trial()), (false, true));
        assert_round_trip(growth);
        // Nothing inserted: no quotient, and no zero.
        let idle = &self::rows(&[step(At::Load, 0, 0, Some(0))])[0];
        assert_eq!((idle.moves_per_insert, idle.bytes_per_entry), (None, None));
    }

    /// A second in which it ran half of the time and waited for the other half, and one in which it ran.
    #[test]
    fn noise_is_of_all_that_is_timed() {
        let part = |ran: f64| {
            let (run_seconds, run_delay_seconds) = (Some(ran), Some(1.0 - ran));
            let (wall_seconds, cpus) = (1.0, Some(1));
            let noise =
                Noise { wall_seconds, cpus, run_seconds, run_delay_seconds, ..Noise::default() };
            Filled { noise: Some(noise), ..Filled::default() }
        };
        let verdict = |timed: Filled, looked_up: Filled| {
            let counted = Filled { steps: vec![step(At::Keys, 20, 20, None)], ..part(0.1) };
            let case = case("papaya", "none", 1, 0.0, 0.0, 20);
            SpaceRow::of_trial(&case, 7, (0, 0), &[timed, counted, looked_up])[0].noise.clone()
        };
        assert_eq!(verdict(part(0.5), part(1.0)), "run delay 25.0 %");
        assert_eq!(verdict(part(1.0), part(0.5)), "run delay 25.0 %");
        assert_eq!(verdict(part(1.0), part(1.0)), "quiet");
        assert_eq!(verdict(Filled::default(), Filled::default()), "", "nothing is known");
    }

    #[test]
    fn the_payload_of_byte_strings_is_theirs() {
        let mut case = case("papaya", "none", 1, 0.0, 0.0, 20);
        case.value_bytes = Some(crate::workload::Length::Bytes(32));
        let counted = Filled { steps: vec![step(At::Keys, 20, 20, None)], ..Filled::default() };
        let answers = [Filled::default(), counted, Filled::default()];
        assert_eq!(SpaceRow::of_trial(&case, 7, (0, 0), &answers)[0].payload_bytes, Some(40.0));
    }

    #[test]
    fn what_any_process_found_wrong_is_in_every_row() {
        let case = case("papaya", "none", 1, 0.0, 0.0, 20);
        let fine = Filled::default;
        let wrong = Filled { failures: vec!["lost".to_owned()], ..Filled::default() };
        let steps = vec![step(At::Keys, 20, 20, None), step(At::Growth, 38, 18, None)];
        let counted = Filled { steps, ..Filled::default() };
        for row in SpaceRow::of_trial(&case, 7, (0, 0), &[wrong.clone(), counted, fine()]) {
            assert_eq!((row.valid, &*row.error), (false, "lost"));
        }
        let rows = SpaceRow::of_trial(&case, 7, (0, 0), &[fine(), fine(), wrong]);
        assert_eq!((rows.len(), rows[0].at, rows[0].ends_its_trial()), (1, At::Failed, true));
    }
}
