//! The tables for every reclaimer, so that one line registers each with all of them.

use std::marker::PhantomData;

use foldhash::fast::FixedState;
use kernel::{MapOptions, Reclaimed, Rooted};
use structures::reclaim::{Reclaimer, RootScheme};
use structures::versioned::cow::{Cas, Cow, Writers};
use structures::versioned::flat::Flat;
use structures::versioned::hamt::{Hamt, Sharing};
use structures::versioned::log::HerlihyLog;
use structures::versioned::map::VersionedMap;
use structures::versioned::psim::PSim;
use structures::versioned::{HamtPsim, LogHerlihy};

/// A flat table, copied whole; writers meet as `W` has it.
pub(super) struct FlatCow<W>(PhantomData<W>);

impl<W: Writers + 'static> Rooted for FlatCow<W> {
    type Map<R: RootScheme + 'static> =
        VersionedMap<Flat<u64, u64>, Cow<Flat<u64, u64>, R, W>, FixedState>;

    fn build<R: RootScheme + 'static>(options: &MapOptions) -> Self::Map<R> {
        let table = || Flat::with_capacity(options.capacity);
        let domain = R::new(options.reclaim_batch);
        VersionedMap::with_hasher_over(options.hasher(), Cow::new_in(domain, table))
    }
}

/// A hash trie in each of `ROOTS` roots, whose nodes are shared as `P` has it.
pub(super) struct TrieCow<P, const ROOTS: usize>(PhantomData<P>);

impl<P: Sharing, const ROOTS: usize> Rooted for TrieCow<P, ROOTS> {
    type Map<R: RootScheme + 'static> =
        VersionedMap<Hamt<u64, u64, P>, Cow<Hamt<u64, u64, P>, R, Cas, ROOTS>, FixedState>;

    fn build<R: RootScheme + 'static>(options: &MapOptions) -> Self::Map<R> {
        let domain = R::new(options.reclaim_batch);
        VersionedMap::with_hasher_over(options.hasher(), Cow::new_in(domain, Hamt::new))
    }
}

pub(super) struct TriePsim;

impl Reclaimed for TriePsim {
    type Map<R: Reclaimer + 'static> = HamtPsim<u64, u64, R, FixedState>;

    fn build<R: Reclaimer + 'static>(options: &MapOptions) -> Self::Map<R> {
        let domain = R::new(options.reclaim_batch);
        VersionedMap::with_hasher_over(options.hasher(), PSim::new_in(domain, Hamt::new()))
    }
}

pub(super) struct ReplicasAndLog;

impl Reclaimed for ReplicasAndLog {
    type Map<R: Reclaimer + 'static> = LogHerlihy<u64, u64, R, FixedState>;

    fn build<R: Reclaimer + 'static>(options: &MapOptions) -> Self::Map<R> {
        let domain = R::new(options.reclaim_batch);
        VersionedMap::with_hasher_over(options.hasher(), HerlihyLog::new_in(domain, Hamt::new()))
    }
}
