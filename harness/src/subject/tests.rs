//! What the registry hands on to tables.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use structures::reclaim::{Guard, Node, Participant, Payload};
use structures::sync::{AtomicPtr, Ordering};

use super::*;

/// The batch of the last [`Noting`] that was made; 0 for its own.
static BATCH: AtomicUsize = AtomicUsize::new(usize::MAX);

/// A scheme that notes its batch, and frees nothing.
struct Noting;

// SAFETY: S1–S3 hold trivially: no retired node is ever freed.
unsafe impl Reclaimer for Noting {
    type Header = ();
    type Participant<'d> = Noting;

    const NAME: &'static str = "noting";
    const SUMMARY: &'static str = "";
    const CAPS: Caps =
        Caps { per_pointer: false, robust: false, needs_quiescence: false, takes_batch: true };

    fn new(batch: Option<usize>) -> Self {
        BATCH.store(batch.unwrap_or(0), Relaxed);
        Self
    }

    fn header(&self) {}

    fn register(&self) -> Noting {
        Noting
    }
}

impl Participant<Noting> for Noting {
    type Guard<'g> = Noting;

    fn enter(&mut self) -> Noting {
        Noting
    }
}

impl Guard<Noting> for Noting {
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<Noting, T>>) -> *mut Node<Noting, T> {
        // Acquire: pairs with the Release that published the node.
        src.load(Ordering::Acquire)
    }

    unsafe fn retire<T: Payload + Send>(&mut self, _: *mut Node<Noting, T>) {}
}

#[test]
fn the_reclaimer_gets_the_batch() {
    for batch in [Some(64), None, Some(1)] {
        let options =
            MapOptions { capacity: 8, hash_seed: 0, huge_pages: false, reclaim_batch: batch };
        let noted = || BATCH.swap(usize::MAX, Relaxed);
        drop(LockFreeChaining::build::<Noting>(&options));
        assert_eq!(noted(), batch.unwrap_or(0), "chaining-lock-free");
        drop(OptimisticItems::build::<Noting>(&options));
        assert_eq!(noted(), batch.unwrap_or(0), "cuckoo-optimistic-items");
    }
}

#[test]
fn schemes_with_a_fixed_batch_say_so() {
    let takes = |name: &str| {
        Registry::reclaimers()
            .into_iter()
            .find(|info| info.name == name)
            .map(|info| info.caps.takes_batch)
    };
    assert_eq!(["leak", "epoch", "haphazard"].map(takes), [Some(false); 3]);
}
