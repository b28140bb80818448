//! Interval-based reclamation: a node is kept while a reader's interval overlaps its lifetime.
//!
//! H. Wen, J. Izraelevitz, W. Cai, H. A. Beadle, M. L. Scott, *Interval-based memory reclamation*,
//! PPoPP 2018, the variant 2GE-IBR. A global era advances. A node has the era of its birth. A
//! thread in an operation announces the interval of the eras that it has seen since it began. A
//! retired node is freed when no interval overlaps its lifetime, from birth to retirement.
//!
//! Departures:
//! * the paper records a node's retirement era in `retire`; we record it when the next scan has passed
//!   its fence, and so need no fence in `retire`. The recorded lifetime is too long, by a batch at most, so
//!   a node may be freed one scan later;
//! * the era advances at each scan too, not only at allocations, so that a phase in which nothing
//!   is allocated frees what it retires;
//! * the fence after announcing is asymmetric (`fences.rs`): none in the reader.
//!
//! A thread that stalls in a guard with the interval [l, u] keeps from being freed those nodes that were born
//! no later than era u and not retired before l: those that were alive at some moment of the interval. The
//! last era u itself ends after at most `batch` more allocations by each thread. So this is a bounded
//! number, about the size of the table when the thread stalled plus two batches per thread: the scheme is robust,
//! though far less so than hazard pointers. A guard that goes on loading extends its interval; one
//! that never ends, and does not stall, keeps everything from being freed.
//!
//! A traversal must do what hazard pointers ask for: validate. A node that is reachable through a
//! retired one is not protected, however it was loaded. Say a guard with the interval [1, 1] holds
//! node n. Then m, born in era 2, is linked behind n, both are unlinked and retired, and a scan frees
//! m, since m was born after the interval's end. n still points to m; `protect` on that link extends
//! the interval to era 2 and returns m, too late. (This is the counter-example of G. Sheffi, E.
//! Petrank, *The ERA theorem for safe memory reclamation*, PODC 2023. The paper's condition, §4.1,
//! that each read of a shared pointer goes through the scheme, does not exclude it.) So `Caps::per_pointer`
//! is true: load by `protect`, and then find the node still reachable.
//!
//! *Batch*: a thread scans after every `batch` of its retirements, or after half as many as the last
//! scan had to keep if that is more, so that the cost of a scan is amortised. The era advances with a thread's
//! every `batch`-th allocation, rounded up to a power of two. The default is 256, and 0 means 1.
//!
//! | call | progress | cost |
//! | --- | --- | --- |
//! | `register` | lock-free, but for the allocator | O(participants) |
//! | `header` | wait-free | adds to the thread's own counter |
//! | `enter` | wait-free | load, two stores, light fence |
//! | `protect` | lock-free: it retries if the era has advanced | two loads |
//! | `retire` | wait-free, but for the system call and the allocator | a push; a scan is O(retired × participants) |
//! | guard's drop | wait-free | a store |
//! | participant's drop | blocking: what is left goes into a list under a mutex | a scan |
//!
//! # Invariants
//! * ibr-I1. A node's birth era was read before it was published.
//! * ibr-I2. While a guard lives, its thread announces `lower`, which was the era before the guard's
//!   first light fence, and `upper`, which never decreases, also from guard to guard.
//! * ibr-I3. `protect` returns what a load found between a light fence behind the announcement of
//!   `upper` and a read of the era that gave `upper` again. With ibr-I1 and the load's Acquire, what it
//!   returns was born in `upper` or before.
//! * ibr-I4. A scan reads the era, which it uses as the retirement era, and then the intervals after a
//!   heavy fence that comes after the unlinking of every node it may free.
//!
//! Let a guard hold a node that a scan examines. The guard read the link before the unlinking, so
//! its light fences came before ibr-I4's heavy one (F in `fences.rs`): the scan sees its interval, and
//! reads an era that is not before `lower`. So it keeps the node (reclaim-S1), unless it reads a later
//! `lower`, announced with Release when the guard had ended (reclaim-S3).

use std::fmt;

use super::fences::Fences;
use super::registry::{Registry, Taken};
use super::retired::{Orphans, Retired};
use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer};
use crate::counter::StripedCounter;
use crate::map::Progress;
use crate::sync::{AtomicPtr, AtomicU64, FIRST, Ordering, perturb};

const DEFAULT_BATCH: usize = 256;

/// The lower end that is announced between guards: later than any era.
const NONE: u64 = u64::MAX;

/// The domain of interval-based reclamation.
pub struct Ibr {
    era: Era,
    allocations: StripedCounter,
    threads: Registry<Interval>,
    orphans: Orphans<Aged>,
    batch: usize,
    fences: Fences,
}

/// On cache lines of its own, as every `protect` reads it.
#[derive(Debug)]
#[repr(align(128))]
struct Era(AtomicU64);

impl Era {
    fn now(&self) -> u64 {
        // Relaxed: coherence and the fences suffice; see ibr-I2 to ibr-I4.
        self.0.load(Ordering::Relaxed)
    }

    fn advance(&self) {
        // Relaxed: as in `now`.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a thread announces (ibr-I2).
#[derive(Debug)]
struct Interval {
    lower: AtomicU64,
    upper: AtomicU64,
}

impl Default for Interval {
    fn default() -> Self {
        Self { lower: AtomicU64::new(NONE), upper: AtomicU64::new(0) }
    }
}

/// A retired node with its lifetime.
#[derive(Debug)]
struct Aged {
    node: Retired,
    birth: u64,
    retirement: u64,
}

impl Ibr {
    /// A domain whose readers run a SeqCst fence when they announce, as is necessary where the
    /// kernel has no `membarrier(2)`: to test that case, and to measure what it costs.
    pub fn symmetric(batch: Option<usize>) -> Self {
        Self::with_fences(batch, Fences::Symmetric)
    }

    fn with_fences(batch: Option<usize>, fences: Fences) -> Self {
        Self {
            era: Era(AtomicU64::new(FIRST)),
            allocations: StripedCounter::default(),
            threads: Registry::default(),
            orphans: Orphans::default(),
            batch: batch.unwrap_or(DEFAULT_BATCH).max(1),
            fences,
        }
    }
}

impl Default for Ibr {
    fn default() -> Self {
        Self::new(None)
    }
}

impl fmt::Debug for Ibr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ibr")
            .field("era", &self.era)
            .field("batch", &self.batch)
            .field("fences", &self.fences)
            .finish_non_exhaustive()
    }
}

impl Drop for Ibr {
    fn drop(&mut self) {
        for aged in self.orphans.take() {
            // SAFETY: a guard borrows its participant and that the domain: there is none.
            unsafe { aged.node.reclaim() };
        }
    }
}

// SAFETY: reclaim-S1, reclaim-S3: ibr-I1–I4, as argued above. reclaim-S2: each `Retired` is in one
// list, a participant's or the orphans', and leaves it by being freed; the domain's drop frees the
// last.
unsafe impl Reclaimer for Ibr {
    /// The era of birth.
    type Header = u64;
    type Participant<'d> = IbrParticipant<'d>;

    const NAME: &'static str = "ibr";
    const SUMMARY: &'static str = "intervals of eras, 2GE-IBR (Wen et al. 2018)";
    const CAPS: Caps = Caps {
        per_pointer: true,
        held: Held::TableSize,
        needs_quiescence: false,
        takes_batch: true,
        reads: Progress::LockFree,
        writes: Progress::LockFree,
        progress_is_tested: true,
    };

    fn new(batch: Option<usize>) -> Self {
        Self::with_fences(batch, Fences::best())
    }

    fn header(&self) -> u64 {
        // A batch that has no such power is never full.
        let every = self.batch.checked_next_power_of_two().unwrap_or(0) as u64;
        if self.allocations.count() & every.wrapping_sub(1) == 0 {
            self.era.advance();
        }
        self.era.now()
    }

    fn register(&self) -> IbrParticipant<'_> {
        IbrParticipant {
            domain: self,
            interval: self.threads.take(),
            fresh: Vec::new(),
            kept: Vec::new(),
            announced: Vec::new(),
        }
    }
}

/// A thread's interval and retired nodes.
pub struct IbrParticipant<'d> {
    domain: &'d Ibr,
    interval: Taken<'d, Interval>,
    /// Retired since the last scan, with their births.
    fresh: Vec<(Retired, u64)>,
    /// What the last scan could not free.
    kept: Vec<Aged>,
    /// The intervals that the last scan found; kept for its memory.
    announced: Vec<(u64, u64)>,
}

impl fmt::Debug for IbrParticipant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IbrParticipant")
            .field("interval", &self.interval)
            .field("retired", &(self.fresh.len() + self.kept.len()))
            .finish_non_exhaustive()
    }
}

impl IbrParticipant<'_> {
    fn is_scan_due(&self) -> bool {
        self.fresh.len() >= self.domain.batch.max(self.kept.len() / 2)
    }

    /// Frees every retired node whose lifetime meets no interval.
    #[cold]
    fn scan(&mut self) {
        let Self { domain, fresh, kept, announced, .. } = self;
        domain.orphans.adopt(kept);
        // Heavy fence ibr-I4: after every unlinking of a node that we have, ours by program order,
        // others' by the mutex of the orphans; pairs with the light fences ibr-I2 and ibr-I3.
        domain.fences.heavy();
        let retirement = domain.era.now();
        kept.extend(fresh.drain(..).map(|(node, birth)| Aged { node, birth, retirement }));
        // Guards that begin from here on do not meet what is retired.
        domain.era.advance();
        announced.clear();
        announced.extend(domain.threads.iter().filter_map(|thread| {
            // Acquire: pairs with the Release of a later announcement, see ibr-I4.
            let lower = thread.lower.load(Ordering::Acquire);
            // Relaxed: after the fence; a guard that began since holds none of our nodes.
            (lower != NONE).then(|| (lower, thread.upper.load(Ordering::Relaxed)))
        }));
        let is_free = |aged: &mut Aged| {
            !announced
                .iter()
                .any(|(lower, upper)| aged.birth <= *upper && aged.retirement >= *lower)
        };
        for aged in kept.extract_if(.., is_free) {
            // SAFETY: ibr-I4: no guard can hold it.
            unsafe { aged.node.reclaim() };
        }
    }
}

impl Drop for IbrParticipant<'_> {
    fn drop(&mut self) {
        // A guard may have been forgotten. Release: as at a guard's end.
        self.interval.lower.store(NONE, Ordering::Release);
        if !self.fresh.is_empty() || !self.kept.is_empty() {
            self.scan();
            self.domain.orphans.leave(&mut self.kept);
        }
    }
}

impl<'d> Participant<Ibr> for IbrParticipant<'d> {
    type Guard<'g>
        = IbrGuard<'g, 'd>
    where
        Self: 'g;

    #[inline]
    fn enter(&mut self) -> IbrGuard<'_, 'd> {
        let era = self.domain.era.now();
        // Release: the end of the guard before, which a scan may not see by itself, comes first.
        self.interval.lower.store(era, Ordering::Release);
        // Relaxed: the fence orders it before what it protects.
        self.interval.upper.store(era, Ordering::Relaxed);
        // Light fence ibr-I2, ibr-I3: pairs with the heavy fence ibr-I4 in `scan`.
        self.domain.fences.light();
        IbrGuard { thread: self, upper: era }
    }
}

/// A critical section; its end withdraws the interval.
pub struct IbrGuard<'g, 'd> {
    thread: &'g mut IbrParticipant<'d>,
    /// What is announced as the upper end.
    upper: u64,
}

impl fmt::Debug for IbrGuard<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.thread.fmt(f)
    }
}

impl Drop for IbrGuard<'_, '_> {
    #[inline(always)]
    fn drop(&mut self) {
        // Release: all that the guard protected was used before; pairs with the Acquire in `scan`.
        self.thread.interval.lower.store(NONE, Ordering::Release);
    }
}

impl IbrGuard<'_, '_> {
    /// Announces a later upper end.
    #[cold]
    fn extend(&mut self, era: u64) {
        self.upper = era;
        // Relaxed: as in `enter`.
        self.thread.interval.upper.store(era, Ordering::Relaxed);
        // Light fence ibr-I3: pairs with the heavy fence ibr-I4 in `scan`.
        self.thread.domain.fences.light();
    }
}

impl Guard<Ibr> for IbrGuard<'_, '_> {
    #[inline(always)]
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<Ibr, T>>) -> *mut Node<Ibr, T> {
        loop {
            // Acquire: pairs with the Release that published the node; and so the era read next is
            // not before its birth (ibr-I3).
            let node = src.load(Ordering::Acquire);
            let era = self.thread.domain.era.now();
            if era == self.upper {
                perturb();
                return node;
            }
            self.extend(era);
        }
    }

    #[inline]
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<Ibr, T>) {
        // SAFETY: reclaim-D2: retired only here, so not freed yet.
        let birth = *unsafe { &*node }.header();
        // SAFETY: by this function's contract.
        let node = unsafe { Retired::new(node) };
        self.thread.fresh.push((node, birth));
        if self.thread.is_scan_due() {
            self.thread.scan();
        }
    }
}
