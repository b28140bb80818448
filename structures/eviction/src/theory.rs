//! What theory says of hit ratios, for independent requests of items of one size.
//!
//! A request is for item i with probability pᵢ, whatever came before. With x = pᵢ T, an item is found
//! with probability h(x), where T, the *characteristic time*, is the one with which the expected number
//! of items is the capacity: Σ h(pᵢ T) = C. The hit ratio is Σ pᵢ h(pᵢ T).
//!
//! | policy | h(x) | source |
//! | --- | --- | --- |
//! | LRU | 1 − e^−x | H. Che, Y. Tung, Z. Wang, *Hierarchical web caching systems*, IEEE JSAC 20(7), 2002; why it holds: C. Fricker, P. Robert, J. Roberts, ITC 24, 2012 |
//! | FIFO, RANDOM | x / (1 + x) | A. Dan, D. Towsley, *An approximate analysis of the LRU and FIFO buffer replacement schemes*, SIGMETRICS 1990 |
//! | CLOCK, a new bit clear | y / (1 + y), y = x e^x | below |
//! | CLOCK, a new bit set | y / (1 + y), y = x (1 + e^x) | below |
//!
//! CLOCK: T is the time between two visits of the hand, taken as constant. An item whose bit is clear
//! after a visit survives the next one if it is hit in between, with probability 1 − e^−x: with the
//! bit clear at first, it is there for T times a geometric number, e^x visits in the mean. With the bit
//! set at first there is one visit more. Out of the cache it is for 1 / pᵢ. Both together are y.

/// Policies for which there is a formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Least recently used.
    Lru,
    /// First in, first out; and at random.
    Fifo,
    /// CLOCK, a new item's bit clear.
    Clock,
    /// CLOCK, a new item's bit set.
    ClockSet,
}

impl Form {
    /// The probability that an item is there, which is requested x times in the mean in the
    /// characteristic time.
    #[must_use]
    pub fn presence(self, x: f64) -> f64 {
        let odds = match self {
            Self::Lru => return -(-x).exp_m1(),
            Self::Fifo => x,
            Self::Clock => x * x.exp(),
            Self::ClockSet => x * (1.0 + x.exp()),
        };
        // Odds may be infinite.
        1.0 - 1.0 / (1.0 + odds)
    }

    /// The hit ratio of a cache of `items` items under independent requests with these probabilities, which
    /// sum to 1. O(probabilities).
    #[must_use]
    pub fn hit_ratio(self, probabilities: &[f64], items: usize) -> f64 {
        if items >= probabilities.len() {
            return 1.0;
        }
        let there = |time: f64| probabilities.iter().map(|p| self.presence(p * time)).sum::<f64>();
        // The expected number grows with the time.
        let (mut low, mut high) = (0.0, 1.0);
        while there(high) < items as f64 && high < f64::MAX / 2.0 {
            (low, high) = (high, 2.0 * high);
        }
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if there(middle) < items as f64 { low = middle } else { high = middle }
        }
        probabilities.iter().map(|p| p * self.presence(p * high)).sum()
    }
}

/// The most that any policy can hit under independent requests with these probabilities: that of a
/// cache which always has the most popular items.
#[must_use]
pub fn static_bound(probabilities: &[f64], items: usize) -> f64 {
    let mut sorted = probabilities.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted.iter().take(items).sum()
}

/// Zipf's law: item k of `items`, from 1 on, has a probability proportional to k^−θ.
#[must_use]
pub fn zipf(items: u64, theta: f64) -> Vec<f64> {
    let weights: Vec<f64> = (1..=items).map(|k| (k as f64).powf(-theta)).collect();
    // The small ones first: nothing is lost by rounding.
    let all: f64 = weights.iter().rev().sum();
    weights.into_iter().map(|weight| weight / all).collect()
}
