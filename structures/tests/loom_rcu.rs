//! Models of the schemes of the RCU family, and of what threads leave behind under `debra`, as they
//! are, under every interleaving and every order of memory that loom knows: `ci/loom.sh`.
//!
//! A node stands for a cell that its drop writes to. A reader that has loaded the node reads the
//! cell in the same guard: loom reports a free that does not come after that. Each model names the
//! exact set of what may be seen, and part of it is that the writer has freed the node; so one in
//! which nothing is ever freed fails as well.
//!
//! The batch is 1: each retirement starts a grace period and looks at those before.
#![cfg(loom)]

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::ptr;
use std::sync::{Arc as StdArc, Mutex};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use structures::reclaim::{
    Debra, GraceRcu, Guard, Node, Offline, Participant, Payload, Qsbr, Reclaimer, WorkerRcu,
};
use structures::sync::{AtomicBool, AtomicPtr, Ordering};

/// What a node stands for.
struct Life {
    ended: UnsafeCell<bool>,
    /// The same, for those who only want to know.
    freed: AtomicBool,
    /// Loom's report is a panic, and one in a node's drop ends there: whether there was one.
    reported: std::sync::atomic::AtomicBool,
}

// SAFETY: loom's cells say so themselves if two threads use one at the same time.
unsafe impl Sync for Life {}

/// What is in a node.
struct Canary(Option<Arc<Life>>);

impl Payload for Canary {}

impl Drop for Canary {
    fn drop(&mut self) {
        if let Some(life) = &self.0 {
            life.reported.store(true, Ordering::Relaxed);
            // SAFETY: loom checks that nobody reads it at the same time.
            life.ended.with_mut(|ended| unsafe { *ended = true });
            life.reported.store(false, Ordering::Relaxed);
            life.freed.store(true, Ordering::Relaxed);
        }
    }
}

/// A link to one node, in a domain.
struct World<R: Reclaimer> {
    domain: R,
    link: AtomicPtr<Node<R, Canary>>,
    life: Arc<Life>,
}

impl<R: Reclaimer + 'static> World<R> {
    fn new() -> Arc<Self> {
        let domain = R::new(Some(1));
        let ended = UnsafeCell::new(false);
        let freed = AtomicBool::new(false);
        let life = Arc::new(Life { ended, freed, reported: false.into() });
        let node = Node::alloc(&domain, Canary(Some(Arc::clone(&life)))).publish();
        Arc::new(Self { domain, link: AtomicPtr::new(node), life })
    }

    /// One operation: whether the node is there. It is not freed before the guard ends.
    fn read(&self, participant: &mut R::Participant<'_>) -> bool {
        let mut guard = participant.enter();
        let there = !guard.protect(0, &self.link).is_null();
        if there {
            // SAFETY: loom checks that nobody writes it at the same time.
            let ended = self.life.ended.with(|ended| unsafe { *ended });
            assert!(!ended, "freed, and still linked or held");
        }
        drop(guard);
        there
    }

    /// An operation that takes the node out and retires it.
    fn unlink(&self, participant: &mut R::Participant<'_>) {
        let mut guard = participant.enter();
        let old = self.link.swap(ptr::null_mut(), Ordering::AcqRel);
        if !old.is_null() {
            // SAFETY: unlinked by our swap, so we alone retire it; allocated for this domain.
            unsafe { guard.retire(old) };
        }
    }

    /// Two operations, each of which retires: the node, and one that nobody has seen. Whether the
    /// node has been freed after that.
    fn replace(&self, participant: &mut R::Participant<'_>) -> bool {
        self.unlink(participant);
        let mut guard = participant.enter();
        let unseen = Node::alloc(&self.domain, Canary(None)).publish();
        // SAFETY: in no link; allocated for this domain; retired once.
        unsafe { guard.retire(unseen) };
        drop(guard);
        self.life.freed.load(Ordering::Relaxed)
    }

    /// What the reader saw, and whether the writer freed the node, if it was right to.
    fn outcome<T>(&self, seen: T, freed: bool) -> (T, bool) {
        let reported = self.life.reported.load(Ordering::Relaxed);
        assert!(!reported, "freed before the reader's guard had ended");
        (seen, freed)
    }
}

/// Runs `model` in every execution, and checks that what it returned in them is `expected`.
fn explore<T: Ord + Debug + Send + 'static>(
    name: &str,
    expected: impl IntoIterator<Item = T>,
    model: impl Fn() -> T + Send + Sync + 'static,
) {
    let seen = StdArc::new(Mutex::new((0_u64, BTreeSet::new())));
    let all = StdArc::clone(&seen);
    loom::model(move || {
        let outcome = model();
        let mut all = all.lock().expect("no model panics here");
        all.0 += 1;
        all.1.insert(outcome);
    });
    let (executions, outcomes) = &*seen.lock().expect("no model panics here");
    println!("{name}: {executions} executions, {} outcomes", outcomes.len());
    assert!(*executions > 1, "{name}: loom explored nothing");
    assert_eq!(*outcomes, expected.into_iter().collect(), "{name}");
}

/// A reader registers, reads twice and leaves, while a writer unlinks the node, retires it and
/// would free it. What the reader saw, and whether the writer has freed the node.
fn reader_comes_and_goes<R: Reclaimer + 'static>() {
    let expected = [
        ([true, true], false),
        ([true, true], true),
        ([true, false], false),
        ([true, false], true),
        ([false, false], false),
        ([false, false], true),
    ];
    explore(&format!("{}: read twice", R::NAME), expected, || {
        let world = World::<R>::new();
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let mut participant = world.domain.register();
                [(); 2].map(|()| world.read(&mut participant))
            })
        };
        let freed = world.replace(&mut world.domain.register());
        world.outcome(reader.join().expect("read"), freed)
    });
}

/// The same of a reader that is registered before, is away, and comes back for one operation.
fn reader_was_away<R: Reclaimer + 'static>() {
    let expected = [(true, false), (true, true), (false, false), (false, true)];
    explore(&format!("{}: offline", R::NAME), expected, || {
        let world = World::<R>::new();
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let mut participant = world.domain.register();
                drop(Offline::<R, _>::start(&mut participant));
                world.read(&mut participant)
            })
        };
        let freed = world.replace(&mut world.domain.register());
        world.outcome(reader.join().expect("read"), freed)
    });
}

/// Two threads retire, so that they share grace periods and lose swaps; one of them reads, and
/// each can free what the other left.
fn two_retire<R: Reclaimer + 'static>() {
    let expected = [(true, false), (true, true), (false, false), (false, true)];
    explore(&format!("{}: two retire", R::NAME), expected, || {
        let world = World::<R>::new();
        let other = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let mut participant = world.domain.register();
                let mut guard = participant.enter();
                let unseen = Node::alloc(&world.domain, Canary(None)).publish();
                // SAFETY: in no link; allocated for this domain; retired once.
                unsafe { guard.retire(unseen) };
                drop(guard);
                world.read(&mut participant)
            })
        };
        let freed = world.replace(&mut world.domain.register());
        world.outcome(other.join().expect("read"), freed)
    });
}

/// A thread unlinks the node, retires it and leaves, while a reader comes and goes. The one that leaves
/// last has freed the node. What the reader saw, and whether the node had been freed when its owner
/// had left.
fn all_leave<R: Reclaimer + 'static>() {
    let expected = [(true, false), (true, true), (false, false), (false, true)];
    explore(&format!("{}: all leave", R::NAME), expected, || {
        let world = World::<R>::new();
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.read(&mut world.domain.register()))
        };
        world.unlink(&mut world.domain.register());
        let freed = world.life.freed.load(Ordering::Relaxed);
        let seen = reader.join().expect("read");
        assert!(world.life.freed.load(Ordering::Relaxed), "all have left");
        world.outcome(seen, freed)
    });
}

#[test]
fn qsbr_all_leave() {
    all_leave::<Qsbr>();
}

#[test]
fn grace_rcu_all_leave() {
    all_leave::<GraceRcu>();
}

#[test]
fn worker_rcu_all_leave() {
    all_leave::<WorkerRcu>();
}

#[test]
fn debra_all_leave() {
    all_leave::<Debra>();
}

#[test]
fn qsbr_reader_comes_and_goes() {
    reader_comes_and_goes::<Qsbr>();
}

#[test]
fn qsbr_reader_was_away() {
    reader_was_away::<Qsbr>();
}

#[test]
fn qsbr_two_retire() {
    two_retire::<Qsbr>();
}

#[test]
fn grace_rcu_reader_comes_and_goes() {
    reader_comes_and_goes::<GraceRcu>();
}

#[test]
fn grace_rcu_two_retire() {
    two_retire::<GraceRcu>();
}

#[test]
fn worker_rcu_reader_comes_and_goes() {
    reader_comes_and_goes::<WorkerRcu>();
}

#[test]
fn worker_rcu_reader_was_away() {
    reader_was_away::<WorkerRcu>();
}

#[test]
fn worker_rcu_two_retire() {
    two_retire::<WorkerRcu>();
}
