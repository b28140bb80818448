//! Announcements against unlinkings on the machine itself.
//!
//! Loom takes `membarrier(2)` for a fence, and knows nothing of the atomics of other crates. Here a
//! reader announces and reads a link, while a writer unlinks the node, retires it and frees what it
//! may. The announcement waits in the store buffer behind stores that miss the cache, and the read
//! does not wait: if the scheme lets that happen, what the reader holds is freed. A scheme that is
//! right never does that; how often a wrong one does is the machine's affair.
#![cfg(not(any(loom, shuttle, miri)))]

use std::hint::spin_loop;
use std::ptr;
use std::sync::Arc;
use std::thread;

use structures::reclaim::{
    Debra, Guard, Haphazard, Hazard, Ibr, Node, Participant, Payload, Reclaimer, Visitor, for_each,
};
use structures::sync::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// Rounds, unless a guard has held the node in enough of them.
const ROUNDS: usize = 10_000;
const ENOUGH: usize = 1_000;
/// Stores that miss, one a page: 64 MiB.
const PAGE: usize = 4096 / size_of::<u64>();
const PAGES: usize = 16_384;
const STORES: usize = 48;

/// Says that it was dropped.
struct Mortal(Arc<AtomicBool>);

impl Payload for Mortal {}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What the two threads share, and where they are.
struct World<R: Reclaimer> {
    domain: R,
    link: AtomicPtr<Node<R, Mortal>>,
    /// Of the round's node.
    dropped: Vec<Arc<AtomicBool>>,
    held: AtomicUsize,
    began: AtomicUsize,
    unlinked: AtomicUsize,
    looked: AtomicUsize,
}

fn wait(counter: &AtomicUsize, round: usize) {
    let mut spins = 0_u32;
    while counter.load(Ordering::Acquire) < round {
        spins += 1;
        if spins.is_multiple_of(1 << 12) { thread::yield_now() } else { spin_loop() }
    }
}

impl<R: Reclaimer> World<R> {
    /// One guard a round. How often the node was freed although the guard held it.
    fn read(&self) -> usize {
        let mut cold = vec![1_u64; PAGES * PAGE];
        let mut thread = self.domain.register();
        let mut lost = 0;
        for round in 1..=ROUNDS {
            wait(&self.began, round);
            for store in 0..STORES {
                // An odd number of pages on, so that no two that follow are neighbours.
                cold[(round * STORES + store) * 7919 % PAGES * PAGE] = round as u64;
            }
            let mut guard = thread.enter();
            let is_held = !guard.protect(0, &self.link).is_null();
            wait(&self.unlinked, round);
            if is_held {
                self.held.fetch_add(1, Ordering::Relaxed);
                lost += usize::from(self.dropped[round - 1].load(Ordering::Acquire));
            }
            drop(guard);
            self.looked.store(round, Ordering::Release);
            if self.is_enough() {
                break;
            }
        }
        lost
    }

    /// Between two rounds both threads get the same answer.
    fn is_enough(&self) -> bool {
        self.held.load(Ordering::Relaxed) == ENOUGH
    }

    fn write(&self) {
        let mut thread = self.domain.register();
        for round in 1..=ROUNDS {
            let node = Node::alloc(&self.domain, Mortal(self.dropped[round - 1].clone())).publish();
            self.link.store(node, Ordering::Release);
            if R::NAME == Haphazard::NAME {
                self.retire_all_but_one_of_a_batch(&mut thread);
            }
            self.began.store(round, Ordering::Release);
            // Sooner and later than the reader's look.
            (0..round % 100).for_each(|_| spin_loop());
            let mut guard = thread.enter();
            let node = self.link.swap(ptr::null_mut(), Ordering::AcqRel);
            // SAFETY: reclaim-D2: it was in this link alone, and we took it out, once.
            unsafe { guard.retire(node) };
            drop(guard);
            // Where two epochs have to pass.
            self.retire_new(&mut thread, 16);
            self.unlinked.store(round, Ordering::Release);
            wait(&self.looked, round);
            if self.is_enough() {
                break;
            }
        }
    }

    /// haphazard has no batch to set: it frees at every 1000th retirement.
    fn retire_all_but_one_of_a_batch(&self, thread: &mut R::Participant<'_>) {
        let dropped = self.retire_new(thread, 1);
        while !dropped.load(Ordering::Acquire) {
            self.retire_new(thread, 1);
        }
        self.retire_new(thread, 999);
    }

    /// Whether the first of them was dropped.
    fn retire_new(&self, thread: &mut R::Participant<'_>, nodes: usize) -> Arc<AtomicBool> {
        let dropped = Arc::default();
        for node in 0..nodes {
            let payload = if node == 0 { Arc::clone(&dropped) } else { Arc::default() };
            let node = Node::alloc(&self.domain, Mortal(payload)).publish();
            // SAFETY: reclaim-D2: in no link, so unreachable; allocated for this domain; once.
            unsafe { thread.enter().retire(node) };
        }
        dropped
    }
}

fn holds<R: Reclaimer + 'static>(name: &str, domain: R) {
    let world = World {
        domain,
        link: AtomicPtr::default(),
        dropped: (0..ROUNDS).map(|_| Arc::default()).collect(),
        held: AtomicUsize::new(0),
        began: AtomicUsize::new(0),
        unlinked: AtomicUsize::new(0),
        looked: AtomicUsize::new(0),
    };
    let lost = thread::scope(|scope| {
        let reader = scope.spawn(|| world.read());
        world.write();
        reader.join().expect("it reads")
    });
    let (held, rounds) = (world.held.into_inner(), world.looked.into_inner());
    println!("{name}: held in {held} of {rounds} rounds");
    assert_eq!(lost, 0, "{name}: of {held} nodes that a guard held, {lost} were freed");
}

#[test]
fn what_a_guard_holds_is_not_freed() {
    struct Each;
    impl Visitor for Each {
        fn visit<R: Reclaimer + 'static>(&mut self) {
            holds(R::NAME, R::new(Some(1)));
        }
    }
    for_each(&mut Each);
    holds("hazard, symmetric", Hazard::symmetric(Some(1)));
    holds("debra, symmetric", Debra::symmetric(Some(1)));
    holds("ibr, symmetric", Ibr::symmetric(Some(1)));
}
