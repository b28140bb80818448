//! How a cache is made that takes no reclaimer.

use table::NO_RECLAIMER;
use table::cache::{CacheEntry, CacheMaker, CacheOptions, SharedCache};

/// That of the caches of `entry`.
pub(crate) fn maker<C: SharedCache + 'static>(
    mut entry: CacheEntry,
    build: impl Fn(&CacheOptions) -> Result<C, String> + Send + Sync + 'static,
) -> CacheMaker {
    entry.reclaimers = vec![NO_RECLAIMER.to_owned()];
    let build = move |options: &CacheOptions| {
        build(options).map(|cache| Box::new(cache) as Box<dyn SharedCache>)
    };
    CacheMaker { entry, builds: vec![(NO_RECLAIMER.to_owned(), Box::new(build))] }
}
