//! The streams of a trial: the one place that knows how every distribution is drawn.

use std::fmt;
use std::sync::Arc;

use anyhow::anyhow;

use super::fresh::Fresh;
use super::latest::{Latest, Recency};
use super::replay::Requests;
use super::{
    Distribution, Drawn, HotSetKeys, Keys, OpMix, Purpose, SequentialKeys, Stream, UniformKeys,
    ZipfKeys, derive,
};
use crate::case::Case;
use crate::trace::Trace;

/// Whose operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Worker,
    /// A fault's thread, which takes keys alone and does with them what it likes.
    Bystander,
}

/// Makes the operations of a thread.
type Make = dyn Fn(usize, Role) -> Stream + Send + Sync;

/// The operations of a trial, thread by thread. What threads can share, a table of weights, they
/// do.
pub struct Streams {
    mix: OpMix,
    make: Box<Make>,
}

impl Streams {
    /// The operations of `case` in the trial with this seed.
    ///
    /// # Errors
    ///
    /// The mix does not sum to 100, or there is nothing to draw.
    pub fn of(case: &Case, seed: u64) -> anyhow::Result<Self> {
        let mix = OpMix::new(&case.mix)?;
        let threads = case.fault.workers(case.threads);
        let scatter = derive(seed, Purpose::Scatter, 0);
        let Case { keys, zipf, prefill, .. } = *case;
        case.distribution.check(keys, prefill).map_err(|why| anyhow!("{why}"))?;
        let make = match case.distribution {
            Distribution::Ranked if zipf == 0.0 => drawn(UniformKeys::new(keys), mix, seed),
            Distribution::Ranked => drawn(ZipfKeys::new(keys, zipf, scatter), mix, seed),
            Distribution::HotSet(hot) => drawn(HotSetKeys::new(keys, hot, scatter), mix, seed),
            Distribution::Sequential => {
                drawn_by(mix, seed, move |thread| SequentialKeys::new(keys, thread, threads))
            }
            Distribution::Latest => latest(Recency::new(prefill, zipf, seed, threads), mix),
            Distribution::Fresh => fresh((keys, prefill), mix, seed, threads),
        };
        Ok(Self { mix, make })
    }

    /// The requests of `trace`, with keys that the trial's seed scatters, over and over.
    #[must_use]
    pub fn replaying(trace: &Trace, case: &Case, seed: u64) -> Self {
        let requests = Requests::new(trace, seed);
        let (mix, threads) = (requests.mix(), case.fault.workers(case.threads));
        let stream = move |thread, _| Stream::new(Box::new(requests.of_thread(thread, threads)));
        Self { mix, make: Box::new(stream) }
    }

    /// How often each operation occurs; of a trace, which ones do.
    #[must_use]
    pub fn mix(&self) -> OpMix {
        self.mix
    }

    /// The operations of this worker.
    #[must_use]
    pub fn worker(&self, thread: usize) -> Stream {
        (self.make)(thread, Role::Worker)
    }

    /// Operations of which only the keys are for use: those that workers meet.
    #[must_use]
    pub fn bystander(&self, thread: usize) -> Stream {
        (self.make)(thread, Role::Bystander)
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("mix", &self.mix).finish_non_exhaustive()
    }
}

/// Operations of `mix`, on keys that are drawn independently of each other.
fn drawn<K: Keys + Clone + Sync + 'static>(keys: K, mix: OpMix, seed: u64) -> Box<Make> {
    drawn_by(mix, seed, move |_| keys.clone())
}

/// The same with keys of each thread's own.
fn drawn_by<K: Keys + 'static>(
    mix: OpMix,
    seed: u64,
    keys: impl Fn(usize) -> K + Send + Sync + 'static,
) -> Box<Make> {
    Box::new(move |thread, _| {
        Stream::new(Box::new(Drawn::new(
            keys(thread),
            mix,
            derive(seed, Purpose::Stream, thread as u64),
        )))
    })
}

fn latest(recency: Arc<Recency>, mix: OpMix) -> Box<Make> {
    Box::new(move |thread, role| {
        // A bystander must take no number of a key that it will not insert.
        let mix = if role == Role::Worker { mix } else { OpMix::lookups() };
        Stream::new(Box::new(Latest::new(&recency, mix, thread)))
    })
}

fn fresh(range: (u64, u64), mix: OpMix, seed: u64, threads: usize) -> Box<Make> {
    Box::new(move |thread, role| {
        let seed_of_lookups = derive(seed, Purpose::WarmUp, thread as u64);
        let lookups = Drawn::new(UniformKeys::new(range.0), OpMix::lookups(), seed_of_lookups);
        if role == Role::Bystander {
            return Stream::new(Box::new(lookups));
        }
        let filling = Fresh::new(range, mix, seed, (thread, threads));
        Stream::after(Box::new(lookups), Box::new(filling))
    })
}
