//! The axis store: how an item is found, and what readers share. `eviction::store` has the trait, and the stores that
//! need no table; all of it is re-exported here.
//!
//! | file | holds |
//! | --- | --- |
//! | `memc3` | [`Memc3`]: lookups write nothing; they copy, then validate |
//! | `over_map` | [`OverMap`]: any table of byte strings, whose reclaimer frees evicted items |
//! | `counts` | lookups, counted by each thread separately |
//! | `unread` | a value in the caller's buffer, while a panic of user code may still end the lookup |

mod counts;
mod memc3;
mod over_map;
mod unread;

pub use eviction::store::*;

pub use self::memc3::{Memc3, Optimistic};
pub use self::over_map::{MapItem, MapKey, OverMap, OverMapHandle};
