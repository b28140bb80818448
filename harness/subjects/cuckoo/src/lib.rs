//! The registry of cuckoo tables: with which reclaimers, in which variants and forms.

mod factors;
mod pages;

use foldhash::fast::FixedState;
use kernel::{Counting, MapOptions, NO_RECLAIMER, Reclaimed, Registrar, in_both_forms};
use structures::cuckoo::path::Bfs;
use structures::exclusion::Optimistic;
use structures::reclaim::{Epoch, Hazard, Reclaimer};
use structures::tagging::Tagged;
use structures::{CuckooOptimistic, CuckooOptimisticItems, CuckooStriped};

use self::pages::pages;

/// The optimistic table whose slots point to items.
struct Items;

impl Reclaimed for Items {
    type Map<R: Reclaimer + 'static> = CuckooOptimisticItems<u64, u64, R, FixedState>;

    fn build<R: Reclaimer + 'static>(options: &MapOptions) -> Self::Map<R> {
        CuckooOptimisticItems::with_capacity_and_hasher_in(
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
    registrar.add("cuckoo-striped", "entries are freed under their lock", |o| {
        CuckooStriped::<_, _, _>::with_capacity_and_hasher(o.capacity, o.hasher())
    });
    registrar.counts_moves_in("cuckoo-striped", |o| {
        CuckooStriped::<_, _, _, 4, Counting<Bfs>>::with_capacity_and_hasher(o.capacity, o.hasher())
    });
    registrar.add_reclaimed::<Items>("cuckoo-optimistic-items");
    let optimistic = registrar.add("cuckoo-optimistic", "its entries are inline words", |o| {
        CuckooOptimistic::<_, _, _>::with_pages(o.capacity, o.hasher(), pages(o))
    });
    optimistic.asks_for_huge_pages();
    optimistic.holds_words_alone();
    registrar.counts_moves_in("cuckoo-optimistic", |o| {
        CuckooOptimistic::<_, _, _, 8, Optimistic, Tagged, Counting<Bfs>>::with_pages(
            o.capacity,
            o.hasher(),
            pages(o),
        )
    });
    factors::add_variants(&mut registrar);
    in_both_forms! { registrar:
        "cuckoo-striped", NO_RECLAIMER => |o, hasher|
            CuckooStriped::<_, _, _>::with_capacity_and_hasher(o.capacity, hasher);
    }
    registrar.add_hashed("cuckoo-optimistic", NO_RECLAIMER, |o| {
        CuckooOptimistic::<_, _, _>::with_pages(o.capacity, o.any_hasher(), pages(o))
    });
    items_forms::<Epoch>(&mut registrar);
    items_forms::<Hazard>(&mut registrar);
    registrar
}

fn items_forms<R: Reclaimer + 'static>(registrar: &mut Registrar) {
    in_both_forms! { registrar:
        "cuckoo-optimistic-items", R::NAME => |o, hasher|
            CuckooOptimisticItems::<_, _, R, _>::with_capacity_and_hasher_in(
                o.capacity, hasher, R::new(o.reclaim_batch),
            );
    }
}
