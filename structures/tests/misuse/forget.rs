//! Guards, handles, snapshots and iterators that are forgotten: their drops never run.

use std::mem::forget;
use std::process::Command;
use std::thread;

use structures::ChainingLockFree;
use structures::map::{ConcurrentMap, MapHandle, PinnedMap};
use structures::reclaim::{
    Hazard, Offline, Participant, PoorRcu, Reclaimer, RefCounts, Visitor, for_each,
};
use structures::sync::AtomicUsize;
use structures::versioned::hamt::{Counted, Sharing};
use structures::versioned::{CowCas, HamtCas};

use crate::probe::{Probe, assert_no_faults};
use crate::{erased, everywhere, other_schemes, without_locks, works};

/// Entries 0 to 9.
fn fill<M: ConcurrentMap<Probe, Probe>>(map: &M) {
    let mut handle = map.handle();
    for key in 0..10 {
        handle.insert(Probe::new(key), Probe::new(key));
    }
}

/// Many critical sections of a handle, each forgotten, with and without a write in it.
fn guards<M: ConcurrentMap<Probe, Probe>>(map: &M) {
    fill(map);
    let mut handle = map.handle();
    for round in 0..300 {
        let mut pinned = handle.pin();
        assert_eq!(pinned.get(&Probe::new(round % 10)).map(|value| value.id()), Some(round % 10));
        if round % 3 == 0 {
            pinned.update(&Probe::new(round % 10), |value| Probe::new(value.id()));
        }
        forget(pinned);
    }
    works(map);
    // The same handle goes on.
    assert_eq!(handle.get(&Probe::new(3)).map(|value| value.id()), Some(3));
    drop(handle);
    works(map);
}

#[test]
fn guards_may_be_forgotten() {
    everywhere!(guards);
    other_schemes!(guards);
}

/// Handles that are forgotten, in a critical section and between two, here and in threads that end.
fn handles<M: ConcurrentMap<Probe, Probe>>(map: &M) {
    fill(map);
    let leave = |round: u64| {
        let mut handle = map.handle();
        handle.update(&Probe::new(round), |value| Probe::new(value.id()));
        if round.is_multiple_of(2) {
            let mut pinned = handle.pin();
            assert!(pinned.contains(&Probe::new(round)));
            forget(pinned);
        }
        forget(handle);
    };
    for round in 0..5 {
        leave(round);
        thread::scope(|scope| scope.spawn(|| leave(round)).join().expect("it forgets"));
    }
    works(map);
}

#[test]
fn handles_may_be_forgotten() {
    everywhere!(handles);
}

/// A thread forgets a critical section and ends. Whoever takes its place in some list of threads
/// must be protected all the same while it reads.
fn threads<M: ConcurrentMap<Probe, Probe>>(map: &M) {
    fill(map);
    let forgetful = || {
        let mut handle = map.handle();
        let mut pinned = handle.pin();
        assert!(pinned.contains(&Probe::new(0)));
        forget(pinned);
    };
    for _ in 0..3 {
        thread::scope(|scope| scope.spawn(forgetful).join().expect("it ends"));
    }
    // What the schemes and their crates have kept for those threads may be given to others.
    write_much(map);
    let reading = || {
        let (mut reader, mut writer) = (map.handle(), map.handle());
        reader.pin().get_with(&Probe::new(0), |value: &Probe| {
            thread::scope(|scope| {
                scope.spawn(|| write_much(map));
            });
            for _ in 0..300 {
                writer.update(&Probe::new(0), |value| Probe::new(value.id()));
            }
            assert_eq!(value.id(), 0);
        });
    };
    for _ in 0..3 {
        thread::scope(|scope| {
            let readers = [(); 3].map(|()| scope.spawn(reading));
            readers.into_iter().for_each(|reader| reader.join().expect("it reads"));
        });
    }
    works(map);
}

fn write_much<M: ConcurrentMap<Probe, Probe>>(map: &M) {
    let mut writer = map.handle();
    for _ in 0..1_500 {
        writer.update(&Probe::new(0), |value| Probe::new(value.id()));
    }
}

#[test]
fn threads_may_end_in_a_critical_section() {
    without_locks!(threads);
    other_schemes!(threads);
}

/// More forgotten guards of one handle than 16 bits count, and then a version that is replaced while
/// it is read.
#[test]
fn no_count_wraps() {
    fn check<M: ConcurrentMap<Probe, Probe> + Default>() {
        let map = M::default();
        fill(&map);
        let mut handle = map.handle();
        let key = Probe::new(1);
        for _ in 0..(1 << 16) - 1 {
            let mut pinned = handle.pin();
            assert!(pinned.contains(&key));
            forget(pinned);
        }
        let (mut reader, mut writer) = (map.handle(), map.handle());
        reader.pin().get_with(&key, |value: &Probe| {
            writer.insert(Probe::new(11), Probe::new(11));
            writer.remove(&key);
            assert_eq!(value.id(), 1);
        });
        drop((reader, writer, handle));
        works(&map);
    }
    check::<CowCas<Probe, Probe, RefCounts>>();
    check::<HamtCas<Probe, Probe, RefCounts>>();
    check::<CowCas<Probe, Probe, Hazard>>();
    check::<CowCas<Probe, Probe, PoorRcu>>();
}

/// A count that only forgotten clones could bring so far stops the process before it wraps.
#[test]
fn a_count_of_forgotten_clones_does_not_wrap() {
    let test = "forget::counts_up_to_the_end";
    let arguments = ["--exact", test, "--ignored", "--nocapture"];
    let child = Command::new(std::env::current_exe().expect("this one")).args(arguments).output();
    let child = child.expect("it runs");
    assert!(!child.status.success(), "it has wrapped");
    assert!(!String::from_utf8_lossy(&child.stderr).contains("wrapped"), "it has wrapped");
}

#[test]
#[ignore = "it stops the process: `a_count_of_forgotten_clones_does_not_wrap` runs it"]
fn counts_up_to_the_end() {
    let count = AtomicUsize::new(usize::MAX / 2 + 1);
    Counted::share(&count);
    panic!("the count may have wrapped");
}

/// What a forgotten guard held is let go of by its participant, so that nothing is kept for ever.
#[test]
fn what_a_forgotten_guard_held_is_freed() {
    use std::sync::Arc;

    let map = CowCas::<u64, Arc<()>, RefCounts>::default();
    let value = Arc::new(());
    let mut handle = map.handle();
    handle.insert(1, Arc::clone(&value));
    let mut pinned = handle.pin();
    assert!(pinned.contains(&1));
    forget(pinned);
    map.handle().remove(&1);
    assert_eq!(Arc::strong_count(&value), 2, "the version is held");
    assert!(handle.get(&1).is_none(), "the next guard lets go of it");
    assert_eq!(Arc::strong_count(&value), 1);
    handle.insert(2, Arc::clone(&value));
    let mut pinned = handle.pin();
    assert!(pinned.contains(&2));
    forget(pinned);
    map.handle().remove(&2);
    assert_eq!(Arc::strong_count(&value), 2, "the version is held");
    drop(handle);
    assert_eq!(Arc::strong_count(&value), 1, "the participant has left with it");
}

/// Participants, guards and `Offline` of each scheme, forgotten before the domain is given to a table,
/// and while it has one.
#[test]
fn participants_may_be_forgotten() {
    struct Each;

    impl Visitor for Each {
        fn visit<R: Reclaimer + 'static>(&mut self) {
            let domain = R::new(Some(2));
            let mut participant = domain.register();
            forget(participant.enter());
            forget(Offline::<R, _>::start(&mut participant));
            forget(participant.enter());
            participant.offline();
            forget(participant);
            let list = ChainingLockFree::<Probe, Probe, R>::with_capacity_and_hasher_in(
                0,
                crate::Hasher::default(),
                domain,
            );
            let map = erased(list);
            works(&map);
            let mut handle = map.handle();
            forget(handle.pin());
            handle.offline(|| works(&map));
            assert!(crate::panics(|| handle.offline(|| panic!("planted"))));
            write_much(&map);
            works(&map);
        }
    }
    for_each(&mut Each);
    assert_no_faults();
}

/// Snapshots and iterators of versions.
#[test]
fn snapshots_may_be_forgotten() {
    let map: HamtCas<Probe, Probe, Hazard> =
        (0..100).map(|key| (Probe::new(key), Probe::new(key))).collect();
    let mut handle = map.handle();
    for _ in 0..100 {
        let mut pinned = handle.pin();
        let snapshot = pinned.snapshot();
        let mut iter = snapshot.version().iter();
        assert!(iter.next().is_some());
        forget(iter);
        forget(pinned);
        works(&map);
    }
    drop(handle);
    works(&map);
}
