//! AXIS store: how an item is found, and what readers share.
//!
//! | file | holds |
//! | --- | --- |
//! | `config` | [`Config`]: how much memory, which sizes |
//! | `shard` | a cache that one thread at a time uses: index, arena and a policy for each size class |
//! | `balance` | which class gives a page to which |
//! | `sharded` | [`Sharded`]: a mutex a shard, the baseline |
//! | `units` | [`Units`]: items of size 1 without content, to measure policies |

mod balance;
mod config;
mod shard;
mod sharded;
mod units;

pub use self::config::{Config, ConfigError, PAGES_A_SHARD};
pub use self::shard::{Found, Options, Outcome, SetError, Stats, When};
pub use self::sharded::Sharded;
pub use self::units::Units;
