//! Guards of several participants within each other, in one thread and drawn from a seed, so that it can be
//! said at each step what may be freed: for each scheme nothing that a guard has protected, and for reference
//! counts exactly what nobody holds.

mod suite;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::reclaim::{
    CountedRoot, CountsParticipant, Guard, Leak, Node, Participant, Payload, Reclaimer, RefCounts,
    RootScheme, SLOTS, Visitor,
};
use suite::rng;

/// The numbers of the payloads that are there.
#[derive(Clone, Default)]
struct Living(Arc<(Mutex<BTreeSet<u64>>, AtomicU64)>);

impl Living {
    fn numbers(&self) -> BTreeSet<u64> {
        self.0.0.lock().expect("nobody panics").clone()
    }

    fn payload(&self) -> Numbered {
        let number = self.0.1.fetch_add(1, Ordering::Relaxed);
        self.0.0.lock().expect("nobody panics").insert(number);
        Numbered { number, living: self.clone() }
    }
}

/// A payload with a number of its own.
struct Numbered {
    number: u64,
    living: Living,
}

impl Payload for Numbered {}

impl Drop for Numbered {
    fn drop(&mut self) {
        let was_there = self.living.0.0.lock().expect("nobody panics").remove(&self.number);
        assert!(was_there, "{} is freed a second time", self.number);
    }
}

const LINKS: usize = 4;

/// Links to nodes, and what the guards that there are have protected.
struct World<'d, R: Reclaimer> {
    domain: &'d R,
    links: [AtomicPtr<Node<R, Numbered>>; LINKS],
    living: Living,
    /// Of each guard, the outermost first, each slot's.
    protected: RefCell<Vec<[Option<*const Numbered>; SLOTS]>>,
}

impl<R: Reclaimer> World<'_, R> {
    fn node(&self) -> *mut Node<R, Numbered> {
        Node::alloc(self.domain, self.living.payload()).publish()
    }

    /// What is protected is there.
    fn check(&self, seed: u64) {
        let numbers = self.living.numbers();
        for payload in self.protected.borrow().iter().flatten().flatten() {
            // SAFETY: reclaim-D1: protected, and found in its link after that.
            let number = unsafe { &**payload }.number;
            assert!(numbers.contains(&number), "{}: {number} was freed, {seed}", R::NAME);
        }
    }

    /// A guard of the first participant, and within it those of the others.
    fn enter(&self, rng: &mut Xoshiro256PlusPlus, seed: u64, threads: &mut [R::Participant<'_>]) {
        let Some((thread, others)) = threads.split_first_mut() else { return };
        for _ in 0..rng.random_range(1..=3) {
            let mut guard = thread.enter();
            self.protected.borrow_mut().push([None; SLOTS]);
            for _ in 0..rng.random_range(0..8) {
                let link = &self.links[rng.random_range(0..LINKS)];
                match rng.random_range(0..3) {
                    0 => {
                        let slot = rng.random_range(0..SLOTS);
                        let node = guard.protect(slot, link);
                        // SAFETY: reclaim-D1: in its link, as nobody else is at it.
                        let payload = ptr::from_ref(&**unsafe { &*node });
                        self.protected.borrow_mut().last_mut().expect("ours")[slot] = Some(payload);
                    }
                    1 => {
                        let old = link.swap(self.node(), Ordering::AcqRel);
                        // SAFETY: reclaim-D2: it was in this link alone; of this domain; once.
                        unsafe { guard.retire(old) };
                    }
                    _ => self.enter(rng, seed, others),
                }
                self.check(seed);
            }
            let of_guard = self.protected.borrow_mut().pop();
            assert!(of_guard.is_some());
            drop(guard);
            self.check(seed);
        }
    }
}

struct WhatIsProtectedStays;

impl Visitor for WhatIsProtectedStays {
    fn visit<R: Reclaimer + 'static>(&mut self) {
        for seed in 0..12 {
            let mut rng = rng(seed);
            let living = Living::default();
            {
                let domain = R::new(Some(rng.random_range(1..4)));
                let mut world = World {
                    domain: &domain,
                    links: Default::default(),
                    living: living.clone(),
                    protected: RefCell::default(),
                };
                world.links = [(); LINKS].map(|()| AtomicPtr::new(world.node()));
                for _ in 0..4 {
                    let mut threads: Vec<_> = (0..4).map(|_| domain.register()).collect();
                    for _ in 0..4 {
                        world.enter(&mut rng, seed, &mut threads);
                    }
                    // In any order, with others there.
                    while !threads.is_empty() {
                        drop(threads.swap_remove(rng.random_range(0..threads.len())));
                    }
                }
                for link in world.links {
                    // SAFETY: nobody else has it, and it was not retired.
                    assert!(unsafe { Node::drop_published(link.into_inner()) }.is_ok());
                }
            }
            let left = living.numbers().len();
            assert!(
                left == 0 || R::NAME == <Leak as Reclaimer>::NAME,
                "{}: {left} stay, {seed}",
                R::NAME
            );
        }
    }
}

#[test]
fn what_a_guard_has_protected_stays() {
    structures::reclaim::for_each(&mut WhatIsProtectedStays);
}

/// As [`Numbered`], of another size.
struct Padded(#[expect(dead_code, reason = "takes place")] [u64; 9], Numbered);

impl Payload for Padded {}

/// What a root may lead to here.
trait Of: Payload + Send + Sync + 'static {
    fn of(numbered: Numbered) -> Self;
    fn number(&self) -> u64;
}

impl Of for Numbered {
    fn of(numbered: Numbered) -> Self {
        numbered
    }

    fn number(&self) -> u64 {
        self.number
    }
}

impl Of for Padded {
    fn of(numbered: Numbered) -> Self {
        Self([7; 9], numbered)
    }

    fn number(&self) -> u64 {
        self.1.number
    }
}

/// Roots of two types, and the numbers of what they lead to and of what each participant holds.
struct Counts<'d> {
    domain: &'d RefCounts,
    roots: [CountedRoot<Numbered>; 2],
    padded: [CountedRoot<Padded>; 2],
    living: Living,
    led_to: RefCell<[u64; 4]>,
    held: RefCell<Vec<Option<u64>>>,
}

impl<'d> Counts<'d> {
    fn new(domain: &'d RefCounts, living: &Living) -> Self {
        let first = [(); 4].map(|()| living.payload());
        let led_to = RefCell::new(first.each_ref().map(|payload| payload.number));
        let [a, b, c, d] = first;
        let roots = [domain.root(a), domain.root(b)];
        let padded = [domain.root(Padded::of(c)), domain.root(Padded::of(d))];
        Self { domain, roots, padded, living: living.clone(), led_to, held: RefCell::default() }
    }

    /// Exactly that is there which a root leads to or somebody holds.
    fn check(&self, seed: u64) {
        let held = self.held.borrow().iter().flatten().copied().collect::<BTreeSet<_>>();
        let led_to = self.led_to.borrow().iter().copied().collect();
        assert_eq!(self.living.numbers(), &held | &led_to, "{seed}");
    }

    fn set_held(&self, thread: usize, number: Option<u64>) {
        self.held.borrow_mut()[thread] = number;
    }

    /// Guards of the participant `thread`, the first of these, on roots of either type.
    fn enter(
        &'d self,
        rng: &mut Xoshiro256PlusPlus,
        seed: u64,
        thread: usize,
        threads: &mut [CountsParticipant<'d>],
    ) {
        let Some((own, others)) = threads.split_first_mut() else { return };
        for _ in 0..rng.random_range(1..=3) {
            if rng.random() {
                self.guard(rng, seed, (thread, own, others), (&self.roots, 0));
            } else {
                self.guard(rng, seed, (thread, own, others), (&self.padded, 2));
            }
            self.check(seed);
        }
    }

    /// One guard on these roots, of which `from` is the number of the first.
    fn guard<T: Of>(
        &'d self,
        rng: &mut Xoshiro256PlusPlus,
        seed: u64,
        (thread, own, others): (usize, &mut CountsParticipant<'d>, &mut [CountsParticipant<'d>]),
        (roots, from): (&'d [CountedRoot<T>; 2], usize),
    ) {
        let mut guard = RefCounts::enter::<T>(own);
        self.set_held(thread, None);
        for _ in 0..rng.random_range(0..6) {
            self.check(seed);
            let index = rng.random_range(0..2);
            match rng.random_range(0..3) {
                0 => {
                    // SAFETY: all are of one domain.
                    let loaded = unsafe { RefCounts::load(&mut guard, &roots[index]) };
                    assert_eq!(loaded.number(), self.led_to.borrow()[from + index], "{seed}");
                    self.set_held(thread, Some(loaded.number()));
                }
                1 => {
                    let old = self.led_to.borrow()[from + index];
                    let make = |seen: &T| {
                        assert_eq!(seen.number(), old, "{seed}");
                        self.set_held(thread, Some(old));
                        if rng.random() {
                            self.enter(rng, seed, thread + 1, others);
                        }
                        (T::of(self.living.payload()), ())
                    };
                    let made = |()| self.living.0.1.load(Ordering::Relaxed) - 1;
                    // SAFETY: all are of one domain, and own what they hold.
                    let replaced = unsafe {
                        self.domain.replace(
                            &mut guard,
                            &roots[index],
                            make,
                            |_, own| made(own),
                            |_, ()| (),
                        )
                    };
                    assert_eq!(replaced.is_some(), self.led_to.borrow()[from + index] == old);
                    if let Some(new) = replaced {
                        self.led_to.borrow_mut()[from + index] = new;
                    }
                }
                _ => self.enter(rng, seed, thread + 1, others),
            }
        }
        if rng.random_range(0..4) == 0 {
            std::mem::forget(guard);
        } else {
            drop(guard);
            self.set_held(thread, None);
        }
    }
}

#[test]
fn reference_counts_keep_what_is_held_and_nothing_else() {
    for seed in 0..50 {
        let mut rng = rng(seed);
        let (living, domain) = (Living::default(), RefCounts::default());
        {
            let counts = Counts::new(&domain, &living);
            let mut threads: Vec<_> = (0..4).map(|_| RootScheme::register(&domain)).collect();
            counts.held.borrow_mut().resize(threads.len(), None);
            for _ in 0..8 {
                counts.enter(&mut rng, seed, 0, &mut threads);
            }
            while let Some(last) = threads.pop() {
                drop(last);
                counts.set_held(threads.len(), None);
                counts.check(seed);
            }
        }
        assert!(living.numbers().is_empty(), "{seed}");
    }
}
