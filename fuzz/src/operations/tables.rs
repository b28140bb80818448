//! Every table, by number.

use structures::chaining::{ChainingBucketLock, ChainingGlobalLock};
use structures::cuckoo::path::{Bfs, RandomWalk};
use structures::exclusion::{BucketLocks, GlobalLock, Optimistic, OptimisticStripes, SingleWriter};
use structures::reclaim::{Debra, Epoch, Haphazard, Hazard, Qsbr, Reclaimer, RefCounts};
use structures::tagging::{Tagged, Untagged};
use structures::versioned::psim::PSim;
use structures::{
    ChainingInline, ChainingLockFree, CowCas, CowLock, CuckooOptimistic, CuckooOptimisticItems,
    CuckooStriped, HamtCas, HamtPsim, HamtSharded, LeftRightTable, LogHerlihy,
};

use super::check::check;
use super::entries::Counted as C;
use super::hashing::Hashing as H;
use super::script::Plan;

/// Numbers of tables are below this one.
pub(super) const TABLES: u8 = 28;

type Inline<E> = ChainingInline<u64, u64, H, E>;
type Optimistics<const SLOTS: usize, E, T, P> = CuckooOptimistic<u64, u64, H, SLOTS, E, T, P>;
type Items<R, const SLOTS: usize> = CuckooOptimisticItems<C, C, R, H, SLOTS>;

/// Runs `plan` on its table. A table that does not fit one of the four groups has its line in the last.
pub(super) fn run(plan: &Plan) {
    match plan.table {
        0..6 => chained(plan),
        6..12 => cuckoo(plan),
        12..21 => versioned(plan),
        _ => words(plan),
    }
}

fn chained(plan: &Plan) {
    let (n, h) = (plan.capacity, plan.hashing.clone());
    match plan.table {
        0 => check::<C, C, _>(ChainingGlobalLock::with_capacity_and_hasher(n, h), plan),
        1 => check::<C, C, _>(ChainingBucketLock::with_capacity_and_hasher(n, h), plan),
        2 => lock_free(Epoch::new(None), plan),
        3 => lock_free(Hazard::symmetric(Some(1)), plan),
        4 => lock_free(Debra::symmetric(Some(1)), plan),
        _ => lock_free(Haphazard::new(None), plan),
    }
}

fn lock_free<R: Reclaimer>(domain: R, plan: &Plan) {
    let (n, h) = (plan.capacity, plan.hashing.clone());
    check::<C, C, _>(ChainingLockFree::with_capacity_and_hasher_in(n, h, domain), plan);
}

fn cuckoo(plan: &Plan) {
    let (n, h) = (plan.capacity, plan.hashing.clone());
    match plan.table {
        6 => check(CuckooStriped::<C, C, H, 2, Bfs>::with_capacity_and_hasher(n, h), plan),
        7 => check(CuckooStriped::<C, C, H, 4, Bfs>::with_capacity_and_hasher(n, h), plan),
        8 => {
            check(CuckooStriped::<C, C, H, 8, RandomWalk<1>>::with_capacity_and_hasher(n, h), plan)
        }
        9 => items::<_, 4>(Epoch::new(None), plan),
        10 => items::<_, 8>(Hazard::symmetric(Some(1)), plan),
        _ => items::<_, 4>(Qsbr::new(Some(1)), plan),
    }
}

fn items<R: Reclaimer, const SLOTS: usize>(domain: R, plan: &Plan) {
    let (n, h) = (plan.capacity, plan.hashing.clone());
    check(Items::<R, SLOTS>::with_capacity_and_hasher_in(n, h, domain), plan);
}

fn versioned(plan: &Plan) {
    let h = plan.hashing.clone();
    match plan.table {
        12 => check(CowLock::<C, C, Epoch, H>::with_hasher_over(h, Default::default()), plan),
        13 => check(CowCas::<C, C, Hazard, H>::with_hasher_over(h, Default::default()), plan),
        14 => check(HamtCas::<C, C, Epoch, H>::with_hasher_over(h, Default::default()), plan),
        15 => check(HamtCas::<C, C, RefCounts, H>::with_hasher_over(h, Default::default()), plan),
        16 => check(HamtSharded::<C, C, Epoch, H>::with_hasher_over(h, Default::default()), plan),
        17 => {
            let at_once = PSim::new_in(Hazard::symmetric(Some(1)), Default::default());
            check(HamtPsim::<C, C, Hazard, H>::with_hasher_over(h, at_once), plan);
        }
        18 => check(LeftRightTable::<C, C, H>::with_hasher_over(h, Default::default()), plan),
        19 => check(LogHerlihy::<C, C, Epoch, H>::with_hasher_over(h, Default::default()), plan),
        _ => check(LogHerlihy::<C, C, Hazard, H>::with_hasher_over(h, Default::default()), plan),
    }
}

fn words(plan: &Plan) {
    let (n, h) = (plan.capacity, plan.hashing.clone());
    match plan.table {
        21 => check(Inline::<Optimistic>::with_capacity_and_hasher(n, h), plan),
        22 => check(Inline::<BucketLocks>::with_capacity_and_hasher(n, h), plan),
        23 => check(Inline::<SingleWriter>::with_capacity_and_hasher(n, h), plan),
        24 => {
            check(Optimistics::<4, Optimistic, Tagged, Bfs>::with_capacity_and_hasher(n, h), plan)
        }
        25 => {
            check(Optimistics::<8, Optimistic, Untagged, Bfs>::with_capacity_and_hasher(n, h), plan)
        }
        26 => check(
            Optimistics::<4, OptimisticStripes<1>, Tagged, RandomWalk<2>>::with_capacity_and_hasher(
                n, h,
            ),
            plan,
        ),
        _ => check(Optimistics::<4, GlobalLock, Tagged, Bfs>::with_capacity_and_hasher(n, h), plan),
    }
}
