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
//! | `over_map` | [`OverMap`]: any table of byte strings, whose reclaimer frees what goes |
//! | `counts` | lookups, counted by each thread for itself |
//! | `unread` | a value in the caller's buffer, while code of the user's may still end the lookup |
//! | `units` | [`Units`]: items of size 1 without content, to measure policies |

mod balance;
mod cache;
mod change;
mod config;
#[cfg(any(feature = "memc3", feature = "over-map"))]
mod counts;
mod index;
mod interface;
#[cfg(feature = "memc3")]
mod memc3;
#[cfg(feature = "over-map")]
mod over_map;
mod shard;
mod sharded;
mod terms;
mod units;
#[cfg(any(feature = "memc3", feature = "over-map"))]
mod unread;

pub use self::cache::{Cache, Part};
pub use self::change::{Change, Current, NewCas, Write};
pub use self::config::{Config, ConfigError, PAGES_A_SHARD};
pub use self::interface::{CacheHandle, Store};
#[cfg(feature = "memc3")]
pub use self::memc3::{Memc3, Optimistic};
#[cfg(feature = "over-map")]
pub use self::over_map::{MapItem, MapKey, OverMap, OverMapHandle};
pub use self::sharded::{Locked, Sharded};
pub use self::terms::{Found, Options, Outcome, SetError, Stats, When};
pub use self::units::Units;
