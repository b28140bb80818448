//! Numbers of a machine's file, each with its source, of what was measured.

use std::collections::BTreeMap;

use virtual_cores::Number;

use crate::batches::Summary;
use crate::{Calibration, ToldCache};

/// How the source of a number begins that was not measured.
pub(crate) const NOT_MEASURED: &str = "not measured";

/// No number that was measured is surer than this: a clock's rate, and where a program is in memory, differ more from
/// run to run than the batches of one run do.
const LEAST_WITHIN: f64 = 0.05;
/// Nor is one less sure.
const MOST_WITHIN: f64 = 0.9;
/// How unsure a number is that was not measured.
const UNSURE: f64 = 0.6;

/// Readings that are numbers of the model, and what they are where they could not be measured, ns.
const MODELLED: [(&str, f64); 12] = [
    ("cycle_ns", 0.33),
    ("rmw_ns", 6.0),
    ("fence_ns", 10.0),
    ("pause_ns", 25.0),
    ("mispredict_ns", 5.0),
    ("near_load_ns", 60.0),
    ("far_load_ns", 120.0),
    ("sleep_ns", 1500.0),
    ("wake_ns", 1500.0),
    ("woken_ns", 5000.0),
    ("membarrier_ns", 3000.0),
    ("interrupt_ns", 1000.0),
];

/// Caches of which the system tells nothing: a usual first and second one.
const USUAL: [ToldCache; 2] = [ToldCache { kib: 32, ways: 8 }, ToldCache { kib: 1024, ways: 16 }];
/// And the ways of a last one.
const USUAL_WAYS: f64 = 16.0;

/// A cache's size and ways, and what the latency curve says against them.
pub(crate) struct Size {
    pub(crate) kib: Number,
    pub(crate) ways: Number,
    pub(crate) doubt: Option<String>,
}

/// What numbers are made of.
pub(crate) struct Draft<'a> {
    from: &'a Calibration,
    by: &'a str,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(from: &'a Calibration, by: &'a str) -> Self {
        Self { from, by }
    }

    /// What was measured of that name, and how.
    fn reading(&self, name: &str) -> Option<(Summary, &'a str)> {
        let reading = self.from.readings.iter().find(|reading| reading.name == name)?;
        Some((reading.summary?, &reading.how))
    }

    /// A number of so many for each ns of what was measured.
    fn measured(&self, ns: Summary, each: f64, how: &str) -> Number {
        let Summary { median, low, high, batches } = ns;
        Number {
            is: rounded((median * each).max(0.0)),
            within: Some(within(ns.spread())),
            source: format!(
                "measured by {}: {how}; median of {batches} batches, quartiles {} and {} ns",
                self.by,
                rounded(low),
                rounded(high)
            ),
        }
    }

    /// Of what was measured of that name, or a usual number.
    fn of_ns(&self, name: &str, each: f64) -> Number {
        if let Some((ns, how)) = self.reading(name) {
            return self.measured(ns, each, how);
        }
        let usual = MODELLED.iter().find(|(own, _)| *own == name).map_or(0.0, |(_, ns)| *ns);
        let absent = self.from.readings.iter().find(|reading| reading.name == name);
        let why = absent.map_or("too few cores", |reading| &reading.absent);
        not_measured(rounded(usual * each), &format!("{why}; a usual number"))
    }

    /// Nanoseconds.
    pub(crate) fn ns(&self, name: &str) -> Number {
        self.of_ns(name, 1.0)
    }

    /// The same in cycles.
    pub(crate) fn cycles(&self, name: &str) -> Number {
        self.of_ns(name, 1.0 / self.cycle_ns())
    }

    fn cycle_ns(&self) -> f64 {
        let measured = self.reading("cycle_ns").map(|(ns, _)| ns.median).filter(|ns| *ns > 0.0);
        measured.unwrap_or(MODELLED[0].1)
    }

    pub(crate) fn ghz(&self) -> Number {
        Number { is: rounded(1.0 / self.cycle_ns()), ..self.ns("cycle_ns") }
    }

    /// Cycles of a step of a chain that spans so many KiB.
    pub(crate) fn cycles_of_chain(&self, kib: f64) -> Number {
        let point = self.from.curve.below(kib * 1024.0);
        let how = format!("a chain of lines that spans {} KiB", point.bytes / 1024);
        self.measured(point.ns, 1.0 / self.cycle_ns(), &how)
    }

    pub(crate) fn memory(&self) -> Number {
        let point = self.from.curve.last();
        let how = format!(
            "a chain of lines that spans {} KiB, in pages as the system gives them, with their walks",
            point.bytes / 1024
        );
        self.measured(point.ns, 1.0, &how)
    }

    pub(crate) fn near(&self) -> Number {
        self.ns("near_load_ns")
    }

    /// `far_ns` and `far_memory_ns`. A line of a far socket that could not be measured is taken to be twice as far as a
    /// near one, at least. A far socket's memory is not measured: it is near memory, and what a far line takes more
    /// than a near one.
    pub(crate) fn far(&self, sockets: usize, memory_ns: f64, near_ns: f64) -> (Number, Number) {
        let mut far = self.ns("far_load_ns");
        if self.reading("far_load_ns").is_none() {
            far.is = rounded(far.is.max(2.0 * near_ns));
        }
        if sockets == 1 {
            let usual = "one socket: nothing is far, and the model does not ask; a usual number";
            far = not_measured(far.is, usual);
        }
        let more = (far.is - near_ns).max(0.0);
        let memory = "memory_ns, and what far_ns is more than near_ns";
        (far, not_measured(rounded(memory_ns + more), memory))
    }

    /// How many loads a core waits for at once: as often as a load in a chain takes what one beside others takes. The
    /// larger number, of memory's lines and of those that another core has written: page walks and memory's bandwidth
    /// hold up the former.
    pub(crate) fn misses(&self) -> Number {
        let memory = self.reading("memory_independent_ns").map(|(ns, _)| ns.median);
        let memory = memory.map(|ns| ("in memory", self.from.curve.last().ns.median, ns));
        let near = self.reading("near_load_ns").zip(self.reading("near_load_independent_ns"));
        let near = near.map(|((chain, _), (beside, _))| {
            ("that another core has written", chain.median, beside.median)
        });
        let both = [memory, near].into_iter().flatten().filter(|(_, _, beside)| *beside > 0.0);
        let most = both.max_by(|a, b| (a.1 / a.2).total_cmp(&(b.1 / b.2)));
        let Some((which, chain, beside)) = most else {
            return Number { within: None, ..not_measured(10.0, "a usual number") };
        };
        let source = format!(
            "measured by {}: a line {which} takes {} ns in a chain of loads, and {} ns where they depend on nothing",
            self.by,
            rounded(chain),
            rounded(beside)
        );
        Number { is: (chain / beside).round().max(1.0), within: None, source }
    }

    /// Whether updates wait for their lines side by side: if they take less than half of what they take in a chain.
    pub(crate) fn overlaps(&self) -> Number {
        let pair = self.reading("near_rmw_ns").zip(self.reading("near_rmw_independent_ns"));
        let Some(((chain, _), (beside, _))) = pair else {
            return Number { within: None, ..not_measured(0.0, "too few cores; drawn as either") };
        };
        let source = format!(
            "measured by {}: fetch_add of lines that another core has written, {} ns in a chain and {} ns beside others",
            self.by,
            rounded(chain.median),
            rounded(beside.median)
        );
        let overlaps = beside.median < 0.5 * chain.median;
        Number { is: f64::from(u8::from(overlaps)), within: Some(0.0), source }
    }

    pub(crate) fn window(&self) -> Number {
        not_measured(100.0, "about 400 instructions of a reorder buffer, 4 a cycle")
    }

    pub(crate) fn stores(&self) -> Number {
        Number { within: None, ..not_measured(64.0, "entries of a usual store buffer") }
    }

    pub(crate) fn ipc(&self) -> Number {
        not_measured(
            3.0,
            "assumed of code of hash tables between misses; --at-one-thread needs none",
        )
    }

    /// What was measured and is no number of the model.
    pub(crate) fn unmodelled(&self) -> BTreeMap<String, Number> {
        let is_modelled = |name: &str| MODELLED.iter().any(|(own, _)| *own == name);
        let others = self.from.readings.iter().filter(|reading| !is_modelled(&reading.name));
        let number = |reading: &crate::LatencyReading| {
            let number = self.measured(reading.summary?, 1.0, &reading.how);
            Some((reading.name.clone(), number))
        };
        others.filter_map(number).collect()
    }

    /// The three caches: of the sizes that the system tells, against where the curve bends. Of a last one that
    /// is not told, the size is where the curve bends.
    pub(crate) fn sizes(&self) -> [Size; 3] {
        let curve = &self.from.curve;
        let [l1, l2, llc] = self.from.told;
        let (first, second) = (l1.unwrap_or(USUAL[0]), l2.unwrap_or(USUAL[1]));
        let ns_of = |kib: f64| curve.below(kib * 1024.0).ns.median;
        let first_ns = ns_of(first.kib as f64 / 2.0);
        let second_ns = ns_of(between(first.kib as f64, second.kib as f64));
        let third_ns = |kib: f64| ns_of(between(second.kib as f64, kib));
        let memory_ns = curve.last().ns.median;
        let last = match llc {
            Some(told) => {
                let bend = curve.bend(third_ns(told.kib as f64), memory_ns);
                self.size(3, llc, told, bend)
            }
            None => self.untold(second.kib, curve.bend(second_ns, memory_ns)),
        };
        let last_ns = third_ns(last.kib.is);
        [
            self.size(1, l1, first, curve.bend(first_ns, second_ns)),
            self.size(2, l2, second, curve.bend(second_ns, last_ns)),
            last,
        ]
    }

    /// A last cache of which the system does not tell: what the largest chain spans that is before the curve bends
    /// behind the second.
    fn untold(&self, second_kib: usize, bend: Option<usize>) -> Size {
        let before = |bend: usize| self.from.curve.below(bend as f64 - 1.0).bytes / 1024;
        let kib = bend.map_or(second_kib, before).max(second_kib);
        let end = "the largest chain before the latency curve bends";
        let source = format!("measured by {}: {end}; the system tells of none", self.by);
        let doubt =
            format!("the system tells of no cache of level 3: it has the {kib} KiB of {end}");
        Size {
            kib: Number { is: kib as f64, within: None, source },
            ways: Number { within: None, ..not_measured(USUAL_WAYS, "a usual number") },
            doubt: Some(doubt),
        }
    }

    /// A cache of that level: told, or a usual one.
    fn size(
        &self,
        level: usize,
        told: Option<ToldCache>,
        is: ToldCache,
        bend: Option<usize>,
    ) -> Size {
        let disagrees = disagreement(is.kib, bend);
        let source = match (told, &disagrees) {
            (None, _) => format!(
                "{NOT_MEASURED}: the system tells of no cache of level {level}; a usual one"
            ),
            (Some(_), None) => {
                format!("/sys/devices/system/cpu, and the latency curve agrees; {}", self.by)
            }
            (Some(_), Some(how)) => format!("/sys/devices/system/cpu, but {how}; {}", self.by),
        };
        let number = |is: usize| Number { is: is as f64, within: None, source: source.clone() };
        let doubt = match (told, disagrees) {
            (None, _) => Some(format!(
                "the system tells of no cache of level {level}: a usual one is assumed"
            )),
            (Some(told), Some(how)) => {
                Some(format!("the system tells of {} KiB at level {level}, but {how}", told.kib))
            }
            (Some(_), None) => None,
        };
        Size { kib: number(is.kib), ways: number(is.ways), doubt }
    }
}

/// A size at which a chain is in the larger of two caches, and well beyond the smaller: halfway, as sizes multiply.
pub(crate) fn between(small: f64, large: f64) -> f64 {
    (small * large).sqrt()
}

/// What the curve says against a cache of so many KiB that agrees with it if it bends near its size: beyond half of
/// it, as pages share its sets unevenly, and up to four times as much, as what is out of a cache by a little still
/// finds some lines there.
fn disagreement(kib: usize, bend: Option<usize>) -> Option<String> {
    match bend.map(|bytes| bytes / 1024) {
        Some(at) if 2 * at > kib && at <= 4 * kib => None,
        Some(at) => Some(format!("the latency curve bends at {at} KiB")),
        None => Some("the latency curve does not bend".to_owned()),
    }
}

fn not_measured(is: f64, why: &str) -> Number {
    Number { is, within: Some(UNSURE), source: format!("{NOT_MEASURED}: {why}") }
}

/// To three digits.
fn rounded(number: f64) -> f64 {
    format!("{number:.2e}").parse().unwrap_or(number)
}

/// How far off a number may be, whose batches are spread so: up to the next hundredth.
fn within(spread: f64) -> f64 {
    (spread.clamp(LEAST_WITHIN, MOST_WITHIN) * 100.0).ceil() / 100.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_keep_three_digits(number in 1e-3_f64..1e9) {
            let short = rounded(number);
            prop_assert!((short / number - 1.0).abs() <= 0.005, "{} for {}", short, number);
            prop_assert!(short.to_string().trim_matches(['0', '.']).replace('.', "").len() <= 3 || short >= 1000.0);
            prop_assert_eq!(rounded(short), short);
        }

        /// No band is narrower than the batches are spread, unless that is as far as a band goes.
        #[test]
        fn a_band_holds_the_spread(spread in 0.0_f64..3.0) {
            let within = within(spread);
            prop_assert!((LEAST_WITHIN..=MOST_WITHIN).contains(&within));
            prop_assert!(within >= spread.min(MOST_WITHIN) - 1e-12 && within <= spread.max(LEAST_WITHIN) + 0.01 + 1e-12);
        }

        /// A cache agrees with a curve that bends at the first point behind it, and not with one of another size.
        #[test]
        fn a_cache_is_held_against_the_curve(kib in 16_usize..65536) {
            let first = crate::curve::sizes(1 << 30).into_iter().find(|bytes| *bytes > kib * 1024);
            prop_assert_eq!(disagreement(kib, first), None);
            for wrong in [kib / 2, kib / 5, kib * 5] {
                prop_assert!(disagreement(kib, Some(wrong * 1024)).is_some());
            }
            prop_assert!(disagreement(kib, None).is_some());
        }
    }
}
