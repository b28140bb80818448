//! The parts that tables are made of, in the hands of somebody who makes none.

use std::mem::forget;

use structures::control::{Control, ControlWord, Wraps};
use structures::reclaim::{
    Guard, Node, Offline, Participant, Payload, Reclaimer, RootScheme, SLOTS, Visitor, for_each,
};
use structures::sync::{AtomicPtr, Ordering, add_bytes, clear_bits, set_bits};

use crate::probe::{Probe, assert_no_faults};

struct Held(Probe);

impl Payload for Held {}

/// Nodes that are made, taken apart, given up and forgotten; links to nothing that are protected.
#[test]
fn nodes_and_guards_do_no_harm_by_themselves() {
    struct Each;

    impl Visitor for Each {
        fn visit<R: Reclaimer + 'static>(&mut self) {
            let (domain, other) = (R::new(None), R::new(Some(1)));
            let mut node = Node::alloc(&domain, Held(Probe::new(1)));
            node.0 = Probe::new(2);
            assert_eq!(node.into_payload().0.id(), 2);
            drop(Node::alloc(&other, Held(Probe::new(3))));
            forget(Node::alloc(&domain, Held(Probe::new(4))));
            let given_up = Node::alloc(&domain, Held(Probe::new(5))).publish();
            let mut participant = other.register();
            let mut guard = participant.enter();
            // No scheme looks at what a link leads to.
            let bad: [*mut Node<R, Held>; 4] = [
                std::ptr::null_mut(),
                std::ptr::without_provenance_mut(0x10),
                std::ptr::without_provenance_mut(usize::MAX),
                given_up,
            ];
            for (slot, address) in bad.into_iter().enumerate() {
                let link = AtomicPtr::new(address);
                assert_eq!(guard.protect(slot % SLOTS, &link), address);
                set_bits(&link, 0b11, Ordering::Relaxed);
                clear_bits(&link, usize::MAX, Ordering::Relaxed);
                add_bytes(&link, 64, Ordering::Relaxed);
                guard.protect(0, &link);
            }
            // Outside of its slots it panics, or has none.
            let link = AtomicPtr::new(given_up);
            crate::panics(|| guard.protect(SLOTS, &link));
            drop(guard);
            drop(Offline::<R, _>::start(&mut participant));
        }
    }
    for_each(&mut Each);
    assert_no_faults();
}

/// Roots that outlive their domain, and are looked into by who has them.
#[test]
fn roots_drop_after_their_domain() {
    fn check<R: RootScheme>() {
        let domain = R::new(None);
        let mut root = domain.root(Held(Probe::new(1)));
        forget(domain.root(Held(Probe::new(2))));
        {
            let mut participant = domain.register();
            drop(R::enter::<Held>(&mut participant));
            forget(R::enter::<Held>(&mut participant));
            R::away(&mut participant, || ());
            assert!(crate::panics(|| R::away(&mut participant, || panic!("planted"))));
            R::offline(&mut participant);
            drop(R::enter::<Held>(&mut participant));
        }
        R::last(&mut root).0 = Probe::new(3);
        drop(domain);
        assert_eq!(R::last(&mut root).0.id(), 3);
    }
    check::<structures::reclaim::RefCounts>();
    check::<structures::reclaim::Hazard>();
    check::<structures::reclaim::Epoch>();
    check::<structures::reclaim::Qsbr>();
    check::<structures::reclaim::Ibr>();
    assert_no_faults();
}

/// Control words that are locked by nobody, unlocked twice, and given tags that are none.
#[test]
fn control_words_are_numbers() {
    let (word, wraps) = (Control::<8>::default(), Wraps::default());
    word.unlock(word.snapshot().with_tag(3, u64::MAX), &wraps);
    word.unlock_unchanged(ControlWord::EMPTY.frozen());
    word.add_unpublished(7, u64::MAX);
    word.add_overflow_unpublished();
    for tag in [0, 1, 63, 64, u64::MAX] {
        assert!(word.snapshot().matching(tag).all(|slot| slot < 8));
        assert!(word.snapshot().matching(tag).first_or_last() < 8);
    }
}
