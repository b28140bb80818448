//! The workload axis: which operation on which key comes next, and which keys are present at
//! the start.
//!
//! A point of the axis is a key distribution: one file, one type that implements [`Keys`], or
//! [`Source`] where the key depends on the operation. A [`Stream`] draws [`BLOCK`] operations at
//! once by a dynamic call, so that no operation pays for the dispatch, and no table's trial is
//! compiled again for a distribution; the mix, the prefill and the seeds are the same for all. The
//! points:
//!
//! * [`UniformKeys`]: every key of the range is equally likely;
//! * [`ZipfKeys`]: the key of rank r (from 0) has a probability proportional to (r + 1)^-θ, for
//!   any θ ≥ 0, exactly; a seeded bijection ([`Permutation`]) scatters the ranks over the
//!   range, so that hot keys are not neighbours;
//! * `latest.rs`: inserts append, and the newest keys are the hottest;
//! * [`HotSetKeys`]: some keys get most of the operations, and which ones they are changes;
//! * [`SequentialKeys`]: one after the other;
//! * `fresh.rs`: inserts add every absent key once;
//! * `replay.rs`: what a trace says.
//!
//! To add one: write a type that implements [`Keys`] or [`Source`], test it against its exact
//! distribution by chi-square (`zipf.rs` shows how), and name it in [`Distribution`] and in
//! [`Streams::of`]. `benches/generator.rs` shows what a draw costs: generator, loop and the call of a
//! no-op map together may take 5 ns, or the harness measures itself.
//!
//! Everything random in a trial comes from its one seed by [`derive()`], so that the same seed
//! gives the same keys and operations, and no two uses share a sequence.

mod arrivals;
mod distribution;
mod fresh;
mod hot_keys;
mod hot_set;
mod keys;
mod latest;
mod permutation;
mod prefill;
mod preset;
mod replay;
mod seeds;
mod sequential;
mod stream;
mod streams;
mod zipf;

pub use arrivals::Arrivals;
pub use distribution::{DISTRIBUTIONS, Distribution, HotSet};
pub use hot_keys::{STRIPES, hottest, sharing};
pub use hot_set::HotSetKeys;
pub use keys::{Keys, UniformKeys, ZipfKeys};
pub use permutation::Permutation;
pub use prefill::prefill_keys;
use prefill::prefill_order;
pub use preset::{PRESETS, Preset, REFUSED};
pub use seeds::{MAX_KEYS, Purpose, Rng, derive};
pub use sequential::SequentialKeys;
pub use stream::{BLOCK, Drawn, OpMix, Source, Stream};
pub use streams::Streams;
#[cfg(test)]
use table::chi_square_z;
pub use table::{Length, Op, SHORTEST_KEY};
pub use zipf::Zipf;
