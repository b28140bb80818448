//! `[mix]` of an experiment file: what operations are that are no lookups.

use anyhow::{Context, ensure};
use serde::Deserialize;

/// Its keys: percentages of what the lookups leave; or of all operations, if it has `reads`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Shares {
    reads: Option<f64>,
    inserts: f64,
    removes: f64,
    updates: f64,
    upserts: f64,
}

/// What operations are that are no lookups: upserts; and insertions and removals, as many of each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Changes {
    /// The percentage of lookups, where there is no axis of that name.
    pub(crate) reads: Option<f64>,
    /// The share of upserts among them, from 0 to 1.
    upserts: f64,
}

impl Changes {
    /// Without a `[mix]`.
    pub(crate) const HALVES: Self = Self { reads: None, upserts: 0.0 };

    /// What a `[mix]` says.
    ///
    /// # Errors
    ///
    /// It has other keys, its numbers are no percentages that sum to 100, or it asks for what is not modelled.
    pub(crate) fn read(mix: &toml::Value) -> anyhow::Result<Self> {
        let shares: Shares = mix.clone().try_into().context("[mix]")?;
        let Shares { reads, inserts, removes, updates, upserts } = shares;
        let all = [reads.unwrap_or(0.0), inserts, removes, updates, upserts];
        let are_percentages = all.iter().all(|share| (0.0..=100.0).contains(share));
        ensure!(are_percentages, "[mix]: each of its numbers is a percentage");
        let sum: f64 = all.iter().sum();
        ensure!((sum - 100.0).abs() < 1e-9, "[mix]: the percentages sum to {sum}, not 100");
        ensure!(
            updates == 0.0 && (inserts - removes).abs() < 1e-9,
            "[mix]: updates, and other shares of inserts and removes than equal ones, are not modelled: upserts are, \
             and as many inserts as removes"
        );
        let changes = inserts + removes + upserts;
        let upserts = if changes > 0.0 { upserts / changes } else { 0.0 };
        Ok(Self { reads, upserts })
    }

    /// The percentage of upserts where `reads` percent are lookups: without what the division left over, since cells
    /// are told apart by it, and published curves are found by it.
    pub(crate) fn upserts(self, reads: f64) -> f64 {
        let share = self.upserts * (100.0 - reads);
        (share * 1e9).round() / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(text: &str) -> anyhow::Result<Changes> {
        let table: toml::Table = toml::from_str(text).expect("it is TOML");
        Changes::read(&toml::Value::Table(table))
    }

    #[test]
    fn shares_are_of_what_lookups_leave_or_of_all() {
        for (text, reads, upserts) in [
            ("upserts = 100", None, [(90.0, 10.0), (0.0, 100.0), (100.0, 0.0)]),
            ("inserts = 50\nremoves = 50", None, [(90.0, 0.0), (0.0, 0.0), (100.0, 0.0)]),
            (
                "inserts = 25\nremoves = 25\nupserts = 50",
                None,
                [(90.0, 5.0), (0.0, 50.0), (100.0, 0.0)],
            ),
            ("reads = 90\nupserts = 10", Some(90.0), [(90.0, 10.0); 3]),
            ("reads = 80\ninserts = 5\nremoves = 5\nupserts = 10", Some(80.0), [(80.0, 10.0); 3]),
            ("reads = 100", Some(100.0), [(100.0, 0.0); 3]),
        ] {
            let changes = mix(text).expect(text);
            assert_eq!(changes.reads, reads, "{text}");
            for (reads, upserts) in upserts {
                let told = changes.upserts(reads);
                assert!((told - upserts).abs() < 1e-9, "{text} at {reads}: {told}");
            }
        }
        let halves = mix("inserts = 50\nremoves = 50").expect("both are there");
        assert_eq!(halves, Changes::HALVES);
    }

    #[test]
    fn shares_of_all_are_as_they_are_written() {
        for (reads, upserts) in [(0.0, 7.0), (1.0, 13.0), (0.0, 57.0), (90.0, 2.5)] {
            let half = (100.0 - reads - upserts) / 2.0;
            let text = format!(
                "reads = {reads:?}\ninserts = {half:?}\nremoves = {half:?}\nupserts = {upserts:?}"
            );
            assert_eq!(mix(&text).expect(&text).upserts(reads), upserts, "{text}");
        }
    }

    #[test]
    fn what_is_not_modelled_is_refused() {
        for (text, expected) in [
            ("upserts = 90", "sum to 90, not 100"),
            ("reads = 90\nupserts = 20", "sum to 110, not 100"),
            ("upserts = 101\ninserts = -1", "is a percentage"),
            ("upserts = nan", "is a percentage"),
            ("updates = 100", "are not modelled"),
            ("inserts = 100", "are not modelled"),
            ("inserts = 20\nremoves = 30\nupserts = 50", "are not modelled"),
            ("scans = 100", "scans"),
        ] {
            let error = format!("{:#}", mix(text).expect_err(text));
            assert!(error.contains("[mix]") && error.contains(expected), "{text}: {error}");
        }
    }
}
