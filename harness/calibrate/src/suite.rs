//! Measurements, and the order in which their batches are run.

use std::fmt;
use std::time::Instant;

use serde::Serialize;

use crate::batches::Summary;

/// In so many rounds each measurement has its share of the batches: what disturbs the machine for a while then
/// disturbs some batches of all, not all batches of some.
pub(crate) const ROUNDS: usize = 5;

/// The batches of each of a measurement's numbers.
pub(crate) type Batches = anyhow::Result<Vec<Vec<f64>>>;

/// What is measured, in batches: one number, or some that come together.
pub(crate) struct Measuring<'a> {
    names: Vec<(String, &'static str)>,
    run: Box<dyn FnMut(usize) -> Batches + 'a>,
}

impl<'a> Measuring<'a> {
    /// One number: its name, which ends in its unit; what is done; and so many batches of it.
    pub(crate) fn one(
        name: impl Into<String>,
        how: &'static str,
        mut run: impl FnMut(usize) -> anyhow::Result<Vec<f64>> + 'a,
    ) -> Self {
        Self::some([(name.into(), how)], move |batches| Ok(vec![run(batches)?]))
    }

    /// Some that come together, in the order of their names.
    pub(crate) fn some<const N: usize>(
        names: [(String, &'static str); N],
        run: impl FnMut(usize) -> Batches + 'a,
    ) -> Self {
        Self { names: names.into(), run: Box::new(run) }
    }

    /// The names of its numbers.
    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<String> {
        self.names.iter().map(|(name, _)| name.clone()).collect()
    }
}

impl fmt::Debug for Measuring<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measuring").field("names", &self.names).finish_non_exhaustive()
    }
}

/// A number that was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LatencyReading {
    /// Its name, which ends in its unit.
    pub name: String,
    /// What was done.
    pub how: String,
    /// What its batches say; nothing if it could not be measured.
    #[serde(flatten)]
    pub summary: Option<Summary>,
    /// Why it could not be measured; empty if it was.
    pub absent: String,
}

/// Runs all measurements, `batches` of each in [`ROUNDS`] rounds; one that fails is tried no more.
pub(crate) fn run(
    mut measurements: Vec<Measuring<'_>>,
    batches: usize,
    mut progress: impl FnMut(usize),
) -> Vec<LatencyReading> {
    let shares = shares(batches);
    let mut samples: Vec<anyhow::Result<Vec<Vec<f64>>>> =
        measurements.iter().map(|one| Ok(vec![Vec::new(); one.names.len()])).collect();
    for (round, share) in shares.into_iter().enumerate() {
        progress(round);
        for (measurement, all) in measurements.iter_mut().zip(&mut samples) {
            let Ok(so_far) = all else { continue };
            match (measurement.run)(share) {
                Ok(new) => so_far.iter_mut().zip(new).for_each(|(all, new)| all.extend(new)),
                Err(error) => *all = Err(error),
            }
        }
    }
    let readings = measurements.into_iter().zip(samples).flat_map(|(measurement, samples)| {
        let of = move |(at, (name, how)): (usize, (String, &str))| {
            let summary = samples.as_ref().ok().and_then(|all| Summary::of(&all[at]));
            let absent = match (&samples, summary) {
                (_, Some(_)) => String::new(),
                (Err(error), None) => format!("{error:#}"),
                (Ok(_), None) => "no batch was undisturbed".to_owned(),
            };
            LatencyReading { name, how: how.to_owned(), summary, absent }
        };
        measurement.names.into_iter().enumerate().map(of).collect::<Vec<_>>()
    });
    readings.collect()
}

/// How many batches each round has: all of them together, and no round more than one more than another.
fn shares(batches: usize) -> Vec<usize> {
    let share = |round| (batches + round) / ROUNDS;
    (0..ROUNDS).map(share).filter(|share| *share > 0).collect()
}

/// ns of each of `times`, which `batch` does.
pub(crate) fn each(times: usize, batch: impl FnOnce()) -> f64 {
    let started = Instant::now();
    batch();
    started.elapsed().as_nanos() as f64 / times as f64
}

/// So many batches, after one that does not count.
pub(crate) fn sampled(batches: usize, mut batch: impl FnMut() -> f64) -> anyhow::Result<Vec<f64>> {
    batch();
    Ok((0..batches).map(|_| batch()).collect())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use anyhow::bail;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Each measurement gets the batches that were asked for, and takes turns with the others.
        #[test]
        fn batches_are_shared_among_rounds(batches in 1_usize..500) {
            let log = RefCell::new(Vec::new());
            let measurement = |name: &'static str| {
                let log = &log;
                Measuring::one(name, "", move |share| {
                    log.borrow_mut().push(name);
                    Ok(vec![7.0; share])
                })
            };
            let readings = run(vec![measurement("a"), measurement("b")], batches, |_| ());
            for reading in &readings {
                prop_assert_eq!(reading.summary.map(|summary| summary.batches), Some(batches));
            }
            let log = log.into_inner();
            prop_assert_eq!(log.len(), 2 * batches.min(ROUNDS));
            prop_assert!(log.chunks(2).all(|pair| pair == ["a", "b"]), "{:?}", log);
        }
    }

    #[test]
    fn what_fails_is_said_and_stops_nothing() {
        let mut tries = 0;
        let failing = Measuring::one("a_ns", "", |_| {
            tries += 1;
            bail!("there is no second CPU")
        });
        let empty = Measuring::one("b_ns", "", |_| Ok(Vec::new()));
        let two = Measuring::some([("c_ns".to_owned(), "x"), ("d_ns".to_owned(), "y")], |_| {
            Ok(vec![vec![1.0], vec![2.0]])
        });
        let readings = run(vec![failing, empty, two], 50, |_| ());
        let medians: Vec<_> =
            readings.iter().map(|reading| reading.summary.map(|summary| summary.median)).collect();
        assert_eq!(medians, [None, None, Some(1.0), Some(2.0)]);
        assert_eq!(readings[0].absent, "there is no second CPU");
        assert_eq!(readings[1].absent, "no batch was undisturbed");
        assert_eq!(readings[2].absent, "");
        assert_eq!(tries, 1);
    }
}
