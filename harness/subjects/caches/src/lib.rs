//! Caches behind a pointer, for trials: those of the crate `cache`, each store with each policy, and those of
//! other crates.
//!
//! | file | holds |
//! | --- | --- |
//! | `ours` | the stores of the crate `cache` that have their own memory |
//! | `over_map` | the store `over-map`, by reclaimer |
//! | `policies` | where each policy of the crate `cache` comes from, and what it keeps |
//! | `moka`, `quick_cache` | peers |
//! | `peers` | what these two are used alike in |

mod moka;
mod ours;
mod over_map;
mod peers;
mod policies;
mod quick_cache;

use table::NO_RECLAIMER;
use table::cache::{CacheEntry, CacheMaker, CacheOptions, SharedCache};

/// Every cache.
#[must_use]
pub fn caches() -> Vec<CacheMaker> {
    let mut all = ours::makers();
    all.extend(over_map::makers());
    all.extend(moka::makers());
    all.push(quick_cache::maker());
    all
}

/// A cache that takes no reclaimer.
fn maker<C: SharedCache + 'static>(
    mut entry: CacheEntry,
    build: impl Fn(&CacheOptions) -> Result<C, String> + Send + Sync + 'static,
) -> CacheMaker {
    entry.reclaimers = vec![NO_RECLAIMER.to_owned()];
    let build = move |options: &CacheOptions| {
        build(options).map(|cache| Box::new(cache) as Box<dyn SharedCache>)
    };
    CacheMaker { entry, builds: vec![(NO_RECLAIMER.to_owned(), Box::new(build))] }
}
