//! The control of the sanitizer runs: a scheme that frees at once.
//!
//! It breaks reclaim-S1, so a run of the suite with it must be stopped by AddressSanitizer;
//! `ci/asan.sh` fails if one is not. Without a sanitizer these tests are undefined behaviour, and mean
//! nothing.

mod suite;

use structures::ChainingLockFree;
use structures::map::{Held, Progress};
use structures::reclaim::{Caps, Guard, Node, Participant, Payload, Reclaimer};
use structures::sync::{AtomicPtr, Ordering, perturb};
use suite::{Family, Key, Value};

#[derive(Clone, Copy, Debug, Default)]
struct Broken;

// SAFETY: none. reclaim-S1 is broken on purpose.
unsafe impl Reclaimer for Broken {
    type Header = ();
    type Participant<'d> = Broken;

    const NAME: &'static str = "broken";
    const SUMMARY: &'static str = "frees at once";
    const CAPS: Caps = Caps {
        per_pointer: true,
        held: Held::Constant,
        needs_quiescence: false,
        takes_batch: true,
        reads: Progress::Unknown,
        writes: Progress::Unknown,
        progress_is_tested: false,
    };

    fn new(_: Option<usize>) -> Self {
        Self
    }

    fn header(&self) {}

    fn register(&self) -> Broken {
        Broken
    }
}

impl Participant<Broken> for Broken {
    type Guard<'g> = Broken;

    fn enter(&mut self) -> Broken {
        Broken
    }
}

impl Guard<Broken> for Broken {
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<Broken, T>>) -> *mut Node<Broken, T> {
        // Acquire: pairs with the Release that published the node.
        let node = src.load(Ordering::Acquire);
        perturb();
        node
    }

    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<Broken, T>) {
        // SAFETY: reclaim-D2: retired only here, so not freed yet.
        unsafe { &*node }.count_retired();
        // SAFETY: none: another guard may hold the node.
        unsafe { Node::reclaim(node) };
    }
}

struct Table;

impl Family for Table {
    type Map<K: Key, V: Value> = ChainingLockFree<K, V, Broken>;

    fn new<K: Key, V: Value>() -> Self::Map<K, V> {
        ChainingLockFree::default()
    }
}

#[test]
#[ignore = "undefined behaviour, for AddressSanitizer alone"]
fn is_caught_while_a_reader_reads() {
    let map = ChainingLockFree::<u64, String, Broken>::default();
    let mut other = map.handle();
    other.insert(1, "a value".to_owned());
    let read = map.handle().get_with(&1, |value| {
        other.remove(&1);
        value.len()
    });
    println!("not caught: read {read:?}");
}

#[test]
#[ignore = "undefined behaviour, for AddressSanitizer alone"]
fn is_caught_by_the_suite() {
    suite::concurrent::net_updates_are_the_keys_present::<Table>();
}
