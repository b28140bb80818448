//! Caches behind trait objects, for trials: those of the crate `cache`, each store with each policy, and those of
//! other crates.
//!
//! | file | holds |
//! | --- | --- |
//! | `ours` | the stores of the crate `cache` that have their own memory |
//! | `over_map` | the store `over-map`, by reclaimer |
//! | `policies` | the source of each policy of the crate `cache`, and the metadata that it keeps |
//! | `moka`, `quick_cache` | peers |
//! | `peers` | the common code for these two |
//! | `maker` | makes caches that take no reclaimer |

mod maker;
mod moka;
mod ours;
mod over_map;
mod peers;
mod policies;
mod quick_cache;

use table::cache::CacheMaker;

/// Every cache.
#[must_use]
pub fn caches() -> Vec<CacheMaker> {
    let mut all = ours::makers();
    all.extend(over_map::makers());
    all.extend(moka::makers());
    all.push(quick_cache::maker());
    all
}
