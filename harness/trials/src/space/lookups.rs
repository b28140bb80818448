//! Lookups of present keys, timed.

use std::time::Instant;

use rand::SeedableRng;
use table::Filler;

use crate::metric::{Noise, NoiseProbe};
use crate::workload::{Keys, Rng, UniformKeys};

/// Lookups of each key at a step, in the mean, and at most of all.
const OF_EACH: usize = 16;
const LOOKUPS: usize = 1 << 20;

/// Which keys are looked up, and what was found.
#[derive(Debug)]
pub(super) struct Lookups {
    rng: Rng,
    asked: u64,
    found: u64,
    noise: Option<Noise>,
}

impl Lookups {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Rng::seed_from_u64(seed), asked: 0, found: 0, noise: None }
    }

    /// Lookups a second of keys that are drawn evenly from `present`; `None` if there are none. They
    /// are drawn beforehand, so that only lookups are timed.
    pub(super) fn time(&mut self, filler: &mut dyn Filler, present: &[u64]) -> Option<f64> {
        if present.is_empty() {
            return None;
        }
        let lookups = LOOKUPS.min(OF_EACH * present.len());
        let mut places = UniformKeys::new(present.len() as u64);
        let keys: Vec<u64> =
            (0..lookups).map(|_| present[places.next_key(&mut self.rng) as usize]).collect();
        let (probe, started) = (NoiseProbe::start(), Instant::now());
        let found = filler.find(&keys);
        let seconds = started.elapsed().as_secs_f64();
        let noise = probe.stop();
        match &mut self.noise {
            Some(before) => before.add(&noise),
            None => self.noise = Some(noise),
        }
        self.asked += lookups as u64;
        self.found += found as u64;
        (seconds > 0.0).then(|| lookups as f64 / seconds)
    }

    /// What disturbed them, if there were any.
    pub(super) fn noise(&self) -> Option<Noise> {
        self.noise
    }

    /// What is wrong, if a key was not found, or with another value.
    pub(super) fn complaint(&self) -> Option<String> {
        let wrong = self.asked - self.found;
        let of = self.asked;
        (wrong > 0).then(|| format!("{wrong} of {of} lookups of present keys did not find them"))
    }
}
