//! A machine's file, of what was measured.

use virtual_cores::{Level, MachineModel, Number};

use crate::Calibration;
use crate::draft::{Draft, NOT_MEASURED, Size, between};
use crate::place::{Placement, counts};

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
        let counted = |is: usize| Number {
            is: is as f64,
            within: None,
            source: format!("/sys/devices/system/cpu, of the CPUs that may be used; {by}"),
        };
        let [l1, l2, llc] = draft.sizes();
        let chains =
            [l1.kib.is / 2.0, between(l1.kib.is, l2.kib.is), between(l2.kib.is, llc.kib.is)];
        let level = |size: Size, chain: f64| Level {
            kib: size.kib,
            ways: size.ways,
            cycles: draft.cycles_of_chain(chain),
        };
        let memory_ns = draft.memory();
        let near_ns = draft.near();
        let (far_ns, far_memory_ns) = draft.far(sockets, memory_ns.is, near_ns.is);
        MachineModel {
            name: name.clone(),
            sockets: counted(sockets),
            cores_per_socket: counted(cores),
            spread: None,
            ghz: draft.ghz(),
            l1: level(l1, chains[0]),
            l2: level(l2, chains[1]),
            llc: level(llc, chains[2]),
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
            allocator: None,
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
        if (largest as f64) < 2.0 * last {
            doubts.push(format!(
                "the largest chain spans {largest} KiB, so memory_ns is in part that of the last cache"
            ));
        }
        let absent = self.readings.iter().filter(|reading| reading.summary.is_none());
        doubts.extend(
            absent.map(|reading| {
                format!("{} could not be measured: {}", reading.name, reading.absent)
            }),
        );
        if Placement::of(&self.places).near.is_none() {
            let none = "no socket has two cores here: what they would do to each other's lines is not measured";
            doubts.push(none.to_owned());
        }
        doubts
    }

    /// The text of the machine's file: what is doubtful first, in comments.
    #[must_use]
    pub fn text(&self, provenance: &Provenance) -> String {
        let mut text = format!("# Measured by {}.\n", one_line(&provenance.by));
        text += &format!(
            "# A number whose source begins with `{NOT_MEASURED}` is a usual one, in a wide band.\n"
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
        (1e-2_f64..1e6, 0.0_f64..0.9, 0.0_f64..3.0).prop_map(|(median, below, above)| Summary {
            median,
            low: median * (1.0 - below),
            high: median * (1.0 + above),
            batches: 100,
        })
    }

    /// All readings that there are, some of them absent.
    fn readings() -> impl Strategy<Value = Vec<LatencyReading>> {
        let cpus = Cpus::allowed().expect("the system tells");
        let pair = Pair { first: 0, second: 1 };
        let all = alone::measurements().into_iter().chain(kernel::measurements(&cpus, pair));
        let all = all.chain(pair::measurements(&cpus, pair, "near"));
        let all = all.chain(pair::measurements(&cpus, pair, "far"));
        let names: Vec<String> = all.flat_map(|one| one.names()).collect();
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
            places in prop::collection::vec((0_usize..2, 0_usize..40), 1..20),
            told in prop::array::uniform3(prop::option::weighted(0.8, (1_usize..100_000, 1_usize..17))),
            latencies in prop::collection::vec(summary(), 31),
            readings in readings(),
        ) -> Calibration {
            let place = |(socket, core)| CpuPlace { socket, core };
            // A cache has room for the lines of a set.
            let cache = |(kib, ways): (usize, usize)| ToldCache { kib: kib.max(ways), ways };
            let points = sizes(1 << 27).into_iter().zip(latencies);
            let points = points.map(|(bytes, ns)| CurvePoint { bytes, ns }).collect();
            Calibration {
                places: places.into_iter().map(place).collect(),
                told: told.map(|told| told.map(cache)),
                curve: LatencyCurve { points },
                readings,
            }
        }
    }

    proptest! {
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
            let near = reading("near_load_ns").and_then(|own| own.summary);
            if let Some(near) = near {
                prop_assert!((machine.near_ns.is / near.median - 1.0).abs() < 0.006);
                let spread = near.spread().min(0.9);
                prop_assert!(machine.near_ns.within >= Some(spread - 1e-9), "{:?}", machine.near_ns);
            }
            let doubts = calibration.doubts();
            for own in calibration.readings.iter().filter(|own| own.summary.is_none()) {
                prop_assert!(doubts.iter().any(|doubt| doubt.starts_with(&own.name)), "{:?}", doubts);
                prop_assert!(!machine.unmodelled.contains_key(&own.name));
            }
            let is_short = machine.llc.kib.is * 1024.0 * 2.0 > (1 << 27) as f64;
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
