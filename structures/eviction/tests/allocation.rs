//! What a policy takes of the allocator: what cannot be had is said, or done without.

mod refusing;

use std::ops::Range;

use eviction::evict::{Eviction, Items, S3Fifo, Visitor, for_each};
use refusing::MOST;

/// Runs `work` while no block may be large.
fn poor<T>(work: impl FnOnce() -> T) -> T {
    MOST.set(0);
    let done = work();
    MOST.set(usize::MAX);
    done
}

/// More than there is memory for where no block is large.
const SLOTS: usize = 1 << 20;
const LAST: u32 = SLOTS as u32 - 1;

/// An item in the last slot, and no other.
struct AtTheEnd;

impl Items for AtTheEnd {
    fn is_there(&self, slot: u32) -> bool {
        slot == LAST
    }

    fn hash(&self, slot: u32) -> u64 {
        u64::from(slot)
    }
}

struct Says;

impl Visitor for Says {
    fn visit<E: Eviction + 'static>(&mut self) {
        let mut policy = E::new(1);
        policy.resize(100, 100);
        let keeps_nothing = ["none", "random"].contains(&E::NAME);
        assert_eq!(poor(|| policy.has_memory(SLOTS)), keeps_nothing, "{}", E::NAME);
        assert!(policy.has_memory(SLOTS), "{}: there is memory again", E::NAME);
        // As it has said.
        poor(|| policy.resize(SLOTS, 100));
        policy.insert(LAST, u64::from(LAST));
        policy.hit(LAST);
        assert_eq!(policy.victim(&AtTheEnd), E::EVICTS.then_some(LAST), "{}", E::NAME);
    }
}

#[test]
fn a_policy_says_whether_it_has_memory() {
    for_each(&mut Says);
}

/// An item of this key.
struct Of(u64);

impl Items for Of {
    fn is_there(&self, _slot: u32) -> bool {
        true
    }

    fn hash(&self, _slot: u32) -> u64 {
        self.0 << 32
    }
}

/// Each key has the only item, and goes.
fn come_and_go(policy: &mut S3Fifo, keys: Range<u64>) {
    for key in keys {
        policy.insert(0, key << 32);
        assert_eq!(policy.victim(&Of(key)), Some(0), "{key}");
    }
}

/// Whether `key` is a ghost: then it enters the main queue, and an item that comes later goes before it.
fn is_remembered(policy: &mut S3Fifo, key: u64, other: u64) -> bool {
    policy.insert(0, key << 32);
    policy.insert(1, other << 32);
    let gone = [policy.victim(&Of(other)), policy.victim(&Of(key))];
    assert!(gone == [Some(1), Some(0)] || gone == [Some(0), Some(1)], "{gone:?}");
    gone[0] == Some(1)
}

/// Ghosts are as many as there is memory for: first for none, then for some of them.
#[test]
fn ghosts_that_cannot_be_had_are_done_without() {
    let mut policy = S3Fifo::new(1);
    assert!(policy.has_memory(100_000));
    poor(|| policy.resize(100_000, 100_000));
    poor(|| come_and_go(&mut policy, 1..100));
    assert!(!is_remembered(&mut policy, 99, 1000));
    policy.resize(100_000, 90_000);
    poor(|| come_and_go(&mut policy, 2000..50_000));
    assert!(is_remembered(&mut policy, 49_999, 1001), "the last");
    assert!(!is_remembered(&mut policy, 2000, 1002), "the first");
}
