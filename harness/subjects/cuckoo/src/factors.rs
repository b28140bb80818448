//! The factor matrix: cuckoo tables that differ from a structure in stated factors.
//!
//! To add one: a line in [`add_variants`], and its look in `FIXED` of the harness' `plot/style.rs`. Each
//! costs compile time, a trial of its own; add those that an experiment needs.

use kernel::factors::{exclusion, named, search, slots, tags, version_stripes};
use kernel::{Counting, Registrar};
use structures::cuckoo::path::{Bfs, RandomWalk, Search};
use structures::exclusion::{
    BucketLocks, Exclusion, GlobalLock, Optimistic, OptimisticStripes, SingleWriter,
};
use structures::tagging::{Tagged, Tagging, Untagged};
use structures::{CuckooOptimistic, CuckooStriped};

use crate::pages::pages;

/// Registers every variant; the structures must be there.
pub(super) fn add_variants(registrar: &mut Registrar) {
    // E1 of MemC3's factor analysis: exclusion x tags.
    cuckoo_optimistic::<8, Optimistic, Untagged, Bfs>(registrar);
    cuckoo_optimistic::<8, SingleWriter, Tagged, Bfs>(registrar);
    cuckoo_optimistic::<8, SingleWriter, Untagged, Bfs>(registrar);
    cuckoo_optimistic::<8, BucketLocks, Tagged, Bfs>(registrar);
    cuckoo_optimistic::<8, BucketLocks, Untagged, Bfs>(registrar);
    cuckoo_optimistic::<8, GlobalLock, Tagged, Bfs>(registrar);
    cuckoo_optimistic::<8, GlobalLock, Untagged, Bfs>(registrar);
    // How many buckets share a version; MemC3 has 8192 versions.
    cuckoo_optimistic::<8, OptimisticStripes<1>, Tagged, Bfs>(registrar);
    cuckoo_optimistic::<8, OptimisticStripes<64>, Tagged, Bfs>(registrar);
    cuckoo_optimistic::<8, OptimisticStripes<8192>, Tagged, Bfs>(registrar);
    // Slots a bucket, and the path search.
    cuckoo_optimistic::<2, Optimistic, Tagged, Bfs>(registrar);
    cuckoo_optimistic::<4, Optimistic, Tagged, Bfs>(registrar);
    cuckoo_optimistic::<8, Optimistic, Tagged, RandomWalk<1>>(registrar);
    cuckoo_optimistic::<8, Optimistic, Tagged, RandomWalk<2>>(registrar);
    cuckoo_striped::<8, Bfs>(registrar);
    cuckoo_striped::<4, RandomWalk<1>>(registrar);
    cuckoo_striped::<4, RandomWalk<2>>(registrar);
}

fn cuckoo_optimistic<const SLOTS: usize, E: Exclusion, T: Tagging, P: Search>(
    registrar: &mut Registrar,
) {
    let factors = named([
        exclusion::<E>(),
        version_stripes::<E>(),
        tags::<T>(),
        slots(SLOTS, 8),
        search::<P>(),
    ]);
    registrar.add_variant("cuckoo-optimistic", &factors, |o| {
        CuckooOptimistic::<_, _, _, SLOTS, E, T, P>::with_pages(o.capacity, o.hasher(), pages(o))
    });
    registrar.counts_moves_in(&format!("cuckoo-optimistic:{factors}"), |o| {
        CuckooOptimistic::<_, _, _, SLOTS, E, T, Counting<P>>::with_pages(
            o.capacity,
            o.hasher(),
            pages(o),
        )
    });
}

fn cuckoo_striped<const SLOTS: usize, P: Search>(registrar: &mut Registrar) {
    let factors = named([slots(SLOTS, 4), search::<P>()]);
    registrar.add_variant("cuckoo-striped", &factors, |o| {
        CuckooStriped::<_, _, _, SLOTS, P>::with_capacity_and_hasher(o.capacity, o.hasher())
    });
    registrar.counts_moves_in(&format!("cuckoo-striped:{factors}"), |o| {
        CuckooStriped::<_, _, _, SLOTS, Counting<P>>::with_capacity_and_hasher(
            o.capacity,
            o.hasher(),
        )
    });
}
