//! AXIS store: how an item is found, and what readers share.
//!
//! | file | holds |
//! | --- | --- |
//! | `terms` | [`Options`], [`Found`] and the like: what a cache is asked, and what it answers |
//! | `config` | [`Config`]: how much memory, which sizes |
//! | `shard` | a cache that one thread at a time uses: index, arena and a policy for each size class |
//! | `index` | how a shard finds its items |
//! | `balance` | which class gives a page to which |
//! | `cache` | [`Cache`]: shards, and what all stores do alike |
//! | `sharded` | [`Sharded`]: a mutex a shard, the baseline |
//! | `memc3` | [`Memc3`]: lookups write nothing; they copy, then validate |
//! | `units` | [`Units`]: items of size 1 without content, to measure policies |

mod balance;
mod cache;
mod config;
mod index;
#[cfg(feature = "memc3")]
mod memc3;
mod shard;
mod sharded;
mod terms;
mod units;

pub use self::cache::{Cache, Part};
pub use self::config::{Config, ConfigError, PAGES_A_SHARD};
#[cfg(feature = "memc3")]
pub use self::memc3::{Memc3, Optimistic};
pub use self::sharded::{Locked, Sharded};
pub use self::terms::{Found, Options, Outcome, SetError, Stats, When};
pub use self::units::Units;
