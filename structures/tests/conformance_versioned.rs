//! The matrix structure × reclaimer, one line a pair: the versioned tables. A binary of its own,
//! so that it is built beside the other half.

mod suite;

use std::marker::PhantomData;

use structures::reclaim::{
    Debra, Epoch, Haphazard, Hazard, Ibr, Leak, Qsbr, Reclaimer, RefCounts, RootScheme,
};
use structures::versioned::cow::{Cas, Cow, Locked, Writers};
use structures::versioned::flat::Flat;
use structures::versioned::hamt::{Bundled, Counted, Hamt, Sharing};
use structures::versioned::map::VersionedMap;
use structures::versioned::psim::PSim;
use structures::versioned::{LeftRightTable, LogHerlihy, SHARDS};
use suite::concurrent::OPS;
use suite::{Family, Key, Value};

conformance! {
    cow_lock_epoch: FlatCow<Epoch, Locked, 1>;
    cow_cas_epoch: FlatCow<Epoch, Cas, 1>;
    cow_cas_hazard: FlatCow<Hazard, Cas, 1>;
    cow_cas_arc: FlatCow<RefCounts, Cas, 1>;
    hamt_cas_leak: Trie<Bundled, Leak, 1>;
    hamt_cas_epoch: Trie<Bundled, Epoch, 1>;
    hamt_cas_hazard: Trie<Bundled, Hazard, 1>;
    hamt_cas_ibr: Trie<Bundled, Ibr, 1>;
    hamt_cas_qsbr: Trie<Bundled, Qsbr, 1>;
    hamt_cas_counted_epoch: Trie<Counted, Epoch, 1>;
    hamt_cas_counted_haphazard: Trie<Counted, Haphazard, 1>;
    hamt_cas_arc: Trie<Bundled, RefCounts, 1>;
    hamt_cas_counted_arc: Trie<Counted, RefCounts, 1>;
    hamt_sharded_epoch: Trie<Bundled, Epoch, SHARDS>;
    hamt_psim_epoch: Sim<Bundled, Epoch>;
    hamt_psim_hazard: Sim<Bundled, Hazard>;
    hamt_psim_counted_debra: Sim<Counted, Debra>;
    left_right: TwoInstances;
    log_herlihy_leak: Log<Leak>;
    log_herlihy_epoch: Log<Epoch>;
    log_herlihy_hazard: Log<Hazard>;
    log_herlihy_haphazard: Log<Haphazard>;
    log_herlihy_qsbr: Log<Qsbr>;
}

struct FlatCow<R, W, const ROOTS: usize>(PhantomData<(R, W)>);

impl<R: RootScheme + 'static, W: Writers + 'static, const ROOTS: usize> Family
    for FlatCow<R, W, ROOTS>
{
    type Map<K: Key, V: Value> = VersionedMap<Flat<K, V>, Cow<Flat<K, V>, R, W, ROOTS>>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        VersionedMap::default()
    }

    // Each insertion copies the whole table, so ten times the keys take a hundred times as long. They
    // would add three doublings to eleven.
    const GROWS_BY: u64 = OPS as u64 / 10;
}

struct Trie<P, R, const ROOTS: usize>(PhantomData<(P, R)>);

impl<P: Sharing, R: RootScheme + 'static, const ROOTS: usize> Family for Trie<P, R, ROOTS> {
    type Map<K: Key, V: Value> = VersionedMap<Hamt<K, V, P>, Cow<Hamt<K, V, P>, R, Cas, ROOTS>>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        VersionedMap::default()
    }

    const FREES_ALL: bool = !matches!(R::NAME.as_bytes(), b"leak");
}

struct Sim<P, R>(PhantomData<(P, R)>);

impl<P: Sharing, R: Reclaimer + 'static> Family for Sim<P, R> {
    type Map<K: Key, V: Value> = VersionedMap<Hamt<K, V, P>, PSim<Hamt<K, V, P>, R>>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        VersionedMap::default()
    }

    const FREES_ALL: bool = !matches!(R::NAME.as_bytes(), b"leak");
}

struct TwoInstances;

impl Family for TwoInstances {
    type Map<K: Key, V: Value> = LeftRightTable<K, V>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        LeftRightTable::default()
    }
}

struct Log<R>(PhantomData<R>);

impl<R: Reclaimer + 'static> Family for Log<R> {
    type Map<K: Key, V: Value> = LogHerlihy<K, V, R>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        LogHerlihy::default()
    }

    const FREES_ALL: bool = !matches!(R::NAME.as_bytes(), b"leak");
}
