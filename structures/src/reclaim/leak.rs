//! No reclamation: the upper bound of throughput, and of memory.
//!
//! Retired nodes are leaked; their payloads' destructors never run. There is no paper; comparisons
//! of schemes use it as the baseline. `enter` and `retire` do nothing, `protect` is a plain load; all are
//! wait-free.

use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer};
use crate::map::Progress;
use crate::sync::{AtomicPtr, Ordering, perturb};

/// The domain of no reclamation: it never frees a retired node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leak;

// SAFETY: reclaim-S1–S3 hold trivially: no retired node is ever freed.
unsafe impl Reclaimer for Leak {
    type Header = ();
    type Participant<'d> = Leak;

    const NAME: &'static str = "leak";
    const SUMMARY: &'static str = "never frees: upper bound of throughput and of memory";
    const CAPS: Caps = Caps {
        per_pointer: false,
        held: Held::Unbounded,
        needs_quiescence: false,
        takes_batch: false,
        reads: Progress::WaitFree,
        writes: Progress::WaitFree,
        progress_is_tested: true,
    };

    fn new(_: Option<usize>) -> Self {
        Self
    }

    fn header(&self) {}

    fn register(&self) -> Leak {
        Leak
    }
}

impl Participant<Leak> for Leak {
    type Guard<'g> = Leak;

    fn enter(&mut self) -> Leak {
        Leak
    }
}

impl Guard<Leak> for Leak {
    #[inline]
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<Leak, T>>) -> *mut Node<Leak, T> {
        // Acquire: pairs with the Release that published the node.
        let node = src.load(Ordering::Acquire);
        perturb();
        node
    }

    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<Leak, T>) {
        // SAFETY: never freed.
        unsafe { &*node }.count_retired();
    }
}
