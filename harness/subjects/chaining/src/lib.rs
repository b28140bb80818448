//! The registry of chained tables: with which reclaimers, in which variants and forms.

use foldhash::fast::FixedState;
use kernel::factors::{exclusion, named};
use kernel::{MapOptions, NO_RECLAIMER, Reclaimed, Registrar, in_both_forms};
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
pub fn registrar() -> Registrar {
    let mut registrar = Registrar::new();
    let locked = "entries are freed under their lock";
    registrar.add("chaining-global-lock", locked, |o| {
        ChainingGlobalLock::with_capacity_and_hasher(o.capacity, o.hasher())
    });
    registrar.add("chaining-bucket-lock", locked, |o| {
        ChainingBucketLock::with_capacity_and_hasher(o.capacity, o.hasher())
    });
    registrar.add_reclaimed::<LockFree>("chaining-lock-free");
    let inline = registrar.add("chaining-inline", "its entries are inline words", |o| {
        ChainingInline::<_, _, _>::with_capacity_and_hasher(o.capacity, o.hasher())
    });
    inline.holds_words_alone();
    // The exclusions of MemC3's analysis, of a chained table; it has no tags.
    inline_variant::<BucketLocks>(&mut registrar);
    inline_variant::<GlobalLock>(&mut registrar);
    in_both_forms! { registrar:
        "chaining-global-lock", NO_RECLAIMER => |o, hasher|
            ChainingGlobalLock::with_capacity_and_hasher(o.capacity, hasher);
        "chaining-bucket-lock", NO_RECLAIMER => |o, hasher|
            ChainingBucketLock::with_capacity_and_hasher(o.capacity, hasher);
    }
    lock_free_forms::<Epoch>(&mut registrar);
    lock_free_forms::<Hazard>(&mut registrar);
    registrar.add_hashed("chaining-inline", NO_RECLAIMER, |o| {
        ChainingInline::<_, _, _>::with_capacity_and_hasher(o.capacity, o.any_hasher())
    });
    registrar
}

fn inline_variant<E: Exclusion<Versions = PerBucket>>(registrar: &mut Registrar) {
    let factors = named([exclusion::<E>()]);
    registrar.add_variant("chaining-inline", &factors, |o| {
        ChainingInline::<_, _, _, E>::with_capacity_and_hasher(o.capacity, o.hasher())
    });
}

fn lock_free_forms<R: Reclaimer + 'static>(registrar: &mut Registrar) {
    in_both_forms! { registrar:
        "chaining-lock-free", R::NAME => |o, hasher|
            ChainingLockFree::with_capacity_and_hasher_in(o.capacity, hasher, R::new(o.reclaim_batch));
    }
}
