//! What only versioned tables have: snapshots, differences, batches, help.

mod suite;

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use foldhash::fast::FixedState;
use proptest::prelude::*;
use structures::map::{ConcurrentMap, MapHandle};
use structures::reclaim::{Epoch, Hazard, Reclaimer};
use structures::versioned::cow::Cow;
use structures::versioned::flat::Flat;
use structures::versioned::hamt::{Bundled, Change, Counted, Hamt, Sharing};
use structures::versioned::left_right::LeftRight;
use structures::versioned::log::HerlihyLog;
use structures::versioned::map::{MapObject, MapOp, Outcome};
use structures::versioned::psim::PSim;
use structures::versioned::{
    CowCas, CowLock, HamtCas, HamtPsim, LeftRightTable, LogHerlihy, Sequential, Universal,
    UniversalHandle, UniversalPinned, Version, Whole,
};

type CountedCas = HamtCas<u64, u64, Hazard, FixedState, Counted>;

/// More handles than any construction has room for from the start. Each works, and who asks how many
/// entries there are sees what each has done.
#[test]
fn any_number_of_handles_works() {
    const HANDLES: u64 = 1100;
    fn check<M: ConcurrentMap<u64, u64> + Default>() {
        assert_eq!(M::INFO.max_threads, None);
        let map = M::default();
        let mut handles: Vec<_> = (0..HANDLES).map(|_| map.handle()).collect();
        assert!(map.is_empty());
        // The last first.
        for (key, handle) in (0..).zip(handles.iter_mut().rev()) {
            assert!(handle.insert(key, key));
            assert_eq!(map.len() as u64, key + 1, "also of what was done since a checkpoint");
        }
        for (key, handle) in (0..).zip(&mut handles) {
            assert_eq!(handle.get(&key), Some(key));
            assert_eq!(handle.remove(&key), Some(key));
        }
        assert!(map.is_empty());
    }
    check::<HamtPsim<u64, u64>>();
    check::<HamtPsim<u64, u64, Hazard>>();
    check::<LogHerlihy<u64, u64>>();
    check::<LogHerlihy<u64, u64, Hazard>>();
    check::<LeftRightTable<u64, u64>>();
}

/// How often the operation on a [`Guarded`] has been run on either instance, and how often while somebody
/// read there.
#[derive(Default)]
struct Runs {
    runs: AtomicU64,
    disturbed: AtomicU64,
    reading: AtomicU64,
}

#[derive(Clone, Default)]
struct Guarded(Arc<Runs>);

impl Sequential for Guarded {
    type Op = ();
    type Out = ();

    fn apply(&mut self, (): &()) {
        // The second run is on the instance that was read when the first one began.
        if self.0.runs.fetch_add(1, SeqCst) == 1 {
            self.0.disturbed.fetch_add(self.0.reading.load(SeqCst), SeqCst);
        }
    }
}

/// A writer of Left-Right waits for the reader of each handle, also of the thousandth.
#[test]
fn left_right_waits_for_a_reader_by_any_handle() {
    for before in [0, 15, 16, 17, 1000] {
        let object = LeftRight::<Guarded>::default();
        let _others: Vec<_> = (0..before).map(|_| object.handle()).collect();
        let mut mine = object.handle();
        thread::scope(|scope| {
            mine.pin().read(0, |Guarded(runs)| {
                runs.reading.store(1, SeqCst);
                scope.spawn(|| object.handle().pin().apply(0, ()));
                while runs.runs.load(SeqCst) == 0 {
                    thread::yield_now();
                }
                // Time for the writer to go on, if it did not wait.
                thread::sleep(Duration::from_millis(20));
                runs.reading.store(0, SeqCst);
            });
        });
        let disturbed = mine.pin().read(0, |Guarded(runs)| runs.disturbed.load(SeqCst));
        assert_eq!(disturbed, 0, "the writer did not wait for handle {before}");
    }
}

/// Writers make keys of their own go up in step, one key after the other; every traversal shows
/// all of them, and `len`, as they are at one moment.
fn traversals_are_of_one_moment<M: ConcurrentMap<u64, u64> + Default>() {
    const KEYS: u64 = 40;
    const WRITERS: u64 = 2;
    let map = M::default();
    let mut handle = map.handle();
    assert!((0..WRITERS * KEYS).all(|key| handle.insert(key, 0)));
    let running = AtomicU64::new(WRITERS);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (map, running) = (&map, &running);
            scope.spawn(move || {
                let mut handle = map.handle();
                for _ in 0..200 {
                    for key in writer * KEYS..(writer + 1) * KEYS {
                        handle.update(&key, |value| value + 1);
                    }
                }
                running.fetch_sub(1, Relaxed);
            });
        }
        loop {
            let last = running.load(Relaxed) == 0;
            let mut all = HashMap::new();
            handle.for_each(|key, value| assert_eq!(all.insert(*key, *value), None));
            assert_eq!(all.len() as u64, WRITERS * KEYS);
            for writer in 0..WRITERS {
                let of = |key: u64| all[&(writer * KEYS + key)];
                let (first, last) = (of(0), of(KEYS - 1));
                assert!(first - last <= 1, "from {first} to {last}: not one moment");
                assert!((1..KEYS).all(|key| of(key) <= of(key - 1)), "not one moment");
            }
            if last {
                break;
            }
        }
    });
}

#[test]
fn every_traversal_is_of_one_moment() {
    traversals_are_of_one_moment::<CowLock<u64, u64>>();
    traversals_are_of_one_moment::<CowCas<u64, u64>>();
    traversals_are_of_one_moment::<HamtCas<u64, u64>>();
    traversals_are_of_one_moment::<CountedCas>();
    traversals_are_of_one_moment::<HamtPsim<u64, u64, Hazard>>();
    traversals_are_of_one_moment::<LogHerlihy<u64, u64, Hazard>>();
}

/// `len` never strays from what one writer lets it be.
#[test]
fn len_is_exact_while_a_writer_writes() {
    let map = HamtCas::<u64, u64>::default();
    map.handle().insert(0, 0);
    let done = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut handle = map.handle();
            for round in 0..20_000 {
                assert!(handle.insert(round + 1, 0));
                assert!(handle.remove(&round).is_some());
            }
            done.store(1, Relaxed);
        });
        while done.load(Relaxed) == 0 {
            let len = map.len();
            assert!((1..=2).contains(&len), "{len} of 1 or 2");
        }
    });
}

#[test]
fn a_snapshot_stays_as_it_is() {
    fn check<P: Sharing, R: Reclaimer>() {
        let map = HamtCas::<String, u64, R, FixedState, P>::default();
        let (mut reader, mut writer) = (map.handle(), map.handle());
        for key in 0..1_000 {
            writer.insert(key.to_string(), key);
        }
        let mut pinned = reader.pin();
        let before = pinned.snapshot();
        for key in 0..1_000 {
            match key % 3 {
                0 => drop(writer.remove(&key.to_string())),
                1 => drop(writer.update(&key.to_string(), |value| value + 1)),
                _ => drop(writer.insert((key + 1_000).to_string(), 0)),
            }
        }
        assert_eq!((before.len(), before.is_empty()), (1_000, false));
        let mut seen = Vec::new();
        before.for_each(|key, value| {
            assert_eq!(*key, value.to_string());
            seen.push(*value);
        });
        seen.sort_unstable();
        assert_eq!(seen, (0..1_000).collect::<Vec<_>>());
        assert!((0..1_000).all(|key: u64| before.get(&*key.to_string()) == Some(&key)));
        assert!(!before.contains("1001"));
        assert_eq!(map.len(), 1_000 - 334 + 333);
    }
    check::<Bundled, Epoch>();
    check::<Bundled, Hazard>();
    check::<Counted, Epoch>();
    check::<Counted, Hazard>();
}

/// Many insertions at once are seen all or not at all.
#[test]
fn many_insertions_are_one_version() {
    fn check<M: ConcurrentMap<u64, u64> + Default>() {
        let map = M::default();
        let done = AtomicU64::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut handle = map.handle();
                for round in 0..200 {
                    let entries = (round * 10..round * 10 + 15).map(|key| (key, round));
                    // Five are there from the round before.
                    assert_eq!(handle.insert_many(entries), if round == 0 { 15 } else { 10 });
                }
                done.store(1, Relaxed);
            });
            while done.load(Relaxed) == 0 {
                let len = map.len();
                assert!(len == 0 || len % 10 == 5, "{len}: in the middle of a batch");
            }
        });
        let mut handle = map.handle();
        assert_eq!((handle.get(&14), handle.get(&15)), (Some(0), Some(1)), "the first value stays");
    }
    check::<CowLock<u64, u64>>();
    check::<CowCas<u64, u64>>();
    check::<HamtCas<u64, u64>>();
    check::<CountedCas>();
}

/// A draft, edited.
fn edited<P: Sharing>(
    mut draft: Hamt<u64, u64, P>,
    edits: &[(u8, u64)],
    hash: fn(u64) -> u64,
) -> Hamt<u64, u64, P> {
    for (kind, key) in edits {
        let hash = hash(*key);
        let op = match kind {
            0 => MapOp::Remove { hash, key: *key, stamp: None },
            1 => MapOp::Insert { hash, key: *key, value: *key },
            _ => {
                let found = draft.find(hash, |other| other == key);
                let stamp = found.map_or(0, |found| found.stamp);
                MapOp::Replace { hash, key: *key, stamp, value: key + 1 }
            }
        };
        draft.apply(&op);
    }
    draft
}

fn contents<P: Sharing>(trie: &Hamt<u64, u64, P>) -> HashMap<u64, (u64, u64)> {
    trie.iter().map(|binding| (binding.key, (binding.stamp, binding.value))).collect()
}

/// What has changed from one version to another is what comparing all of both says; the older one
/// is as it was.
fn difference_is_exact<P: Sharing>(first: &[(u8, u64)], then: &[(u8, u64)], hash: fn(u64) -> u64) {
    let mut old = edited(Hamt::<u64, u64, P>::new(), first, hash);
    // SAFETY: it is not edited from here on.
    drop(unsafe { old.seal() });
    let before = contents(&old);
    // SAFETY: it is sealed, and lasts longer than the fork, which is not installed.
    let new = edited(unsafe { old.fork() }, then, hash);
    assert_eq!(contents(&old), before, "a fork's edits changed its origin");
    let after = contents(&new);
    assert_eq!((old.len(), new.len()), (before.len(), after.len()));
    assert_eq!(new.iter().len(), after.len());
    let mut changes = HashMap::new();
    old.diff(&new, |change| {
        let (key, change) = match change {
            Change::Added(to) => (to.key, (None, Some(to.stamp))),
            Change::Removed(from) => (from.key, (Some(from.stamp), None)),
            Change::Rebound(from, to) => (to.key, (Some(from.stamp), Some(to.stamp))),
        };
        assert!(changes.insert(key, change).is_none(), "{key} twice");
    });
    let keys = before.keys().chain(after.keys());
    let stamps = |key: &u64| {
        let stamp = |all: &HashMap<u64, (u64, u64)>| all.get(key).map(|(stamp, _)| *stamp);
        (*key, (stamp(&before), stamp(&after)))
    };
    let expected: HashMap<_, _> = keys.map(stamps).filter(|(_, (from, to))| from != to).collect();
    assert_eq!(changes, expected);
    drop(new);
    drop(std::mem::replace(&mut old, Hamt::new()));
}

/// Others may read it.
#[test]
fn a_sealed_trie_does_not_change() {
    fn check<P: Sharing>() {
        let mut trie = edited(Hamt::<u64, u64, P>::new(), &[(1, 1), (1, 2)], |key| key);
        // SAFETY: what is applied to it after this is refused.
        drop(unsafe { trie.seal() });
        for op in [
            MapOp::Remove { hash: 1, key: 1, stamp: None },
            MapOp::Insert { hash: 3, key: 3, value: 3 },
        ] {
            let applied = panic::catch_unwind(AssertUnwindSafe(|| _ = trie.apply(&op)));
            assert!(applied.is_err(), "it was edited: {op:?}");
            assert_eq!(contents(&trie).len(), 2);
        }
        // SAFETY: it has not been forked, and drops next.
        unsafe { trie.end() };
    }
    check::<Bundled>();
    check::<Counted>();
}

/// A removal that expects a binding takes no other, and says so before it is applied.
#[test]
fn a_removal_takes_the_binding_that_it_expects() {
    fn check<O: MapObject<Key = u64, Value = u64>>(mut map: O) {
        let bound = |map: &O| map.find(1, |key| *key == 1).expect("it is there").stamp;
        map.apply(&MapOp::Insert { hash: 1, key: 1, value: 10 });
        let first = bound(&map);
        let replaced = map.apply(&MapOp::Replace { hash: 1, key: 1, stamp: first, value: 11 });
        assert_eq!(replaced, Outcome::Replaced(10));
        let outdated = MapOp::Remove { hash: 1, key: 1, stamp: Some(first) };
        assert_eq!(map.answer(&outdated), Some(Outcome::Refused));
        assert_eq!((map.apply(&outdated), map.len()), (Outcome::Refused, 1));
        let current = MapOp::Remove { hash: 1, key: 1, stamp: Some(bound(&map)) };
        assert_eq!(map.answer(&current), None);
        assert_eq!((map.apply(&current), map.len()), (Outcome::Replaced(11), 0));
    }
    check(Flat::default());
    check(Hamt::<_, _, Bundled>::new());
    check(Hamt::<_, _, Counted>::new());
}

/// Equal hashes, hashes that differ in the highest bits alone, and all in between.
const HASHES: [fn(u64) -> u64; 4] = [
    |key| FixedState::with_seed(1).hash_one(key),
    |key| key % 3,
    |key| (key % 5) << 61,
    |key| (key << 30) | (key % 2),
];

proptest! {
    #[test]
    fn differences_are_exact(
        first in prop::collection::vec((0..3_u8, 0..60_u64), 0..120),
        then in prop::collection::vec((0..3_u8, 0..60_u64), 0..60),
        hash in 0..HASHES.len(),
    ) {
        difference_is_exact::<Bundled>(&first, &then, HASHES[hash]);
        difference_is_exact::<Counted>(&first, &then, HASHES[hash]);
    }
}

/// Clones of a counted trie are edited apart from each other.
#[test]
fn clones_go_their_own_ways() {
    let hash = HASHES[0];
    let insert = |trie: &mut Hamt<u64, u64, Counted>, keys: std::ops::Range<u64>| {
        for key in keys {
            trie.apply(&MapOp::Insert { hash: hash(key), key, value: key });
        }
    };
    let mut first = Hamt::<u64, u64, Counted>::new();
    insert(&mut first, 0..1_000);
    let mut second = first.clone();
    insert(&mut second, 1_000..2_000);
    let third = second.clone();
    for key in 0..1_500 {
        let removed = second.apply(&MapOp::Remove { hash: hash(key), key, stamp: None });
        assert_eq!(removed, Outcome::Replaced(key));
    }
    assert_eq!([first.len(), second.len(), third.len()], [1_000, 500, 2_000]);
    let keys = |trie: &Hamt<u64, u64, Counted>| {
        let mut keys: Vec<u64> = trie.iter().map(|binding| binding.key).collect();
        keys.sort_unstable();
        keys
    };
    assert!(keys(&first).into_iter().eq(0..1_000));
    drop(first);
    assert!(keys(&second).into_iter().eq(1_500..2_000));
    assert!(keys(&third).into_iter().eq(0..2_000));
}

/// A log of who appended what, in which an operation of a chosen thread waits, in that thread alone,
/// until it is told to go on.
#[derive(Clone, Default)]
struct Chronicle(Vec<u64>);

/// The operation of the thread that is suspended.
const SUSPENDED: u64 = 777;

struct Append {
    id: u64,
    /// The thread that waits, whom it tells so, and what it waits for.
    gate: Option<Gate>,
}

struct Gate {
    owner: ThreadId,
    reached: Mutex<mpsc::Sender<()>>,
    go_on: Mutex<mpsc::Receiver<()>>,
    /// Whether it panics where another thread runs it.
    others_panic: bool,
}

impl Sequential for Chronicle {
    type Op = Append;
    /// The position.
    type Out = usize;

    fn apply(&mut self, op: &Append) -> usize {
        if let Some(gate) = &op.gate {
            if gate.owner == thread::current().id() {
                gate.reached.lock().unwrap().send(()).expect("the test listens");
                // Closed: go on, this time and from then on.
                let _ = gate.go_on.lock().unwrap().recv();
            } else {
                assert!(!gate.others_panic, "another thread's run panics");
            }
        }
        self.0.push(op.id);
        self.0.len() - 1
    }
}

/// One thread is suspended when it has announced an operation and is about to run it. Others, by
/// their second operation at the latest, run it for it; once.
#[test]
fn psim_completes_the_operation_of_a_suspended_thread() {
    [0, 63, 64, 1000].into_iter().for_each(psim_completes_an_operation_of_handle);
}

/// Of the handle that is made when there are so many.
fn psim_completes_an_operation_of_handle(before: usize) {
    let sim = PSim::<Whole<Chronicle>, Epoch>::default();
    let _others: Vec<_> = (0..before).map(|_| sim.handle()).collect();
    let (reached, at_gate) = mpsc::channel();
    let (go_on, waits) = mpsc::channel();
    thread::scope(|scope| {
        let suspended = scope.spawn(|| {
            let (owner, waits) = (thread::current().id(), waits);
            let gate = Gate {
                owner,
                reached: Mutex::new(reached),
                go_on: Mutex::new(waits),
                others_panic: false,
            };
            sim.handle().pin().apply(0, Append { id: 7, gate: Some(gate) })
        });
        at_gate.recv().expect("it runs its operation");
        let mut handle = sim.handle();
        let mut pinned = handle.pin();
        let own: Vec<usize> = (0..2).map(|id| pinned.apply(0, Append { id, gate: None })).collect();
        let log = pinned.read(0, |chronicle| chronicle.0.0.clone());
        assert_eq!(log.iter().filter(|id| **id == 7).count(), 1, "by two operations: {log:?}");
        assert_eq!(own.iter().map(|at| log[*at]).collect::<Vec<_>>(), [0, 1]);
        drop(go_on);
        let position = suspended.join().expect("it ends");
        assert_eq!(log[position], 7, "told of its position in {log:?}");
        let after = pinned.read(0, |chronicle| chronicle.0.0.len());
        assert_eq!(after, 3, "nothing was run again");
    });
}

/// A log of who appended what, whose operations do what a test says when they are looked at.
#[derive(Clone, Default)]
struct Scripted(Vec<u64>);

struct Entry {
    id: u64,
    /// When a thread looks, before it announces the operation, whether it changes anything.
    asked: Box<dyn Fn() + Send + Sync>,
    run: Box<dyn Fn() + Send + Sync>,
}

impl Entry {
    fn new(id: u64) -> Self {
        Self { id, asked: Box::new(|| ()), run: Box::new(|| ()) }
    }
}

impl Sequential for Scripted {
    type Op = Entry;
    type Out = ();

    fn apply(&mut self, op: &Entry) {
        (op.run)();
        self.0.push(op.id);
    }

    fn answer(&self, op: &Entry) -> Option<()> {
        (op.asked)();
        None
    }
}

/// A thread is suspended when it has announced an operation, and before it has proposed it. Its slot's
/// turn comes within as many entries as there are slots, and one more; then it is in the log, once.
#[test]
fn the_log_has_a_turn_for_each_handle() {
    for (before, slots) in [(0, 64), (62, 64), (64, 128), (1000, 1024)] {
        the_log_has_a_turn_for_handle(before, slots);
    }
}

/// For the handle that is made when there are so many.
fn the_log_has_a_turn_for_handle(before: usize, slots: usize) {
    let log = HerlihyLog::<Whole<Scripted>, Epoch>::default();
    let _others: Vec<_> = (0..before).map(|_| log.handle()).collect();
    let (asked, is_asked) = channel();
    let (announce, may_announce) = channel();
    let (stands, is_standing) = channel();
    let (go_on, may_go_on) = channel();
    thread::scope(|scope| {
        let suspended = scope.spawn(|| {
            let asked = Box::new(move || {
                asked.lock().unwrap().send(()).expect("the test listens");
                wait(&may_announce);
            });
            log.handle().pin().apply(0, Entry { asked, ..Entry::new(SUSPENDED) });
        });
        wait(&is_asked);
        let mut handle = log.handle();
        let owner = suspended.thread().id();
        let run = Box::new(move || {
            if thread::current().id() == owner {
                stands.lock().unwrap().send(()).expect("the test listens");
                wait(&may_go_on);
            }
        });
        // What the thread finds in the log when it has announced, and stands in.
        handle.pin().apply(0, Entry { run, ..Entry::new(0) });
        drop(announce);
        wait(&is_standing);
        let ids = (1..).filter(|id| *id != SUSPENDED);
        ids.take(slots + 1).for_each(|id| handle.pin().apply(0, Entry::new(id)));
        let all = handle.pin().read(0, |log| log.0.0.clone());
        let count = all.iter().filter(|id| **id == SUSPENDED).count();
        assert_eq!(count, 1, "within {slots} entries and one, of handle {before}");
        drop(go_on);
        suspended.join().expect("it ends");
        assert_eq!(handle.pin().read(0, |log| log.0.0.len()), all.len(), "nothing was run again");
    });
}

type Channel = (Mutex<mpsc::Sender<()>>, Mutex<mpsc::Receiver<()>>);

fn channel() -> Channel {
    let (to, from) = mpsc::channel();
    (Mutex::new(to), Mutex::new(from))
}

/// Until something is sent, or the sender is gone.
fn wait(at: &Mutex<mpsc::Receiver<()>>) {
    let _ = at.lock().unwrap().recv();
}

/// One thread is suspended when it is about to run its operation, which is in the log. Others run it for
/// it, once.
#[test]
fn the_log_completes_the_operation_of_a_suspended_thread() {
    let log = HerlihyLog::<Whole<Chronicle>, Epoch>::default();
    let (reached, at_gate) = mpsc::channel();
    let (go_on, waits) = mpsc::channel();
    thread::scope(|scope| {
        let suspended = scope.spawn(|| {
            let (owner, waits) = (thread::current().id(), waits);
            let gate = Gate {
                owner,
                reached: Mutex::new(reached),
                go_on: Mutex::new(waits),
                others_panic: false,
            };
            log.handle().pin().apply(0, Append { id: SUSPENDED, gate: Some(gate) })
        });
        at_gate.recv().expect("it runs its operation");
        let mut handle = log.handle();
        for id in 0..65 {
            handle.pin().apply(0, Append { id, gate: None });
        }
        let all = handle.pin().read(0, |chronicle| chronicle.0.0.clone());
        assert_eq!(all.iter().filter(|id| **id == SUSPENDED).count(), 1, "of {all:?}");
        // Past two checkpoints, so that its own entry is gone when it goes on.
        for id in 65..400 {
            handle.pin().apply(0, Append { id, gate: None });
        }
        drop(go_on);
        let position = suspended.join().expect("it ends");
        assert_eq!(all[position], SUSPENDED, "told of its position");
        let len = handle.pin().read(0, |chronicle| chronicle.0.0.len());
        assert_eq!(len, 401, "nothing was run again");
    });
}

/// An operation panics in a thread that runs it for a suspended one, in which it goes well later: it
/// has had no effect, and the suspended thread does not go on from a state in which it has.
#[test]
fn the_log_drops_a_replica_that_went_another_way() {
    let log = HerlihyLog::<Whole<Chronicle>, Epoch>::default();
    let (reached, at_gate) = mpsc::channel();
    let (go_on, waits) = mpsc::channel();
    thread::scope(|scope| {
        let suspended = scope.spawn(|| {
            let (owner, waits) = (thread::current().id(), waits);
            let (reached, go_on) = (Mutex::new(reached), Mutex::new(waits));
            let gate = Gate { owner, reached, go_on, others_panic: true };
            let mut handle = log.handle();
            let apply = || handle.pin().apply(0, Append { id: 7, gate: Some(gate) });
            let panicked = panic::catch_unwind(AssertUnwindSafe(apply)).is_err();
            (panicked, handle.pin().read(0, |chronicle| chronicle.0.0.clone()))
        });
        at_gate.recv().expect("it runs its operation");
        let mut handle = log.handle();
        for id in 0..3 {
            assert_eq!(handle.pin().apply(0, Append { id, gate: None }), id as usize);
        }
        drop(go_on);
        assert_eq!(suspended.join().expect("caught"), (true, vec![0, 1, 2]));
    });
}

/// Nor does the writer that is suspended before its compare-and-swap keep others from theirs.
#[test]
fn cow_goes_on_past_a_suspended_writer() {
    let cow = Cow::<Whole<Chronicle>, Epoch>::default();
    let (reached, at_gate) = mpsc::channel();
    let (go_on, waits) = mpsc::channel();
    thread::scope(|scope| {
        let suspended = scope.spawn(|| {
            let (owner, waits) = (thread::current().id(), waits);
            let gate = Gate {
                owner,
                reached: Mutex::new(reached),
                go_on: Mutex::new(waits),
                others_panic: false,
            };
            cow.handle().pin().apply(0, Append { id: 7, gate: Some(gate) })
        });
        at_gate.recv().expect("it runs its operation");
        let mut handle = cow.handle();
        for id in 0..10 {
            assert_eq!(handle.pin().apply(0, Append { id, gate: None }), id as usize);
        }
        drop(go_on);
        assert_eq!(suspended.join().expect("it ends"), 10, "it had to start again");
    });
}

/// Each of many operations by many threads stands in the log once, where its caller was told.
fn every_operation_runs_once<U: Universal<Whole<Chronicle>> + Default>() {
    const EACH: u64 = 5_000;
    let sim = U::default();
    let appended = |thread: u64| {
        let mut handle = sim.handle();
        let append = |id| (handle.pin().apply(0, Append { id, gate: None }), id);
        (thread * EACH..(thread + 1) * EACH).map(append).collect::<Vec<_>>()
    };
    let appended = &appended;
    let told = thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|t| scope.spawn(move || appended(t))).collect();
        threads.into_iter().flat_map(|t| t.join().expect("it ends")).collect::<Vec<_>>()
    });
    let log = sim.handle().pin().read(0, |chronicle| chronicle.0.0.clone());
    assert_eq!(log.len() as u64, 3 * EACH);
    assert!(told.iter().all(|(position, id)| log[*position] == *id));
}

#[test]
fn psim_runs_every_operation_once() {
    every_operation_runs_once::<PSim<Whole<Chronicle>, Hazard>>();
}

#[test]
fn the_log_runs_every_operation_once() {
    every_operation_runs_once::<HerlihyLog<Whole<Chronicle>, Hazard>>();
    every_operation_runs_once::<HerlihyLog<Whole<Chronicle>, Epoch>>();
}

/// Counts; its next clone panics if it is told so.
#[derive(Default)]
struct Fragile {
    count: u64,
    breaks: AtomicU64,
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        let left = self.breaks.load(Relaxed);
        self.breaks.store(left.saturating_sub(1), Relaxed);
        assert_eq!(left, 0, "a clone panics");
        Self { count: self.count, breaks: AtomicU64::new(0) }
    }
}

impl Sequential for Fragile {
    /// How many of the clones that follow panic.
    type Op = u64;
    type Out = u64;

    fn apply(&mut self, breaks: &u64) -> u64 {
        self.count += 1;
        self.breaks.store(*breaks, Relaxed);
        self.count
    }
}

/// Checkpoints that fail cost nobody an operation, and the log goes on without them.
#[test]
fn the_log_goes_on_without_a_checkpoint() {
    let log = HerlihyLog::<Fragile, Epoch>::default();
    let mut handle = log.handle();
    for expected in 1..=1_000 {
        // The clones at entries 128 and 512 are told to panic.
        let breaks = u64::from([128, 512].contains(&expected));
        assert_eq!(handle.pin().apply(0, breaks), expected);
    }
    assert_eq!(log.handle().pin().read(0, |fragile| fragile.count), 1_000);
}

/// Counts; of all runs of its operation, the one that it is told panics.
#[derive(Clone, Default)]
struct Planted {
    count: u64,
    runs_until_panic: Arc<AtomicU64>,
}

impl Sequential for Planted {
    type Op = ();
    type Out = u64;

    fn apply(&mut self, (): &()) -> u64 {
        let left = self.runs_until_panic.load(Relaxed);
        self.runs_until_panic.store(left.saturating_sub(1), Relaxed);
        assert_ne!(left, 1, "this run panics");
        self.count += 1;
        self.count
    }
}

/// An operation that panics only when it is run on the second instance has had its effect; the next
/// one finds both instances with it.
#[test]
fn left_right_makes_a_stale_instance_anew() {
    let runs = Arc::<AtomicU64>::default();
    let planted = Planted { count: 0, runs_until_panic: Arc::clone(&runs) };
    let object = LeftRight::new(planted);
    let mut handle = object.handle();
    runs.store(2, Relaxed);
    assert_eq!(handle.pin().apply(0, ()), 1, "it has taken effect");
    for expected in 2..=5 {
        assert_eq!(handle.pin().apply(0, ()), expected);
        assert_eq!(handle.pin().read(0, |planted| planted.count), expected);
    }
}

#[test]
fn psim_gives_slots_to_the_next() {
    let map = HamtPsim::<u64, u64>::default();
    for round in 0..200 {
        let mut handles: Vec<_> = (0..5).map(|_| map.handle()).collect();
        assert!(handles.iter_mut().zip(0..).all(|(handle, key)| handle.insert(5 * round + key, 0)));
    }
    assert_eq!(map.len(), 1_000);
}
