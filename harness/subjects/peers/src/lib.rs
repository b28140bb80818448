//! Other crates' tables as [`ConcurrentMap`](structures::map::ConcurrentMap)s.
//!
//! Each adapter uses its crate as the crate's own documentation recommends, with the
//! crate's defaults, and says where that is weaker than the contract of
//! [`PinnedMap`](structures::map::PinnedMap).

pub mod arc_swap_imbl;
pub mod dashmap;
pub mod flurry;
pub mod imbl_cas;
pub mod papaya;
pub mod scc_hashindex;
pub mod scc_hashmap;
pub mod sharded_rwlock;
pub mod std_rwlock;

use kernel::{NO_RECLAIMER, Registrar, in_both_forms, three_schemes};

pub use self::arc_swap_imbl::ArcSwapImbl;
pub use self::dashmap::Dashmap;
pub use self::flurry::Flurry;
pub use self::imbl_cas::{Imbl, ImblCas};
pub use self::papaya::Papaya;
pub use self::scc_hashindex::SccHashIndex;
pub use self::scc_hashmap::SccHashMap;
pub use self::sharded_rwlock::ShardedRwLock;
pub use self::std_rwlock::StdRwLock;

/// Every one of them.
#[must_use]
pub fn registrar() -> Registrar {
    let mut registrar = Registrar::new();
    macro_rules! peers {
        ($($name:literal: $map:ident, $why_not:literal;)*) => {$(
            registrar.add($name, $why_not, |o| {
                $map::with_capacity_and_hasher(o.capacity, o.hasher())
            });
        )*};
    }
    peers! {
        "papaya": Papaya, "brings its own: seize";
        "dashmap": Dashmap, "entries are freed under their lock";
        "scc-hashmap": SccHashMap, "brings its own: sdd";
        "scc-hashindex": SccHashIndex, "brings its own: sdd";
        "flurry": Flurry, "brings its own: seize";
        "arc-swap-imbl": ArcSwapImbl, "brings its own: arc-swap and Arc";
        "std-rwlock": StdRwLock, "entries are freed under their lock";
        "sharded-rwlock": ShardedRwLock, "entries are freed under their lock";
    }
    let few = "one scheme of each kind; hamt-cas is there with all";
    registrar.add_reclaimed_by::<ImblCas>("imbl-cas", few, three_schemes);
    in_both_forms! { registrar:
        "papaya", NO_RECLAIMER => |o, hasher| Papaya::with_capacity_and_hasher(o.capacity, hasher);
        "dashmap", NO_RECLAIMER => |o, hasher| Dashmap::with_capacity_and_hasher(o.capacity, hasher);
        "scc-hashmap", NO_RECLAIMER => |o, hasher| SccHashMap::with_capacity_and_hasher(o.capacity, hasher);
        "scc-hashindex", NO_RECLAIMER => |o, hasher| SccHashIndex::with_capacity_and_hasher(o.capacity, hasher);
        "flurry", NO_RECLAIMER => |o, hasher| Flurry::with_capacity_and_hasher(o.capacity, hasher);
        "arc-swap-imbl", NO_RECLAIMER => |o, hasher| ArcSwapImbl::with_capacity_and_hasher(o.capacity, hasher);
        "std-rwlock", NO_RECLAIMER => |o, hasher| StdRwLock::with_capacity_and_hasher(o.capacity, hasher);
        "sharded-rwlock", NO_RECLAIMER => |o, hasher| ShardedRwLock::with_capacity_and_hasher(o.capacity, hasher);
    }
    registrar
}
