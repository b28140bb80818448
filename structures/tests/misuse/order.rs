//! Things that drop, or are used, in another order than is usual, and maps that are used within
//! themselves.

use std::iter;
use std::thread;

use structures::map::{ConcurrentMap, MapHandle, PinnedMap};
use structures::reclaim::{Epoch, Hazard, RefCounts, Sdd, Seize};
use structures::{ChainingLockFree, CowCas, HamtCas, HamtPsim};

use crate::probe::{Probe, assert_no_faults};
use crate::{erased, everywhere, without_locks, works};

fn fill<M: ConcurrentMap<Probe, Probe>>(map: &M, keys: u64) {
    let mut handle = map.handle();
    let entries = (0..keys).map(|key| (Probe::new(key), Probe::new(key)));
    assert_eq!(handle.insert_many(entries), usize::try_from(keys).expect("few"));
}

/// Three handles, and what they have retired, dropped in each order.
fn handles<M: ConcurrentMap<Probe, Probe>>(map: &M) {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut handles: Vec<_> = (0..3).map(|_| Some(map.handle())).collect();
        for (key, handle) in (2_000..).zip(&mut handles) {
            let handle = handle.as_mut().expect("there");
            handle.insert(Probe::new(key), Probe::new(key));
            handle.update(&Probe::new(key), |value| Probe::new(value.id()));
            handle.remove(&Probe::new(key));
        }
        for index in order {
            drop(handles[index].take());
        }
    }
    works(map);
}

#[test]
fn handles_drop_in_any_order() {
    everywhere!(handles);
}

/// A value is read while the same thread, by other handles, updates it, removes it, makes the table
/// grow and asks for its length.
fn within_a_read<M: ConcurrentMap<Probe, Probe>>(map: &M) {
    fill(map, 20);
    let mut reader = map.handle();
    let seen = reader.pin().get_with(&Probe::new(7), |value: &Probe| {
        let mut writer = map.handle();
        for round in 0..200 {
            writer.update(&Probe::new(7), |value| Probe::new(value.id()));
            writer.insert(Probe::new(100 + round), Probe::new(100 + round));
        }
        writer.remove(&Probe::new(7));
        drop(writer);
        thread::scope(|scope| scope.spawn(|| within_an_update(map)).join().expect("it works"));
        assert!(!map.is_empty());
        value.id()
    });
    assert_eq!(seen, Some(7));
    let mut handle = map.handle();
    for round in 0..200 {
        assert_eq!(
            handle.remove(&Probe::new(100 + round)).map(|value| value.id()),
            Some(100 + round)
        );
    }
    drop(handle);
    works(map);
}

/// The closures of updates that use the map: the first run's has changed what it is about to change.
fn within_an_update<M: ConcurrentMap<Probe, Probe>>(map: &M) {
    let (mut handle, mut other) = (map.handle(), map.handle());
    let mut runs = 0;
    handle.update(&Probe::new(3), |value| {
        runs += 1;
        if runs == 1 {
            other.update(&Probe::new(3), |value| Probe::new(value.id()));
        }
        Probe::new(value.id())
    });
    let mut runs = 0;
    handle.upsert(Probe::new(4), |value| {
        runs += 1;
        if runs == 1 {
            other.remove(&Probe::new(4));
        }
        Probe::new(value.map_or(4, Probe::id))
    });
    let mut rounds = 0;
    handle.for_each(|key, value| {
        rounds += 1;
        if rounds < 20 {
            other.update(&Probe::new(key.id()), |value| Probe::new(value.id()));
        }
        value.id();
    });
}

#[test]
fn a_map_is_used_within_itself() {
    without_locks!(within_a_read);
}

/// Batches whose iterator uses the map.
fn within_a_batch<M: ConcurrentMap<Probe, Probe>>(map: &M) {
    let (mut handle, mut other) = (map.handle(), map.handle());
    let entries = (0..50).map(|key| {
        other.insert(Probe::new(key), Probe::new(key));
        other.remove(&Probe::new(key / 2));
        (Probe::new(key), Probe::new(key))
    });
    handle.insert_many(entries);
    let mut pinned = handle.pin();
    let keys: Vec<_> = (0..50).map(Probe::new).collect();
    let mut values: Vec<_> = iter::repeat_with(|| None).take(50).collect();
    pinned.get_many(&keys, &mut values);
    drop(pinned);
    for (key, value) in keys.iter().zip(values) {
        assert!(value.is_none_or(|value| value.id() == key.id()));
        handle.remove(key);
    }
    drop((handle, other));
    works(map);
}

#[test]
fn a_map_is_used_within_a_batch() {
    everywhere!(within_a_batch);
}

/// Two maps whose critical sections of one thread overlap, and end in the order in which they began.
fn two_maps<M: ConcurrentMap<Probe, Probe>, N: ConcurrentMap<Probe, Probe>>(one: &M, two: &N) {
    fill(one, 20);
    fill(two, 20);
    let (mut in_one, mut in_two) = (one.handle(), two.handle());
    let mut first = in_one.pin();
    assert!(first.contains(&Probe::new(1)));
    let mut second = in_two.pin();
    first.get_with(&Probe::new(1), |value| {
        for _ in 0..300 {
            second.update(&Probe::new(1), |value| Probe::new(value.id()));
            one.handle().update(&Probe::new(1), |value| Probe::new(value.id()));
        }
        assert_eq!(value.id(), 1);
    });
    drop(first);
    second.get_with(&Probe::new(2), |value| {
        drop(in_one);
        for _ in 0..300 {
            two.handle().update(&Probe::new(2), |value| Probe::new(value.id()));
        }
        assert_eq!(value.id(), 2);
    });
    drop(second);
    works(one);
    works(two);
}

#[test]
fn two_maps_overlap() {
    let seize = || erased(ChainingLockFree::<Probe, Probe, Seize>::default());
    let sdd = || erased(ChainingLockFree::<Probe, Probe, Sdd>::default());
    let epoch = || erased(ChainingLockFree::<Probe, Probe, Epoch>::default());
    let hazard = || erased(HamtCas::<Probe, Probe, Hazard>::default());
    let counts = || erased(CowCas::<Probe, Probe, RefCounts>::default());
    two_maps(&seize(), &seize());
    two_maps(&sdd(), &sdd());
    two_maps(&sdd(), &seize());
    two_maps(&epoch(), &epoch());
    two_maps(&hazard(), &counts());
    two_maps(&counts(), &erased(HamtPsim::<Probe, Probe, Hazard>::default()));
}

/// A map of maps: the inner ones are dropped by the outer's reclaimer.
#[test]
fn a_map_is_a_value_of_a_map() {
    use std::sync::Arc;

    type Inner = ChainingLockFree<Probe, Probe, Hazard>;
    fn check<M: ConcurrentMap<u64, Arc<Inner>> + Default>() {
        let outer = M::default();
        let mut handle = outer.handle();
        for key in 0..50 {
            let inner = Arc::new(Inner::default());
            fill(&*inner, 10);
            handle.insert(key, inner);
        }
        for key in 0..50 {
            let inner = handle.get(&key).expect("just inserted");
            let mut inside = inner.handle();
            handle.remove(&key);
            inside.update(&Probe::new(1), |value| Probe::new(value.id()));
            assert_eq!(inside.get(&Probe::new(1)).map(|value| value.id()), Some(1));
        }
    }
    check::<ChainingLockFree<u64, Arc<Inner>, Hazard>>();
    check::<ChainingLockFree<u64, Arc<Inner>, Epoch>>();
    check::<ChainingLockFree<u64, Arc<Inner>, Sdd>>();
    check::<HamtCas<u64, Arc<Inner>, RefCounts>>();
    assert_no_faults();
}

/// What entries borrow may end right after the map: whatever is retired is dropped before that.
#[test]
fn entries_may_borrow() {
    fn check<R: structures::reclaim::Reclaimer>() {
        let texts: Vec<Box<str>> = (0..200).map(|key| key.to_string().into()).collect();
        {
            let map = ChainingLockFree::<u64, Loud<'_>, R>::default();
            let mut handle = map.handle();
            for (key, text) in (0..).zip(&texts) {
                handle.insert(key % 10, Loud(text));
                handle.update(&(key % 10), |_| Loud(text));
            }
        }
        drop(texts);
    }
    check::<Epoch>();
    check::<Hazard>();
    check::<Seize>();
    check::<Sdd>();
    check::<structures::reclaim::Qsbr>();
    let texts: Vec<Box<str>> = (0..200).map(|key| key.to_string().into()).collect();
    {
        let map = CowCas::<u64, Loud<'_>, RefCounts>::default();
        let mut handle = map.handle();
        for (key, text) in (0..).zip(&texts) {
            handle.upsert(key % 10, |_| Loud(text));
        }
    }
    drop(texts);
}

/// Reads what it borrows when it drops.
#[derive(Clone)]
struct Loud<'t>(&'t str);

impl Drop for Loud<'_> {
    fn drop(&mut self) {
        assert!(self.0.parse::<u64>().is_ok(), "it reads what has been freed");
    }
}
