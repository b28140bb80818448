//! Chained tables: which there are, with which reclaimers, in which variants and forms.

use foldhash::fast::FixedState;
use kernel::factors::{exclusion, named};
use kernel::{MapOptions, NO_RECLAIMER, Reclaimed, Registry, in_both_forms};
use structures::exclusion::{BucketLocks, Exclusion, GlobalLock};
use structures::reclaim::{Epoch, Hazard, Reclaimer};
use structures::versions::PerBucket;
use structures::{ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree};

/// The lists of Harris and Michael.
struct LockFree;

impl Reclaimed for LockFree {
    type Map<R: Reclaimer + 'static> = ChainingLockFree<u64, u64, R, FixedState>;

    fn build<R: Reclaimer + 'static>(options: &MapOptions) -> Self::Map<R> {
        ChainingLockFree::with_capacity_and_hasher_in(
            options.capacity,
            options.hasher(),
            R::new(options.reclaim_batch),
        )
    }
}

/// Every one of them.
#[must_use]
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    let locked = "entries are freed under their lock";
    registry.add("chaining-global-lock", locked, |o| {
        ChainingGlobalLock::with_capacity_and_hasher(o.capacity, o.hasher())
    });
    registry.add("chaining-bucket-lock", locked, |o| {
        ChainingBucketLock::with_capacity_and_hasher(o.capacity, o.hasher())
    });
    registry.add_reclaimed::<LockFree>("chaining-lock-free");
    let inline = registry.add("chaining-inline", "its entries are inline words", |o| {
        ChainingInline::<_, _, _>::with_capacity_and_hasher(o.capacity, o.hasher())
    });
    inline.holds_words_alone();
    // The exclusions of MemC3's analysis, of a chained table; it has no tags.
    inline_variant::<BucketLocks>(&mut registry);
    inline_variant::<GlobalLock>(&mut registry);
    in_both_forms! { registry:
        "chaining-global-lock", NO_RECLAIMER => |o, hasher|
            ChainingGlobalLock::with_capacity_and_hasher(o.capacity, hasher);
        "chaining-bucket-lock", NO_RECLAIMER => |o, hasher|
            ChainingBucketLock::with_capacity_and_hasher(o.capacity, hasher);
    }
    lock_free_forms::<Epoch>(&mut registry);
    lock_free_forms::<Hazard>(&mut registry);
    registry.add_hashed("chaining-inline", NO_RECLAIMER, |o| {
        ChainingInline::<_, _, _>::with_capacity_and_hasher(o.capacity, o.any_hasher())
    });
    registry
}

fn inline_variant<E: Exclusion<Versions = PerBucket>>(registry: &mut Registry) {
    let factors = named([exclusion::<E>()]);
    registry.add_variant("chaining-inline", &factors, |o| {
        ChainingInline::<_, _, _, E>::with_capacity_and_hasher(o.capacity, o.hasher())
    });
}

fn lock_free_forms<R: Reclaimer + 'static>(registry: &mut Registry) {
    in_both_forms! { registry:
        "chaining-lock-free", R::NAME => |o, hasher|
            ChainingLockFree::with_capacity_and_hasher_in(o.capacity, hasher, R::new(o.reclaim_batch));
    }
}
