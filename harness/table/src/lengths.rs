//! How long byte strings are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::mix;

/// The longest key of a cache (memcached's limit), and the longest value.
const LONGEST_KEY: u32 = 250;
const LONGEST_VALUE: u32 = 1 << 20;
/// A shorter key could not tell all keys of a range apart.
pub const SHORTEST_KEY: u32 = 8;

/// Lengths of keys or values, in bytes. The length of the i-th is a function of i.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Length {
    /// All alike.
    Bytes(u32),
    /// Of Facebook's pool ETC: B. Atikoglu, Y. Xu, E. Frachtenberg, S. Jiang, M. Paleczny, *Workload
    /// Analysis of a Large-Scale Key-Value Store*, SIGMETRICS 2012, table 5. Keys: a generalised
    /// extreme value distribution. Values: of 0 to 14 bytes with the probabilities of the table, which
    /// sum to 0.44155; longer ones of a generalised Pareto distribution.
    Etc,
}

/// The probabilities of values of 0 to 14 bytes.
const SHORT_VALUES: [f64; 15] = [
    0.00536, 0.00047, 0.17820, 0.09239, 0.00018, 0.02740, 0.00065, 0.00606, 0.00023, 0.00837,
    0.00837, 0.08989, 0.00092, 0.00326, 0.01980,
];

impl Length {
    /// What a file or the command line may say: a number of bytes, or `etc`.
    #[must_use]
    pub fn parsed(text: &str) -> Option<Self> {
        match text {
            "etc" => Some(Self::Etc),
            number => number.parse().ok().map(Self::Bytes),
        }
    }

    /// The length of the key number `index`.
    #[must_use]
    pub fn of_key(self, index: u64) -> u32 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Etc => {
                let (location, scale, shape) = (30.7984, 8.20449, 0.078688);
                let below = (-share(index, 1).ln()).powf(-shape);
                whole(location + scale * (below - 1.0) / shape, SHORTEST_KEY, LONGEST_KEY)
            }
        }
    }

    /// The length of its value.
    #[must_use]
    pub fn of_value(self, index: u64) -> u32 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Etc => {
                let mut left = share(index, 2);
                for (bytes, probability) in (0..).zip(SHORT_VALUES) {
                    if left < probability {
                        return bytes;
                    }
                    left -= probability;
                }
                let rest = left / (1.0 - SHORT_VALUES.iter().sum::<f64>());
                let (location, scale, shape) = (15.0, 214.476, 0.348238);
                let above = (1.0 - rest).powf(-shape);
                whole(location + scale * (above - 1.0) / shape, 15, LONGEST_VALUE)
            }
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => bytes.fmt(f),
            Self::Etc => f.write_str("etc"),
        }
    }
}

/// A number above 0 and below 1 that belongs to `index`, for one `use` of several.
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn share(index: u64, of_use: u64) -> f64 {
    ((mix(mix(index) ^ of_use) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// To the nearest length within limits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is within the limits"
)]
fn whole(bytes: f64, least: u32, most: u32) -> u32 {
    bytes.round().clamp(f64::from(least), f64::from(most)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chi_square_z;

    const DRAWS: u64 = 400_000;

    /// How many of the lengths are each of `0..cells - 1`, and how many are longer.
    fn counted(cells: usize, length: impl Fn(u64) -> u32) -> Vec<u64> {
        let mut seen = vec![0; cells];
        for index in 0..DRAWS {
            seen[(length(index) as usize).min(cells - 1)] += 1;
        }
        seen
    }

    /// The probabilities of the cells, from the share of lengths below each half.
    fn cells(count: usize, below: impl Fn(f64) -> f64) -> Vec<f64> {
        let edge = |cell: usize| match cell {
            0 => 0.0,
            last if last == count => 1.0,
            cell => below(cell as f64 - 0.5),
        };
        (0..count).map(|cell| edge(cell + 1) - edge(cell)).collect()
    }

    #[test]
    fn keys_of_etc_are_of_that_extreme_value_distribution() {
        let below = |x: f64| {
            let base = 1.0 + 0.078688 * (x - 30.7984) / 8.20449;
            if base <= 0.0 { 0.0 } else { (-base.powf(-1.0 / 0.078688)).exp() }
        };
        let mut expected = cells(120, below);
        // Shorter ones are lengthened.
        let short: f64 = expected[..8].iter().sum();
        expected[..8].fill(0.0);
        expected[8] += short;
        let z = chi_square_z(&counted(120, |i| Length::Etc.of_key(i)), &expected);
        assert!(z.abs() < 4.0, "z = {z:.1}");
    }

    #[test]
    fn values_of_etc_are_of_the_table_and_of_that_pareto_distribution() {
        let short: f64 = SHORT_VALUES.iter().sum();
        assert!((short - 0.44155).abs() < 1e-9, "the paper's sum");
        let below = |x: f64| {
            let pareto = 1.0 - (1.0 + 0.348238 * (x - 15.0) / 214.476).powf(-1.0 / 0.348238);
            short + (1.0 - short) * pareto
        };
        // Long values in few cells, each a fifth wider than the last: a test of many sees little.
        let mut ends: Vec<f64> = (1..=15).map(f64::from).collect();
        while below(ends[ends.len() - 1]) < 0.9999 {
            ends.push((ends[ends.len() - 1] * 1.2).ceil());
        }
        let cell = |bytes: u32| ends.partition_point(|end| *end <= f64::from(bytes)) as u32;
        let mut expected = SHORT_VALUES.to_vec();
        let mut before = short;
        for end in &ends[15..] {
            expected.push(below(end - 0.5) - before);
            before = below(end - 0.5);
        }
        expected.push(1.0 - before);
        let seen = counted(expected.len(), |i| cell(Length::Etc.of_value(i)));
        let z = chi_square_z(&seen, &expected);
        assert!(z.abs() < 4.0, "z = {z:.1}");
        let mean =
            (0..DRAWS).map(|i| f64::from(Length::Etc.of_value(i))).sum::<f64>() / DRAWS as f64;
        println!("mean value: {mean:.1} bytes");
    }

    #[test]
    fn lengths_are_written_as_they_are_read() {
        for length in [Length::Bytes(36), Length::Etc] {
            assert_eq!(Length::parsed(&length.to_string()), Some(length));
        }
        assert_eq!(Length::parsed("long"), None);
        assert_eq!((Length::Bytes(3).of_key(9), Length::Bytes(4).of_value(9)), (3, 4));
    }
}
