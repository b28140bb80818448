//! The streams of a trial: the one place that knows every distribution.

use std::fmt;

use super::{Drawn, Keys, OpMix, Purpose, Source, Stream, UniformKeys, ZipfKeys, derive};
use crate::case::Case;

/// Makes the source of a thread's operations.
type Make = dyn Fn(usize) -> Box<dyn Source> + Send + Sync;

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
    /// The mix does not sum to 100.
    pub fn of(case: &Case, seed: u64) -> anyhow::Result<Self> {
        let mix = OpMix::new(&case.mix)?;
        let scatter = derive(seed, Purpose::Scatter, 0);
        let make = if case.zipf == 0.0 {
            drawn(UniformKeys::new(case.keys), mix, seed)
        } else {
            drawn(ZipfKeys::new(case.keys, case.zipf, scatter), mix, seed)
        };
        Ok(Self { mix, make })
    }

    /// How often each operation occurs.
    #[must_use]
    pub fn mix(&self) -> OpMix {
        self.mix
    }

    /// The operations of this thread.
    #[must_use]
    pub fn stream(&self, thread: usize) -> Stream {
        Stream::new((self.make)(thread))
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("mix", &self.mix).finish_non_exhaustive()
    }
}

/// Operations of `mix`, on keys that are drawn independently of each other.
fn drawn<K: Keys + Clone + Sync + 'static>(keys: K, mix: OpMix, seed: u64) -> Box<Make> {
    Box::new(move |thread| Box::new(Drawn::new(keys.clone(), mix, seed, thread)))
}
