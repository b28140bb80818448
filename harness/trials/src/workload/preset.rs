//! Named workloads: each fixes the mix, the distribution of keys and the prefill.

use serde::Serialize;

use super::{Distribution, HotSet, Length};
use crate::case::{Case, Mix, room_for};

/// A workload with a name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Preset {
    /// Its name in experiment files.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Who says so.
    pub source: &'static str,
    /// How often each operation occurs.
    pub mix: Mix,
    /// Which keys they are on.
    pub distribution: Distribution,
    /// Skew of the distribution, if it has one.
    pub zipf: f64,
    /// Share of the key range that is present at the start.
    pub prefill: f64,
    /// Whether the table is made for the whole range, and not for the prefill.
    pub presized: bool,
    /// How long keys and values are, if they are byte strings.
    pub lengths: Option<(Length, Length)>,
}

const YCSB: &str = "Cooper et al., Benchmarking Cloud Serving Systems with YCSB, SoCC 2010";
const OURS: &str = "this workbench";

/// What most presets have in common, and a new one need not say.
const COMMON: Preset = Preset {
    name: "",
    summary: "",
    source: OURS,
    mix: Mix { reads: 100.0, inserts: 0.0, removes: 0.0, updates: 0.0, upserts: 0.0 },
    distribution: Distribution::Ranked,
    zipf: 0.0,
    prefill: 1.0,
    presized: false,
    lengths: None,
};

/// No operation at all, to write mixes shortly.
const NONE: Mix = Mix { reads: 0.0, ..COMMON.mix };

/// All presets, in the order of `bench list`.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "ycsb-a",
        summary: "half reads, half blind writes of keys that are there",
        source: YCSB,
        mix: Mix { reads: 50.0, upserts: 50.0, ..NONE },
        zipf: 0.99,
        ..COMMON
    },
    Preset {
        name: "ycsb-b",
        summary: "reads, and 5 % blind writes of keys that are there",
        source: YCSB,
        mix: Mix { reads: 95.0, upserts: 5.0, ..NONE },
        zipf: 0.99,
        ..COMMON
    },
    Preset { name: "ycsb-c", summary: "reads alone", source: YCSB, zipf: 0.99, ..COMMON },
    Preset {
        name: "ycsb-d",
        summary: "reads of what was inserted last, and 5 % inserts of new keys",
        source: YCSB,
        mix: Mix { reads: 95.0, inserts: 5.0, ..NONE },
        distribution: Distribution::Latest,
        zipf: 0.99,
        ..COMMON
    },
    Preset {
        name: "ycsb-f",
        summary: "half reads, half read-modify-writes, each of them atomic",
        source: YCSB,
        mix: Mix { reads: 50.0, updates: 50.0, ..NONE },
        zipf: 0.99,
        ..COMMON
    },
    Preset {
        name: "etc",
        summary: "30 reads a blind write; byte strings as long as in Facebook's pool ETC",
        source: "Atikoglu et al., Workload Analysis of a Large-Scale Key-Value Store, SIGMETRICS \
                 2012; the skew, which it shows and does not fit, is YCSB's",
        mix: Mix { reads: 100.0 * 30.0 / 31.0, upserts: 100.0 / 31.0, ..NONE },
        zipf: 0.99,
        lengths: Some((Length::Etc, Length::Etc)),
        ..COMMON
    },
    Preset {
        name: "twitter",
        summary: "14 % blind writes, keys of 36 bytes, values of 224: the median of 54 clusters",
        source: "Yang, Yue, Rashmi, A Large Scale Analysis of Hundreds of In-Memory Cache \
                 Clusters at Twitter, OSDI 2020",
        mix: Mix { reads: 86.0, upserts: 14.0, ..NONE },
        zipf: 1.21,
        lengths: Some((Length::Bytes(36), Length::Bytes(224))),
        ..COMMON
    },
    Preset {
        name: "memc3",
        summary: "reads of keys of 16 bytes, with values of 32",
        source: "Fan, Andersen, Kaminsky, MemC3, NSDI 2013: its micro-benchmarks",
        zipf: 0.99,
        lengths: Some((Length::Bytes(16), Length::Bytes(32))),
        ..COMMON
    },
    Preset { name: "read-only", summary: "reads of keys that are there", ..COMMON },
    Preset {
        name: "insert-only",
        summary: "fills a table that was made for the range, from empty, and ends when it is full",
        mix: Mix { inserts: 100.0, ..NONE },
        distribution: Distribution::Fresh,
        prefill: 0.0,
        presized: true,
        ..COMMON
    },
    Preset {
        name: "growth",
        summary: "fills the smallest table, which has to grow, and ends when the range is there",
        mix: Mix { inserts: 100.0, ..NONE },
        distribution: Distribution::Fresh,
        prefill: 0.0,
        ..COMMON
    },
    Preset {
        name: "delete-heavy",
        summary: "three removes an insert; a quarter of the range is present, and stays so",
        mix: Mix { reads: 20.0, inserts: 20.0, removes: 60.0, ..NONE },
        prefill: 0.25,
        ..COMMON
    },
    Preset {
        name: "hot-set",
        summary: "as ycsb-b, with nine tenths on a hundredth of the keys, which changes",
        mix: Mix { reads: 95.0, upserts: 5.0, ..NONE },
        distribution: Distribution::HotSet(HotSet { keys: 0.01, operations: 0.9, shift: 100_000 }),
        ..COMMON
    },
];

/// Presets that others have and no table here can run, each with the reason.
pub const REFUSED: &[(&str, &str)] =
    &[("ycsb-e", "it scans keys in their order, which a hash table does not keep")];

impl Preset {
    /// The preset of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Sets what it fixes in a case whose range of keys is set.
    pub fn apply(&self, case: &mut Case) {
        case.preset = self.name.to_owned();
        (case.mix, case.distribution, case.zipf) = (self.mix, self.distribution, self.zipf);
        case.prefill = (case.keys as f64 * self.prefill).round() as u64;
        if let Some((keys, values)) = self.lengths {
            (case.key_bytes, case.value_bytes) = (Some(keys), Some(values));
        }
        case.capacity = self.presized.then(|| room_for(case.keys));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Op, OpMix, Streams};
    use super::*;
    use crate::case::tests;

    fn case(preset: &Preset) -> Case {
        let mut case = tests::case("papaya", "none", 1, 100.0, 0.0, 10_000);
        preset.apply(&mut case);
        case
    }

    #[test]
    fn each_can_be_drawn_from_and_has_a_name_of_its_own() {
        for preset in PRESETS {
            assert_eq!(Preset::named(preset.name), Some(preset));
            assert!(!REFUSED.iter().any(|(name, _)| *name == preset.name));
            let case = case(preset);
            let mut stream = Streams::of(&case, 3).expect(preset.name).worker(0);
            stream.begin();
            let mut seen = [0_u32; Op::ALL.len()];
            stream.for_each(9000, |op, _| seen[op as usize] += 1);
            let mix = OpMix::new(&preset.mix).unwrap();
            for op in Op::ALL {
                assert_eq!(seen[op as usize] > 0, mix.has(op), "{}: {op:?}", preset.name);
            }
        }
    }

    #[test]
    fn parameters_are_the_papers() {
        let of = |name| {
            let Preset { mix, distribution, zipf, .. } = Preset::named(name).unwrap();
            let Mix { reads, inserts, removes, updates, upserts } = *mix;
            ([reads, inserts, removes, updates, upserts], distribution.name(*zipf), *zipf)
        };
        assert_eq!(of("ycsb-a"), ([50.0, 0.0, 0.0, 0.0, 50.0], "zipf", 0.99));
        assert_eq!(of("ycsb-b"), ([95.0, 0.0, 0.0, 0.0, 5.0], "zipf", 0.99));
        assert_eq!(of("ycsb-c"), ([100.0, 0.0, 0.0, 0.0, 0.0], "zipf", 0.99));
        assert_eq!(of("ycsb-d"), ([95.0, 5.0, 0.0, 0.0, 0.0], "latest", 0.99));
        assert_eq!(of("ycsb-f"), ([50.0, 0.0, 0.0, 50.0, 0.0], "zipf", 0.99));
    }

    #[test]
    fn prefill_and_capacity_follow_from_the_range() {
        let of = |name| {
            let case = case(Preset::named(name).unwrap());
            (case.prefill, case.capacity)
        };
        assert_eq!(of("ycsb-a"), (10_000, None));
        assert_eq!(of("delete-heavy"), (2_500, None));
        assert_eq!(of("growth"), (0, None));
        assert_eq!(of("insert-only"), (0, Some(11_314)));
    }
}
