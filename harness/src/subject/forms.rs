//! Tables in other forms than that in which they are usually measured: with another hasher, and of
//! byte strings.
//!
//! One form of each structure that can, with `epoch` and `hazard` where it takes a reclaimer: every
//! subject in every form would take three times as long to build.

use structures::reclaim::{Epoch, Hazard, Reclaimer};
use structures::versioned::SHARDS;
use structures::versioned::cow::{Cas, Cow, Locked};
use structures::versioned::flat::Flat;
use structures::versioned::hamt::{Bundled, Counted, Hamt};
use structures::versioned::left_right::LeftRight;
use structures::versioned::log::HerlihyLog;
use structures::versioned::map::VersionedMap;
use structures::versioned::psim::PSim;
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CuckooOptimistic,
    CuckooOptimisticItems, CuckooStriped,
};

use super::{MapOptions, NO_RECLAIMER, Registry};
use crate::controls::{NoOp, Sequential};

/// A form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Of numbers, by the default hasher: every subject has it.
    Usual,
    /// Of numbers, by another hasher.
    Hashed,
    /// Of byte strings.
    Bytes,
}

/// Registers `$build` in both forms. It is an expression of a table for any key and value, so that it
/// is a macro's argument and not a function's.
macro_rules! in_both_forms {
    ($registry:ident: $($name:literal, $reclaimer:expr => |$o:ident, $hasher:ident| $build:expr;)*) => {$(
        $registry.add_hashed($name, $reclaimer, |$o: &MapOptions| {
            let $hasher = $o.any_hasher();
            $build
        });
        $registry.add_bytes($name, $reclaimer, |$o: &MapOptions| {
            let $hasher = $o.any_hasher();
            $build
        });
    )*};
}

pub(super) fn add(registry: &mut Registry) {
    in_both_forms! { registry:
        "chaining-global-lock", NO_RECLAIMER => |o, hasher|
            ChainingGlobalLock::with_capacity_and_hasher(o.capacity, hasher);
        "chaining-bucket-lock", NO_RECLAIMER => |o, hasher|
            ChainingBucketLock::with_capacity_and_hasher(o.capacity, hasher);
        "cuckoo-striped", NO_RECLAIMER => |o, hasher|
            CuckooStriped::<_, _, _>::with_capacity_and_hasher(o.capacity, hasher);
        "left-right", NO_RECLAIMER => |o, hasher|
            VersionedMap::with_hasher_in(hasher, LeftRight::new(Flat::with_capacity(o.capacity)));
        "no-op", NO_RECLAIMER => |o, hasher| NoOp::with_capacity_and_hasher(o.capacity, hasher);
        "sequential", NO_RECLAIMER => |o, hasher|
            Sequential::with_capacity_and_hasher(o.capacity, hasher);
    }
    let words = |o: &MapOptions| {
        ChainingInline::<_, _, _>::with_capacity_and_hasher(o.capacity, o.any_hasher())
    };
    registry.add_hashed("chaining-inline", NO_RECLAIMER, words);
    registry.add_hashed("cuckoo-optimistic", NO_RECLAIMER, |o| {
        CuckooOptimistic::<_, _, _>::with_pages(o.capacity, o.any_hasher(), o.pages())
    });
    reclaimed::<Epoch>(registry);
    reclaimed::<Hazard>(registry);
    #[cfg(feature = "peers")]
    peers(registry);
}

fn reclaimed<R: Reclaimer + 'static>(registry: &mut Registry) {
    in_both_forms! { registry:
        "chaining-lock-free", R::NAME => |o, hasher|
            ChainingLockFree::with_capacity_and_hasher_in(o.capacity, hasher, R::new(o.reclaim_batch));
        "cuckoo-optimistic-items", R::NAME => |o, hasher|
            CuckooOptimisticItems::<_, _, R, _>::with_capacity_and_hasher_in(
                o.capacity, hasher, R::new(o.reclaim_batch),
            );
        "cow-lock", R::NAME => |o, hasher| VersionedMap::with_hasher_in(hasher,
            Cow::<_, R, Locked>::new_in(R::new(o.reclaim_batch), || Flat::with_capacity(o.capacity)));
        "cow-cas", R::NAME => |o, hasher| VersionedMap::with_hasher_in(hasher,
            Cow::<_, R, Cas>::new_in(R::new(o.reclaim_batch), || Flat::with_capacity(o.capacity)));
        "hamt-cas", R::NAME => |o, hasher| VersionedMap::with_hasher_in(hasher,
            Cow::<_, R, Cas>::new_in(R::new(o.reclaim_batch), Hamt::<_, _, Bundled>::new));
        "hamt-sharded", R::NAME => |o, hasher| VersionedMap::with_hasher_in(hasher,
            Cow::<_, R, Cas, SHARDS>::new_in(R::new(o.reclaim_batch), Hamt::<_, _, Bundled>::new));
        "hamt-psim", R::NAME => |o, hasher| VersionedMap::with_hasher_in(hasher,
            PSim::new_in(R::new(o.reclaim_batch), Hamt::<_, _, Bundled>::new()));
        "log-herlihy", R::NAME => |o, hasher| VersionedMap::with_hasher_in(hasher,
            HerlihyLog::new_in(R::new(o.reclaim_batch), Hamt::<_, _, Counted>::new()));
    }
}

#[cfg(feature = "peers")]
fn peers(registry: &mut Registry) {
    use crate::peers::{
        ArcSwapImbl, Dashmap, Flurry, Papaya, SccHashIndex, SccHashMap, ShardedRwLock, StdRwLock,
    };
    in_both_forms! { registry:
        "papaya", NO_RECLAIMER => |o, hasher| Papaya::with_capacity_and_hasher(o.capacity, hasher);
        "dashmap", NO_RECLAIMER => |o, hasher| Dashmap::with_capacity_and_hasher(o.capacity, hasher);
        "scc-hashmap", NO_RECLAIMER => |o, hasher|
            SccHashMap::with_capacity_and_hasher(o.capacity, hasher);
        "scc-hashindex", NO_RECLAIMER => |o, hasher|
            SccHashIndex::with_capacity_and_hasher(o.capacity, hasher);
        "flurry", NO_RECLAIMER => |o, hasher| Flurry::with_capacity_and_hasher(o.capacity, hasher);
        "arc-swap-imbl", NO_RECLAIMER => |o, hasher|
            ArcSwapImbl::with_capacity_and_hasher(o.capacity, hasher);
        "std-rwlock", NO_RECLAIMER => |o, hasher|
            StdRwLock::with_capacity_and_hasher(o.capacity, hasher);
        "sharded-rwlock", NO_RECLAIMER => |o, hasher|
            ShardedRwLock::with_capacity_and_hasher(o.capacity, hasher);
    }
}
