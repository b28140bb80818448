//! Traces that are made: requests with known shares and a known skew, to try a replay.

use std::io::{self, Write};

use rand::{Rng as _, SeedableRng};

use crate::workload::{Keys, Length, Purpose, Rng, ZipfKeys, derive};

/// What a made trace is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Made {
    /// Requests.
    pub requests: u64,
    /// The range of its keys, not all of which need occur.
    pub keys: u64,
    /// Skew θ of the keys.
    pub zipf: f64,
    /// From which the requests follow.
    pub seed: u64,
}

/// Operations in thousandths: about those of Twitter's caches, with some of each kind.
const SHARES: [(&str, u64); 6] =
    [("get", 840), ("set", 100), ("add", 20), ("incr", 15), ("cas", 5), ("delete", 20)];

/// Requests in a second, and clients that send them.
const A_SECOND: u64 = 100;
const CLIENTS: u64 = 16;

/// Writes a trace in text. Sizes are those of [`Length::Etc`].
///
/// # Errors
///
/// `output` cannot be written.
pub fn generate(made: &Made, output: &mut impl Write) -> io::Result<()> {
    let Made { requests, keys, zipf, seed } = *made;
    let mut rng = Rng::seed_from_u64(derive(seed, Purpose::Stream, 0));
    let mut drawn = ZipfKeys::new(keys, zipf, derive(seed, Purpose::Scatter, 0));
    for number in 0..requests {
        let key = drawn.next_key(&mut rng);
        let word = rng.next_u64();
        let (operation, client) = (operation(word % 1000), word / 1000 % CLIENTS);
        let (time, ttl) = (number / A_SECOND, if stores(operation) { 3600 } else { 0 });
        let (key_bytes, value_bytes) = (Length::Etc.of_key(key), Length::Etc.of_value(key));
        writeln!(output, "{time},{key:x},{key_bytes},{value_bytes},{client},{operation},{ttl}")?;
    }
    Ok(())
}

fn operation(mut thousandth: u64) -> &'static str {
    for (name, share) in SHARES {
        if thousandth < share {
            return name;
        }
        thousandth -= share;
    }
    unreachable!("shares sum to 1000")
}

fn stores(operation: &str) -> bool {
    !matches!(operation, "get" | "delete")
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;
    use crate::workload::Op;

    #[test]
    fn what_is_made_can_be_read_and_has_its_shares() {
        assert_eq!(SHARES.iter().map(|(_, share)| share).sum::<u64>(), 1000);
        let made = Made { requests: 50_000, keys: 1000, zipf: 0.99, seed: 3 };
        let mut bytes = Vec::new();
        generate(&made, &mut bytes).unwrap();
        let trace = text::read(&mut bytes.as_slice()).unwrap();
        let of =
            |op| trace.requests.iter().filter(|request| request.op == op).count() as f64 / 50_000.0;
        // Four standard deviations.
        for (op, share) in [(Op::Get, 0.84), (Op::Upsert, 0.1), (Op::Update, 0.02)] {
            let spread = (share * (1.0_f64 - share) / 50_000.0).sqrt();
            assert!((of(op) - share).abs() < 4.0 * spread, "{op:?}: {}", of(op));
        }
        // The hottest key of 1000 at θ = 0.99 has 13.0 %.
        let mut counts = vec![0; trace.key_bytes.len()];
        trace.requests.iter().for_each(|request| counts[request.key as usize] += 1);
        let hottest = f64::from(*counts.iter().max().unwrap()) / 50_000.0;
        let law: f64 = (1..=1000).map(|k| f64::from(k).powf(-0.99)).sum();
        assert!((hottest - 1.0 / law).abs() < 0.006, "{hottest}");
        let mut again = Vec::new();
        generate(&made, &mut again).unwrap();
        assert_eq!(bytes, again, "the seed decides");
        let mut other = Vec::new();
        generate(&Made { seed: 4, ..made }, &mut other).unwrap();
        assert_ne!(bytes, other);
    }
}
