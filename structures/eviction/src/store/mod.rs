//! The axis store: how an item is found, and what readers share.
//!
//! | file | holds |
//! | --- | --- |
//! | `terms` | [`Options`], [`Found`] and others: arguments and results of a cache's operations |
//! | `change` | [`Change`] and others: arguments and results of an update's closure |
//! | `config` | [`Config`]: how much memory, which sizes |
//! | `interface` | [`Store`] and [`CacheHandle`]: traits for code that is generic over the store |
//! | `shard` | a cache that one thread at a time uses: index, arena and a policy for each size class |
//! | `index` | how a shard finds its items |
//! | `balance` | which size class gives a page to which |
//! | `cache` | [`Cache`]: shards, and the common code of all stores |
//! | `copied` | [`Copied`]: the copy of an item that a reader makes without a lock |
//! | `sharded` | [`Sharded`]: a mutex per shard, the baseline |
//! | `units` | [`Units`]: items of size 1 without content, to measure policies |
//!
//! The stores over tables are in the crate `cache`. A store of another crate is a [`Part`] over a [`Shard`], with an
//! [`Index`] of its own; or a whole [`Store`], for which the steps that all writers share are public: the key's check
//! ([`check_key`]), what a set refuses ([`When::refuses`]), what it writes ([`Write::of`]) and the number that it gets
//! ([`NewCas::after`]).

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
