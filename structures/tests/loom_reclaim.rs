//! Models of our own schemes, under every interleaving and every order of memory that loom knows:
//! `ci/loom.sh`.
//!
//! Loom has no `membarrier(2)`, and under it both sides of an asymmetric pair are SeqCst fences: the
//! models show that a fence is needed at these places and suffices, not that the kernel's call is
//! one. Whether each node is alive stands in a cell apart from it, so that a model of a broken scheme
//! fails and reads nothing that was freed.
#![cfg(loom)]

mod explore;

use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::Mutex;

use explore::{explore, explore_with};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use structures::reclaim::{
    CountedRoot, Debra, Guard, Hazard, Ibr, Node, Owned, Participant, Payload, Reclaimer,
    RefCounts, RootScheme, SLOTS,
};
use structures::sync::{AtomicPtr, AtomicUsize, Ordering, fence};

/// F: "announce, fence, read the link" against "unlink, fence, read the announcement". True, true:
/// the reader holds what is freed.
fn announcement(light: bool, heavy: bool) -> impl Fn() -> (bool, bool) {
    move || {
        let (link, slot) = (Arc::new(AtomicUsize::new(1)), Arc::new(AtomicUsize::new(0)));
        let reader = {
            let (link, slot) = (Arc::clone(&link), Arc::clone(&slot));
            thread::spawn(move || {
                slot.store(1, Ordering::Release);
                if light {
                    fence(Ordering::SeqCst);
                }
                link.load(Ordering::Acquire) == 1
            })
        };
        assert_eq!(link.swap(0, Ordering::AcqRel), 1);
        if heavy {
            fence(Ordering::SeqCst);
        }
        let freed = slot.load(Ordering::Acquire) == 0;
        (reader.join().expect("read"), freed)
    }
}

#[test]
fn both_fences_are_needed() {
    let good = [(false, false), (false, true), (true, false)];
    let all = [(false, false), (false, true), (true, false), (true, true)];
    explore("both fences", good, announcement(true, true));
    explore("no light fence", all, announcement(false, true));
    explore("no heavy fence", all, announcement(true, false));
    explore("two epochs, both fences", good, two_epochs(true, true));
    explore("two epochs, no light fence", all, two_epochs(false, true));
    explore("two epochs, no heavy fence", all, two_epochs(true, false));
}

/// The same with epochs: freed when the epoch has advanced twice, each time after a check of the
/// announcement. The whole scheme's model, below, does not show that the heavy fence is needed: the
/// light one with which the writer enters again is a SeqCst fence under loom too, and stands in for it.
fn two_epochs(light: bool, heavy: bool) -> impl Fn() -> (bool, bool) {
    move || {
        let link = Arc::new(AtomicUsize::new(1));
        let epoch = Arc::new(AtomicUsize::new(1));
        let announced = Arc::new(AtomicUsize::new(0));
        let reader = {
            let (link, epoch, announced) = (link.clone(), epoch.clone(), announced.clone());
            thread::spawn(move || {
                announced.store(epoch.load(Ordering::Acquire), Ordering::Release);
                if light {
                    fence(Ordering::SeqCst);
                }
                link.load(Ordering::Acquire) == 1
            })
        };
        assert_eq!(link.swap(0, Ordering::AcqRel), 1);
        if heavy {
            fence(Ordering::SeqCst);
        }
        let freed = [1, 2].into_iter().all(|now| {
            let advances = [0, now].contains(&announced.load(Ordering::Acquire));
            if advances {
                epoch.store(now + 1, Ordering::Release);
            }
            advances
        });
        (reader.join().expect("read"), freed)
    }
}

/// Where a node is and whether it is alive.
struct Life {
    address: usize,
    alive: Arc<UnsafeCell<bool>>,
}

/// A node's payload; its drop writes the cell, which loom compares with every reading of it.
struct Mortal(Arc<UnsafeCell<bool>>);

impl Payload for Mortal {}

// SAFETY: loom itself looks for races on the cell.
unsafe impl Send for Mortal {}

// SAFETY: as above.
unsafe impl Sync for Mortal {}

impl Drop for Mortal {
    fn drop(&mut self) {
        let write = || {
            self.0.with_mut(|alive| {
                // SAFETY: nobody may read it any more; loom checks that.
                unsafe { *alive = false };
            });
        };
        // `Node::reclaim` would stop the panic, and the model go on.
        if panic::catch_unwind(AssertUnwindSafe(write)).is_err() {
            process::abort();
        }
    }
}

/// A link, the domain of its nodes, and their lives.
struct World<R: Reclaimer> {
    link: AtomicPtr<Node<R, Mortal>>,
    domain: R,
    lives: Mutex<Vec<Life>>,
}

impl<R: Reclaimer> World<R> {
    fn node(&self) -> *mut Node<R, Mortal> {
        let alive = Arc::new(UnsafeCell::new(true));
        let node: Owned<_, _> = Node::alloc(&self.domain, Mortal(Arc::clone(&alive)));
        let node = node.publish();
        self.lives.lock().expect("no panic").push(Life { address: node.addr(), alive });
        node
    }

    /// Which node the link led to; it is alive while the guard is.
    fn read(&self, slot: usize) -> Option<usize> {
        let mut thread = self.domain.register();
        let mut guard = thread.enter();
        let node = guard.protect(slot, &self.link);
        let (index, alive) = {
            let lives = self.lives.lock().expect("no panic");
            let index = lives.iter().rposition(|life| life.address == node.addr())?;
            (index, Arc::clone(&lives[index].alive))
        };
        // SAFETY: loom itself looks for races on the cell.
        alive.with(|alive| assert!(unsafe { *alive }, "read node {index}, which was freed"));
        Some(index)
    }

    /// Puts `node` into the link and retires the node that was there.
    fn replace(&self, thread: &mut R::Participant<'_>, node: *mut Node<R, Mortal>) {
        let mut guard = thread.enter();
        let old = self.link.swap(node, Ordering::AcqRel);
        // SAFETY: reclaim-D2: it was in this link alone, and we took it out, once.
        unsafe { guard.retire(old) };
    }

    fn alive(&self) -> usize {
        let lives = self.lives.lock().expect("no panic");
        // SAFETY: the thread that asks is the only one that frees.
        lives.iter().filter(|life| life.alive.with(|alive| unsafe { *alive })).count()
    }
}

/// A node is replaced by one that is born meanwhile, which is removed; a reader reads one of them,
/// or neither. What the reader saw, and how many nodes were freed before it was joined.
fn replaced_and_removed<R: Reclaimer + 'static>(domain: R, slot: usize) -> (Option<usize>, usize) {
    let world = World { link: AtomicPtr::default(), domain, lives: Mutex::default() };
    world.link.store(world.node(), Ordering::Release);
    let world = Arc::new(world);
    let reader = {
        let world = Arc::clone(&world);
        thread::spawn(move || world.read(slot))
    };
    let mut writer = world.domain.register();
    world.replace(&mut writer, world.node());
    world.replace(&mut writer, std::ptr::null_mut());
    drop(writer);
    // Who leaves may free what the other has left.
    let seen = reader.join().expect("read");
    (seen, 2 - world.alive())
}

/// Everything may be seen and, with or without a reader, all or something be freed; `least` is what
/// even a reader in the middle does not hold up.
fn outcomes(least: usize) -> Vec<(Option<usize>, usize)> {
    let seen = [None, Some(0), Some(1)];
    seen.into_iter().flat_map(|seen| (least..=2).map(move |freed| (seen, freed))).collect()
}

fn scheme<R: Reclaimer + 'static>(least: usize) {
    explore_with(1, R::NAME, outcomes(least), || replaced_and_removed(R::new(Some(1)), SLOTS - 1));
}

#[test]
fn hazard() {
    scheme::<Hazard>(1);
}

#[test]
fn debra() {
    // Who leaves last frees all.
    scheme::<Debra>(2);
}

#[test]
fn ibr() {
    scheme::<Ibr>(0);
}

/// What a root leads to, with its number.
struct Numbered(usize, Mortal);

impl Payload for Numbered {}

/// A root, replaced twice.
fn root_replaced(counts: &RefCounts, root: &CountedRoot<Numbered>) {
    let mut thread = RootScheme::register(counts);
    for _ in 0..2 {
        let mut guard = RefCounts::enter(&mut thread);
        let next = |old: &Numbered| {
            let alive = Arc::new(UnsafeCell::new(true));
            (Numbered(old.0 + 1, Mortal(alive)), ())
        };
        // SAFETY: the root, and the guard, are of this domain, and the payload borrows nothing.
        let installed = unsafe { counts.replace(&mut guard, root, next, |_, ()| (), |_, ()| ()) };
        assert!(installed.is_some(), "there is no other writer");
    }
}

/// A reader loads a root twice, which is replaced twice meanwhile: what it holds is alive.
#[test]
fn arc() {
    let numbers = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];
    explore("arc", numbers, || {
        let counts = RefCounts::default();
        let first = Numbered(0, Mortal(Arc::new(UnsafeCell::new(true))));
        let root = counts.root(first);
        let world = Arc::new((counts, root));
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let (counts, root) = &*world;
                let mut thread = RootScheme::register(counts);
                let mut guard = RefCounts::enter(&mut thread);
                let mut look = || {
                    // SAFETY: both are of the same domain.
                    let Numbered(number, life) = unsafe { RefCounts::load(&mut guard, root) };
                    // SAFETY: loom itself looks for races on the cell.
                    life.0.with(|alive| assert!(unsafe { *alive }, "{number} was freed"));
                    *number
                };
                (look(), look())
            })
        };
        root_replaced(&world.0, &world.1);
        reader.join().expect("it reads what is alive")
    });
}

/// Two guards let go of what was replaced, and who replaced it: one of the three frees it.
#[test]
fn arc_of_two_readers() {
    explore_with(1, "arc: two readers", [(0, 0), (0, 1), (1, 0), (1, 1)], || {
        let counts = RefCounts::default();
        let life = Arc::new(UnsafeCell::new(true));
        let root = counts.root(Numbered(0, Mortal(Arc::clone(&life))));
        let world = Arc::new((counts, root));
        let readers = [(); 2].map(|()| {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let (counts, root) = &*world;
                let mut thread = RootScheme::register(counts);
                let mut guard = RefCounts::enter(&mut thread);
                // SAFETY: both are of the same domain.
                let Numbered(number, life) = unsafe { RefCounts::load(&mut guard, root) };
                // SAFETY: loom itself looks for races on the cell.
                life.0.with(|alive| assert!(unsafe { *alive }, "{number} was freed"));
                *number
            })
        });
        {
            let (counts, root) = &*world;
            let mut thread = RootScheme::register(counts);
            let mut guard = RefCounts::enter(&mut thread);
            let next = |_: &Numbered| (Numbered(1, Mortal(Arc::new(UnsafeCell::new(true)))), ());
            // SAFETY: the root, and the guard, are of this domain, and the payload borrows nothing.
            let installed =
                unsafe { counts.replace(&mut guard, root, next, |_, ()| (), |_, ()| ()) };
            assert!(installed.is_some(), "there is no other writer");
        }
        let [a, b] = readers.map(|reader| reader.join().expect("it reads what is alive"));
        // SAFETY: everybody who could free it has ended.
        assert!(!life.with(|alive| unsafe { *alive }), "nobody freed it");
        (a, b)
    });
}
