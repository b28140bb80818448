//! How far tables scale: the Universal Scalability Law, fitted to each subject under each workload.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;
use stats::{FEWEST_COUNTS, UslFit};

use crate::analysis::compare::{Contender, Workload};

/// The law of one subject under one workload.
#[derive(Clone, Debug)]
pub struct Scaling {
    /// The subject's name.
    pub subject: String,
    /// The workload, at any number of threads.
    pub workload: Workload,
    /// What was fitted.
    pub fit: UslFit,
    /// The numbers of threads that it was fitted to, ascending.
    pub threads: Vec<usize>,
    /// Whether there are more of them than CPUs: σ and κ then hold what it costs to share those.
    pub is_oversubscribed: bool,
    /// Blocks with a trial that counts at each of them.
    pub blocks: usize,
}

/// Fits the law to every subject of `cells` under every workload, and says which it cannot fit.
///
/// Numbers of threads above the number of `cpus` are left out where enough others are left: the law
/// is of threads that run at the same time.
#[must_use]
pub fn scalings(cells: &[Contender], cpus: usize) -> (Vec<Scaling>, Vec<String>) {
    let mut curves: BTreeMap<(Workload, &str), Vec<&Contender>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| !cell.trials.is_empty()) {
        let workload = Workload::of(&cell.row).of_any_threads();
        curves.entry((workload, &cell.subject)).or_default().push(cell);
    }
    let fitted: Vec<Result<Scaling, (String, String)>> = curves
        .into_par_iter()
        .map(|((workload, subject), cells)| {
            let name = format!("{subject} {workload}");
            scaling(subject, workload, cells, cpus).map_err(|why| (why, name))
        })
        .collect();
    let (mut scalings, mut refused) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
    for result in fitted {
        match result {
            Ok(scaling) => scalings.push(scaling),
            Err((why, name)) => refused.entry(why).or_default().push(name),
        }
    }
    let in_words = |(why, names): (String, Vec<String>)| match names.as_slice() {
        [one] => format!("{one}: {why}"),
        [first, rest @ ..] => format!("{first} and {} more: {why}", rest.len()),
        [] => why,
    };
    (scalings, refused.into_iter().map(in_words).collect())
}

fn scaling(
    subject: &str,
    workload: Workload,
    mut cells: Vec<&Contender>,
    cpus: usize,
) -> Result<Scaling, String> {
    cells.sort_by_key(|cell| cell.row.threads);
    let within = cells.iter().filter(|cell| cell.row.workers() <= cpus).count();
    if within >= FEWEST_COUNTS {
        cells.retain(|cell| cell.row.workers() <= cpus);
    }
    let threads: Vec<usize> = cells.iter().map(|cell| cell.row.threads).collect();
    let counts: Vec<f64> = threads.iter().map(|n| *n as f64).collect();
    let blocks = complete_blocks(&cells);
    Ok(Scaling {
        fit: stats::fit_blocks(&counts, &blocks)?,
        subject: subject.to_owned(),
        workload,
        is_oversubscribed: cells.len() > within,
        threads,
        blocks: blocks.len(),
    })
}

/// The rates of the cells in each block in which all have one.
fn complete_blocks(cells: &[&Contender]) -> Vec<Vec<f64>> {
    let rates: Vec<HashMap<(usize, u32), f64>> = cells
        .iter()
        .map(|cell| cell.trials.iter().map(|trial| (trial.block, trial.rate)).collect())
        .collect();
    let blocks: BTreeSet<(usize, u32)> = rates.iter().flat_map(HashMap::keys).copied().collect();
    let of_block = |block| rates.iter().map(|cell| cell.get(&block).copied()).collect();
    blocks.into_iter().filter_map(of_block).collect()
}

impl Scaling {
    /// λ, σ and κ with their intervals: "λ 12.3 (11.9–12.8) Mops/s, σ 0.031 (0.020–0.052), …".
    #[must_use]
    pub fn in_words(&self) -> String {
        let [lambda, sigma, kappa] = self.coefficients();
        format!("λ {lambda} Mops/s, σ {sigma}, κ {kappa}")
    }

    /// λ in Mops/s, σ and κ, each with its interval.
    #[must_use]
    pub fn coefficients(&self) -> [String; 3] {
        let law = self.fit.law;
        let shown = |i: usize, value: f64, show: fn(f64) -> String| {
            let interval = self.fit.intervals.map_or_else(String::new, |intervals| {
                format!(" ({}–{})", show(intervals[i].0), show(intervals[i].1))
            });
            show(value) + &interval
        };
        let mops = |rate: f64| crate::analysis::compare::words::factor(rate / 1e6);
        [shown(0, law.lambda, mops), shown(1, law.sigma, short), shown(2, law.kappa, short)]
    }

    /// The number of threads that the law says to be best.
    #[must_use]
    pub fn peak(&self) -> String {
        self.fit.law.peak().map_or_else(|| "none".to_owned(), |peak| format!("{peak:.1}"))
    }
}

/// A coefficient to a digit or more.
fn short(value: f64) -> String {
    match value {
        _ if value == 0.0 => "0".to_owned(),
        _ if value < 1e-3 => format!("{value:.0e}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::cells;
    use crate::analysis::throughput::Rate;
    use crate::rows::Row;
    use crate::test_rows::{trial, with};
    use stats::Usl;

    const LAW: Usl = Usl { lambda: 2e6, sigma: 0.1, kappa: 0.01 };

    fn rows(threads: &[usize]) -> Vec<Row> {
        let row = |&n: &usize, block: u32| {
            let noise = 1.0 + 0.01 * f64::from((block * 3 + n as u32) % 4);
            trial("papaya", n, block, LAW.rate(n as f64) * noise)
        };
        (0..6).flat_map(|block| threads.iter().map(move |n| row(n, block))).collect()
    }

    fn fitted(rows: &[Row], cpus: usize) -> (Vec<Scaling>, Vec<String>) {
        scalings(&cells(&[rows], Rate::WallRate), cpus)
    }

    #[test]
    fn each_subject_and_workload_has_a_law() {
        let mut all = rows(&[1, 2, 4, 8]);
        all.extend(all.clone().into_iter().map(|row| {
            with(&row, |row| {
                row.structure = "dashmap".into();
                row.case = format!("d{}", row.case);
            })
        }));
        all.extend(rows(&[1, 2, 4, 8]).into_iter().map(|row| {
            with(&row, |row| {
                row.mix.reads = 50.0;
                row.case = format!("r{}", row.case);
            })
        }));
        all.extend(rows(&[1, 2]).into_iter().map(|row| {
            with(&row, |row| {
                row.zipf = 0.5;
                row.case = format!("z{}", row.case);
            })
        }));
        let (scalings, left_out) = fitted(&all, 8);
        let names: Vec<String> =
            scalings.iter().map(|one| format!("{} {}", one.subject, one.workload)).collect();
        let at = |reads| format!("reads={reads} zipf=0.99 keys=65536");
        let expected = [("dashmap", 95), ("papaya", 95), ("papaya", 50)];
        assert_eq!(names, expected.map(|(name, reads)| format!("{name} {}", at(reads))));
        assert!((scalings[0].fit.law.sigma - 0.1).abs() < 0.03, "{:?}", scalings[0].fit);
        assert_eq!(left_out.len(), 1);
        assert!(left_out[0].starts_with("papaya reads=95 zipf=0.5"), "{left_out:?}");
        assert!(left_out[0].contains("2 numbers of threads"), "{left_out:?}");
    }

    #[test]
    fn what_exceeds_the_cpus_is_left_out_where_it_can_be() {
        let rows = rows(&[1, 2, 3, 4, 8]);
        let of = |cpus| {
            let scaling = fitted(&rows, cpus).0.remove(0);
            (scaling.threads, scaling.is_oversubscribed)
        };
        assert_eq!(of(4), (vec![1, 2, 3, 4], false));
        assert_eq!(of(2), (vec![1, 2, 3, 4, 8], true));
        assert_eq!(of(8), (vec![1, 2, 3, 4, 8], false));
    }

    #[test]
    fn only_whole_blocks_are_fitted() {
        let mut rows = rows(&[1, 2, 4, 8]);
        rows[5].valid = false;
        assert_eq!(fitted(&rows, 8).0[0].blocks, 5);
        rows.iter_mut().filter(|row| row.threads == 4).for_each(|row| row.valid = false);
        let (none, left_out) = fitted(&rows, 8);
        assert!(none.is_empty() && left_out[0].contains("3 numbers of threads"), "{left_out:?}");
    }

    #[test]
    fn coefficients_are_short() {
        assert_eq!([0.0, 0.0277, 0.000104].map(short), ["0", "0.028", "1e-4"]);
        let words = fitted(&rows(&[1, 2, 4, 8]), 8).0[0].in_words();
        assert!(
            words.starts_with("λ 2.0") && words.contains("–") && words.contains("κ"),
            "{words}"
        );
    }
}
