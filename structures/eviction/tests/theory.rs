//! Hit ratios of simulations against closed forms, and against what no policy can exceed.

use std::collections::BTreeMap;

use eviction::evict::{Eviction, Visitor, for_each};
use eviction::store::Units;
use eviction::theory::{Form, static_bound, zipf};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const KEYS: u64 = 100_000;
const REQUESTS: usize = 1_000_000;
/// The forms are further apart than this, and what chance does is less.
const TOLERANCE: f64 = 0.003;

/// Independent draws with these probabilities: from their running sum, by bisection.
fn draws(probabilities: &[f64], seed: u64) -> Vec<u32> {
    let mut sum = 0.0;
    let running = |p: &f64| {
        sum += p;
        sum
    };
    let sums: Vec<f64> = probabilities.iter().map(running).collect();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let last = probabilities.len() - 1;
    let mut draw = || {
        let uniform: f64 = rng.random();
        sums.partition_point(|&sum| sum <= uniform).min(last) as u32
    };
    (0..REQUESTS).map(|_| draw()).collect()
}

/// Simulates each policy.
struct Simulation {
    probabilities: Vec<f64>,
    requests: Vec<u32>,
    items: usize,
    /// By policy, of the second half of the requests.
    ratios: BTreeMap<&'static str, f64>,
}

impl Visitor for Simulation {
    fn visit<E: Eviction + 'static>(&mut self) {
        let mut cache = Units::<E>::new(self.items, 7);
        let (first, second) = self.requests.split_at(REQUESTS / 2);
        for &key in first {
            cache.request(u64::from(key));
        }
        let hits = second.iter().filter(|&&key| cache.request(u64::from(key))).count();
        let ratio = hits as f64 / second.len() as f64;
        self.ratios.insert(E::NAME, ratio);
        let bound = static_bound(&self.probabilities, self.items);
        assert!(ratio <= bound + TOLERANCE, "{}: {ratio} above the bound, {bound}", E::NAME);
        if let Some(form) = E::FORM {
            let theory = form.hit_ratio(&self.probabilities, self.items);
            let off = (ratio - theory).abs();
            assert!(off < TOLERANCE, "{}, {} items: {ratio}, {theory}", E::NAME, self.items);
        }
    }
}

fn simulate(theta: f64, items: usize) -> BTreeMap<&'static str, f64> {
    let probabilities = zipf(KEYS, theta);
    let requests = draws(&probabilities, 42);
    let mut simulation = Simulation { probabilities, requests, items, ratios: BTreeMap::new() };
    for_each(&mut simulation);
    println!("θ {theta}, {items} items: {:.4?}", simulation.ratios);
    let forms = ["lru-list", "fifo", "random", "clock", "clock-set"];
    assert!(forms.iter().all(|form| simulation.ratios.contains_key(form)));
    simulation.ratios
}

/// What the bits at insertion do: a new bit that is clear beats LRU, one that is set does not.
fn in_order(ratios: &BTreeMap<&'static str, f64>) {
    let by = ["clock", "lru-list", "clock-set", "fifo"].map(|name| ratios[name]);
    assert!(by.is_sorted_by(|a, b| a > b), "{by:?}");
}

#[test]
fn at_a_skew_of_0_6() {
    in_order(&simulate(0.6, 10_000));
}

#[test]
fn at_a_skew_of_0_99() {
    in_order(&simulate(0.99, 1000));
}

#[test]
fn at_a_skew_of_1_2() {
    in_order(&simulate(1.2, 1000));
}

/// Figures of these forms from another implementation, by hand.
#[test]
fn the_forms_have_their_values() {
    let skewed = zipf(KEYS, 0.99);
    for (form, items, expected) in [
        (Form::Lru, 1000, 0.4894),
        (Form::Fifo, 1000, 0.4483),
        (Form::Clock, 1000, 0.5010),
        (Form::ClockSet, 1000, 0.4790),
        (Form::Lru, 10_000, 0.7250),
        (Form::Fifo, 10_000, 0.6879),
        (Form::Clock, 10_000, 0.7337),
        (Form::ClockSet, 10_000, 0.7165),
    ] {
        let ratio = form.hit_ratio(&skewed, items);
        assert!((ratio - expected).abs() < 0.0001, "{form:?}, {items} items: {ratio}");
    }
    assert!((static_bound(&skewed, 1000) - 0.6048).abs() < 0.0001);
    assert_eq!(Form::Lru.hit_ratio(&skewed, KEYS as usize), 1.0);
    // All alike: every policy hits the share that it holds.
    let even = zipf(1000, 0.0);
    for form in [Form::Lru, Form::Fifo, Form::Clock, Form::ClockSet] {
        assert!((form.hit_ratio(&even, 250) - 0.25).abs() < 1e-9, "{form:?}");
    }
}
