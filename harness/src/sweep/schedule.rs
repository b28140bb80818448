//! The order of trials: randomised interleaved blocks, resume, the stopping rule.
//!
//! A block holds every cell once, in an order shuffled from the experiment's seed, so that no cell
//! is measured by consecutive repeats and slow drift of the machine hits all alike (A. Abedi,
//! T. Brecht, *Conducting repeatable experiments in highly variable cloud computing environments*,
//! ICPE 2017). Everything here is a function of the experiment: no clock, no state.

use std::collections::HashSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use sha2::{Digest, Sha256};

use crate::analysis::throughput::{Rate, summarise};
use crate::case::Case;
use crate::experiment::Experiment;
use crate::rows::aggregate::{self, AggregateRow};
use crate::rows::latency::{self, LatencyTrial};
use crate::rows::space::{self, SpaceRow};
use crate::rows::{Row, study};
use trials::aggregate::Way;

/// One trial of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// The cell: an index into the experiment's cases.
    pub cell: usize,
    /// What it measures.
    pub measure: Measure,
}

/// What a trial measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// How many operations it does.
    Throughput,
    /// How long they take at this rate.
    Latency(f64),
    /// What its entries take.
    Space,
    /// How fast words are counted by this way.
    Aggregate(Way),
}

/// The trials of each block, in the order from which blocks are shuffled: a throughput trial of
/// every cell, then latency trials, space trials and aggregations.
#[must_use]
pub fn jobs(experiment: &Experiment) -> Vec<Job> {
    let cells = 0..experiment.cases.len();
    let mut jobs: Vec<Job> =
        cells.clone().map(|cell| Job { cell, measure: Measure::Throughput }).collect();
    if let Some(plan) = &experiment.latency {
        let measured = cells.filter(|cell| plan.takes(&experiment.cases[*cell]));
        let at = |cell| move |&rate| Job { cell, measure: Measure::Latency(rate) };
        jobs.extend(measured.flat_map(|cell| plan.rates.iter().map(at(cell))));
    }
    if let Some(plan) = &experiment.space {
        jobs.extend(plan.cells.iter().map(|&cell| Job { cell, measure: Measure::Space }));
    }
    if let Some(plan) = &experiment.aggregate {
        let by = |&(cell, way)| Job { cell, measure: Measure::Aggregate(way) };
        jobs.extend(plan.cells.iter().map(by));
    }
    jobs
}

/// The order of a block's trials, as indices into its [`jobs`].
#[must_use]
pub fn block_order(seed: u64, block: u32, cells: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cells).collect();
    order.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(hash(&[seed, u64::from(block)], "order")));
    order
}

/// From which the order of each round follows of trials that take turns, whose seed this is, `first` the first
/// of them in the block.
pub(crate) fn turn_order(seed: u64, block: u32, (trials, first): (u64, u32)) -> Xoshiro256PlusPlus {
    let numbers = [seed, u64::from(block), trials, u64::from(first)];
    Xoshiro256PlusPlus::seed_from_u64(hash(&numbers, "turns"))
}

/// The seed of a trial's keys and operations. It depends on the workload and the block, not on the
/// subject, so that within a block all tables get the same operations. None of the later axes but
/// `distribution` and `trace` (`batch`, `fault`, …) changes it: with and without them the same keys
/// are used.
#[must_use]
pub fn trial_seed(seed: u64, block: u32, case: &Case) -> u64 {
    let Case { threads, mix, zipf, keys, prefill, hash_seed, .. } = case;
    let mut workload = format!("{threads} {mix:?} {zipf} {keys} {prefill} {hash_seed}");
    if !case.distribution.is_ranked() {
        workload.push_str(&format!(" {:?}", case.distribution));
    }
    if let Some(trace) = &case.trace {
        workload.push_str(&format!(" {}", trace.sha256));
    }
    hash(&[seed, u64::from(block)], &workload)
}

/// Changing it changes every recorded order and seed.
fn hash(numbers: &[u64], text: &str) -> u64 {
    let mut hasher = Sha256::new();
    numbers.iter().for_each(|number| hasher.update(number.to_le_bytes()));
    hasher.update(text.as_bytes());
    let digest = hasher.finalize();
    u64::from_le_bytes(std::array::from_fn(|i| digest[i]))
}

/// The trials that a result folder has already.
#[derive(Clone, Debug, Default)]
pub struct Done {
    throughput: HashSet<(String, u32)>,
    latency: HashSet<latency::LatencyPlace>,
    space: HashSet<study::StudyPlace>,
    aggregate: HashSet<study::StudyPlace>,
}

impl Done {
    /// Those of `rows` and `latency`.
    #[must_use]
    pub fn of(rows: &[Row], latency: &[LatencyTrial]) -> Self {
        Self {
            throughput: rows.iter().map(|row| (row.case.clone(), row.block)).collect(),
            latency: latency.iter().map(LatencyTrial::place).collect(),
            space: HashSet::new(),
            aggregate: HashSet::new(),
        }
    }

    /// And those of `rows`.
    #[must_use]
    pub fn and_space(mut self, rows: &[SpaceRow]) -> Self {
        self.space = study::places(rows);
        self
    }

    /// And those of `rows`.
    #[must_use]
    pub fn and_aggregate(mut self, rows: &[AggregateRow]) -> Self {
        self.aggregate = study::places(rows);
        self
    }

    /// Whether `case` (its id) has been measured so in `block`.
    #[must_use]
    pub fn has(&self, case: &str, block: u32, measure: Measure) -> bool {
        match measure {
            Measure::Throughput => self.throughput.contains(&(case.to_owned(), block)),
            Measure::Latency(rate) => self.latency.contains(&latency::place(case, block, rate)),
            Measure::Space => self.space.contains(&space::place(case, block)),
            Measure::Aggregate(way) => self.aggregate.contains(&aggregate::place(case, block, way)),
        }
    }
}

/// One of `of` parts of a sweep, by blocks: each part holds every cell, so that its comparisons
/// stay within blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `of`.
    pub part: u32,
    /// Number of parts.
    pub of: u32,
}

impl Shard {
    /// All of the sweep.
    pub const WHOLE: Self = Self { part: 1, of: 1 };

    /// Whether `block` is in this part.
    #[must_use]
    pub fn has(self, block: u32) -> bool {
        block % self.of == self.part - 1
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not of the form K/N with 1 <= K <= N, such as 1/4");
        let (part, of) = text.split_once('/').ok_or_else(wrong)?;
        let (part, of) = (part.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
        if part == 0 || part > of {
            return Err(wrong());
        }
        Ok(Self { part, of })
    }
}

/// Whether more blocks are worth running.
#[derive(Clone, Debug, PartialEq)]
pub enum Precision {
    /// Every cell's interval is as narrow as asked, or no width was asked for.
    Enough,
    /// The widest relative half-width, and the cell that has it.
    Wide {
        /// Relative half-width; infinite where there is no interval.
        half_width: f64,
        /// The cell's description.
        cell: String,
    },
}

/// Applies the stopping rule to what has been measured: the relative half-width of each cell's
/// interval of the median must be at most `target`.
#[must_use]
pub fn judge(rows: &[Row], metric: Rate, target: Option<f64>) -> Precision {
    let Some(target) = target else { return Precision::Enough };
    let cells = summarise(rows, metric);
    let widths = cells.iter().filter_map(|cell| {
        // A cell all of whose trials failed will not get narrower.
        let median = cell.median()?;
        let width =
            cell.interval().map_or(f64::INFINITY, |i| stats::relative_half_width(i, median));
        Some((width, cell))
    });
    match widths.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((half_width, cell)) if half_width > target => Precision::Wide {
            half_width,
            cell: format!("{} at {} threads", cell.subject, cell.row.threads),
        },
        _ => Precision::Enough,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Mix;
    use trials::aggregate::AggregateSpec;

    fn case(structure: &str, threads: usize) -> Case {
        let mix = Mix::balanced(50.0);
        Case { threads, mix, keys: 100, prefill: 50, ..Case::new(structure, "none") }
    }

    fn row(case: &Case, block: u32, rate: f64) -> Row {
        let mut row = Row::unmeasured(case, 1, block, 0);
        row.valid = true;
        row.ops_per_sec = Some(rate);
        row
    }

    #[test]
    fn a_block_holds_every_cell_once_in_its_own_order() {
        let (one, two) = (block_order(1, 0, 50), block_order(1, 1, 50));
        let mut sorted = one.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
        assert_ne!(one, two, "two blocks in the same order");
        assert_ne!(one, block_order(2, 0, 50), "the seed does not matter");
        assert_ne!(one, sorted, "not shuffled");
    }

    #[test]
    fn orders_and_seeds_are_those_on_record() {
        // If this fails, folders recorded before cannot be resumed or reproduced.
        assert_eq!(block_order(42, 0, 8), ORDER_ON_RECORD);
        assert_eq!(trial_seed(42, 0, &case("a", 1)), SEED_ON_RECORD);
    }
    const ORDER_ON_RECORD: [usize; 8] = [0, 4, 5, 1, 6, 2, 7, 3];
    const SEED_ON_RECORD: u64 = 6_315_054_652_056_252_985;

    #[test]
    fn latency_trials_follow_the_throughput_trials_before_the_shuffle() {
        let catalogue =
            crate::test_rows::catalogue(&["left-right", "chaining-a-lock", "chaining-b-lock"]);
        let parse = |latency: &str| {
            let text = format!(
                "controls = false\naxes.structure = ['left-right', 'chaining-*-lock']\n{latency}"
            );
            Experiment::parse("e.toml", &text, &catalogue).unwrap()
        };
        let without = jobs(&parse(""));
        assert_eq!(without, [0, 1, 2].map(|cell| Job { cell, measure: Measure::Throughput }));
        let with = jobs(&parse("[latency]\nrates = [100, 200]"));
        assert_eq!(with[..3], without);
        let of = |cell| [100.0, 200.0].map(|rate| Job { cell, measure: Measure::Latency(rate) });
        assert_eq!(with[3..], [of(0), of(1), of(2)].concat());
        // What has no latency of its own has throughput trials alone.
        let batched = "axes.reads = 100\naxes.batch = [16, 1]\n[latency]\nrates = 100";
        let at_rates: Vec<usize> = jobs(&parse(batched))
            .iter()
            .filter(|job| matches!(job.measure, Measure::Latency(_)))
            .map(|job| job.cell)
            .collect();
        assert_eq!(at_rates, [1, 3, 5]);
    }

    #[test]
    fn subjects_share_operations_within_a_block_only() {
        let seed = |block, case: &Case| trial_seed(42, block, case);
        assert_eq!(seed(0, &case("a", 1)), seed(0, &case("b", 1)));
        assert_ne!(seed(0, &case("a", 1)), seed(1, &case("a", 1)));
        assert_ne!(seed(0, &case("a", 1)), seed(0, &case("a", 2)));
        let batched = Case {
            batch: 16,
            huge_pages: true,
            reclaim_batch: Some(8),
            ops_per_pin: 2,
            fault: crate::fault::Fault::StalledReader,
            ..case("a", 1)
        };
        assert_eq!(seed(0, &case("a", 1)), seed(0, &batched));
        let distribution = crate::workload::Distribution::Sequential;
        let sequential = Case { distribution, ..case("a", 1) };
        assert_ne!(seed(0, &case("a", 1)), seed(0, &sequential));
        let trace = |sha256: &str| {
            let trace = crate::trace::TraceId { sha256: sha256.to_owned(), ..Default::default() };
            Case { trace: Some(trace), ..case("a", 1) }
        };
        assert_ne!(seed(0, &case("a", 1)), seed(0, &trace("1")));
        assert_ne!(seed(0, &trace("2")), seed(0, &trace("1")));
        let preset = Case { preset: "ycsb-c".to_owned(), ..case("a", 1) };
        assert_eq!(seed(0, &case("a", 1)), seed(0, &preset), "a name changes no operation");
    }

    #[test]
    fn shards_part_the_blocks() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|s| s.parse().unwrap()).to_vec();
        for block in 0..20 {
            assert_eq!(shards.iter().filter(|shard| shard.has(block)).count(), 1);
        }
        assert!((0..20).all(|block| Shard::WHOLE.has(block)));
        for wrong in ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", ""] {
            assert!(wrong.parse::<Shard>().unwrap_err().contains("K/N"), "{wrong}");
        }
    }

    #[test]
    fn done_is_per_case_and_block() {
        let measured = row(&case("a", 1), 2, 1.0);
        let at_rate = LatencyTrial::unmeasured(measured.clone(), 1e5);
        let done = Done::of(&[measured], &[]);
        assert!(done.has(&case("a", 1).id(), 2, Measure::Throughput));
        assert!(!done.has(&case("a", 1).id(), 1, Measure::Throughput));
        assert!(!done.has(&case("a", 2).id(), 2, Measure::Throughput));
        // A latency trial and a throughput trial do not stand for each other.
        assert!(!done.has(&case("a", 1).id(), 2, Measure::Latency(1e5)));
        let done = Done::of(&[], &[at_rate]);
        assert!(done.has(&case("a", 1).id(), 2, Measure::Latency(1e5)));
        assert!(!done.has(&case("a", 1).id(), 2, Measure::Latency(2e5)));
        assert!(!done.has(&case("a", 1).id(), 2, Measure::Throughput));
    }

    #[test]
    fn studies_are_done_per_case_and_block() {
        let case = case("a", 1);
        let fill = SpaceRow::failed(&case, 7, (2, 0), "out of memory".to_owned());
        let spec = AggregateSpec { case, seed: 7, way: Way::Cached, words: 9, text: None };
        let count = AggregateRow::new(&spec, (2, 0), Err("out of memory".to_owned()));
        let id = spec.case.id();
        let all = [Measure::Space, Measure::Aggregate(Way::Cached)];
        let has = |done: &Done, block| all.map(|measure| done.has(&id, block, measure));
        let filled = Done::default().and_space(std::slice::from_ref(&fill));
        assert_eq!((has(&filled, 2), has(&filled, 1)), ([true, false], [false, false]));
        let counted = Done::default().and_aggregate(&[count]);
        assert_eq!((has(&counted, 2), has(&counted, 1)), ([false, true], [false, false]));
        assert!(!counted.has(&id, 2, Measure::Aggregate(Way::Shared)));
        assert!(!counted.has(&id, 2, Measure::Throughput));
        let half = SpaceRow { steps: 2, ..fill };
        assert!(!Done::default().and_space(&[half]).has(&id, 2, Measure::Space), "half a fill");
    }

    #[test]
    fn wide_intervals_ask_for_more_blocks() {
        let (steady, shaky) = (case("steady", 1), case("shaky", 1));
        let mut rows = Vec::new();
        for block in 0..10 {
            rows.push(row(&steady, block, 100.0 + f64::from(block % 2)));
            rows.push(row(&shaky, block, 100.0 + 80.0 * f64::from(block % 2)));
        }
        assert_eq!(judge(&rows, Rate::WallRate, None), Precision::Enough);
        assert_eq!(judge(&rows[..0], Rate::WallRate, Some(0.05)), Precision::Enough);
        let Precision::Wide { half_width, cell } = judge(&rows, Rate::WallRate, Some(0.05)) else {
            panic!("the shaky cell passed");
        };
        assert!(half_width > 0.05 && cell.contains("shaky"), "{half_width} {cell}");
        assert_eq!(judge(&rows, Rate::WallRate, Some(half_width)), Precision::Enough, "at most");
        rows.retain(|row| row.structure == "steady");
        assert_eq!(judge(&rows, Rate::WallRate, Some(0.05)), Precision::Enough);
        assert!(matches!(judge(&rows[..1], Rate::WallRate, Some(0.05)), Precision::Wide { .. }));
    }
}
