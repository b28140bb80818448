//! Which types may be sent to other threads, shared with them, printed and made by default.
//!
//! That something is *not* `Send` or `Sync` is asserted by ambiguity: `of` is found twice, and
//! does not compile, if it is.

use std::cell::Cell;
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::MutexGuard;

use foldhash::fast::FixedState;
use structures::exclusion::{BucketLocks, GlobalLock};
use structures::map::{ConcurrentMap, Direct, MapHandle};
use structures::reclaim::{
    Debra, Epoch, GraceRcu, Haphazard, Hazard, Ibr, Leak, Participant, PoorRcu, Qsbr, Reclaimer,
    Sdd, Seize, WorkerRcu,
};
use structures::versioned::hamt::Counted;
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, ChainingLockFree, CowCas, CowLock,
    CuckooOptimistic, CuckooOptimisticItems, CuckooStriped, HamtCas, HamtPsim, HamtSharded,
    LeftRightTable, LogHerlihy,
};

/// `Send`, not `Sync`.
type Unshareable = Cell<u64>;
/// `Sync`, not `Send`.
type Unsendable = MutexGuard<'static, u64>;

type Inline<E> = ChainingInline<u64, u64, std::hash::RandomState, E>;
type PinnedOf<M> = <HandleOf<M> as MapHandle<u64, u64>>::Pinned<'static>;
type HandleOf<M> = <M as ConcurrentMap<u64, u64>>::Handle<'static>;
type ParticipantOf<R> = <R as Reclaimer>::Participant<'static>;
type GuardOf<R> = <ParticipantOf<R> as Participant<R>>::Guard<'static>;

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}
fn is_debug_and_default<T: Debug + Default>() {}
fn is_debug<T: Debug>() {}

macro_rules! is_not {
    ($auto:ident: $($type:ty),* $(,)?) => {$({
        trait Ambiguous<A> {
            fn of() {}
        }
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + $auto> Ambiguous<u8> for T {}
        <$type as Ambiguous<_>>::of();
    })*};
}

#[test]
fn tables_are_shared_and_sent() {
    fn check<M: ConcurrentMap<u64, u64> + Send + Sync + Debug + Default>() {}
    check::<ChainingGlobalLock<u64, u64>>();
    check::<ChainingBucketLock<u64, u64>>();
    check::<CuckooStriped<u64, u64>>();
    check::<ChainingInline<u64, u64>>();
    check::<Inline<GlobalLock>>();
    check::<Inline<BucketLocks>>();
    check::<CuckooOptimistic<u64, u64>>();
    check::<CuckooOptimisticItems<u64, u64, Leak>>();
    check::<CuckooOptimisticItems<u64, u64, Epoch>>();
    check::<CuckooOptimisticItems<u64, u64, Haphazard>>();
    check::<ChainingLockFree<u64, u64, Leak>>();
    check::<ChainingLockFree<u64, u64, Epoch>>();
    check::<ChainingLockFree<u64, u64, Haphazard>>();
    is_debug_and_default::<ChainingLockFree<String, Vec<u8>>>();
    check::<CowLock<u64, u64, Hazard>>();
    check::<CowCas<u64, u64>>();
    check::<HamtCas<u64, u64, Leak>>();
    check::<HamtCas<u64, u64, Epoch, FixedState, Counted>>();
    check::<HamtSharded<u64, u64>>();
    check::<HamtPsim<u64, u64, Haphazard>>();
    is_debug_and_default::<HamtPsim<String, Vec<u8>>>();
    check::<LeftRightTable<u64, u64>>();
    check::<LogHerlihy<u64, u64, Hazard>>();
}

/// Readers share a version, and any thread frees it.
#[test]
fn versioned_tables_need_send_and_sync_entries() {
    is_not! { Send: CowCas<u64, Rc<u64>>, CowLock<Rc<u64>, u64> }
    is_not! { Sync: CowCas<u64, Unshareable>, CowLock<Unshareable, u64> }
    is_not! { Send: HamtCas<u64, Rc<u64>>, HamtPsim<u64, Rc<u64>>, HamtSharded<Rc<u64>, u64> }
    is_not! { Sync: HamtCas<u64, Unshareable>, HamtPsim<u64, Unshareable> }
    is_not! { Send: HamtCas<u64, u64, Leak, Unsendable>, LeftRightTable<u64, Rc<u64>> }
    is_not! { Send: LogHerlihy<u64, Rc<u64>>, LogHerlihy<u64, u64, Leak, Unsendable> }
    is_not! { Sync: LogHerlihy<u64, Unshareable> }
    is_not! { Sync: LeftRightTable<u64, Unshareable>, LeftRightTable<Rc<u64>, u64> }
}

/// A lock gives out an entry to one thread at a time: entries must be `Send`, as in a mutex.
#[test]
fn locked_tables_need_send_entries() {
    is_sync::<ChainingGlobalLock<Unshareable, Unshareable>>();
    is_sync::<ChainingBucketLock<Unshareable, Unshareable>>();
    is_sync::<CuckooStriped<Unshareable, Unshareable>>();
    is_not! { Sync: ChainingGlobalLock<u64, Unsendable>, ChainingBucketLock<u64, Unsendable> }
    is_not! { Sync: ChainingGlobalLock<Unsendable, u64>, ChainingBucketLock<Unsendable, u64> }
    is_not! { Send: ChainingGlobalLock<u64, Unsendable>, ChainingBucketLock<u64, Unsendable> }
    is_not! { Send: ChainingGlobalLock<Unsendable, u64>, ChainingBucketLock<Unsendable, u64> }
    is_not! { Sync: CuckooStriped<u64, Unsendable>, CuckooStriped<Unsendable, u64> }
    is_not! { Send: CuckooStriped<u64, Unsendable>, CuckooStriped<Unsendable, u64> }
    is_not! { Send: CuckooStriped<u64, u64, Unsendable> }
    is_not! { Sync: CuckooStriped<u64, u64, Unshareable> }
}

/// A table of words can be sent and shared if its hasher can.
#[test]
fn the_inline_table_is_as_its_hasher_is() {
    is_sync::<ChainingInline<char, f64>>();
    is_send::<ChainingInline<u64, u64, Cell<u8>>>();
    is_not! { Sync: ChainingInline<u64, u64, Unshareable> }
    is_not! { Send: ChainingInline<u64, u64, Unsendable> }
}

/// Readers of the lock-free table share its entries, and any thread frees them.
#[test]
fn the_lock_free_table_needs_send_and_sync_entries() {
    is_send::<ChainingLockFree<Unshareable, Unshareable>>();
    is_not! { Sync: ChainingLockFree<u64, Unshareable>, ChainingLockFree<Unshareable, u64> }
    is_not! { Send: ChainingLockFree<u64, Unsendable>, ChainingLockFree<Unsendable, u64> }
}

#[test]
fn handles_are_sent_where_the_scheme_allows() {
    is_send::<Direct<'static, ChainingGlobalLock<u64, u64>>>();
    is_send::<HandleOf<ChainingLockFree<u64, u64, Leak>>>();
    is_send::<HandleOf<ChainingLockFree<u64, u64, Haphazard>>>();
    is_send::<PinnedOf<ChainingLockFree<u64, u64, Haphazard>>>();
    is_send::<(ParticipantOf<Hazard>, ParticipantOf<Debra>, ParticipantOf<Ibr>)>();
    is_send::<(GuardOf<Hazard>, GuardOf<Debra>, GuardOf<Ibr>)>();
    is_send::<PinnedOf<ChainingLockFree<u64, u64, Qsbr>>>();
    is_send::<PinnedOf<ChainingLockFree<u64, u64, WorkerRcu>>>();
    is_send::<PinnedOf<ChainingLockFree<u64, u64, GraceRcu>>>();
    // seize and sdd pin the thread, and a lock is released where it was taken.
    is_send::<(ParticipantOf<Sdd>, ParticipantOf<PoorRcu>)>();
    is_not! { Send: ParticipantOf<Seize> }
    is_not! { Send: GuardOf<Seize>, GuardOf<Sdd>, GuardOf<PoorRcu> }
    // crossbeam-epoch pins the thread, not the handle.
    is_not! { Send: HandleOf<ChainingLockFree<u64, u64, Epoch>> }
    is_not! { Send: PinnedOf<ChainingLockFree<u64, u64, Epoch>> }
    is_not! { Send: ParticipantOf<Epoch>, GuardOf<Epoch> }
    is_not! { Sync: HandleOf<ChainingLockFree<u64, u64, Epoch>> }
}

#[test]
fn everything_prints() {
    is_debug::<Direct<'static, ChainingBucketLock<u64, u64>>>();
    is_debug::<Direct<'static, ChainingInline<u64, u64>>>();
    is_debug::<HandleOf<ChainingLockFree<u64, u64, Epoch>>>();
    is_debug::<PinnedOf<ChainingLockFree<u64, u64, Haphazard>>>();
    is_debug::<(ParticipantOf<Epoch>, GuardOf<Epoch>)>();
    is_debug::<(ParticipantOf<Haphazard>, GuardOf<Haphazard>)>();
    is_debug::<(ParticipantOf<Hazard>, ParticipantOf<Debra>, ParticipantOf<Ibr>)>();
    is_debug::<(GuardOf<Hazard>, GuardOf<Debra>, GuardOf<Ibr>)>();
    is_debug_and_default::<(Hazard, Debra, Ibr)>();
    is_debug::<(HandleOf<HamtCas<u64, u64>>, PinnedOf<HamtCas<u64, u64>>)>();
    is_debug::<(HandleOf<HamtPsim<u64, u64>>, PinnedOf<HamtPsim<u64, u64>>)>();
    let text = format!("{:?}", ChainingInline::<u64, u64>::from_iter([(1, 2), (3, 4)]));
    assert!(text.contains("entries: 2") && text.contains("Optimistic"), "{text}");
    let map = ChainingLockFree::<u64, u64>::default();
    map.handle().insert(1, 1);
    let text = format!("{map:?}");
    assert!(text.contains("\"epoch\"") && text.contains("len: 1"), "{text}");
}
