//! The trials of each cell of a cache, taken together.

use eviction::evict::{Eviction, Visitor, for_each};
use eviction::theory::{Form, zipf};

use crate::analysis::cell::{Cell, Estimate, grouped, with_parameters};
use crate::case::Case;
use crate::rows::Row;
use crate::rows::cache::CacheRow;
use crate::workload::Distribution;

/// A cell of a cache; it is at its policy.
pub(crate) type CacheCell = Cell<CacheRow, String>;

/// With more keys than this no closed form is computed.
const MOST_KEYS: u64 = 10_000_000;

impl CacheCell {
    /// The cells of `trials`, by workload, bound and subject; `rows` say whose they are, and whether they count.
    pub(crate) fn all(trials: &[CacheRow], rows: &[Row]) -> Vec<Self> {
        let counts: std::collections::HashSet<(&str, u32)> = rows
            .iter()
            .filter(|row| row.counts())
            .map(|row| (row.case.as_str(), row.block))
            .collect();
        let known = with_parameters(trials, |trial| &trial.case, rows);
        let name = |(_, trial): &(&Row, &CacheRow)| trial.case.clone();
        let cell = |trials: Vec<(&Row, &CacheRow)>| {
            let (row, first) = trials[0];
            let valid = |(_, trial): &(&Row, &CacheRow)| {
                counts.contains(&(trial.case.as_str(), trial.block)).then(|| (*trial).clone())
            };
            Self::new(row, first.eviction.clone(), trials.iter().map(valid))
        };
        let mut cells: Vec<Self> = grouped(known, name).into_iter().map(cell).collect();
        cells.sort_by_cached_key(|cell| {
            let row = &cell.row;
            let workload = (row.keys, row.zipf.to_bits(), row.mix.reads.to_bits(), row.threads);
            (workload, cell.bytes(), row.subject(), row.case.clone())
        });
        cells
    }

    /// The bound of its memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.row.cache.map_or(0, |load| load.bytes)
    }

    pub(crate) fn hit_ratio(&self) -> Option<Estimate> {
        self.estimate(|trial| trial.hit_ratio)
    }

    pub(crate) fn byte_hit_ratio(&self) -> Option<f64> {
        self.median_of(|trial| trial.byte_hit_ratio)
    }

    pub(crate) fn hits_per_cpu_sec(&self) -> Option<Estimate> {
        self.estimate(|trial| trial.hits_per_cpu_sec)
    }

    pub(crate) fn items(&self) -> Option<f64> {
        self.median_of(|trial| Some(trial.items as f64))
    }

    pub(crate) fn evictions(&self) -> Option<f64> {
        self.median_of(|trial| trial.evictions.map(|evictions| evictions as f64))
    }

    pub(crate) fn bytes_per_item(&self) -> Option<f64> {
        self.median_of(|trial| trial.bytes_per_item)
    }

    pub(crate) fn metadata_per_item(&self) -> Option<f64> {
        self.median_of(|trial| {
            trial.metadata_bytes.map(|bytes| bytes as f64 / trial.items.max(1) as f64)
        })
    }

    /// How far the memory of the worst trial was above its bound.
    pub(crate) fn overrun(&self) -> u64 {
        self.most(|trial| Some(trial.overrun_bytes)).unwrap_or(0)
    }

    /// The hit ratio that theory has for as many items as there were, if there is a formula, and requests are
    /// independent lookups of items of one size. Theory's cache is full: there is none of one that gave nothing up.
    pub(crate) fn closed_form(&self) -> Option<f64> {
        if self.evictions() == Some(0.0) {
            return None;
        }
        let form = form(&self.at)?;
        let items = self.items()? as usize;
        Some(form.hit_ratio(&popularity(&self.row)?, items))
    }
}

/// The formula of a policy of ours.
fn form(policy: &str) -> Option<Form> {
    struct Find<'p>(&'p str, Option<Form>);
    impl Visitor for Find<'_> {
        fn visit<E: Eviction + 'static>(&mut self) {
            if E::NAME == self.0 {
                self.1 = E::FORM;
            }
        }
    }
    let mut find = Find(policy, None);
    for_each(&mut find);
    find.1
}

/// The probability of each key, if requests are independent lookups of items of one size.
fn popularity(case: &Case) -> Option<Vec<f64>> {
    let is_alike = |length: &table::Length| matches!(length, table::Length::Bytes(_));
    let lengths = case.lengths()?;
    let is_of_one_size = is_alike(&lengths.keys) && is_alike(&lengths.values);
    let is_drawn = case.trace.is_none() && case.distribution == Distribution::Ranked;
    let fits = case.mix.reads == 100.0 && case.keys <= MOST_KEYS;
    (is_of_one_size && is_drawn && fits).then(|| zipf(case.keys, case.zipf))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{cached, cached_case};

    #[test]
    fn medians_are_of_trials_that_count() {
        let case = cached_case("sharded/lru-list", 1 << 20);
        let (mut rows, trials): (Vec<Row>, Vec<CacheRow>) = [0.5, 0.7, 0.9]
            .into_iter()
            .zip(0..)
            .map(|(hits, block)| cached(&case, block, hits))
            .unzip();
        let cells = CacheCell::all(&trials, &rows);
        let [cell] = cells.as_slice() else { panic!("{cells:?}") };
        assert_eq!((cell.n(), cell.bytes(), cell.at.as_str()), (3, 1 << 20, "lru-list"));
        assert_eq!(cell.hit_ratio().unwrap().median, 0.7);
        assert_eq!((cell.items(), cell.bytes_per_item()), (Some(100.0), Some(64.0)));
        rows[2].valid = false;
        let cells = CacheCell::all(&trials, &rows);
        assert_eq!((cells[0].n(), cells[0].invalid), (2, 1));
        assert_eq!(cells[0].hit_ratio().unwrap().median, 0.6);
        assert!(CacheCell::all(&trials, &[]).is_empty());
    }

    #[test]
    fn theory_is_asked_where_it_holds() {
        let of = |change: fn(&mut Case)| {
            let mut case = cached_case("memc3/clock", 1 << 20);
            change(&mut case);
            let (row, trial) = cached(&case, 0, 0.5);
            CacheCell::all(&[trial], &[row]).remove(0)
        };
        let cell = of(|_| {});
        let expected = Form::Clock.hit_ratio(&zipf(65_536, 0.99), 100);
        assert_eq!(cell.closed_form(), Some(expected));
        for change in [
            (|case| case.structure = "memc3/sieve".to_owned()) as fn(&mut Case),
            |case| case.mix.reads = 95.0,
            |case| case.value_bytes = Some(table::Length::Etc),
            |case| case.distribution = Distribution::Sequential,
            |case| case.keys = MOST_KEYS + 1,
        ] {
            assert_eq!(of(change).closed_form(), None);
        }
        let (row, mut trial) = cached(&cached_case("memc3/clock", 1 << 20), 0, 0.5);
        trial.evictions = Some(0);
        let never_full = CacheCell::all(&[trial], &[row]).remove(0);
        assert_eq!((never_full.items(), never_full.closed_form()), (Some(100.0), None));
    }
}
