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
//! | `copied` | [`Copied`]: an item, as a reader copies it who has no lock |
//! | `sharded` | [`Sharded`]: a mutex a shard, the baseline |
//! | `units` | [`Units`]: items of size 1 without content, to measure policies |
//!
//! Those on tables are in the crate `cache`. A store of another crate is a [`Part`] over a [`Shard`], with an [`Index`]
//! of its own; or all of a [`Store`], for which the steps that all writers have are public: what a set refuses
//! ([`check_key`], [`When::refuses`]), what it writes ([`Write::of`]) and with which number ([`NewCas::after`]).

mod balance;
mod cache;
mod change;
mod config;
mod copied;
mod index;
mod interface;
mod shard;
mod sharded;
mod terms;
mod units;

pub use self::cache::{Cache, Part, check_key};
pub use self::change::{Change, Current, NewCas, Write};
pub use self::config::{Config, ConfigError, PAGES_A_SHARD};
pub use self::copied::Copied;
pub use self::index::Index;
pub use self::interface::{CacheHandle, Store};
pub use self::shard::{Shard, hash_key};
pub use self::sharded::{Locked, Sharded};
pub use self::terms::{Found, Options, Outcome, SetError, Stats, When};
pub use self::units::Units;
