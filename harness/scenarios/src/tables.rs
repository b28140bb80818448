//! Which tables there are, with their layouts of keys. To add one, add a line to [`all`].

use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use cache::evict::{ClockClear, LruList, Never};
use cache::store::{Config, ConfigError, MapItem, MapKey, Memc3, OverMap, Store};
use structures::cuckoo::path::{Bfs, RandomWalk, Search};
use structures::exclusion::{
    BucketLocks, Exclusion, GlobalLock, Optimistic, OptimisticStripes, SingleWriter,
};
use structures::map::ConcurrentMap;
use structures::reclaim::{Debra, Epoch, Hazard, Ibr, Leak, Qsbr, Reclaimer};
use structures::tagging::{Tagged, Tagging, Untagged};
use structures::versioned::hamt::Counted;
use structures::versions::PerBucket;
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CowCas, CowLock,
    CuckooOptimistic, CuckooOptimisticItems, CuckooStriped, HamtCas, HamtPsim, HamtSharded,
    LeftRightTable, LogHerlihy, Pages,
};

use crate::cache::{CacheRoom, StoreAsTable};
use crate::draw::Layout;
use crate::explore::NewTable;
use crate::program::Verb;
use crate::table::{Extra, Itself, Living, Mapped, Numbered};

/// What explores a table's programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under {
    /// Shuttle, every schedule with a bounded number of preemptions; and loom, which knows what weak
    /// memory allows as well, and comes to fewer programs.
    Both,
    /// Shuttle alone: an operation has so many steps that loom comes to a few programs, or the
    /// reclaimer's atomics are another crate's. The reclaimers have models of their own for loom.
    Shuttle,
}

/// A table.
pub struct Explorable {
    /// Its name, with the factors that are not the default.
    pub name: &'static str,
    /// What explores it.
    pub under: Under,
    /// Its layouts.
    pub layouts: &'static [Layout],
    /// What it can do besides a map's operations.
    pub extras: &'static [Verb],
    /// A short run explores one in so many of the executions that there are of others.
    pub part: u64,
    /// Makes one.
    pub build: NewTable,
}

impl fmt::Debug for Explorable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explorable").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Key number `number` with that tag, its home, or its bucket, being `home`.
const fn key(tag: u64, number: u64, home: u64) -> u64 {
    tag << 56 | number << 16 | home
}

/// All in one bucket, with different tags; e and g are at home in the other one.
const ONE_HOME: Layout = Layout {
    name: "one-home",
    keys: [
        key(1, 0, 0),
        key(2, 0, 0),
        key(3, 0, 0),
        key(4, 0, 0),
        key(5, 0, 1),
        key(6, 0, 0),
        key(7, 0, 1),
        key(8, 0, 0),
    ],
    alike: [0; 4],
    // Empty; the home full; overflowing; the other bucket used; both full; both nearly full.
    fillings: &["", "ab", "abc", "e", "abec", "abe"],
};

/// The same with one hash for all but e and g.
const ONE_HASH: Layout = Layout {
    name: "one-hash",
    keys: [
        key(1, 0, 0),
        key(1, 1, 0),
        key(1, 2, 0),
        key(1, 3, 0),
        key(5, 0, 1),
        key(1, 4, 0),
        key(7, 0, 1),
        key(1, 5, 0),
    ],
    alike: [0; 4],
    fillings: &["", "ab", "abc", "abec"],
};

/// Two and two.
const TWO_HOMES: Layout = Layout {
    name: "two-homes",
    keys: [
        key(1, 0, 0),
        key(2, 0, 0),
        key(3, 0, 1),
        key(4, 0, 1),
        key(5, 0, 0),
        key(6, 0, 1),
        key(7, 0, 2),
        key(8, 0, 3),
    ],
    alike: [0, 0, 1, 1],
    fillings: &["", "ac", "abe", "abcd"],
};

/// In one bucket of two, and in two of four.
const SPLIT: Layout = Layout {
    name: "split",
    keys: [
        key(1, 0, 0),
        key(2, 0, 2),
        key(3, 0, 0),
        key(4, 0, 2),
        key(5, 0, 1),
        key(6, 0, 3),
        key(7, 0, 0),
        key(8, 0, 2),
    ],
    alike: [0, 1, 0, 1],
    fillings: &["", "ab", "abe", "abcd"],
};

/// Of four buckets: all but e and f at home in the first, whose other bucket is the last, that of b
/// the second; e and f at home in the last. With a, b, e and f both are full, and b makes room.
const DISPLACING: Layout = Layout {
    name: "displacing",
    keys: [
        key(1, 0, 0),
        key(12, 0, 0),
        key(1, 1, 0),
        key(1, 2, 0),
        key(1, 3, 3),
        key(1, 4, 3),
        key(12, 1, 0),
        key(12, 2, 0),
    ],
    alike: [0, 1, 0, 0],
    fillings: &["abef", "abe"],
};

/// In one slot of a trie's root and apart below; a and b in one slot of a table.
const ONE_SLOT: Layout = Layout {
    name: "one-slot",
    keys: [0, 32, 64, 96, 1, 2, 33, 3],
    alike: [0; 4],
    fillings: &["", "a", "ab", "abcef"],
};

/// With equal hashes in a trie.
const COLLIDING: Layout = Layout {
    name: "colliding",
    keys: [0, 1 << 16, 2 << 16, 3 << 16, 1, 2, 3, 4],
    alike: [0; 4],
    fillings: &["", "a", "ab"],
};

/// In two of the shards.
const TWO_ROOTS: Layout = Layout {
    name: "two-roots",
    keys: [0, 32, 1 << 48, 1 << 48 | 32, 1, 2, 3, 4],
    alike: [0, 0, 1, 1],
    fillings: &["", "ac"],
};

/// Of a cache, which hashes them: some have the same home, and some not.
const NUMBERED: Layout = Layout {
    name: "numbered",
    keys: [0, 1, 2, 3, 4, 5, 6, 7],
    alike: [0, 1, 2, 3],
    fillings: &["", "a", "ab"],
};

/// Two items, in the chunks of one page.
const TWO_ITEMS: CacheRoom = CacheRoom { pages: 1, smallest: 256, lengths: [7, 7] };

/// Two items whose values go on in a second word, as the key and 15 bytes have two: one that is half overwritten is
/// seen. Of seven bytes, which share a word with the key, none is.
const TWO_OF_TWO_WORDS: CacheRoom = CacheRoom { lengths: [15, 15], ..TWO_ITEMS };

/// Short items have one page, and a long one another, unless pages change classes.
const TWO_SIZES: CacheRoom = CacheRoom { pages: 2, smallest: 32, lengths: [39, 7] };

/// All keys that programs use.
const FOUR_ITEMS: CacheRoom = CacheRoom { pages: 2, ..TWO_ITEMS };

/// Two items where all that a table keeps of one is counted.
const TWO_LARGE: CacheRoom = CacheRoom { lengths: [110, 110], ..TWO_ITEMS };

const CUCKOO: &[Layout] = &[ONE_HOME, ONE_HASH, TWO_HOMES, SPLIT];
const WIDE: &[Layout] = &[DISPLACING];
const CHAINED: &[Layout] = &[ONE_HOME, ONE_HASH, SPLIT];
const VERSIONED: &[Layout] = &[ONE_SLOT, COLLIDING];
const SHARDED: &[Layout] = &[ONE_SLOT, COLLIDING, TWO_ROOTS];
const CACHES: &[Layout] = &[NUMBERED];

fn subject<M, V>(
    name: &'static str,
    layouts: &'static [Layout],
    build: fn() -> M,
    extras: (&'static [Verb], Extra<M>),
) -> Explorable
where
    M: ConcurrentMap<u64, V> + 'static,
    V: Numbered,
{
    let (extras, extra) = extras;
    let build: NewTable = Arc::new(move || Arc::new(Mapped::<M, V>::new(build(), extra)));
    Explorable { name, under: Under::Both, layouts, extras, part: 1, build }
}

/// A table without more than a map has.
fn plain<M, V>(name: &'static str, layouts: &'static [Layout], build: fn() -> M) -> Explorable
where
    M: ConcurrentMap<u64, V> + 'static,
    V: Numbered,
{
    subject(name, layouts, build, (&[], |_, verb, _| unreachable!("{verb:?}")))
}

/// A table of the construction `M`, which is its default.
fn versioned<M>(name: &'static str, layouts: &'static [Layout], under: Under) -> Explorable
where
    M: ConcurrentMap<u64, Living> + Default + 'static,
{
    Explorable { under, ..plain::<M, Living>(name, layouts, M::default) }
}

fn lock_free<R: Reclaimer + 'static>(name: &'static str, under: Under) -> Explorable {
    let subject = plain::<_, Living>(name, CHAINED, || {
        ChainingLockFree::with_capacity_and_hasher_in(0, Itself::default(), R::new(Some(1)))
    });
    Explorable { under, ..subject }
}

fn inline<E: Exclusion<Versions = PerBucket>>(name: &'static str) -> Explorable {
    plain(name, CHAINED, || {
        ChainingInline::<u64, u64, Itself, E>::with_capacity_and_hasher(0, Itself::default())
    })
}

/// With four buckets, for a model checker a large table, whose operations take other ways.
fn inline_large() -> Explorable {
    plain("chaining-inline+four-buckets", CHAINED, || {
        ChainingInline::<u64, u64, Itself>::with_capacity_and_hasher(8, Itself::default())
    })
}

fn optimistic<E: Exclusion, T: Tagging, P: Search, const SLOTS: usize>(
    name: &'static str,
) -> Explorable {
    let build = || {
        let pages = Pages::Default;
        CuckooOptimistic::<_, _, _, SLOTS, E, T, P>::with_buckets(2, Itself::default(), pages)
    };
    subject::<_, u64>(
        name,
        CUCKOO,
        build,
        (&[Verb::Displace], |map, _, key| _ = map.displace(&key)),
    )
}

/// With four buckets, so that an insertion displaces.
fn optimistic_wide<E: Exclusion>(name: &'static str) -> Explorable {
    plain::<_, u64>(name, WIDE, || {
        let pages = Pages::Default;
        CuckooOptimistic::<_, _, _, 2, E>::with_buckets(4, Itself::default(), pages)
    })
}

fn items<R: Reclaimer + 'static>(name: &'static str, under: Under) -> Explorable {
    let subject = plain::<_, Living>(name, CUCKOO, || {
        CuckooOptimisticItems::<u64, Living, R, Itself, 2>::with_buckets_in(
            2,
            Itself::default(),
            R::new(Some(1)),
            Pages::Default,
        )
    });
    Explorable { under, ..subject }
}

type Striped = CuckooStriped<u64, Living, Itself, 2>;

fn striped() -> Explorable {
    let build = || Striped::with_capacity_and_hasher(0, Itself::default());
    let extra: Extra<Striped> = |map, verb, _| match verb {
        Verb::Grow => map.try_reserve(16).expect("there is memory"),
        _ => drop(map.shrink_to_fit()),
    };
    subject::<_, Living>("cuckoo-striped", CUCKOO, build, (&[Verb::Grow, Verb::Shrink], extra))
}

/// With four buckets of two slots, an eighth of which is to spare.
fn striped_wide() -> Explorable {
    let build = || Striped::with_capacity_and_hasher(7, Itself::default());
    plain::<_, Living>("cuckoo-striped+four-buckets", WIDE, build)
}

fn cached<S: Store + 'static>(
    name: &'static str,
    room: CacheRoom,
    build: fn(&Config) -> Result<S, ConfigError>,
) -> Explorable {
    let build: NewTable = Arc::new(move || Arc::new(StoreAsTable::new(room, build)));
    let (under, extras, part) = (Under::Both, &[Verb::Cas], if cfg!(loom) { 2 } else { 5 });
    Explorable { name, under, layouts: CACHES, extras, part, build }
}

fn over_map() -> Explorable {
    type Hasher = BuildHasherDefault<DefaultHasher>;
    type InChains = ChainingLockFree<MapKey, Arc<MapItem>, Hazard, Hasher>;
    let subject = cached::<OverMap<ClockClear, InChains>>("over-map+clock", TWO_LARGE, |config| {
        let map = InChains::with_capacity_and_hasher_in(0, Hasher::default(), Hazard::new(Some(1)));
        OverMap::over(map, config)
    });
    Explorable { under: Under::Shuttle, ..subject }
}

/// Every table, and caches.
#[must_use]
pub fn all() -> Vec<Explorable> {
    use Under::{Both, Shuttle};
    vec![
        plain::<_, Living>("chaining-global-lock", CHAINED, || {
            ChainingGlobalLock::<u64, Living, Itself>::with_capacity_and_hasher(
                0,
                Itself::default(),
            )
        }),
        plain::<_, Living>("chaining-bucket-lock", CHAINED, || {
            ChainingBucketLock::<u64, Living, Itself>::with_capacity_and_hasher(
                0,
                Itself::default(),
            )
        }),
        lock_free::<Leak>("chaining-lock-free+leak", Both),
        lock_free::<Hazard>("chaining-lock-free+hazard", Shuttle),
        lock_free::<Debra>("chaining-lock-free+debra", Shuttle),
        lock_free::<Ibr>("chaining-lock-free+ibr", Shuttle),
        lock_free::<Qsbr>("chaining-lock-free+qsbr", Shuttle),
        lock_free::<Epoch>("chaining-lock-free+epoch", Shuttle),
        inline::<Optimistic>("chaining-inline"),
        inline::<BucketLocks>("chaining-inline+bucket-lock"),
        inline_large(),
        striped(),
        striped_wide(),
        optimistic::<Optimistic, Tagged, Bfs, 2>("cuckoo-optimistic"),
        optimistic::<Optimistic, Untagged, Bfs, 2>("cuckoo-optimistic+no-tag"),
        optimistic::<OptimisticStripes<1>, Tagged, Bfs, 2>("cuckoo-optimistic+one-stripe"),
        optimistic::<OptimisticStripes<2>, Untagged, Bfs, 2>(
            "cuckoo-optimistic+two-stripes+no-tag",
        ),
        optimistic::<SingleWriter, Tagged, RandomWalk<1>, 2>(
            "cuckoo-optimistic+single-writer+random-1",
        ),
        optimistic::<BucketLocks, Tagged, Bfs, 2>("cuckoo-optimistic+bucket-lock"),
        optimistic::<GlobalLock, Tagged, Bfs, 2>("cuckoo-optimistic+global-lock"),
        optimistic::<Optimistic, Tagged, Bfs, 4>("cuckoo-optimistic+slots-4"),
        optimistic_wide::<Optimistic>("cuckoo-optimistic+four-buckets"),
        optimistic_wide::<OptimisticStripes<2>>("cuckoo-optimistic+two-stripes+four-buckets"),
        items::<Leak>("cuckoo-optimistic-items+leak", Both),
        items::<Hazard>("cuckoo-optimistic-items+hazard", Shuttle),
        items::<Epoch>("cuckoo-optimistic-items+epoch", Shuttle),
        versioned::<CowLock<u64, Living, Leak, Itself>>("cow-lock+leak", VERSIONED, Both),
        versioned::<CowCas<u64, Living, Leak, Itself>>("cow-cas+leak", VERSIONED, Both),
        versioned::<CowCas<u64, Living, Hazard, Itself>>("cow-cas+hazard", VERSIONED, Shuttle),
        versioned::<HamtCas<u64, Living, Leak, Itself>>("hamt-cas+leak", VERSIONED, Both),
        versioned::<HamtCas<u64, Living, Debra, Itself>>("hamt-cas+debra", VERSIONED, Shuttle),
        versioned::<HamtCas<u64, Living, Ibr, Itself, Counted>>(
            "hamt-cas+counted+ibr",
            VERSIONED,
            Shuttle,
        ),
        versioned::<HamtSharded<u64, Living, Leak, Itself>>("hamt-sharded+leak", SHARDED, Both),
        versioned::<HamtPsim<u64, Living, Leak, Itself>>("hamt-psim+leak", VERSIONED, Shuttle),
        versioned::<HamtPsim<u64, Living, Hazard, Itself>>("hamt-psim+hazard", VERSIONED, Shuttle),
        versioned::<LogHerlihy<u64, Living, Leak, Itself>>("log-herlihy+leak", VERSIONED, Shuttle),
        versioned::<LogHerlihy<u64, Living, Epoch, Itself>>(
            "log-herlihy+epoch",
            VERSIONED,
            Shuttle,
        ),
        versioned::<LeftRightTable<u64, Living, Itself>>("left-right", VERSIONED, Shuttle),
        cached("memc3+clock", TWO_ITEMS, Memc3::<ClockClear>::new),
        cached("memc3+clock+two-sizes", TWO_SIZES, Memc3::<ClockClear>::new),
        cached("memc3+lru-list", TWO_OF_TWO_WORDS, Memc3::<LruList>::new),
        cached("memc3+none", FOUR_ITEMS, Memc3::<Never>::new),
        over_map(),
    ]
}
