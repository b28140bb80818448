//! Numbers of a machine's file, each with its source, of what was measured.

use std::collections::BTreeMap;

use virtual_cores::{MachineModel, Number};

use crate::batches::Summary;
use crate::place::last_caches;
use crate::{Calibration, ToldCache};

/// How the source of a number begins that was not measured.
pub(crate) const NOT_MEASURED: &str = "not measured";

/// No number that was measured is surer than this: a clock's rate, and where a program is in memory, differ more from
/// run to run than the batches of one run do.
const LEAST_WITHIN: f64 = 0.05;
/// Nor is one less sure: a draw stays above 0.
const MOST_WITHIN: f64 = 0.9;
/// How unsure a number is that was not measured.
const UNSURE: f64 = 0.6;
/// Of fewer batches the quartiles say little: the number is as unsure as if it had not been measured.
const FEW: usize = 10;

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
        self.measured_in("ns", ns, each, how)
    }

    /// The same of what was measured in another unit.
    fn measured_in(&self, unit: &str, batches: Summary, each: f64, how: &str) -> Number {
        let Summary { median, low, high, batches: count } = batches;
        Number {
            is: rounded((median * each).max(0.0)),
            within: Some(within_of(&batches)),
            source: format!(
                "measured by {}: {how}; median of {count} batches, quartiles {} and {} {unit}",
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

    /// Cycles of a step of a chain that spans so many KiB. It is unsure if the sizes are that this is chosen by.
    pub(crate) fn cycles_of_chain(&self, kib: f64, is_sure: bool) -> Number {
        let point = self.from.curve.below(kib * 1024.0);
        let how = format!(
            "a chain of lines that spans {} KiB, over a cycle beside each batch",
            point.bytes / 1024
        );
        sure_if(is_sure, self.measured_in("cycles", point.cycles, 1.0, &how))
    }

    /// `memory_ns`: of the largest chain. It is unsure if the last cache's size is.
    pub(crate) fn memory(&self, is_sure: bool) -> Number {
        let point = self.from.curve.last();
        let how = format!(
            "a chain of lines that spans {} KiB, in pages as the system gives them, with their walks",
            point.bytes / 1024
        );
        no_surer("memory_ns", sure_if(is_sure, self.measured(point.ns, 1.0, &how)))
    }

    /// `near_ns`: as measured between cores of one last cache. Where a socket has several, it is in the middle of that
    /// and of what was measured across two of them, and its band spans both: the model has one for each socket.
    pub(crate) fn near(&self) -> Number {
        let near = self.ns("near_load_ns");
        let both = self.reading("near_load_ns").and(self.reading("across_load_ns"));
        let Some((ns, how)) = both else { return no_surer("near_ns", near) };
        let across = self.measured(ns, 1.0, how);
        let is = rounded(f64::midpoint(near.is, across.is));
        let reach = |one: &Number| (one.is - is).abs() + one.is * one.within.unwrap_or(UNSURE);
        let off = reach(&near).max(reach(&across)) / is.max(f64::MIN_POSITIVE);
        let source = format!(
            "between cores of one last cache, {} ns, and across two, {} ns: {}; {}",
            near.is, across.is, near.source, across.source
        );
        no_surer("near_ns", Number { is, within: Some(within(off)), source })
    }

    /// `far_ns` and `far_memory_ns`. A line of a far socket that could not be measured is taken to be twice as far as a
    /// near one, at least. A far socket's memory is not measured: it is near memory, and what a far line takes more
    /// than a near one.
    pub(crate) fn far(&self, sockets: usize, memory_ns: f64, near_ns: f64) -> (Number, Number) {
        let mut far = self.ns("far_load_ns");
        if self.reading("far_load_ns").is_none() {
            far.is = rounded(far.is.max(2.0 * near_ns));
        } else {
            far.source += "; of lines whose home is the reader's socket";
        }
        if sockets == 1 {
            let usual = "of one socket nothing is far, and the model does not ask; a usual number";
            far = not_measured(far.is, usual);
        }
        let more = (far.is - near_ns).max(0.0);
        let memory = "memory_ns, and what far_ns is more than near_ns";
        let memory = not_measured(rounded(memory_ns + more), memory);
        (no_surer("far_ns", far), no_surer("far_memory_ns", memory))
    }

    /// How many loads a core waits for at once: as often as a load from memory in a chain takes what one takes whose
    /// address is known, of the same lines in the same order.
    pub(crate) fn misses(&self) -> Number {
        let beside = self.reading("memory_independent_ns").map(|(ns, _)| ns.median);
        let Some(beside) = beside.filter(|ns| *ns > 0.0) else {
            return Number { within: None, ..not_measured(10.0, "a usual number") };
        };
        let chain = self.from.curve.last().ns.median;
        let source = format!(
            "measured by {}: a line in memory takes {} ns in a chain of loads, and {} ns where they depend on nothing",
            self.by,
            rounded(chain),
            rounded(beside)
        );
        Number { is: (chain / beside).round().max(1.0), within: None, source }
    }

    /// Whether updates wait for their lines side by side: if they take less than half of what they take in a chain.
    /// Of few batches either is drawn.
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
        let is_sure = chain.batches.min(beside.batches) >= FEW;
        Number { is: f64::from(u8::from(overlaps)), within: is_sure.then_some(0.0), source }
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
        let last = self.one_of_some(last);
        let last_ns = third_ns(last.kib.is);
        [
            self.size(1, l1, first, curve.bend(first_ns, second_ns)),
            self.size(2, l2, second, curve.bend(second_ns, last_ns)),
            last,
        ]
    }

    /// The last cache; of a socket that has several, each of its numbers says so.
    fn one_of_some(&self, last: Size) -> Size {
        let caches = last_caches(&self.from.places);
        if caches == 1 {
            return last;
        }
        let said = |number: Number| {
            let source = format!("{}; one of {caches} last caches of a socket", number.source);
            Number { source, ..number }
        };
        Size { kib: said(last.kib), ways: said(last.ways), doubt: last.doubt }
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

/// The same number, and no surer than the model takes one of that name to be that does not say: the quartiles of one
/// run know nothing of what differs from run to run, and from pair of cores to pair.
fn no_surer(name: &str, number: Number) -> Number {
    at_least(MachineModel::usual_within(name).unwrap_or(0.0), number)
}

/// The same, as unsure as what was not measured unless `is_sure`.
fn sure_if(is_sure: bool, number: Number) -> Number {
    at_least(if is_sure { 0.0 } else { UNSURE }, number)
}

/// The same, drawn within so much at least.
fn at_least(least: f64, number: Number) -> Number {
    Number { within: number.within.map(|own| own.max(least)), ..number }
}

/// How far off a number may be that was measured in these batches.
fn within_of(ns: &Summary) -> f64 {
    let least = if ns.batches < FEW { UNSURE } else { LEAST_WITHIN };
    within(ns.spread()).max(least)
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
