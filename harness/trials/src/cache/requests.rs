//! The requests of a cache's trial: drawn at random, or read from a trace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use anyhow::{bail, ensure};
use table::cache::{CacheKeys, CacheRequest, TraceClock};
use table::{Lengths, Op};

use super::CacheSpec;
use crate::memory;
use crate::trace::{Request, Trace};
use crate::workload::{Stream, Streams};

/// Requests that a worker takes at a time.
pub(super) const BLOCK: u64 = 128;

/// All requests of a trial.
pub(super) struct Requests {
    what: What,
    count: u64,
    keys: CacheKeys,
    clock: TraceClock,
}

enum What {
    Drawn(Streams, Lengths),
    Traced(Trace),
}

impl Requests {
    /// Those of the trial that is told so.
    pub(super) fn of(spec: &CacheSpec) -> anyhow::Result<Self> {
        let case = &spec.case;
        let count = case.cache.map_or(0, |load| load.requests);
        let what = match (&case.trace, case.lengths()) {
            (Some(_), _) => What::Traced(trace(spec, count)?),
            (None, Some(lengths)) => What::Drawn(Streams::of(case, spec.seed)?, lengths),
            (None, None) => bail!("the lengths of keys and values are not given"),
        };
        let is_range = case.distribution.space(case.keys) == case.keys && !case.ends_by_itself();
        ensure!(is_range, "a cache needs keys from a fixed range");
        let Ok(number) = u32::try_from(case.keys) else { bail!("more than 2^32 keys") };
        let weight = u64::from(number) * (8 + 16);
        let listed = "the keys of the requests";
        memory::enough_for::<u8>(weight, listed)?;
        let _during = memory::allocates_for(listed);
        let length = |key: u32| match &what {
            What::Drawn(_, lengths) => lengths.keys.of_key(u64::from(key)),
            What::Traced(trace) => trace.key_bytes(key),
        };
        let keys = CacheKeys::new((0..number as usize).map(|key| length(key as u32)));
        Ok(Self { what, count, keys, clock: Arc::new(AtomicU32::new(0)) })
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn keys(&self) -> &CacheKeys {
        &self.keys
    }

    /// What a cache's time is; of a trace that of its requests, as they are taken.
    pub(super) fn clock(&self) -> &TraceClock {
        &self.clock
    }

    /// Bytes of the largest value that is stored.
    pub(super) fn largest_value(&self) -> u32 {
        let largest = match &self.what {
            What::Drawn(_, lengths) => self.numbers().map(|key| of_value(*lengths, key)).max(),
            What::Traced(trace) => self.storing(trace).map(|one| one.value_bytes).max(),
        };
        largest.unwrap_or(0)
    }

    /// Bytes of the smallest key with its value, if that is stored.
    pub(super) fn smallest_item(&self) -> u32 {
        let key = |key: u32| self.keys.key(key).len() as u32;
        let smallest = match &self.what {
            What::Drawn(_, lengths) => {
                self.numbers().map(|number| key(number) + of_value(*lengths, number)).min()
            }
            What::Traced(trace) => {
                let items = self.storing(trace);
                items.map(|one| key(one.key).saturating_add(one.value_bytes)).min()
            }
        };
        smallest.unwrap_or(0)
    }

    /// Requests of a trace that may store what they say, among those that the trial has.
    fn storing<'t>(&self, trace: &'t Trace) -> impl Iterator<Item = &'t Request> {
        let replayed = &trace.requests()[..self.count as usize];
        replayed.iter().filter(|one| one.op != Op::Remove)
    }

    /// Bytes of a key and of a value, in the mean over the keys; of a trace those of values over the requests.
    pub(super) fn mean_payload(&self) -> Option<f64> {
        Some(match &self.what {
            What::Drawn(_, lengths) => lengths.mean_payload(self.keys.count() as u64),
            What::Traced(trace) => {
                let (key, value) = trace.mean_bytes();
                key + value
            }
        })
    }

    fn numbers(&self) -> impl Iterator<Item = u32> {
        0..self.keys.count() as u32
    }

    /// Where the thread of this number has its requests from.
    pub(super) fn source(&self, thread: usize) -> RequestSource<'_> {
        let what = match &self.what {
            What::Drawn(streams, lengths) => Own::Drawn(Box::new(streams.worker(thread)), *lengths),
            What::Traced(trace) => Own::Traced(trace, self.count as usize / 2),
        };
        RequestSource { what, clock: &self.clock, block: Vec::with_capacity(BLOCK as usize) }
    }
}

fn of_value(lengths: Lengths, key: u32) -> u32 {
    lengths.values.of_value(u64::from(key))
}

fn trace(spec: &CacheSpec, count: u64) -> anyhow::Result<Trace> {
    let Some(wanted) = &spec.case.trace else { bail!("there is no trace") };
    let Some(path) = &spec.trace_file else {
        bail!("the file of the trace {} is not given", wanted.name);
    };
    let _during = memory::allocates_for(format_args!("the trace {}", path.display()));
    let trace = Trace::read(path)?;
    let found = trace.facts(path).id.sha256;
    ensure!(
        found == wanted.sha256,
        "{} is another trace now: its fingerprint is {found}, not {}",
        path.display(),
        wanted.sha256
    );
    let there = trace.requests().len() as u64;
    ensure!(count <= there, "the trace {} has {there} requests, fewer than {count}", wanted.name);
    Ok(trace)
}

/// A thread's requests.
pub(super) struct RequestSource<'r> {
    what: Own<'r>,
    clock: &'r AtomicU32,
    block: Vec<CacheRequest>,
}

enum Own<'r> {
    Drawn(Box<Stream>, Lengths),
    /// And one more than the request whose key a bystander takes next.
    Traced(&'r Trace, usize),
}

impl RequestSource<'_> {
    /// The requests from this number to that, which are one more than the last. What is drawn has no numbers.
    pub(super) fn block(&mut self, from: u64, to: u64) -> &[CacheRequest] {
        self.block.clear();
        match &mut self.what {
            Own::Drawn(stream, lengths) => {
                let block = &mut self.block;
                stream.for_each((to - from) as usize, |op, key| {
                    let key = key as u32;
                    let value_bytes = lengths.values.of_value(u64::from(key));
                    block.push(CacheRequest { op, key, value_bytes, ttl: 0 });
                });
            }
            Own::Traced(trace, _) => {
                let (from, to) = (from as usize, to as usize);
                // Relaxed: a time, which orders nothing; it does not go back.
                self.clock.fetch_max(trace.moment(from).at, Relaxed);
                let request = |number: usize| {
                    let (of, ttl) = (trace.requests()[number], trace.moment(number).ttl);
                    CacheRequest { op: of.op, key: of.key, value_bytes: of.value_bytes, ttl }
                };
                self.block.extend((from..to).map(request));
            }
        }
        &self.block
    }

    /// A key that a worker may ask for. Of a trace those of the first half, the last one first.
    pub(super) fn key(&mut self) -> u32 {
        match &mut self.what {
            Own::Drawn(stream, _) => stream.next_op().1 as u32,
            Own::Traced(trace, next) => {
                *next = next.saturating_sub(1);
                trace.requests()[*next].key
            }
        }
    }
}
