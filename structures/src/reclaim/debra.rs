//! DEBRA: distributed epoch-based reclamation, which checks one other thread at a time.
//!
//! T. Brown, *Reclaiming memory for lock-free data structures: there has to be a better way*, PODC
//! 2015, §4; not its robust variant DEBRA+, which sends signals. A thread announces the epoch in
//! which it runs an operation, or that it is quiescent. It keeps what it has retired in three limbo
//! bags, and frees a whole bag when the epoch has advanced twice since the bag was closed. To
//! advance the epoch, a thread checks the announcements of the others, one per step.
//!
//! Departures:
//! * the paper checks at the start of every k-th operation; we check at retirements, so a thread that
//!   only reads does not check, and a thread that retires nothing does not advance the epoch;
//! * the paper rotates the bags when a thread notices a new epoch; we close the bag, once per
//!   epoch, when the thread starts to check, since both need a fence against the announcements and
//!   may then share it;
//! * the fence after announcing is asymmetric (`fences.rs`): none in the reader, one `membarrier(2)`
//!   per thread and epoch. The paper has a full fence in each operation.
//! * limbo bags are vectors, not lists of blocks that go back to a pool.
//!
//! One stalled guard keeps every node that is retired after it from being freed: the scheme is not robust. A
//! thread between two operations delays nothing.
//!
//! *Batch*: how many nodes a thread retires in an epoch before it closes its bag and begins to check the
//! others, one at each further retirement; the default is 256, and 0 means 1. While no thread stalls, each
//! thread keeps about three batches.
//!
//! | call | progress | cost |
//! | --- | --- | --- |
//! | `register` | lock-free, but for the allocator | O(participants) |
//! | `enter` | wait-free | load, store, light fence; in a new epoch frees a bag |
//! | `protect` | wait-free | a load |
//! | `retire` | wait-free, but for the system call and the allocator | a push and at most one check |
//! | guard's drop | wait-free | a store |
//! | participant's drop | blocking: bags go into a queue under a mutex | O(retired + participants) |
//!
//! When a participant drops, it puts its bags into the domain's queue of orphans, with their stamps. They
//! are freed from there when a thread closes a bag, or when another participant drops. A participant that
//! drops also advances the epoch as far as the others permit: the last one frees everything, if no other is
//! registered.
//!
//! # Invariants
//! * debra-E1. A guard's thread has announced an epoch, which was the global one before, and then
//!   passed a light fence, before it reads any link.
//! * debra-E2. A bag's stamp was read from the global epoch after a heavy fence that comes after the
//!   unlinking of every node in the bag.
//! * debra-E3. The epoch goes from e to e + 1 only after a thread has read e, passed a heavy fence, and
//!   then found each thread quiescent or announcing e.
//!
//! A bag with stamp s is freed when s + 2 has been seen. Let a guard hold a node of it. The guard's
//! thread read the link before the unlinking, so its light fence comes before debra-E2's heavy one (F
//! in `fences.rs`), and its announcement is visible after that. The thread that advanced the epoch from
//! s + 1 had read s + 1, which the closing thread did not yet see after its heavy fence. So the advancing
//! thread's own heavy fence came later still, and it found the guard's announcement, or a later one, which
//! means that the guard had ended. The announced epoch is at most s, by the same order. So the guard had ended
//! (reclaim-S1), with a Release that the check's Acquire and the advance's Release pass on (reclaim-S3).

use std::fmt;
use std::mem;

use super::fences::Fences;
use super::registry::{Registry, Taken, Threads};
use super::retired::{Orphans, OrphansLock, Retired};
use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer};
use crate::map::Progress;
use crate::sync::{AtomicPtr, AtomicU64, FIRST, Ordering, perturb};

const DEFAULT_BATCH: usize = 256;

/// What a thread between two operations announces; epochs start after it.
const QUIESCENT: u64 = 0;

/// The domain of DEBRA, distributed epoch-based reclamation.
#[derive(Debug)]
pub struct Debra {
    epoch: GlobalEpoch,
    threads: Registry<Announced>,
    /// Bags of dropped participants, in the order of the drops. A bag is freed only after those before it in
    /// the queue.
    orphans: Orphans<Bag>,
    batch: usize,
    fences: Fences,
}

/// On cache lines of its own, as every operation reads it.
#[derive(Debug)]
#[repr(align(128))]
struct GlobalEpoch(AtomicU64);

/// The epoch of a thread's operation, or [`QUIESCENT`].
#[derive(Debug)]
struct Announced(AtomicU64);

impl Default for Announced {
    fn default() -> Self {
        Self(AtomicU64::new(QUIESCENT))
    }
}

impl Debra {
    /// A domain in which `enter` runs a SeqCst fence, as is necessary where the kernel has no
    /// `membarrier(2)`: to test that case, and to measure what it costs.
    pub fn symmetric(batch: Option<usize>) -> Self {
        Self::with_fences(batch, Fences::Symmetric)
    }

    fn with_fences(batch: Option<usize>, fences: Fences) -> Self {
        Self {
            epoch: GlobalEpoch(AtomicU64::new(FIRST + QUIESCENT + 1)),
            threads: Registry::default(),
            orphans: Orphans::default(),
            batch: batch.unwrap_or(DEFAULT_BATCH).max(1),
            fences,
        }
    }

    /// Frees orphans, as `epoch` has been read with Acquire.
    fn free_orphans(mut orphans: OrphansLock<'_, Bag>, epoch: u64) {
        let ripe = orphans.iter().take_while(|bag| bag.is_ripe(epoch)).count();
        let ripe: Vec<Bag> = orphans.drain(..ripe).collect();
        // No lock is held while nodes are freed: that runs the user's code.
        drop(orphans);
        for mut bag in ripe {
            // SAFETY: as argued at the top: two epochs have passed.
            unsafe { bag.reclaim() };
        }
    }
}

impl Default for Debra {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Drop for Debra {
    fn drop(&mut self) {
        for mut bag in self.orphans.take() {
            // SAFETY: a guard borrows its participant and that the domain: there is none.
            unsafe { bag.reclaim() };
        }
    }
}

// SAFETY: reclaim-S1, reclaim-S3: debra-E1–E3, as argued above. reclaim-S2: each `Retired` is in one
// bag or among the orphans, and leaves it by being freed; the domain's drop frees the last.
unsafe impl Reclaimer for Debra {
    type Header = ();
    type Participant<'d> = DebraParticipant<'d>;

    const NAME: &'static str = "debra";
    const SUMMARY: &'static str = "distributed epochs (Brown 2015), readers without a fence";
    const CAPS: Caps = Caps {
        per_pointer: false,
        held: Held::Unbounded,
        needs_quiescence: false,
        takes_batch: true,
        reads: Progress::WaitFree,
        writes: Progress::WaitFree,
        progress_is_tested: true,
    };

    fn new(batch: Option<usize>) -> Self {
        Self::with_fences(batch, Fences::best())
    }

    fn header(&self) {}

    fn register(&self) -> DebraParticipant<'_> {
        DebraParticipant {
            domain: self,
            announced: self.threads.take(),
            epoch: QUIESCENT,
            open: Vec::new(),
            closed: Default::default(),
            stage: Stage::Filling,
        }
    }
}

/// A thread's announcement and limbo bags.
pub struct DebraParticipant<'d> {
    domain: &'d Debra,
    announced: Taken<'d, Announced>,
    /// The last epoch that was announced.
    epoch: u64,
    /// The bag that takes what is retired.
    open: Vec<Retired>,
    /// The bag that was closed in the last even epoch, and the one of the last odd.
    closed: [Bag; 2],
    stage: Stage<'d>,
}

/// A closed bag.
#[derive(Debug, Default)]
struct Bag {
    nodes: Vec<Retired>,
    /// debra-E2.
    stamp: u64,
}

impl Bag {
    fn is_ripe(&self, epoch: u64) -> bool {
        self.stamp + 2 <= epoch
    }

    /// Empties the bag.
    ///
    /// # Safety
    ///
    /// reclaim-S1: no guard can hold a node of it.
    unsafe fn reclaim(&mut self) {
        for node in self.nodes.drain(..) {
            // SAFETY: by this function's contract.
            unsafe { node.reclaim() };
        }
    }
}

/// What a thread has done in the epoch that it announced last.
enum Stage<'d> {
    /// Its bag is open.
    Filling,
    /// Its bag is closed; these threads have yet to be checked.
    Checking(Option<&'d Announced>, Threads<'d, Announced>),
    /// All that it can.
    Done,
}

impl fmt::Debug for DebraParticipant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limbo = [&self.closed[0].nodes, &self.closed[1].nodes, &self.open].map(Vec::len);
        f.debug_struct("DebraParticipant")
            .field("epoch", &self.epoch)
            .field("limbo", &limbo)
            .finish_non_exhaustive()
    }
}

impl DebraParticipant<'_> {
    /// Notices a new epoch, and frees the bag for which it is time.
    #[cold]
    fn turn(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.stage = Stage::Filling;
        for bag in &mut self.closed {
            if bag.is_ripe(epoch) {
                // SAFETY: as argued at the top: two epochs have passed.
                unsafe { bag.reclaim() };
            }
        }
    }

    /// After a retirement: closes the bag if it is full, or else checks one thread.
    #[inline]
    fn step(&mut self) {
        match self.stage {
            Stage::Filling if self.open.len() < self.domain.batch => {}
            Stage::Filling => self.close(),
            Stage::Checking(..) => _ = self.check(),
            Stage::Done => {}
        }
    }

    /// Closes the bag and starts to check. Frees orphans, unless somebody has them right now.
    #[cold]
    fn close(&mut self) {
        if let Some(orphans) = self.domain.orphans.try_lock() {
            Debra::free_orphans(orphans, self.epoch);
        }
        // Heavy fence debra-E2, debra-E3: after every unlinking of a node in the bag, and before the
        // checks; pairs with light fence debra-E1.
        self.domain.fences.heavy();
        // Relaxed: what it may be is argued from the fence.
        let stamp = self.domain.epoch.0.load(Ordering::Relaxed);
        // If the epoch has gone on, the bag is closed in a later one, which we announce first.
        self.stage = Stage::Done;
        if stamp == self.epoch {
            let bag = &mut self.closed[(stamp % 2) as usize];
            debug_assert!(bag.nodes.is_empty(), "closed two epochs ago at least");
            bag.stamp = stamp;
            mem::swap(&mut bag.nodes, &mut self.open);
            let mut threads = self.domain.threads.iter();
            self.stage = Stage::Checking(threads.next(), threads);
        }
    }

    /// Checks the next thread; advances the epoch if it was the last. False if the thread is in an
    /// earlier epoch, or there is none to check.
    fn check(&mut self) -> bool {
        let Stage::Checking(next, threads) = &mut self.stage else { return false };
        if let Some(thread) = next {
            // Acquire debra-E3: pairs with the Releases of the announcements.
            let announced = thread.0.load(Ordering::Acquire);
            if announced != QUIESCENT && announced != self.epoch {
                return false;
            }
            *next = threads.next();
            return true;
        }
        self.stage = Stage::Done;
        // Release debra-E3: passes on what the checks acquired; pairs with the Acquire in `enter`. Who
        // advances the epoch later goes on with the release sequence. Relaxed on failure: somebody
        // else has advanced it.
        let (now, next) = (self.epoch, self.epoch + 1);
        _ = self.domain.epoch.0.compare_exchange(now, next, Ordering::Release, Ordering::Relaxed);
        true
    }

    /// Makes orphans of all bags. False if there are none, of this thread or of others.
    fn leave(&mut self) -> bool {
        let [even, odd] = mem::take(&mut self.closed);
        let mut bags = vec![even, odd];
        if !self.open.is_empty() {
            // Heavy fence debra-E2: after every unlinking of a node in the bag.
            self.domain.fences.heavy();
            // Relaxed: as in `close`.
            let stamp = self.domain.epoch.0.load(Ordering::Relaxed);
            bags.push(Bag { nodes: mem::take(&mut self.open), stamp });
        }
        let mut orphans = self.domain.orphans.lock();
        orphans.extend(bags.into_iter().filter(|bag| !bag.nodes.is_empty()));
        !orphans.is_empty()
    }
}

impl Drop for DebraParticipant<'_> {
    /// The orphans' stamps are at most the epoch that is read first; so they are freed two epochs
    /// after that, unless another thread's guard is in the way. This thread is in none, and announces
    /// no epoch: debra-E3 does not ask it to.
    fn drop(&mut self) {
        // A guard may have been forgotten. Release: as at a guard's end.
        self.announced.0.store(QUIESCENT, Ordering::Release);
        if !self.leave() {
            return;
        }
        for _ in 0..3 {
            // Acquire: as in `enter`.
            let epoch = self.domain.epoch.0.load(Ordering::Acquire);
            self.turn(epoch);
            Debra::free_orphans(self.domain.orphans.lock(), epoch);
            if self.domain.orphans.lock().is_empty() {
                return;
            }
            self.close();
            while self.check() {}
        }
    }
}

impl<'d> Participant<Debra> for DebraParticipant<'d> {
    type Guard<'g>
        = DebraGuard<'g, 'd>
    where
        Self: 'g;

    #[inline]
    fn enter(&mut self) -> DebraGuard<'_, 'd> {
        // Acquire: pairs with the Release debra-E3; what others did in epochs that are over comes
        // before what `turn` frees.
        let epoch = self.domain.epoch.0.load(Ordering::Acquire);
        // Release: the end of the guard before, which a check may not see by itself, comes first.
        self.announced.0.store(epoch, Ordering::Release);
        // Light fence debra-E1: pairs with the heavy fences debra-E2, debra-E3 in `close`.
        self.domain.fences.light();
        if epoch != self.epoch {
            self.turn(epoch);
        }
        DebraGuard { thread: self }
    }
}

/// A critical section; its end announces that the thread is quiescent.
pub struct DebraGuard<'g, 'd> {
    thread: &'g mut DebraParticipant<'d>,
}

impl fmt::Debug for DebraGuard<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.thread.fmt(f)
    }
}

impl Drop for DebraGuard<'_, '_> {
    #[inline(always)]
    fn drop(&mut self) {
        // Release: all that the guard protected was used before; pairs with the Acquire in `check`.
        self.thread.announced.0.store(QUIESCENT, Ordering::Release);
    }
}

impl Guard<Debra> for DebraGuard<'_, '_> {
    #[inline(always)]
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<Debra, T>>) -> *mut Node<Debra, T> {
        // Acquire: pairs with the Release that published the node.
        let node = src.load(Ordering::Acquire);
        perturb();
        node
    }

    #[inline]
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<Debra, T>) {
        // SAFETY: by this function's contract.
        let node = unsafe { Retired::new(node) };
        self.thread.open.push(node);
        self.thread.step();
    }
}
