//! What a plan can decide, before it runs: how far from 1 a ratio must be to be called.

use std::collections::BTreeMap;

use stats::{POWER, detectable, fewest_pairs};

use crate::analysis::compare::{ALPHA, Workload};
use crate::case::{Case, is_control};

/// The standard deviation of a block's log ratio where no trial says what it is: of trials that take turns on a
/// machine of two busy CPUs it was 0.04 to 0.06.
const ASSUMED: f64 = 0.05;

/// The comparisons that `bench cmp` makes of a plan's cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comparisons {
    /// The first subject.
    pub(crate) baseline: String,
    /// How many they are.
    pub(crate) count: usize,
}

impl Comparisons {
    /// With the first subject that is no control, of the other subjects under each workload that it has; `None`
    /// if there is none.
    pub(crate) fn of<'c>(cases: impl Iterator<Item = &'c Case>) -> Option<Self> {
        let mut workloads: BTreeMap<Workload, Vec<String>> = BTreeMap::new();
        let mut baseline = None;
        for case in cases.filter(|case| !case.twin && !is_control(&case.structure)) {
            baseline.get_or_insert_with(|| case.subject());
            workloads.entry(Workload::of(case)).or_default().push(case.subject());
        }
        let baseline = baseline?;
        let with_it = workloads.values().filter(|subjects| subjects.contains(&baseline));
        let count = with_it.map(|subjects| subjects.len() - 1).sum();
        (count > 0).then_some(Self { baseline, count })
    }

    /// What so many blocks can call of them, if ratios vary by `deviation` from block to block as far as earlier
    /// trials say.
    pub(crate) fn in_words(&self, blocks: u32, deviation: Option<f64>) -> String {
        let Self { baseline, count } = self;
        let of_them = match count {
            1 => format!("one comparison with {baseline}"),
            _ => format!("{count} comparisons with {baseline}"),
        };
        let used = deviation.unwrap_or(ASSUMED);
        let Some(log) = detectable(blocks as usize, *count, used, ALPHA) else {
            let fewest = fewest_pairs(ALPHA);
            return format!(
                "of {of_them} nothing can be called faster or slower: that takes {fewest} blocks at \
                 least, and these are {blocks}"
            );
        };
        let whose = match deviation {
            Some(_) => "as earlier trials of this machine did",
            None => "which is assumed: no earlier trials of this machine say otherwise",
        };
        format!(
            "of {of_them}, ratios above about {:.2} or below {:.2} are called in {:.0} % of such \
             sweeps, if a ratio varies by {:.1} % from block to block ({whose})",
            log.exp(),
            (-log).exp(),
            100.0 * POWER,
            100.0 * used
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::case;

    fn comparisons(names: &[(&str, usize)]) -> Option<(String, usize)> {
        let cases: Vec<Case> = names
            .iter()
            .map(|(name, threads)| case(name, "none", *threads, 95.0, 0.0, 64))
            .collect();
        Comparisons::of(cases.iter()).map(|found| (found.baseline, found.count))
    }

    #[test]
    fn others_are_compared_with_the_first_where_it_is() {
        let found = comparisons(&[("no-op", 1), ("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2)]);
        assert_eq!(found, Some(("a".to_owned(), 3)));
        assert_eq!(comparisons(&[("a", 1), ("b", 2), ("c", 2)]), None, "nothing is beside it");
        assert_eq!(comparisons(&[("no-op", 1), ("cpp-no-op", 1), ("sequential", 1)]), None);
        let one = case("a", "none", 1, 95.0, 0.0, 64);
        let twin = Case { twin: true, ..one.clone() };
        assert_eq!(Comparisons::of([one, twin].iter()), None);
    }

    #[test]
    fn a_plan_says_what_it_can_call() {
        let found = Comparisons { baseline: "a".to_owned(), count: 3 };
        assert!(found.in_words(5, None).contains("nothing can be called"));
        assert!(found.in_words(5, None).contains("6 blocks at least, and these are 5"));
        // By `detectable`, which is tested by itself: 0.0612.
        let said = found.in_words(10, None);
        assert!(said.contains("above about 1.06 or below 0.94 are called in 80 %"), "{said}");
        assert!(said.contains("varies by 5.0 % from block to block (which is assumed"), "{said}");
        let said = found.in_words(10, Some(0.2));
        assert!(said.contains("above about 1.28 or below 0.78"), "{said}");
        assert!(said.contains("varies by 20.0 % from block to block (as earlier trials"), "{said}");
    }
}
