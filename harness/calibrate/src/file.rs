//! A machine's file, of what was measured.

use virtual_cores::{Level, MOST_CORES, MOST_SOCKETS, MachineModel, Number};

use crate::chain::SPACING;
use crate::draft::{Draft, NOT_MEASURED, Size, between};
use crate::place::{Placement, cores_of_sockets, counts, last_caches};
use crate::{BEYOND, Calibration};

/// What is assumed where the system does not tell of sockets and cores.
const UNTOLD: &str = "the system does not tell which CPUs are of which core and socket: each that may be used is taken \
                      for a core of one socket";

/// What the file says of the machine and of the measuring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The machine's name.
    pub name: String,
    /// By what, when and on what it was measured: `bench calibrate, 2026-11-30, AMD EPYC, Linux 6.18`.
    pub by: String,
}

impl Calibration {
    /// The machine as its file has it. A number that could not be measured is a usual one; its source says so, and
    /// it is far from sure.
    #[must_use]
    pub fn machine(&self, provenance: &Provenance) -> MachineModel {
        let Provenance { name, by } = provenance;
        let draft = Draft::new(self, by);
        let (sockets, cores) = counts(&self.places);
        let source = if self.places.iter().all(|place| place.is_told) {
            format!("/sys/devices/system/cpu, of the CPUs that may be used; {by}")
        } else {
            format!("{NOT_MEASURED}: {UNTOLD}; {by}")
        };
        let counted = |is: usize| Number { is: is as f64, within: None, source: source.clone() };
        let [l1, l2, llc] = draft.sizes();
        let chains =
            [l1.kib.is / 2.0, between(l1.kib.is, l2.kib.is), between(l2.kib.is, llc.kib.is)];
        let [first, second, last] = [&l1, &l2, &llc].map(|size| size.doubt.is_none());
        let level = |size: Size, chain: f64, is_sure: bool| Level {
            kib: size.kib,
            ways: size.ways,
            cycles: draft.cycles_of_chain(chain, is_sure),
        };
        let memory_ns = draft.memory(last && !self.is_short(llc.kib.is));
        let near_ns = draft.near();
        let (far_ns, far_memory_ns) = draft.far(sockets, memory_ns.is, near_ns.is);
        MachineModel {
            name: name.clone(),
            sockets: counted(sockets),
            cores_per_socket: counted(cores),
            ghz: draft.ghz(),
            l1: level(l1, chains[0], first),
            l2: level(l2, chains[1], first && second),
            llc: level(llc, chains[2], second && last),
            memory_ns,
            far_memory_ns,
            near_ns,
            far_ns,
            window: draft.window(),
            misses: draft.misses(),
            stores: draft.stores(),
            rmw_cycles: draft.cycles("rmw_ns"),
            rmw_overlaps: draft.overlaps(),
            fence_cycles: draft.cycles("fence_ns"),
            mispredict_cycles: draft.cycles("mispredict_ns"),
            pause_cycles: draft.cycles("pause_ns"),
            ipc: draft.ipc(),
            membarrier_ns: draft.ns("membarrier_ns"),
            interrupt_ns: draft.ns("interrupt_ns"),
            sleep_ns: draft.ns("sleep_ns"),
            wake_ns: draft.ns("wake_ns"),
            woken_ns: draft.ns("woken_ns"),
            unmodelled: draft.unmodelled(),
            published: Vec::new(),
        }
    }

    /// What is doubtful of the machine, a sentence each: caches that the latency curve does not show, and what could
    /// not be measured, with the reason.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let sizes = Draft::new(self, "").sizes();
        let (largest, last) = (self.curve.last().bytes / 1024, sizes[2].kib.is);
        let mut doubts: Vec<String> = sizes.into_iter().filter_map(|size| size.doubt).collect();
        if self.is_short(last) {
            doubts.push(format!(
                "the largest chain spans {largest} KiB and uses one of {SPACING} lines, which is less than {BEYOND} \
                 times the last cache, so memory_ns is in part that of the cache"
            ));
        }
        let absent = self.readings.iter().filter(|reading| reading.summary.is_none());
        doubts.extend(
            absent.map(|reading| {
                format!("{} could not be measured: {}", reading.name, reading.absent)
            }),
        );
        doubts.extend(self.doubts_of_places());
        doubts
    }

    /// Whether the largest chain finds many of its lines in a last cache of so many KiB: they are not four times as
    /// much.
    fn is_short(&self, last_kib: f64) -> bool {
        let lines_kib = self.curve.last().bytes / 1024 / SPACING;
        (lines_kib as f64) < BEYOND as f64 * last_kib
    }

    /// What is doubtful of where its cores are.
    fn doubts_of_places(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.places.iter().any(|place| !place.is_told) {
            doubts.push(UNTOLD.to_owned());
        }
        let (there, (sockets, cores)) = (cores_of_sockets(&self.places), counts(&self.places));
        let all: usize = there.iter().sum();
        if sockets * cores < all {
            doubts.push(format!(
                "{all} cores of {} sockets may be used, and the file has {sockets} × {cores}: sockets of one size, \
                 {MOST_SOCKETS} and {MOST_CORES} cores at most",
                there.len()
            ));
        }
        let Placement { near, across, .. } = Placement::of(&self.places);
        if near.is_none() {
            let none = "no socket has two cores here: what they would do to each other's lines is not measured";
            doubts.push(none.to_owned());
        }
        let caches = last_caches(&self.places);
        if caches > 1 {
            let near = if across.is_some() { "spans one and two" } else { "is across two" };
            doubts.push(format!(
                "a socket has {caches} last caches, and the model one: llc.kib is of one, near_ns {near}"
            ));
        }
        doubts
    }

    /// The text of the machine's file: what is doubtful first, in comments.
    #[must_use]
    pub fn text(&self, provenance: &Provenance) -> String {
        let mut text = format!("# Measured by {}.\n", one_line(&provenance.by));
        text += &format!(
            "# A number whose source begins with `{NOT_MEASURED}` is a usual one, in a wide band if it is drawn.\n"
        );
        text.extend(self.doubts().iter().map(|doubt| format!("# {}.\n", one_line(doubt))));
        text + "\n" + &self.machine(provenance).to_toml()
    }
}

/// Without what would end a comment.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use trials::pin::Cpus;

    use super::*;
    use crate::batches::Summary;
    use crate::curve::{CurvePoint, LatencyCurve, sizes};
    use crate::{CpuPlace, LatencyReading, Pair, ToldCache, alone, kernel, pair};

    fn summary() -> impl Strategy<Value = Summary> {
        let numbers = (1e-2_f64..1e6, 0.0_f64..0.9, 0.0_f64..3.0, 0.0_f64..1.0, 1_usize..100);
        numbers.prop_map(|(median, below, above, share, batches)| Summary {
            median,
            low: median * (1.0 - below * share),
            high: median * (1.0 + above * share),
            batches,
        })
    }

    /// All readings that there are, some of them absent.
    fn readings() -> impl Strategy<Value = Vec<LatencyReading>> {
        let cpus = Cpus::allowed().expect("the system tells");
        let pair = Pair { first: 0, second: 1 };
        let all = alone::measurements().into_iter().chain(kernel::measurements(&cpus, pair));
        let all = all.chain(pair::measurements(&cpus, pair, "near"));
        let all = all.chain(pair::measurements(&cpus, pair, "across"));
        let all = all.chain(pair::measurements(&cpus, pair, "far"));
        let mut names: Vec<String> = all.flat_map(|one| one.names()).collect();
        names.push("memory_independent_ns".to_owned());
        let one = |name: String| {
            prop::option::weighted(0.9, summary()).prop_map(move |summary| LatencyReading {
                name: name.clone(),
                how: "some\nhow \"quoted\"".to_owned(),
                summary,
                absent: summary.map_or("nobody\ncame".to_owned(), |_| String::new()),
            })
        };
        names.into_iter().map(one).collect::<Vec<_>>()
    }

    prop_compose! {
        fn calibration()(
            places in prop_oneof![
                9 => prop::collection::vec((0_usize..2, 0_usize..40, any::<bool>()), 1..20),
                1 => prop::collection::vec((0_usize..12, 0_usize..100, any::<bool>()), 300),
            ],
            caches in 1_usize..4,
            is_told in any::<bool>(),
            told in prop::array::uniform3(prop::option::weighted(0.8, (1_usize..100_000, 1_usize..17))),
            latencies in prop::collection::vec((summary(), summary()), 31),
            readings in readings(),
        ) -> Calibration {
            let place = |(socket, core, is_cached): (usize, usize, bool)| CpuPlace {
                socket,
                core,
                is_told,
                last_cache: is_cached.then_some(core % caches),
            };
            // A cache has room for the lines of a set.
            let cache = |(kib, ways): (usize, usize)| ToldCache { kib: kib.max(ways), ways };
            let places: Vec<CpuPlace> = places.into_iter().map(place).collect();
            // What two last caches do is measured where there are two.
            let are_two = Placement::of(&places).across.is_some();
            let is_there = |own: &LatencyReading| are_two || !own.name.starts_with("across");
            let readings = readings.into_iter().filter(is_there).collect();
            let points = sizes(1 << 27).into_iter().zip(latencies);
            let point = |(bytes, (ns, cycles))| CurvePoint { bytes, ns, cycles };
            let points = points.map(point).collect();
            Calibration {
                places,
                told: told.map(|told| told.map(cache)),
                curve: LatencyCurve { points },
                readings,
            }
        }
    }

    proptest! {
        /// No number is surer than it can be known: by few batches, of a size that is in dispute, or from one run.
        #[test]
        fn what_is_hardly_known_is_unsure(calibration in calibration()) {
            let provenance = Provenance { name: "one".to_owned(), by: "a test".to_owned() };
            let machine = calibration.machine(&provenance);
            let latencies = [
                ("near_ns", &machine.near_ns),
                ("far_ns", &machine.far_ns),
                ("memory_ns", &machine.memory_ns),
                ("far_memory_ns", &machine.far_memory_ns),
            ];
            for (name, number) in latencies {
                let usual = MachineModel::usual_within(name);
                prop_assert!(usual.is_some() && number.within >= usual, "{}: {:?}", name, number);
            }
            let of = |name: &str| {
                calibration.readings.iter().find(|own| own.name == name).and_then(|own| own.summary)
            };
            let numbers = [
                ("near_load_ns", &machine.near_ns),
                ("membarrier_ns", &machine.membarrier_ns),
                ("pause_ns", &machine.pause_cycles),
                ("malloc_ns", machine.unmodelled.get("malloc_ns").unwrap_or(&machine.ipc)),
            ];
            for (name, number) in numbers {
                let are_few = of(name).is_none_or(|own| own.batches < 10);
                prop_assert!(!are_few || number.within >= Some(0.6), "{}: {:?}", name, number);
            }
            let [first, second, last] = Draft::new(&calibration, "").sizes().map(|size| size.doubt);
            let of_sizes = [
                (&machine.l1.cycles, [&first, &first]),
                (&machine.l2.cycles, [&first, &second]),
                (&machine.llc.cycles, [&second, &last]),
                (&machine.memory_ns, [&last, &last]),
            ];
            for (number, doubts) in of_sizes {
                let is_doubted = doubts.iter().any(|doubt| doubt.is_some());
                prop_assert!(!is_doubted || number.within >= Some(0.6), "{:?}: {:?}", doubts, number);
            }
            // Lines in memory and no others say how many are waited for at once.
            let memory = calibration.curve.last().ns.median;
            let beside = of("memory_independent_ns").map(|own| memory / own.median);
            let misses = beside.map_or(10.0, |ratio| ratio.round().max(1.0));
            prop_assert_eq!(machine.misses.is, misses);
            let both = of("near_rmw_ns").zip(of("near_rmw_independent_ns"));
            let is_sure = both.is_some_and(|(one, other)| one.batches.min(other.batches) >= 10);
            prop_assert_eq!(machine.rmw_overlaps.within, is_sure.then_some(0.0));
        }

        /// Whatever is measured, or not, there is a file that is read as the machine that it was written of; and what
        /// was not measured is said to be so, and has a wide band.
        #[test]
        fn whatever_is_measured_is_a_machine(calibration in calibration(), name in ".{1,20}") {
            let provenance = Provenance { name, by: "a test,\n2026".to_owned() };
            let text = calibration.text(&provenance);
            let machine = MachineModel::parse(&text);
            prop_assert!(machine.is_ok(), "{:#}\n{}", machine.unwrap_err(), text);
            let machine = machine.unwrap();
            prop_assert_eq!(&machine, &calibration.machine(&provenance));
            let reading = |name: &str| calibration.readings.iter().find(|own| own.name == name);
            let numbers = [
                ("near_load_ns", &machine.near_ns),
                ("membarrier_ns", &machine.membarrier_ns),
                ("woken_ns", &machine.woken_ns),
                ("pause_ns", &machine.pause_cycles),
            ];
            for (name, number) in numbers {
                let is_measured = reading(name).is_some_and(|own| own.summary.is_some());
                prop_assert_eq!(!number.source.starts_with(NOT_MEASURED), is_measured, "{}", name);
                prop_assert!(is_measured || number.within >= Some(0.5), "{:?}", number);
            }
            let of = |name: &str| reading(name).and_then(|own| own.summary);
            if let Some(near) = of("near_load_ns") {
                let across = of("across_load_ns").unwrap_or(near);
                let middle = f64::midpoint(near.median, across.median);
                prop_assert!((machine.near_ns.is / middle - 1.0).abs() < 0.011);
                // The band has both, as far as a band goes.
                for one in [near, across] {
                    let off = (one.median - middle).abs() + one.spread() * one.median;
                    let least = Some((off / middle).min(0.9) - 0.05);
                    prop_assert!(machine.near_ns.within >= least, "{:?}", machine.near_ns);
                }
            }
            let of_first = calibration.curve.below(machine.l1.kib.is * 1024.0 / 2.0);
            prop_assert!((machine.l1.cycles.is / of_first.cycles.median - 1.0).abs() < 0.006);
            let doubts = calibration.doubts();
            let is_told = calibration.places[0].is_told;
            prop_assert_eq!(machine.sockets.source.starts_with(NOT_MEASURED), !is_told);
            prop_assert_eq!(doubts.iter().any(|doubt| doubt == UNTOLD), !is_told);
            let all: usize = cores_of_sockets(&calibration.places).iter().sum();
            prop_assert!(machine.cores() <= all);
            let said = format!("{all} cores of ");
            prop_assert_eq!(doubts.iter().any(|doubt| doubt.starts_with(&said)), machine.cores() < all);
            let caches = last_caches(&calibration.places);
            prop_assert_eq!(doubts.iter().any(|doubt| doubt.contains(" last caches")), caches > 1);
            let said = format!("one of {caches} last caches");
            prop_assert_eq!(machine.llc.kib.source.contains(&said), caches > 1);
            for own in calibration.readings.iter().filter(|own| own.summary.is_none()) {
                prop_assert!(doubts.iter().any(|doubt| doubt.starts_with(&own.name)), "{:?}", doubts);
                prop_assert!(!machine.unmodelled.contains_key(&own.name));
            }
            // Every second line of it is used.
            let is_short = machine.llc.kib.is * 1024.0 * 4.0 > (1 << 26) as f64;
            prop_assert_eq!(doubts.iter().any(|doubt| doubt.contains("largest chain spans")), is_short);
            if calibration.told[2].is_none() {
                prop_assert!(machine.llc.kib.is >= machine.l2.kib.is);
                prop_assert!(doubts.iter().any(|doubt| doubt.contains("no cache of level 3")));
            }
            if machine.sockets.is == 1.0 {
                prop_assert!(machine.far_ns.source.starts_with(NOT_MEASURED));
            }
        }
    }
}
