//! The registry of versioned tables, whose versions are published as a whole: with which reclaimers, in which
//! variants and forms.

mod families;

use kernel::factors::{named, nodes};
use kernel::{NO_RECLAIMER, Registrar, all_of_roots, in_both_forms, three_schemes, two_schemes};
use structures::reclaim::{Epoch, Hazard, Reclaimer};
use structures::versioned::SHARDS;
use structures::versioned::cow::{Cas, Cow, Locked};
use structures::versioned::flat::Flat;
use structures::versioned::hamt::{Bundled, Counted, Hamt};
use structures::versioned::left_right::LeftRight;
use structures::versioned::log::HerlihyLog;
use structures::versioned::map::VersionedMap;
use structures::versioned::psim::PSim;

use self::families::{FlatCow, ReplicasAndLog, TrieCow, TriePsim};

/// Every one of them.
#[must_use]
pub fn registrar() -> Registrar {
    let mut registrar = Registrar::new();
    let few = "one scheme of each kind; hamt-cas is there with all";
    registrar
        .add_reclaimed_by::<FlatCow<Locked>>("cow-lock", few, three_schemes)
        .described("a table copied whole for each update, under a writers' lock (Herlihy 1993)");
    registrar
        .add_reclaimed_by::<FlatCow<Cas>>("cow-cas", few, three_schemes)
        .described("a table copied whole for each update, installed by one CAS (Herlihy 1993)");
    registrar.add_reclaimed_by::<TrieCow<Bundled, 1>>("hamt-cas", "", all_of_roots).described(
        "a hash trie, a path copied for each update, installed by one CAS (Bagwell 2001)",
    );
    registrar
        .add_reclaimed_by::<TrieCow<Bundled, SHARDS>>("hamt-sharded", few, three_schemes)
        .described("hash tries as in hamt-cas, sixteen of them");
    registrar.add_reclaimed_by::<TriePsim>("hamt-psim", few, two_schemes);
    registrar.add_reclaimed_by::<ReplicasAndLog>("log-herlihy", few, two_schemes);
    registrar.add("left-right", "entries are freed in the instance that nobody reads", |o| {
        VersionedMap::with_hasher_over(o.hasher(), LeftRight::new(Flat::with_capacity(o.capacity)))
    });
    // How versions share nodes: what counting them costs, and what it frees under a stalled reader.
    let few = "one scheme of each kind; bundled nodes are there with all";
    let factors = named([nodes::<Counted>()]);
    registrar.add_reclaimed_variant::<TrieCow<Counted, 1>>(
        "hamt-cas",
        &factors,
        few,
        three_schemes,
    );
    in_both_forms! { registrar:
        "left-right", NO_RECLAIMER => |o, hasher|
            VersionedMap::with_hasher_over(hasher, LeftRight::new(Flat::with_capacity(o.capacity)));
    }
    forms::<Epoch>(&mut registrar);
    forms::<Hazard>(&mut registrar);
    registrar
}

fn forms<R: Reclaimer + 'static>(registrar: &mut Registrar) {
    in_both_forms! { registrar:
        "cow-lock", R::NAME => |o, hasher| VersionedMap::with_hasher_over(hasher,
            Cow::<_, R, Locked>::new_in(R::new(o.reclaim_batch), || Flat::with_capacity(o.capacity)));
        "cow-cas", R::NAME => |o, hasher| VersionedMap::with_hasher_over(hasher,
            Cow::<_, R, Cas>::new_in(R::new(o.reclaim_batch), || Flat::with_capacity(o.capacity)));
        "hamt-cas", R::NAME => |o, hasher| VersionedMap::with_hasher_over(hasher,
            Cow::<_, R, Cas>::new_in(R::new(o.reclaim_batch), Hamt::<_, _, Bundled>::new));
        "hamt-sharded", R::NAME => |o, hasher| VersionedMap::with_hasher_over(hasher,
            Cow::<_, R, Cas, SHARDS>::new_in(R::new(o.reclaim_batch), Hamt::<_, _, Bundled>::new));
        "hamt-psim", R::NAME => |o, hasher| VersionedMap::with_hasher_over(hasher,
            PSim::new_in(R::new(o.reclaim_batch), Hamt::<_, _, Bundled>::new()));
        "log-herlihy", R::NAME => |o, hasher| VersionedMap::with_hasher_over(hasher,
            HerlihyLog::new_in(R::new(o.reclaim_batch), Hamt::<_, _, Counted>::new()));
    }
}
