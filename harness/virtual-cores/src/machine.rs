//! A machine: its cores, caches and latencies, as a file says them, each number with its source.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

/// The most cores a machine can have here: the holders of a line are a set of so many bits.
pub const MOST_CORES: usize = 256;
/// The most sockets.
pub const MOST_SOCKETS: usize = 8;
/// Bytes of a cache line.
pub const LINE: usize = 64;

/// A number, and where it is from. `number = { is = 36.0, source = "…" }`; a number without a source is
/// refused. `within = 0.1` says how far off it may be, as a share of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// The number.
    pub is: f64,
    /// A draw is at most so much above or below it, as a share: from 0, which is known, to below 1. Of a count,
    /// of `rmw_overlaps` and of `spread`, 0 alone. If it is not said, what the model draws anyway is drawn as
    /// [`MachineModel::drawn`] says, and other numbers are not.
    pub within: Option<f64>,
    /// Where it is from.
    pub source: String,
}

/// Numbers that must be above 0, by the last part of their names.
const POSITIVE: [&str; 4] = ["ghz", "kib", "window", "ipc"];
/// Numbers that must be whole, and 1 at least, by the last part of their names.
const COUNTED: [&str; 8] =
    ["sockets", "cores_per_socket", "ways", "misses", "stores", "cached", "given_back", "taken"];
/// Numbers that choose one of two ways.
const CHOSEN: [&str; 2] = ["rmw_overlaps", "spread"];
/// Numbers that are drawn in any case, and within which share of theirs if they do not say.
const UNCERTAIN: [(&str, f64); 5] = [
    ("near_ns", 0.3),
    ("far_ns", 0.4),
    ("memory_ns", 0.4),
    ("far_memory_ns", 0.4),
    ("window", 0.5),
];

impl Number {
    fn check(&self, name: &str) -> anyhow::Result<()> {
        let is = self.is;
        ensure!(is.is_finite() && is >= 0.0, "{name} is {is}");
        ensure!(!self.source.trim().is_empty(), "{name} has no source");
        let last = name.rsplit('.').next().unwrap_or(name);
        ensure!(!POSITIVE.contains(&last) || is > 0.0, "{name} is 0");
        let (is_counted, is_count) = (COUNTED.contains(&last), is >= 1.0 && is.fract() == 0.0);
        ensure!(!is_counted || is_count, "{name} is {is}: a whole number from 1 up");
        let within = self.within.unwrap_or(0.0);
        ensure!((0.0..1.0).contains(&within), "{name} is within {within}: from 0 to below 1");
        let is_drawn = !is_counted && !CHOSEN.contains(&last);
        ensure!(is_drawn || within == 0.0, "{name} is not drawn within {within}: 0, or nothing");
        Ok(())
    }
}

/// A cache.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Its size.
    pub kib: Number,
    /// The lines of a set.
    pub ways: Number,
    /// From a load's start until what depends on it can start.
    pub cycles: Number,
}

impl Level {
    /// The number of sets.
    #[must_use]
    pub fn sets(&self) -> usize {
        (self.kib.is as usize * 1024 / LINE / self.ways.is as usize).max(1)
    }
}

/// An allocator whose heaps are those of cores.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllocatorModel {
    /// Free blocks of one size that a core keeps to itself.
    pub cached: Number,
    /// Of these it gives so many back at once, the oldest, when it has no room for one more.
    pub given_back: Number,
    /// So many it takes at once of its own arena, when it has none.
    pub taken: Number,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineModel {
    /// What it is.
    pub name: String,
    /// Its sockets.
    pub sockets: Number,
    /// Cores of a socket.
    pub cores_per_socket: Number,
    /// 1 if threads go to the sockets in turn, as a scheduler deals out threads that are bound to no core; 0, or
    /// not said, if they fill one socket after the other.
    pub spread: Option<Number>,
    /// The clock. It does not change with the number of busy cores.
    pub ghz: Number,
    /// The first cache of a core.
    pub l1: Level,
    /// The second.
    pub l2: Level,
    /// The last, of a socket.
    pub llc: Level,
    /// From memory of the core's own socket, ns.
    pub memory_ns: Number,
    /// From memory of another socket, ns.
    pub far_memory_ns: Number,
    /// A line that is dirty in another core of the socket, ns.
    pub near_ns: Number,
    /// A line that is dirty, or shared, in another socket, ns.
    pub far_ns: Number,
    /// Cycles of later work that a core can begin before a load has come.
    pub window: Number,
    /// Loads that a core can wait for at once.
    pub misses: Number,
    /// Stores that can wait for their lines.
    pub stores: Number,
    /// A read-modify-write of a line that the core has, cycles.
    pub rmw_cycles: Number,
    /// 1 if read-modify-writes wait for their lines side by side, as loads do; 0 if one after the other.
    pub rmw_overlaps: Number,
    /// A full fence, cycles, beside waiting for what it waits for.
    pub fence_cycles: Number,
    /// A mispredicted branch, cycles, from when what it depends on has come.
    pub mispredict_cycles: Number,
    /// A `pause` in a loop that waits, cycles.
    pub pause_cycles: Number,
    /// Instructions that a core does in a cycle, where nothing is waited for.
    pub ipc: Number,
    /// `membarrier(2)`, for who calls it, ns.
    pub membarrier_ns: Number,
    /// The same for each core that runs meanwhile, ns.
    pub interrupt_ns: Number,
    /// To go to sleep for a lock, ns.
    pub sleep_ns: Number,
    /// To wake a sleeper, for who wakes it, ns.
    pub wake_ns: Number,
    /// From then until the sleeper runs, ns.
    pub woken_ns: Number,
    /// The allocator that programs have there, if one is modelled.
    pub allocator: Option<AllocatorModel>,
    /// What else is known of it, by name and unit: the model has no use for it.
    #[serde(default)]
    pub unmodelled: BTreeMap<String, Number>,
    /// What is published of tables on it.
    #[serde(default)]
    pub published: Vec<PublishedCurve>,
}

/// Rates of a table that somebody has published.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedCurve {
    /// Of what, and where it stands.
    pub of: String,
    /// Our table that is most like it.
    pub structure: String,
    /// Its reclamation scheme, or `none`.
    pub reclaimer: String,
    /// Percentage of lookups.
    pub reads: f64,
    /// Percentage of upserts. What neither is, is insertions and removals, as many of each.
    #[serde(default)]
    pub upserts: f64,
    /// Skew.
    pub zipf: f64,
    /// Keys.
    pub keys: u64,
    /// Numbers of threads, ascending.
    pub threads: Vec<usize>,
    /// Million operations a second, at each.
    pub mops: Vec<f64>,
}

impl PublishedCurve {
    /// What tells the cells of curves apart.
    fn cell(&self) -> (&str, &str, [f64; 3], u64) {
        let numbers = [self.reads, self.upserts, self.zipf];
        (&self.structure, &self.reclaimer, numbers, self.keys)
    }

    fn check(&self, cores: usize) -> anyhow::Result<()> {
        let Self { of, threads, mops, reads, upserts, .. } = self;
        ensure!(!of.trim().is_empty(), "a published curve has an empty `of`");
        let are_shares = *reads >= 0.0 && *upserts >= 0.0 && reads + upserts <= 100.0;
        ensure!(are_shares, "{of}: reads = {reads} and upserts = {upserts} are percentages");
        let (points, rates) = (threads.len(), mops.len());
        ensure!(points == rates, "{of}: {points} numbers of threads and {rates} rates");
        ensure!(threads.is_sorted_by(|a, b| a < b), "{of}: threads are not ascending");
        let is_there = |threads: &usize| (1..=cores).contains(threads);
        ensure!(threads.iter().all(is_there), "{of}: threads are from 1 to {cores}, the cores");
        let is_rate = |rate: &f64| rate.is_finite() && *rate > 0.0;
        ensure!(mops.iter().all(is_rate), "{of}: a rate is above 0");
        Ok(())
    }

    /// Operations a second at so many threads, if they are published.
    #[must_use]
    pub fn at(&self, threads: usize) -> Option<f64> {
        let place = self.threads.iter().position(|own| *own == threads)?;
        Some(self.mops[place] * 1e6)
    }
}

impl MachineModel {
    /// Reads a machine's file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no machine: says what is wrong, and in which line if it is one's.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no machine", path.display()))
    }

    /// A machine of the text of its file.
    ///
    /// # Errors
    ///
    /// As of [`read`](Self::read).
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let machine: Self = toml::from_str(text)?;
        machine.check()?;
        Ok(machine)
    }

    fn check(&self) -> anyhow::Result<()> {
        for (name, number) in self.numbers() {
            number.check(name)?;
        }
        for (name, number) in &self.unmodelled {
            number.check(name)?;
        }
        let overlaps = self.rmw_overlaps.is;
        ensure!([0.0, 1.0].contains(&overlaps), "rmw_overlaps is {overlaps}: 0 or 1");
        let spread = self.spread.as_ref().map_or(0.0, |spread| spread.is);
        ensure!([0.0, 1.0].contains(&spread), "spread is {spread}: 0 or 1");
        let (sockets, cores) = (self.sockets.is, self.sockets.is * self.cores_per_socket.is);
        ensure!(sockets <= MOST_SOCKETS as f64, "{sockets} sockets: at most {MOST_SOCKETS}");
        ensure!(cores <= MOST_CORES as f64, "{cores} cores: at most {MOST_CORES}");
        for (name, level) in [("l1", &self.l1), ("l2", &self.l2), ("llc", &self.llc)] {
            let (kib, ways) = (level.kib.is, level.ways.is);
            ensure!(kib * 1024.0 >= ways * LINE as f64, "{name} of {kib} KiB has no {ways} lines");
        }
        if let Some(AllocatorModel { cached, given_back, taken }) = &self.allocator {
            for (name, moved) in [("given_back", given_back.is), ("taken", taken.is)] {
                let cached = cached.is;
                ensure!(
                    moved <= cached,
                    "allocator.{name} is {moved}: at most {cached}, as are cached"
                );
            }
        }
        for (at, curve) in self.published.iter().enumerate() {
            curve.check(self.cores())?;
            let before = self.published[..at].iter().find(|other| other.cell() == curve.cell());
            if let Some(other) = before {
                let (structure, reclaimer, [reads, upserts, zipf], keys) = curve.cell();
                bail!(
                    "{} and {}: both are published of {structure}, {reclaimer}, reads = {reads}, \
                     upserts = {upserts}, zipf = {zipf}, keys = {keys}: one curve for a cell",
                    other.of,
                    curve.of
                );
            }
        }
        Ok(())
    }

    /// What predictions follow from, and nothing else: without the sources of its numbers, what the model has no use
    /// for, and what is published. Files of which it is the same value are of one machine.
    #[must_use]
    pub fn as_modelled(&self) -> Self {
        let mut own = self.clone();
        own.unmodelled.clear();
        own.published.clear();
        own.numbers_mut().into_iter().for_each(|(_, number)| number.source.clear());
        own
    }

    /// Its numbers by name.
    pub(crate) fn numbers(&self) -> Vec<(&'static str, Number)> {
        let mut own = self.clone();
        own.numbers_mut().into_iter().map(|(name, number)| (name, number.clone())).collect()
    }

    /// The same, to be changed.
    fn numbers_mut(&mut self) -> Vec<(&'static str, &mut Number)> {
        let mut numbers = vec![
            ("sockets", &mut self.sockets),
            ("cores_per_socket", &mut self.cores_per_socket),
            ("ghz", &mut self.ghz),
            ("l1.kib", &mut self.l1.kib),
            ("l1.ways", &mut self.l1.ways),
            ("l1.cycles", &mut self.l1.cycles),
            ("l2.kib", &mut self.l2.kib),
            ("l2.ways", &mut self.l2.ways),
            ("l2.cycles", &mut self.l2.cycles),
            ("llc.kib", &mut self.llc.kib),
            ("llc.ways", &mut self.llc.ways),
            ("llc.cycles", &mut self.llc.cycles),
            ("memory_ns", &mut self.memory_ns),
            ("far_memory_ns", &mut self.far_memory_ns),
            ("near_ns", &mut self.near_ns),
            ("far_ns", &mut self.far_ns),
            ("window", &mut self.window),
            ("misses", &mut self.misses),
            ("stores", &mut self.stores),
            ("rmw_cycles", &mut self.rmw_cycles),
            ("rmw_overlaps", &mut self.rmw_overlaps),
            ("fence_cycles", &mut self.fence_cycles),
            ("mispredict_cycles", &mut self.mispredict_cycles),
            ("pause_cycles", &mut self.pause_cycles),
            ("ipc", &mut self.ipc),
            ("membarrier_ns", &mut self.membarrier_ns),
            ("interrupt_ns", &mut self.interrupt_ns),
            ("sleep_ns", &mut self.sleep_ns),
            ("wake_ns", &mut self.wake_ns),
            ("woken_ns", &mut self.woken_ns),
        ];
        numbers.extend(self.spread.as_mut().map(|spread| ("spread", spread)));
        if let Some(AllocatorModel { cached, given_back, taken }) = &mut self.allocator {
            numbers.extend([
                ("allocator.cached", cached),
                ("allocator.given_back", given_back),
                ("allocator.taken", taken),
            ]);
        }
        numbers
    }

    /// The number of cores.
    #[must_use]
    pub fn cores(&self) -> usize {
        self.sockets.is as usize * self.cores_per_socket.is as usize
    }

    /// The socket of a core. Thread n runs on core n.
    #[must_use]
    pub fn socket_of(&self, core: usize) -> usize {
        match &self.spread {
            Some(spread) if spread.is == 1.0 => core % self.sockets.is as usize,
            _ => core / self.cores_per_socket.is as usize,
        }
    }

    /// Nanoseconds as cycles.
    #[must_use]
    pub fn cycles(&self, ns: &Number) -> u64 {
        (ns.is * self.ghz.is).round() as u64
    }

    /// The machine with its uncertain numbers drawn anew: for the band of a prediction. Draw 0 is the
    /// machine as it is. Each number is drawn within what it says of itself; if it does not, `near_ns` is drawn
    /// within 30 %, `far_ns`, `memory_ns` and `far_memory_ns` within 40 %, `window` within 50 %, and
    /// `rmw_overlaps` is either. Draws 1 and 2 are a pair, 3 and 4, and so on: as far as a number is above the
    /// machine's in one of them, it is below in the other. So an even number of draws has each number as often
    /// above as below. The name says which draw it is.
    #[must_use]
    pub fn drawn(&self, draw: u64) -> Self {
        let mut drawn = self.clone();
        if draw == 0 {
            return drawn;
        }
        drawn.name = format!("{}, draw {draw}", self.name);
        let pair = draw.div_ceil(2);
        let sign = if draw % 2 == 1 { 1.0 } else { -1.0 };
        let mut state = pair;
        // Uniform from −1 to 1 (SplitMix64).
        let mut uniform = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((word ^ (word >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        };
        let mut numbers = drawn.numbers_mut();
        let usual = |name: &str| UNCERTAIN.iter().position(|(uncertain, _)| *uncertain == name);
        // Those that are drawn in any case come first: what others say does not change their draws.
        numbers.sort_by_key(|(name, _)| usual(name).unwrap_or(UNCERTAIN.len()));
        for (name, number) in numbers {
            let unsaid = usual(name).map(|at| UNCERTAIN[at].1);
            if let Some(within) = number.within.or(unsaid) {
                number.is *= 1.0 + within * sign * uniform();
            }
        }
        if drawn.rmw_overlaps.within.is_none() {
            drawn.rmw_overlaps.is = (pair % 2) as f64;
        }
        drawn
    }
}

impl fmt::Display for MachineModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sockets, cores) = (self.sockets.is, self.cores_per_socket.is);
        write!(f, "{}: {sockets} × {cores} cores at {} GHz", self.name, self.ghz.is)
    }
}
