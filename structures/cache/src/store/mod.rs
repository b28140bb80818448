//! AXIS store: how an item is found, and what readers share.
//!
//! | file | holds |
//! | --- | --- |
//! | `terms` | [`Options`], [`Found`] and the like: what a cache is asked, and what it answers |
//! | `change` | [`Change`] and the like: what an update of a key is shown, and what it does |
//! | `config` | [`Config`]: how much memory, which sizes |
//! | `interface` | [`Store`] and [`CacheHandle`]: what all stores are to code that runs with each |
//! | `shard` | a cache that one thread at a time uses: index, arena and a policy for each size class |
//! | `index` | how a shard finds its items |
//! | `balance` | which class gives a page to which |
//! | `cache` | [`Cache`]: shards, and what all stores do alike |
//! | `sharded` | [`Sharded`]: a mutex a shard, the baseline |
//! | `memc3` | [`Memc3`]: lookups write nothing; they copy, then validate |
//! | `units` | [`Units`]: items of size 1 without content, to measure policies |

mod balance;
mod cache;
mod change;
mod config;
mod index;
mod interface;
#[cfg(feature = "memc3")]
mod memc3;
mod shard;
mod sharded;
mod terms;
mod units;

pub use self::cache::{Cache, Part};
pub use self::change::{Change, Current, NewCas, Write};
pub use self::config::{Config, ConfigError, PAGES_A_SHARD};
pub use self::interface::{CacheHandle, Store};
#[cfg(feature = "memc3")]
pub use self::memc3::{Memc3, Optimistic};
pub use self::sharded::{Locked, Sharded};
pub use self::terms::{Found, Options, Outcome, SetError, Stats, When};
pub use self::units::Units;
