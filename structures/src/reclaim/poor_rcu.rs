//! The poor man's RCU: two reader-writer locks and a mutex, of the standard library.
//!
//! P. Ramalhete and A. Correia, *Poor man's URCU* (on their site Concurrency Freaks). A reader holds one
//! of two locks for reading, whichever it gets without waiting. A grace period write-locks and
//! releases the first lock, then the second; after that, all earlier readers have finished.
//!
//! Departures: the original waits in `write`, which also diverts new
//! readers to the other lock. Here no thread ever waits: after `batch` retirements (64 by default),
//! at the end of a guard, a thread *tries* to write-lock the lock whose turn it is; a hint sends new
//! readers to the other lock, so that the first becomes free. A batch waits for two of these *drains*, of
//! which each starts where the last one stopped. The only atomic variable is that hint:
//! all synchronisation is by the locks, in safe code.
//!
//! | call | progress | cost |
//! | --- | --- | --- |
//! | `enter` | lock-free | a read lock, shared by all readers |
//! | `protect` | wait-free | a plain load |
//! | end of a guard | wait-free | a read unlock |
//! | … after each `batch` retirements | wait-free | tries of a mutex and of two write locks |
//! | `retire` | wait-free | a push |
//! | `register` | wait-free | nothing |
//! | participant's drop | blocking | the mutex, and the lock of the orphans; frees what may be freed |
//!
//! (This assumes that the allocator, and the tries of the locks, have these guarantees too.) `enter` fails to get
//! either lock only if, between the two tries, a drain has moved on to the other one. A thread that is in
//! no guard delays nothing. A thread that stalls in a guard keeps every node that is retired after
//! it entered from being freed: the scheme is not robust.
//!
//! # Invariants
//!
//! * poor_rcu-I1. Drain number n has write-locked lock n % 2, and ended under the mutex.
//! * poor_rcu-I2. A guard holds one of the two locks for reading.
//! * poor_rcu-I3. A batch is closed under the mutex, after its nodes were unlinked, with a mark that is two
//!   more than the number of drains so far.
//!
//! Hence when the number of drains reaches the mark, both locks have been write-locked since the batch was
//! closed. A guard either released its lock before that, or took it later and sees the nodes unlinked.

use std::sync::{PoisonError, TryLockError, TryLockResult};

use crossbeam_utils::CachePadded;

use super::batches::{Batches, Pool};
use super::{Caps, Guard, Held, Node, Participant, Payload, Reclaimer};
use crate::map::Progress;
use crate::sync::opaque::{Mutex, MutexGuard, RwLock, RwLockReadGuard};
use crate::sync::{AtomicPtr, AtomicUsize, Backoff, FIRST, Ordering, perturb};

/// The number of the first drain, which is of lock 0.
const FIRST_DRAIN: u64 = FIRST / 2 * 2;

/// The domain of the poor man's RCU.
#[derive(Debug)]
pub struct PoorRcu {
    locks: [CachePadded<RwLock<()>>; 2],
    /// The lock that is not to be drained next. Only a hint.
    preferred: CachePadded<AtomicUsize>,
    /// Drains so far.
    drains: Mutex<u64>,
    pool: Pool<u64>,
}

// SAFETY: reclaim-S1: the conclusion from poor_rcu-I1–I3 above. reclaim-S2: a batch is freed by its
// participant, by whoever finds it left, or by the pool's drop, of which each takes it out of where it
// was. reclaim-S3: the locks.
unsafe impl Reclaimer for PoorRcu {
    type Header = ();
    type Participant<'d> = PoorRcuParticipant<'d>;

    const NAME: &'static str = "poor-rcu";
    const SUMMARY: &'static str = "RCU by two reader-writer locks (Ramalhete, Correia), ours";
    const CAPS: Caps = Caps {
        per_pointer: false,
        held: Held::Unbounded,
        needs_quiescence: false,
        takes_batch: true,
        reads: Progress::LockFree,
        writes: Progress::LockFree,
        progress_is_tested: false,
    };

    fn new(batch: Option<usize>) -> Self {
        Self {
            locks: Default::default(),
            preferred: CachePadded::new(AtomicUsize::new(1)),
            drains: Mutex::new(FIRST_DRAIN),
            pool: Pool::new(batch),
        }
    }

    fn header(&self) {}

    fn register(&self) -> PoorRcuParticipant<'_> {
        PoorRcuParticipant { domain: self, batches: self.pool.batches() }
    }
}

impl PoorRcu {
    /// Takes a lock for reading, whichever it gets.
    #[inline]
    fn read(&self) -> RwLockReadGuard<'_, ()> {
        let backoff = Backoff::new();
        loop {
            // Relaxed: a hint.
            let preferred = self.preferred.load(Ordering::Relaxed);
            let both = [&self.locks[preferred], &self.locks[1 - preferred]];
            if let Some(read) = both.into_iter().find_map(|lock| obtained(lock.try_read())) {
                return read;
            }
            backoff.spin();
        }
    }

    /// Drains the lock whose turn it is, and then the other, as far as it gets without waiting.
    fn drain(&self, drains: &mut u64) {
        for _ in 0..2 {
            let lock = (*drains % 2) as usize;
            if obtained(self.locks[lock].try_write()).is_none() {
                return;
            }
            *drains += 1;
            // Relaxed: a hint. The other's turn is next.
            self.preferred.store(lock, Ordering::Relaxed);
        }
    }

    fn mark(drains: &MutexGuard<'_, u64>) -> u64 {
        **drains + 2
    }
}

/// What a try of a lock got. The locks guard nothing that a panic could have left half done.
fn obtained<G>(tried: TryLockResult<G>) -> Option<G> {
    match tried {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// A thread's registration with a [`PoorRcu`].
#[derive(Debug)]
pub struct PoorRcuParticipant<'d> {
    domain: &'d PoorRcu,
    batches: Batches<'d, u64>,
}

impl PoorRcuParticipant<'_> {
    /// To be called in no guard, as it would hold itself up.
    #[cold]
    fn collect(&mut self) {
        // If somebody else is at it, then at the end of the next guard.
        let Some(mut drains) = obtained(self.domain.drains.try_lock()) else { return };
        self.batches.close(PoorRcu::mark(&drains));
        self.domain.drain(&mut drains);
        let reached = *drains;
        // No lock is held while nodes are freed: that runs the user's code.
        drop(drains);
        // SAFETY: reclaim-S1.
        unsafe { self.batches.free(|| reached, |mark, reached| mark <= reached) }
    }
}

impl Drop for PoorRcuParticipant<'_> {
    fn drop(&mut self) {
        let domain = self.domain;
        let drains = || domain.drains.lock().unwrap_or_else(PoisonError::into_inner);
        let look = || {
            let mut drains = drains();
            domain.drain(&mut drains);
            *drains
        };
        // SAFETY: reclaim-S1.
        unsafe { self.batches.leave(|| PoorRcu::mark(&drains()), look, |mark, seen| mark <= seen) }
    }
}

impl<'d> Participant<PoorRcu> for PoorRcuParticipant<'d> {
    type Guard<'g>
        = PoorRcuGuard<'g, 'd>
    where
        Self: 'g;

    #[inline]
    fn enter(&mut self) -> PoorRcuGuard<'_, 'd> {
        PoorRcuGuard { read: Some(self.domain.read()), thread: self }
    }
}

/// A critical section: a lock that is held for reading.
#[derive(Debug)]
pub struct PoorRcuGuard<'g, 'd> {
    thread: &'g mut PoorRcuParticipant<'d>,
    /// Until the guard drops.
    read: Option<RwLockReadGuard<'d, ()>>,
}

impl Drop for PoorRcuGuard<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        self.read = None;
        if self.thread.batches.is_full() {
            self.thread.collect();
        }
    }
}

impl Guard<PoorRcu> for PoorRcuGuard<'_, '_> {
    #[inline]
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<PoorRcu, T>>) -> *mut Node<PoorRcu, T> {
        // Acquire: pairs with the Release that published the node.
        let node = src.load(Ordering::Acquire);
        perturb();
        node
    }

    #[inline]
    unsafe fn retire<T: Payload + Send>(&mut self, node: *mut Node<PoorRcu, T>) {
        // SAFETY: by this function's contract.
        unsafe { self.thread.batches.retire(node) }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::sync::Arc;

    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    /// A node that is freed when it drops.
    struct Counted(#[expect(dead_code, reason = "it is counted")] Arc<()>);

    impl Payload for Counted {}

    /// The numbers of drains go past 2³², which is 256 after the first one here. What is retired under a
    /// guard stays until that has dropped, and not much longer.
    #[test]
    fn marks_beyond_32_bits_are_waited_for() {
        for seed in 0..8 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (domain, alive) = (PoorRcu::new(Some(1)), Arc::new(()));
            let (mut reader, mut writer) = (domain.register(), domain.register());
            let mut retire = || {
                let node = Node::alloc(&domain, Counted(Arc::clone(&alive))).publish();
                // SAFETY: nobody else has ever had it.
                unsafe { writer.enter().retire(node) };
            };
            for _ in 0..100 {
                let guard = reader.enter();
                let held = rng.random_range(1..20);
                (0..held).for_each(|_| retire());
                assert!(Arc::strong_count(&alive) > held, "freed under a guard, {seed}");
                drop(guard);
                (0..3).for_each(|_| retire());
                assert!(Arc::strong_count(&alive) <= 1 + 3, "kept without a guard, {seed}");
            }
            assert!(*domain.drains.lock().expect("nobody panics") > 1 << 32, "{seed}");
        }
    }
}
