//! Hazard pointers with an asymmetric fence: readers execute no fence instruction.
//!
//! M. Michael, *Hazard pointers: safe memory reclamation for lock-free objects*, TPDS 2004. A
//! reader announces each node it is about to use in a slot and reads the link again; a thread that
//! has retired enough nodes frees those that no slot names. Departures:
//! * the fence between announcing and reading again is only a compiler fence, as the scan runs
//!   `membarrier(2)` (see `fences.rs`);
//! * a thread keeps its record between operations; when it exits, another thread may take the record over;
//! * the next scan of any thread adopts the retired nodes that an exited thread left behind.
//!
//! A stalled thread keeps at most the nodes that its [`SLOTS`] slots name from being freed: the scheme is
//! robust. Besides these, each thread keeps at most its batch.
//!
//! *Batch*: a thread scans after every `batch` of its retirements. The default is 256, or twice
//! the number of slots if that is more, so that each scan frees at least half of the nodes that it
//! examines. An explicit batch is used even if it is smaller. 0 means 1.
//!
//! | call | progress | cost |
//! | --- | --- | --- |
//! | `register` | lock-free, but for the allocator | O(participants) |
//! | `enter` | wait-free | nothing |
//! | `protect` | lock-free: it retries if the link has changed | store, light fence, load |
//! | `retire` | wait-free, but for the system call and the allocator | a push; every `batch`-th scans: O((batch + slots) log slots) |
//! | guard's drop | wait-free | [`SLOTS`] stores |
//! | participant's drop | blocking: what is left goes into a list under a mutex | a scan |
//!
//! # Invariants
//! * hazard-H1. A slot that names a node was written before the light fence that precedes the read of
//!   the link whose result `protect` returned.
//! * hazard-H2. A scan reads the slots, and the list of records, after a heavy fence that comes after
//!   the unlinking of every node it may free. With F (`fences.rs`): either the scan sees the slot, or
//!   the reader sees the unlinking when it reads the link again, and retries.
//! * hazard-H3. Slots are cleared and overwritten with Release and scanned with Acquire: a reader's
//!   accesses to a node happen before its free (reclaim-S3).

use std::fmt;
use std::num::NonZeroUsize;

use super::fences::Fences;
use super::registry::{Registry, Taken};
use super::retired::{Orphans, Retired};
use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer, SLOTS, TAG_BITS};
use crate::map::Progress;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering, perturb};

/// Retirements between two scans, unless there are many threads.
const DEFAULT_BATCH: usize = 256;

/// The domain of our own hazard pointers, whose readers run no fence.
#[derive(Debug)]
pub struct Hazard {
    threads: Registry<HazardSlots>,
    orphans: Orphans<Retired>,
    /// `None`: by the number of slots.
    batch: Option<NonZeroUsize>,
    fences: Fences,
}

/// The addresses that a thread announces; 0 is none.
type HazardSlots = [AtomicUsize; SLOTS];

impl Hazard {
    /// A domain whose readers run a SeqCst fence for each `protect`, as is necessary where the
    /// kernel has no `membarrier(2)`: to test that case, and to measure what it costs.
    pub fn symmetric(batch: Option<usize>) -> Self {
        Self::with_fences(batch, Fences::Symmetric)
    }

    fn with_fences(batch: Option<usize>, fences: Fences) -> Self {
        Self {
            threads: Registry::default(),
            orphans: Orphans::default(),
            batch: batch.map(|batch| NonZeroUsize::new(batch).unwrap_or(NonZeroUsize::MIN)),
            fences,
        }
    }

    fn interval(&self, slots: usize) -> usize {
        match self.batch {
            Some(batch) => batch.get(),
            // Where schedules are explored, operations are few.
            None if cfg!(shuttle) => 1,
            None => DEFAULT_BATCH.max(2 * slots),
        }
    }
}

impl Default for Hazard {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Drop for Hazard {
    fn drop(&mut self) {
        for node in self.orphans.take() {
            // SAFETY: a guard borrows its participant and that the domain: there is none.
            unsafe { node.reclaim() };
        }
    }
}

// SAFETY: reclaim-S1: hazard-H1 and hazard-H2. reclaim-S2: each `Retired` is in one list, a
// participant's or the orphans', and leaves it by being freed; the domain's drop frees the last.
// reclaim-S3: hazard-H3, and the mutex of the orphans.
unsafe impl Reclaimer for Hazard {
    type Header = ();
    type Participant<'d> = HazardParticipant<'d>;

    const NAME: &'static str = "hazard";
    const SUMMARY: &'static str = "hazard pointers (Michael 2004), readers without a fence";
    const CAPS: Caps = Caps {
        per_pointer: true,
        held: Held::Constant,
        needs_quiescence: false,
        takes_batch: true,
        reads: Progress::LockFree,
        writes: Progress::LockFree,
        progress_is_tested: true,
    };

    fn new(batch: Option<usize>) -> Self {
        Self::with_fences(batch, Fences::best())
    }

    fn header(&self) {}

    fn register(&self) -> HazardParticipant<'_> {
        HazardParticipant {
            domain: self,
            slots: self.threads.take(),
            retired: Vec::new(),
            scan_at: self.interval(SLOTS),
            announced: Vec::new(),
        }
    }
}

/// A thread's slots and retired nodes.
pub struct HazardParticipant<'d> {
    domain: &'d Hazard,
    slots: Taken<'d, HazardSlots>,
    retired: Vec<Retired>,
    /// The next scan is due when so many are retired.
    scan_at: usize,
    /// What the last scan found in the slots; kept for its memory.
    announced: Vec<usize>,
}

impl fmt::Debug for HazardParticipant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HazardParticipant")
            .field("slots", &self.slots)
            .field("retired", &self.retired.len())
            .finish_non_exhaustive()
    }
}

impl HazardParticipant<'_> {
    /// Frees every retired node that no slot names.
    #[cold]
    fn scan(&mut self) {
        let Self { domain, retired, announced, .. } = self;
        domain.orphans.adopt(retired);
        // Heavy fence hazard-H2: after every unlinking of a node in `retired`, ours by program order,
        // others' by the mutex of the orphans; pairs with the light fence hazard-H1.
        domain.fences.heavy();
        announced.clear();
        for slots in domain.threads.iter() {
            // Acquire: pairs with hazard-H3's Release.
            announced.extend(slots.iter().map(|slot| slot.load(Ordering::Acquire)));
        }
        let slots = announced.len();
        announced.retain(|address| *address != 0);
        announced.sort_unstable();
        let is_free = |node: &mut Retired| announced.binary_search(&node.address()).is_err();
        for node in retired.extract_if(.., is_free) {
            // SAFETY: hazard-H2: no slot names it.
            unsafe { node.reclaim() };
        }
        self.scan_at = self.retired.len().saturating_add(self.domain.interval(slots));
    }
}

impl Drop for HazardParticipant<'_> {
    fn drop(&mut self) {
        // A guard may have been forgotten.
        clear(&self.slots);
        if !self.retired.is_empty() {
            self.scan();
            self.domain.orphans.leave(&mut self.retired);
        }
    }
}

#[inline(always)]
fn clear(slots: &HazardSlots) {
    // Release hazard-H3: pairs with the Acquire in `scan`.
    slots.iter().for_each(|slot| slot.store(0, Ordering::Release));
}

impl<'d> Participant<Hazard> for HazardParticipant<'d> {
    type Guard<'g>
        = HazardGuard<'g, 'd>
    where
        Self: 'g;

    #[inline(always)]
    fn enter(&mut self) -> HazardGuard<'_, 'd> {
        HazardGuard { fences: self.domain.fences, thread: self }
    }
}

/// A critical section; its end clears the slots.
pub struct HazardGuard<'g, 'd> {
    thread: &'g mut HazardParticipant<'d>,
    /// The domain's, here so that it is in a register.
    fences: Fences,
}

impl fmt::Debug for HazardGuard<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.thread.fmt(f)
    }
}

impl Drop for HazardGuard<'_, '_> {
    #[inline(always)]
    fn drop(&mut self) {
        clear(&self.thread.slots);
    }
}

impl Guard<Hazard> for HazardGuard<'_, '_> {
    #[inline(always)]
    fn protect<T>(
        &mut self,
        slot: usize,
        src: &AtomicPtr<Node<Hazard, T>>,
    ) -> *mut Node<Hazard, T> {
        let slot = &self.thread.slots[slot];
        // Relaxed: only the second read is used.
        let mut seen = src.load(Ordering::Relaxed);
        loop {
            // Release hazard-H3: ends what the slot protected before.
            slot.store(seen.addr() & !TAG_BITS, Ordering::Release);
            // Light fence hazard-H1: pairs with the heavy fence hazard-H2 in `scan`.
            self.fences.light();
            // Acquire: pairs with the Release that published the node.
            let again = src.load(Ordering::Acquire);
            if again == seen {
                perturb();
                return again;
            }
            seen = again;
        }
    }

    #[inline]
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<Hazard, T>) {
        // SAFETY: by this function's contract.
        let node = unsafe { Retired::new(node) };
        self.thread.retired.push(node);
        if self.thread.retired.len() >= self.thread.scan_at {
            self.thread.scan();
        }
    }
}
