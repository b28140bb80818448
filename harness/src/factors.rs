//! The factor matrix: tables that differ from a structure in stated factors.
//!
//! A factor is a type parameter of the table, so each variant is a table of its own and no
//! operation pays for the choice. A variant's name lists what differs from the structure's
//! default, as in `cuckoo-optimistic:exclusion=global-lock,tags=off`; it is made of the types'
//! own names, so that it cannot say something else than what is measured.
//!
//! To add one: a line in [`add_variants`], and its look in `FIXED` of `plot/style.rs`. Each costs
//! compile time, a trial of its own; add those that an experiment needs.

use structures::cuckoo::path::{Bfs, RandomWalk, Search};
use structures::exclusion::{
    BucketLocks, Exclusion, GlobalLock, Optimistic, OptimisticStripes, SingleWriter,
};
use structures::tagging::{Tagged, Tagging, Untagged};
use structures::versioned::hamt::{Bundled, Counted, Sharing};
use structures::versions::{PerBucket, Versions};
use structures::{ChainingInline, CuckooOptimistic, CuckooStriped};

use crate::space::Counting;
use crate::subject::{Registry, TrieCow, three_schemes};

/// Registers every variant; the structures must be there.
pub(crate) fn add_variants(registry: &mut Registry) {
    // E1 of MemC3's factor analysis: exclusion x tags.
    cuckoo_optimistic::<8, Optimistic, Untagged, Bfs>(registry);
    cuckoo_optimistic::<8, SingleWriter, Tagged, Bfs>(registry);
    cuckoo_optimistic::<8, SingleWriter, Untagged, Bfs>(registry);
    cuckoo_optimistic::<8, BucketLocks, Tagged, Bfs>(registry);
    cuckoo_optimistic::<8, BucketLocks, Untagged, Bfs>(registry);
    cuckoo_optimistic::<8, GlobalLock, Tagged, Bfs>(registry);
    cuckoo_optimistic::<8, GlobalLock, Untagged, Bfs>(registry);
    // The same of a chained table.
    chaining_inline::<Optimistic, Untagged>(registry);
    chaining_inline::<BucketLocks, Tagged>(registry);
    chaining_inline::<BucketLocks, Untagged>(registry);
    chaining_inline::<GlobalLock, Tagged>(registry);
    chaining_inline::<GlobalLock, Untagged>(registry);
    // How many buckets share a version; MemC3 has 8192 versions.
    cuckoo_optimistic::<8, OptimisticStripes<1>, Tagged, Bfs>(registry);
    cuckoo_optimistic::<8, OptimisticStripes<64>, Tagged, Bfs>(registry);
    cuckoo_optimistic::<8, OptimisticStripes<8192>, Tagged, Bfs>(registry);
    // Slots a bucket, and the path search.
    cuckoo_optimistic::<2, Optimistic, Tagged, Bfs>(registry);
    cuckoo_optimistic::<4, Optimistic, Tagged, Bfs>(registry);
    cuckoo_optimistic::<8, Optimistic, Tagged, RandomWalk<1>>(registry);
    cuckoo_optimistic::<8, Optimistic, Tagged, RandomWalk<2>>(registry);
    cuckoo_striped::<8, Bfs>(registry);
    cuckoo_striped::<4, RandomWalk<1>>(registry);
    cuckoo_striped::<4, RandomWalk<2>>(registry);
    // How versions share nodes: what counting them costs, and what it frees under a stalled reader.
    let few = "one scheme of each kind; bundled nodes are there with all";
    let factors = named([nodes::<Counted>()]);
    registry.add_reclaimed_variant::<TrieCow<Counted, 1>>("hamt-cas", &factors, few, three_schemes);
}

fn cuckoo_optimistic<const SLOTS: usize, E: Exclusion, T: Tagging, P: Search>(
    registry: &mut Registry,
) {
    let factors = named([
        exclusion::<E>(),
        version_stripes::<E>(),
        tags::<T>(),
        slots(SLOTS, 8),
        search::<P>(),
    ]);
    let variant = registry.add_variant("cuckoo-optimistic", &factors, |o| {
        CuckooOptimistic::<_, _, _, SLOTS, E, T, P>::with_pages(o.capacity, o.hasher(), o.pages())
    });
    variant.counts_moves_in(|o| {
        CuckooOptimistic::<_, _, _, SLOTS, E, T, Counting<P>>::with_pages(
            o.capacity,
            o.hasher(),
            o.pages(),
        )
    });
}

fn chaining_inline<E: Exclusion<Versions = PerBucket>, T: Tagging>(registry: &mut Registry) {
    let factors = named([exclusion::<E>(), tags::<T>()]);
    registry.add_variant("chaining-inline", &factors, |o| {
        ChainingInline::<_, _, _, E, T>::with_capacity_and_hasher(o.capacity, o.hasher())
    });
}

fn cuckoo_striped<const SLOTS: usize, P: Search>(registry: &mut Registry) {
    let factors = named([slots(SLOTS, 4), search::<P>()]);
    let variant = registry.add_variant("cuckoo-striped", &factors, |o| {
        CuckooStriped::<_, _, _, SLOTS, P>::with_capacity_and_hasher(o.capacity, o.hasher())
    });
    variant.counts_moves_in(|o| {
        CuckooStriped::<_, _, _, SLOTS, Counting<P>>::with_capacity_and_hasher(
            o.capacity,
            o.hasher(),
        )
    });
}

/// What differs, as a name has it.
fn named<const N: usize>(factors: [Option<String>; N]) -> String {
    let differing: Vec<String> = factors.into_iter().flatten().collect();
    assert!(!differing.is_empty(), "with every factor at its default it is the structure itself");
    differing.join(",")
}

/// `factor=value`, or `None` at the default.
fn differing(factor: &str, value: &str, default: &str) -> Option<String> {
    (value != default).then(|| format!("{factor}={value}"))
}

fn exclusion<E: Exclusion>() -> Option<String> {
    differing("exclusion", E::NAME, Optimistic::NAME)
}

fn version_stripes<E: Exclusion>() -> Option<String> {
    differing("version-stripes", &E::Versions::STRIPES.to_string(), "0")
}

fn tags<T: Tagging>() -> Option<String> {
    differing("tags", if T::DISTINGUISHES { "on" } else { "off" }, "on")
}

fn slots(slots: usize, default: usize) -> Option<String> {
    differing("slots", &slots.to_string(), &default.to_string())
}

fn nodes<P: Sharing>() -> Option<String> {
    differing("nodes", P::NAME, Bundled::NAME)
}

fn search<P: Search>() -> Option<String> {
    differing("search", P::NAME, Bfs::NAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::style;

    #[test]
    fn names_list_what_differs_from_the_default() {
        let registry = Registry::built_in();
        let names: Vec<_> = registry
            .variants("cuckoo-optimistic")
            .map(|variant| variant.name.strip_prefix("cuckoo-optimistic:").unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "tags=off",
                "exclusion=single-writer",
                "exclusion=single-writer,tags=off",
                "exclusion=bucket-lock",
                "exclusion=bucket-lock,tags=off",
                "exclusion=global-lock",
                "exclusion=global-lock,tags=off",
                "version-stripes=1",
                "version-stripes=64",
                "version-stripes=8192",
                "slots=2",
                "slots=4",
                "search=random-1",
                "search=random-2",
            ]
        );
    }

    #[test]
    fn a_variant_is_what_its_structure_is() {
        let registry = Registry::built_in();
        for of in ["cuckoo-optimistic", "chaining-inline", "cuckoo-striped"] {
            let of = registry.structure(of).unwrap();
            assert!(registry.variants(&of.name).count() > 0, "{of:?}");
            for variant in registry.variants(&of.name) {
                assert!(variant.reclaimers().eq(of.reclaimers()), "{variant:?}");
                let expected = (of.why_not, of.huge_pages);
                assert_eq!((variant.why_not, variant.huge_pages), expected, "{variant:?}");
            }
        }
        assert_eq!(registry.variants("papaya").count(), 0);
    }

    #[test]
    fn every_variant_has_a_look_of_its_own() {
        let registry = Registry::built_in();
        let variants = registry.structures().iter().filter(|s| s.variant_of.is_some());
        for variant in variants {
            assert!(style::is_fixed(&variant.name), "add {} to FIXED", variant.name);
        }
    }

    #[test]
    #[should_panic(expected = "every factor at its default")]
    fn the_default_is_no_variant() {
        cuckoo_optimistic::<8, Optimistic, Tagged, Bfs>(&mut Registry::built_in());
    }

    #[test]
    #[should_panic(expected = "no structure `cuckoo`")]
    fn a_variant_needs_its_structure() {
        Registry::default().add_variant("cuckoo", "slots=8", |_| {
            structures::ChainingBucketLock::<u64, u64>::default()
        });
    }
}
