//! Generated traces: requests with known shares and a known skew, to test a replay and to distinguish policies.
//!
//! Keys are drawn by Zipf's distribution. Patterns that distinguish eviction policies can be mixed in: keys that are
//! requested once, as most keys are in any short stretch of a cache's requests (J. Yang and others, *FIFO queues are
//! all you need for cache eviction*, SOSP 2023, section 3); a scan that repeats, the pattern "loop" of S. Jiang and
//! X. Zhang, *LIRS*, SIGMETRICS 2002; and keys that are popular only for a while.

use std::collections::HashMap;
use std::io::{self, Write};

use rand::{Rng as _, RngExt as _, SeedableRng};

use super::oracle_general::write_record;
use crate::workload::{Keys, Length, Purpose, Rng, ZipfKeys, derive};

/// What a made trace is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Made {
    /// Requests.
    pub requests: u64,
    /// The range of keys that are drawn, not all of which need occur.
    pub keys: u64,
    /// Skew θ of these.
    pub zipf: f64,
    /// Percent of the requests that ask for a key which no other request has.
    pub once: f64,
    /// Percent of the requests that go on with the scan.
    pub scan: f64,
    /// Keys of the scan, which begins again after the last.
    pub scan_keys: u64,
    /// After so many requests another key has taken the place of one that is drawn, at another time for each key.
    /// 0 is never.
    pub lifetime: u64,
    /// The largest value, in bytes: what would be larger has this size.
    pub largest_value: u32,
    /// From which the requests follow.
    pub seed: u64,
}

/// The form in which a made trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeForm {
    /// Lines with Twitter's columns.
    Text,
    /// libCacheSim's `oracleGeneral`, all of whose requests are reads.
    OracleGeneral,
}

/// Operations in thousandths: about those of Twitter's caches, with some of each kind. Keys of the scan, and those
/// that are asked for once, are read.
const SHARES: [(&str, u64); 6] =
    [("get", 840), ("set", 100), ("add", 20), ("incr", 15), ("cas", 5), ("delete", 20)];

/// Requests in a second, and clients that send them.
const A_SECOND: u64 = 100;
const CLIENTS: u64 = 16;

/// A request: its key, and what is drawn for its operation and client.
struct DrawnRequest {
    key: u64,
    operation: &'static str,
    client: u64,
}

/// The requests of a trace.
struct Requests {
    made: Made,
    rng: Rng,
    keys: ZipfKeys,
    /// Requests so far: all, those of the scan, those of keys that are asked for once.
    number: u64,
    scanned: u64,
    once: u64,
}

impl Requests {
    fn new(made: &Made) -> Self {
        let rng = Rng::seed_from_u64(derive(made.seed, Purpose::Stream, 0));
        let keys = ZipfKeys::new(made.keys, made.zipf, derive(made.seed, Purpose::Scatter, 0));
        Self { made: *made, rng, keys, number: 0, scanned: 0, once: 0 }
    }

    /// The key that has the place `place` of the range now. Places change hands one after another.
    fn in_place(&self, place: u64) -> u64 {
        let Made { keys, lifetime, .. } = self.made;
        if lifetime == 0 {
            return place;
        }
        let phase = u128::from(place) * u128::from(lifetime) / u128::from(keys);
        place + keys * ((self.number + phase as u64) / lifetime)
    }

    /// The first key of the scan, above all that are drawn; those that are asked for once follow it.
    fn first_scanned(&self) -> u64 {
        let Made { keys, lifetime, requests, .. } = self.made;
        keys * (2 + requests.checked_div(lifetime).unwrap_or(0))
    }

    /// What is neither drawn by Zipf's distribution nor anything but read, if this request is that.
    fn apart(&mut self) -> Option<u64> {
        let Made { once, scan, scan_keys, .. } = self.made;
        if once + scan == 0.0 {
            // Nothing is drawn then, so that a trace without both is what it is without this choice.
            return None;
        }
        let percent = self.rng.random_range(0.0..100.0);
        if percent < scan {
            self.scanned += 1;
            return Some(self.first_scanned() + (self.scanned - 1) % scan_keys);
        }
        if percent < scan + once {
            self.once += 1;
            return Some(self.first_scanned() + scan_keys + self.once - 1);
        }
        None
    }
}

impl Iterator for Requests {
    type Item = DrawnRequest;

    fn next(&mut self) -> Option<DrawnRequest> {
        if self.number == self.made.requests {
            return None;
        }
        let apart = self.apart();
        let place = self.keys.next_key(&mut self.rng);
        let word = self.rng.next_u64();
        let client = word / 1000 % CLIENTS;
        let drawn = match apart {
            Some(key) => DrawnRequest { key, operation: "get", client },
            None => DrawnRequest {
                key: self.in_place(place),
                operation: operation(word % 1000),
                client,
            },
        };
        self.number += 1;
        Some(drawn)
    }
}

/// Writes a trace in the form `form`. Sizes are those of [`Length::Etc`]. Of `oracleGeneral` all requests are in
/// memory meanwhile.
///
/// # Errors
///
/// `output` cannot be written.
pub fn generate(made: &Made, form: MadeForm, output: &mut impl Write) -> io::Result<()> {
    let value_bytes = |key| Length::Etc.of_value(key).min(made.largest_value);
    let seconds = |number: usize| number as u64 / A_SECOND;
    let requests = Requests::new(made);
    if form == MadeForm::OracleGeneral {
        let keys: Vec<u64> = requests.map(|request| request.key).collect();
        for (number, (&key, next)) in keys.iter().zip(next_requests(&keys)).enumerate() {
            write_record(output, seconds(number), key, value_bytes(key), next)?;
        }
        return Ok(());
    }
    for (number, DrawnRequest { key, operation, client }) in requests.enumerate() {
        let (time, ttl) = (seconds(number), if stores(operation) { 3600 } else { 0 });
        let (key_bytes, value_bytes) = (Length::Etc.of_key(key), value_bytes(key));
        writeln!(output, "{time},{key:x},{key_bytes},{value_bytes},{client},{operation},{ttl}")?;
    }
    Ok(())
}

/// For each request the number of the next one of its key.
fn next_requests(keys: &[u64]) -> Vec<Option<u64>> {
    let (mut next, mut after) = (vec![None; keys.len()], HashMap::new());
    for (number, key) in keys.iter().enumerate().rev() {
        next[number] = after.insert(key, number as u64);
    }
    next
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
    use super::super::{oracle_general, text};
    use super::*;
    use crate::trace::Trace;
    use crate::workload::Op;

    const PLAIN: Made = Made {
        requests: 50_000,
        keys: 1000,
        zipf: 0.99,
        once: 0.0,
        scan: 0.0,
        scan_keys: 1,
        lifetime: 0,
        largest_value: u32::MAX,
        seed: 3,
    };

    fn written(made: &Made, form: MadeForm) -> Vec<u8> {
        let mut bytes = Vec::new();
        generate(made, form, &mut bytes).unwrap();
        bytes
    }

    fn made(made: &Made) -> Trace {
        text::read(&mut written(made, MadeForm::Text).as_slice()).unwrap()
    }

    /// How often each key occurs.
    fn counts(trace: &Trace) -> Vec<u32> {
        let mut counts = vec![0; trace.key_bytes.len()];
        trace.requests.iter().for_each(|request| counts[request.key as usize] += 1);
        counts
    }

    #[test]
    fn what_is_made_can_be_read_and_has_its_shares() {
        assert_eq!(SHARES.iter().map(|(_, share)| share).sum::<u64>(), 1000);
        let trace = made(&PLAIN);
        let of =
            |op| trace.requests.iter().filter(|request| request.op == op).count() as f64 / 50_000.0;
        // Four standard deviations.
        for (op, share) in [(Op::Get, 0.84), (Op::Upsert, 0.1), (Op::Update, 0.02)] {
            let spread = (share * (1.0_f64 - share) / 50_000.0).sqrt();
            assert!((of(op) - share).abs() < 4.0 * spread, "{op:?}: {}", of(op));
        }
        // The hottest key of 1000 at θ = 0.99 has 13.0 %.
        let hottest = f64::from(*counts(&trace).iter().max().unwrap()) / 50_000.0;
        let law: f64 = (1..=1000).map(|k| f64::from(k).powf(-0.99)).sum();
        assert!((hottest - 1.0 / law).abs() < 0.006, "{hottest}");
        let bytes = written(&PLAIN, MadeForm::Text);
        assert_eq!(bytes, written(&PLAIN, MadeForm::Text), "the seed decides");
        assert_ne!(bytes, written(&Made { seed: 4, ..PLAIN }, MadeForm::Text));
    }

    #[test]
    fn what_is_mixed_in_has_its_shares() {
        let mixed = Made { once: 20.0, scan: 30.0, scan_keys: 100, zipf: 0.0, ..PLAIN };
        let counts = counts(&made(&mixed));
        // 25,000 requests of 1000 keys are 25 of each, and 15,000 of a scan 150; few of the first are above 60.
        let share = |from, to| {
            let all = counts.iter().filter(|count| (from..to).contains(*count));
            (all.clone().count(), f64::from(all.sum::<u32>()) / 50_000.0)
        };
        let (drawn, scan, once) = (share(2, 60), share(60, 200), share(1, 2));
        assert_eq!((drawn.0, scan.0), (1000, 100));
        for (found, wanted) in [(drawn.1, 0.5), (scan.1, 0.3), (once.1, 0.2)] {
            assert!((found - wanted).abs() < 0.01, "{found} for {wanted}");
        }
        // Keys of a scan come in their order, and the first again after the last.
        let scanned = Requests::new(&mixed).filter_map(|request| request.key.checked_sub(2000));
        let scanned: Vec<u64> = scanned.filter(|key| *key < 100).take(250).collect();
        let expected: Vec<u64> = (0..250).map(|number| number % 100).collect();
        assert_eq!(scanned, expected);
    }

    #[test]
    fn a_key_lives_as_long_as_is_said() {
        let short = Made { requests: 40_000, keys: 50, zipf: 0.0, lifetime: 10_000, ..PLAIN };
        let mut lives: HashMap<u64, (u64, u64)> = HashMap::new();
        for (number, request) in Requests::new(&short).enumerate() {
            let number = number as u64;
            lives.entry(request.key).or_insert((number, number)).1 = number;
        }
        assert!(lives.values().all(|(first, last)| last - first < 10_000), "{lives:?}");
        // Each of 50 places passes to a new key four times, at 200 times in all.
        let mut born: Vec<u64> = lives.values().map(|(first, _)| *first).collect();
        born.sort_unstable();
        let late = born.iter().filter(|born| **born > 2000).count();
        assert!((180..=200).contains(&late), "{late}");
        let at_once = born.windows(20).filter(|window| window[19] - window[0] < 1000).count();
        assert!(at_once <= 60, "one after another, {at_once}");
    }

    #[test]
    fn both_forms_have_the_same_keys_and_sizes() {
        let mixed = Made { once: 10.0, scan: 10.0, scan_keys: 70, largest_value: 300, ..PLAIN };
        let bytes = written(&mixed, MadeForm::OracleGeneral);
        let (records, lines) = (oracle_general::read(&mut bytes.as_slice()).unwrap(), made(&mixed));
        let asked = |trace: &Trace| -> Vec<(u32, u32)> {
            trace.requests.iter().map(|request| (request.key, request.value_bytes)).collect()
        };
        assert_eq!(asked(&records), asked(&lines));
        let largest = records.requests.iter().map(|request| request.value_bytes).max();
        assert_eq!(largest, Some(300));
        assert_eq!(next_requests(&[5, 6, 5, 5]), [Some(2), None, Some(3), None]);
    }
}
