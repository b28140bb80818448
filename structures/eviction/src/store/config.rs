//! How a cache is made: how much memory, which sizes.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::item::{MAX_EXTRA, MAX_KEY, MAX_VALUE};
use crate::memory::{Arena, Sizes, try_collected};
use crate::time::{Clock, SystemClock};
use crate::words::WORD;

/// The parameters of a cache. Start from [`Config::of`], and change fields.
#[derive(Clone, Debug)]
pub struct Config {
    /// The bound of item memory, in bytes: keys, values, headers, and the unused ends of chunks and
    /// pages. The index and the policy's metadata come on top, see [`Stats`](super::Stats).
    pub bytes: usize,
    /// Bytes of a page, the unit in which memory moves between size classes. A power of two from 512 bytes to 1 GiB.
    pub page: usize,
    /// The smallest chunk, in bytes, rounded up to 8. The index of `memc3` has room for as many items as
    /// there are such chunks.
    pub smallest: usize,
    /// The growth factor from each class's chunks to the next class's: above 1.
    pub growth: f64,
    /// The largest value, in bytes. With the longest key it must fit a page.
    pub max_value: usize,
    /// Shards, at most: there are fewer if each had less than [`PAGES_A_SHARD`] pages.
    pub shards: usize,
    /// Whether items have a CAS number, of 8 bytes.
    pub cas: bool,
    /// The seed of the hash function and of policies that use random numbers. With `None` it is a different one each
    /// time, so that nobody can construct keys that collide.
    pub seed: Option<u64>,
    /// The clock for expiry.
    pub clock: Arc<dyn Clock>,
}

/// The fewest pages of a shard, if there is more than one.
pub const PAGES_A_SHARD: usize = 16;

/// The smallest page: it has room for the longest key and what an item takes besides.
const SMALLEST_PAGE: usize = (MAX_EXTRA + MAX_KEY).next_power_of_two();

/// The largest.
const LARGEST_PAGE: usize = 1 << 30;

impl Config {
    /// A cache of `bytes` bytes, with memcached's defaults: pages of 1 MiB, chunks from 48 bytes
    /// on, values of up to 1000 KiB, CAS numbers. But chunks grow by an eighth, not a quarter: pages
    /// follow the sizes in use, so more classes cost little. At most sixteen shards.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        Self {
            bytes,
            page: 1 << 20,
            smallest: 48,
            growth: 1.125,
            max_value: 1000 << 10,
            shards: 16,
            cas: true,
            seed: None,
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// How many size classes there are from that of the smallest chunk to that of the largest value, which has a
    /// header there and no key. O(classes).
    ///
    /// # Errors
    ///
    /// There can be no such cache.
    pub fn classes(&self) -> Result<usize, ConfigError> {
        self.check()?;
        let largest = self.header() + self.max_value;
        let class = self.sizes().class_of(largest).expect("it fits a page");
        Ok(class + 1)
    }

    /// Bytes of an item beside its key and value, if it has no flags.
    fn header(&self) -> usize {
        if self.cas { 2 * WORD } else { WORD }
    }

    /// The sizes of chunks.
    fn sizes(&self) -> Sizes {
        Sizes::new(self.smallest.next_multiple_of(WORD), self.growth, self.page)
    }

    /// The arenas of its shards: together not larger than the bound.
    pub(super) fn arenas(&self) -> Result<Vec<Arena>, ConfigError> {
        let bounds = self.bounds()?;
        let (sizes, shards) = (self.sizes(), bounds.len());
        let chunks = sizes.per_page(0).next_power_of_two();
        let most = bounds.clone().next().unwrap_or_default() / self.page;
        if most.saturating_mul(chunks) >= 1 << u32::BITS {
            return Err(ConfigError::TooManyChunks { shards });
        }
        let of_pages = (self.bytes / self.page).saturating_mul(Arena::BYTES_OF_PAGE);
        let of_classes = shards.saturating_mul(Arena::bytes_of_classes(&sizes));
        let needs = of_pages.saturating_add(of_classes);
        self.check_memory(needs)?;
        let arenas = bounds.map(|bytes| Arena::try_new(bytes, sizes.clone()));
        try_collected(shards, arenas).ok_or_else(|| self.no_memory(needs))
    }

    /// The bytes of each shard, in whole pages: none has more than the first, nor less than the last. It is no list, as
    /// there may be more shards than there is memory for.
    ///
    /// # Errors
    ///
    /// There can be no such cache.
    pub fn bounds(
        &self,
    ) -> Result<impl ExactSizeIterator<Item = usize> + DoubleEndedIterator + Clone, ConfigError>
    {
        self.check()?;
        let (page, pages) = (self.page, self.bytes / self.page);
        let shards = (pages / PAGES_A_SHARD).clamp(1, self.shards);
        let of_shard = move |shard| pages / shards + usize::from(shard < pages % shards);
        Ok((0..shards).map(move |shard| of_shard(shard) * page))
    }

    fn check(&self) -> Result<(), ConfigError> {
        // As large as this none is allowed.
        let smallest = self.smallest.checked_next_multiple_of(WORD).unwrap_or(usize::MAX);
        if !self.page.is_power_of_two() || !(SMALLEST_PAGE..=LARGEST_PAGE).contains(&self.page) {
            return Err(ConfigError::Page(self.page));
        }
        if self.max_value > self.most_value() {
            return Err(ConfigError::MaxValue { most: self.most_value(), asked: self.max_value });
        }
        if !(2 * WORD..=self.page).contains(&smallest) {
            return Err(ConfigError::Smallest(self.smallest));
        }
        if !(self.growth > 1.0 && self.growth <= 16.0) {
            return Err(ConfigError::Growth(self.growth));
        }
        if self.bytes < self.page {
            return Err(ConfigError::NoPage { bytes: self.bytes, page: self.page });
        }
        if self.shards == 0 {
            return Err(ConfigError::NoShard);
        }
        Ok(())
    }

    /// The largest value that there can be in these pages, which are large enough.
    fn most_value(&self) -> usize {
        (self.page - MAX_EXTRA - MAX_KEY).min(MAX_VALUE)
    }

    /// Whether the system has so many bytes, which the cache takes from the start beside item memory.
    ///
    /// A system may promise more than it has, and end a process that writes there. What it can never have it does not
    /// promise: so all is asked for at once, before any part of it is taken.
    ///
    /// # Errors
    ///
    /// It has not: [`no_memory`](Self::no_memory).
    pub fn check_memory(&self, needs: usize) -> Result<(), ConfigError> {
        if needs < WORTH_ASKING || is_given(needs) {
            return Ok(());
        }
        Err(self.no_memory(needs))
    }

    /// That the system has not so many bytes: what a cache takes goes with the bytes of items, so fewer of these could be
    /// had.
    #[must_use]
    pub fn no_memory(&self, needs: usize) -> ConfigError {
        let fits = (1..usize::BITS).find(|&halvings| is_given(needs >> halvings));
        let most = fits.map_or(0, |halvings| self.bytes >> halvings);
        ConfigError::NoMemory { asked: self.bytes, needs, most }
    }
}

/// Fewer bytes than these are not asked for in advance: a system has them. (An allocator may also learn from a small
/// block that is given back, and take the next ones from elsewhere.)
const WORTH_ASKING: usize = 1 << 30;

/// Whether the system gives so many bytes. They are given back.
fn is_given(bytes: usize) -> bool {
    let mut block = Vec::<u8>::new();
    let is_given = block.try_reserve_exact(bytes).is_ok();
    // What is asked for, and not used, a compiler may leave out.
    std::hint::black_box(&block);
    is_given
}

/// Why a cache is impossible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConfigError {
    /// The size of a page is not a power of two from 512 bytes to 1 GiB.
    Page(usize),
    /// The largest value would not fit a page, or its length the header.
    MaxValue {
        /// The largest value that would fit.
        most: usize,
        /// The largest value that was requested.
        asked: usize,
    },
    /// The smallest chunk is below 16 bytes or above a page.
    Smallest(usize),
    /// The growth factor is not above 1, or is above 16.
    Growth(f64),
    /// There is less than one page of memory.
    NoPage {
        /// The bound.
        bytes: usize,
        /// A page.
        page: usize,
    },
    /// There is no shard.
    NoShard,
    /// A shard has more chunks than 32 bits can number.
    TooManyChunks {
        /// How many shards there would be.
        shards: usize,
    },
    /// The system has no memory for what a cache allocates at the start: the index of some stores, and the records of
    /// pages and shards.
    NoMemory {
        /// The requested bound of item memory.
        asked: usize,
        /// Bytes that it would allocate at the start besides that.
        needs: usize,
        /// A bound for which the system has enough memory.
        most: usize,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Page(page) => {
                write!(f, "pages of {page} bytes: they are powers of two from ")?;
                write!(f, "{SMALLEST_PAGE} bytes to 1 GiB")
            }
            Self::MaxValue { most, asked } => {
                write!(f, "values of {asked} bytes: with this page the largest has {most}")
            }
            Self::Smallest(bytes) => {
                write!(f, "smallest chunks of {bytes} bytes: they have from 16 bytes to a page")
            }
            Self::Growth(factor) => {
                write!(f, "sizes that grow by {factor}: they grow by more than 1 and at most 16")
            }
            Self::NoPage { bytes, page } => {
                write!(f, "{bytes} bytes of memory are less than a page of {page}")
            }
            Self::NoShard => write!(f, "a cache without shards"),
            Self::TooManyChunks { shards } => {
                write!(
                    f,
                    "with shards: {shards}, one has more chunks than 32 bits can number; take more"
                )
            }
            Self::NoMemory { asked, needs, most } => {
                write!(f, "a cache of {asked} bytes takes {needs} more from the start, which ")?;
                write!(f, "the system does not have; it has what one of {most} bytes takes")
            }
        }
    }
}

impl Error for ConfigError {}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Of pages so small that all sizes can be gone through.
    fn configs() -> impl Strategy<Value = Config> {
        let sizes = (9_u32..15, 16_usize..500, 1.05_f64..3.0, 0_usize..=100);
        (sizes, any::<bool>(), 1_usize..40, 0_usize..4 << 20).prop_map(
            |((page, smallest, growth, percent), cas, shards, bytes)| {
                let page = 1_usize << page;
                let max_value = (page - MAX_EXTRA - MAX_KEY) * percent / 100;
                let of = Config::of(page + bytes);
                Config { page, smallest, growth, max_value, shards, cas, ..of }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn classes_are_those_of_all_sizes(config in configs()) {
            let (sizes, largest) = (config.sizes(), config.header() + config.max_value);
            let all: BTreeSet<_> = (0..=largest).map(|bytes| sizes.class_of(bytes)).collect();
            prop_assert_eq!(config.classes(), Ok(all.len()));
        }
    }
}
