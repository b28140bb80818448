//! Threads that come and go by the hundred, under every scheme: what they leave retired is freed by
//! those that come and go later, and does not pile up, whether somebody stays or nobody.
//!
//! The meter counts per process, so these tests are a process of their own and run one after the
//! other.
#![cfg(feature = "meter")]

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use structures::map::{ConcurrentMap, MapHandle};
use structures::meter;
use structures::reclaim::{
    Debra, Epoch, GraceRcu, Haphazard, Leak, PoorRcu, Qsbr, Reclaimer, RefCounts, Visitor,
    WorkerRcu, for_each,
};
use structures::versioned::hamt::Counted;
use structures::{ChainingLockFree, HamtCas};

type Table<R> = ChainingLockFree<u64, u64, R>;

const KEYS: u64 = 100;
/// Threads that come and go after each other. What they leave has piled up too far after a few, if it piles up; for
/// longer than that threads come and go in `ci/soak.sh`.
const THREADS: u64 = 250;
/// Handles that are there at once.
const HANDLES: u64 = 2_000;
/// Retirements of each: fewer than any scheme's batch, and more.
const EACH: [u64; 2] = [10, 300];

/// haphazard frees nothing before so many nodes are retired.
const HAPHAZARD_KEEPS: u64 = 1_000;

/// The most that may be unreclaimed when the last `threads` threads have each retired `each` nodes
/// and left, one after the other or with others beside them, while nobody was in an operation
/// for longer than that.
///
/// Under epochs (`epoch`, `sdd`) each thread that comes or leaves advances the epoch once at
/// least; three epochs later, so with the fourth thread, what a thread retired is freed. Under the
/// RCU schemes it is freed by the next thread that leaves. Under the others it is freed when the
/// thread itself leaves, or, under `haphazard`, when enough is retired.
fn bound<R: Reclaimer>(threads: u64, each: u64) -> u64 {
    let fixed = if R::NAME == Haphazard::NAME { HAPHAZARD_KEEPS } else { 0 };
    4 * threads * each + fixed
}

/// Whether all is freed with the last thread that leaves.
fn leaves_nothing<R: Reclaimer>() -> bool {
    let names = [Qsbr::NAME, WorkerRcu::NAME, PoorRcu::NAME, GraceRcu::NAME, Debra::NAME];
    names.contains(&R::NAME)
}

/// One test at a time, and what was unreclaimed when it started.
struct Meter(u64, #[allow(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Meter {
    fn start() -> Self {
        static ONE: Mutex<()> = Mutex::new(());
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self(Self::now(), one)
    }

    fn now() -> u64 {
        meter::read().expect("built with the feature `meter`").unreclaimed().nodes
    }

    /// Nodes retired since and not freed.
    fn unreclaimed(&self) -> u64 {
        Self::now() - self.0
    }
}

/// Runs a test for each scheme that frees anything.
macro_rules! for_each_scheme {
    ($($test:ident: $check:ident;)*) => {$(
        #[test]
        fn $test() {
            struct Each;
            impl Visitor for Each {
                fn visit<R: Reclaimer + 'static>(&mut self) {
                    if R::NAME != Leak::NAME {
                        EACH.into_iter().for_each(|each| $check::<R>(&Meter::start(), each));
                    }
                }
            }
            for_each(&mut Each);
        }
    )*};
}

for_each_scheme! {
    beside_one_that_reads_now_and_then: beside_a_reader;
    beside_one_that_is_away: beside_one_away;
    while_nobody_stays: alone;
    after_a_stall_it_is_freed: after_a_stall;
    what_an_idle_thread_could_have_adopted_is_freed: beside_an_idle_writer;
    a_forgotten_handle_keeps_its_own: beside_a_forgotten_handle;
    thousands_of_handles_at_once: many_at_once;
}

fn filled<R: Reclaimer>() -> Table<R> {
    let map = Table::<R>::default();
    let added = map.handle().insert_many((0..KEYS).map(|key| (key, 0)));
    assert_eq!(added as u64, KEYS);
    map
}

/// Replaces `times` values.
fn replace(handle: &mut impl MapHandle<u64, u64>, times: u64) {
    assert!((0..times).all(|step| handle.update(&(step % KEYS), |value| value + 1).is_some()));
}

/// `threads` threads at once, each of which registers, retires `each` nodes and leaves.
fn come_and_go(map: &impl ConcurrentMap<u64, u64>, threads: u64, each: u64) {
    at_once(threads, &|| replace(&mut map.handle(), each));
}

/// Compiled once, and not for each table.
fn at_once(threads: u64, work: &(dyn Fn() + Sync)) {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
}

/// Freed at the latest with the table.
fn end<R: Reclaimer>(map: Table<R>, meter: &Meter) {
    drop(map);
    assert_eq!(meter.unreclaimed(), 0, "{}", R::NAME);
}

fn check<R: Reclaimer>(meter: &Meter, bound: u64, when: &str) {
    let unreclaimed = meter.unreclaimed();
    assert!(unreclaimed <= bound, "{}: {unreclaimed} {when}, not {bound} at most", R::NAME);
}

/// The one that stays never retires anything, and runs an operation between two threads.
fn beside_a_reader<R: Reclaimer>(meter: &Meter, each: u64) {
    let map = filled::<R>();
    let mut stays = map.handle();
    for thread in 0..THREADS {
        come_and_go(&map, 1, each);
        check::<R>(meter, bound::<R>(1, each), &format!("after thread {thread}"));
        assert!(stays.contains(&(thread % KEYS)));
    }
    drop(stays);
    end(map, meter);
}

fn beside_one_away<R: Reclaimer>(meter: &Meter, each: u64) {
    let map = filled::<R>();
    let mut stays = map.handle();
    assert!(stays.contains(&0));
    stays.offline(|| {
        for thread in 0..THREADS {
            come_and_go(&map, 1, each);
            check::<R>(meter, bound::<R>(1, each), &format!("after thread {thread}"));
        }
    });
    drop(stays);
    end(map, meter);
}

/// Waves of some threads at once, between which nobody is registered.
fn alone<R: Reclaimer>(meter: &Meter, each: u64) {
    const WAVE: u64 = 4;
    let map = filled::<R>();
    for wave in 0..THREADS / WAVE {
        come_and_go(&map, WAVE, each);
        if leaves_nothing::<R>() {
            check::<R>(meter, 0, &format!("after wave {wave}"));
        }
        // Of threads that leave at once, each may leave the epoch to another.
        come_and_go(&map, 1, each);
        check::<R>(meter, bound::<R>(WAVE + 1, each), &format!("after wave {wave}"));
    }
    end(map, meter);
}

/// Threads come and go while one stalls in an operation; and then as many after it.
fn after_a_stall<R: Reclaimer>(meter: &Meter, each: u64) {
    let map = filled::<R>();
    let mut stays = map.handle();
    stays.get_with(&0, |_| (0..THREADS).for_each(|_| come_and_go(&map, 1, each)));
    for _ in 0..THREADS {
        assert!(stays.contains(&0));
        come_and_go(&map, 1, each);
    }
    check::<R>(meter, bound::<R>(1, each), "after a stall");
    drop(stays);
    end(map, meter);
}

/// One thread retires a few batches while another stalls and many come and go; then it does nothing
/// any more. It keeps what it has retired itself, and nothing of what others have.
fn beside_an_idle_writer<R: Reclaimer>(meter: &Meter, each: u64) {
    const BATCHES: u64 = 600;
    let map = filled::<R>();
    let come = || (0..THREADS).for_each(|_| come_and_go(&map, 1, each));
    let mut writer = map.handle();
    let mut reader = map.handle();
    reader.get_with(&0, |_| {
        come();
        replace(&mut writer, BATCHES);
    });
    drop(reader);
    writer.offline(come);
    check::<R>(meter, bound::<R>(1, each) + BATCHES, "of a writer that idles");
    drop(writer);
    end(map, meter);
}

/// A forgotten handle stays registered for ever, in no operation.
fn beside_a_forgotten_handle<R: Reclaimer>(meter: &Meter, each: u64) {
    let map = filled::<R>();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut handle = map.handle();
            replace(&mut handle, each);
            mem::forget(handle);
        });
    });
    (0..THREADS / 2).for_each(|_| come_and_go(&map, 1, each));
    if !R::CAPS.needs_quiescence {
        check::<R>(meter, bound::<R>(1, each) + each, "beside a forgotten handle");
    }
    drop(map);
    // A handle of crossbeam's keeps the collector alive, and with it what that has not freed.
    let collectors = if R::NAME == Epoch::NAME { bound::<R>(1, each) } else { 0 };
    check::<R>(meter, each + collectors, "after the table, with a forgotten handle");
}

/// All of one thread; each retires some, and then they leave one after the other.
fn many_at_once<R: Reclaimer>(meter: &Meter, each: u64) {
    let map = filled::<R>();
    let mut handles: Vec<_> = (0..HANDLES).map(|_| map.handle()).collect();
    handles.iter_mut().for_each(|handle| replace(handle, each / 10));
    drop(handles);
    if leaves_nothing::<R>() {
        check::<R>(meter, 0, "after thousands of handles");
    }
    end(map, meter);
}

/// Reference counts, which look after roots alone: who lets go of a version last frees it, so that nothing
/// is left by anybody.
#[test]
fn under_reference_counts_nothing_is_ever_left() {
    type Trie = HamtCas<u64, u64, RefCounts, foldhash::fast::RandomState, Counted>;
    for each in EACH {
        let meter = Meter::start();
        let map = Trie::default();
        let mut stays = map.handle();
        assert_eq!(stays.insert_many((0..KEYS).map(|key| (key, 0))) as u64, KEYS);
        for thread in 0..THREADS {
            come_and_go(&map, 1, each);
            assert_eq!(meter.unreclaimed(), 0, "after thread {thread}");
            assert!(stays.contains(&(thread % KEYS)));
        }
    }
}
