//! Left-Right: there are two instances of the object; readers read one while a writer writes the other.
//!
//! P. Ramalhete, A. Correia, *Left-Right: a concurrency control technique with wait-free population
//! oblivious reads*, 2013. Departures: the read indicators are striped, a stripe for each handle, so that
//! readers share no cache line that they write; an instance in which the user's code
//! has panicked is made anew from the other.
//!
//! | operation | progress | linearization point |
//! | --- | --- | --- |
//! | `read` | wait-free | left_right-L1: the load of `side` |
//! | `apply`, no change | wait-free | left_right-L1 |
//! | `apply` | blocking | left_right-L2: the store of `side` |
//!
//! A writer waits for other writers, and for readers that are in the instance that it is about to
//! write. A thread that would wait for itself, because user code in its `read` or `apply` writes,
//! panics; reading there is allowed. Nothing is retired: an entry is freed where it is replaced, in each instance.
//!
//! # Invariants
//! * left_right-I1. Between writes both instances are equal, unless one is `stale`.
//! * left_right-I2. Only the holder of `writer` changes the instance that `side` does not name, and
//!   only after each stripe of both indicators has been found empty since `side` named the other instance. Readers that
//!   were counted before have departed, and readers that came later have seen the new `side` (left_right-F1,
//!   left_right-F2). A reader that arrives at a stripe that the writer did not find has passed left_right-F1 after
//!   the writer's left_right-F2, and sees the new `side`.

use std::cell::UnsafeCell;
use std::fmt;
use std::mem;

use crossbeam_utils::CachePadded;

use super::{Sequential, Universal, UniversalHandle, UniversalPinned};
use crate::map::{Held, MapInfo, Progress};
use crate::numbers::Numbers;
use crate::owner::{Act, OwnerLock, act_inside, inside, waits_for_itself};
use crate::padded::Padded;
use crate::panics;
use crate::sync::{self, AtomicUsize, Backoff, Ordering, fence};

/// Stripes that an indicator has from the start.
const STRIPES: usize = if cfg!(any(loom, shuttle)) { 2 } else { 16 };

/// The number of readers inside, by the stripe of the handle through which they have arrived. A handle is used by
/// one thread at a time, whose reads may be nested.
#[derive(Default)]
struct Indicator(Padded<AtomicUsize, STRIPES>);

impl Indicator {
    /// Waits until each stripe has been empty at some moment.
    fn wait(&self) {
        for stripe in self.0.iter() {
            let backoff = Backoff::new();
            // Acquire left_right-D1: pairs with left_right-D2; who departed has read what it read.
            while stripe.load(Ordering::Acquire) > 0 {
                backoff.snooze();
            }
        }
    }
}

/// An object under Left-Right: two instances of it.
pub struct LeftRight<O> {
    instances: [CachePadded<UnsafeCell<O>>; 2],
    /// The instance that readers read.
    side: CachePadded<AtomicUsize>,
    /// The indicator at which readers arrive.
    entrance: CachePadded<AtomicUsize>,
    indicators: [Indicator; 2],
    /// Who writes; and whether the instance that nobody reads is stale, as the user's code has
    /// panicked in it.
    writer: OwnerLock<bool>,
    numbers: Numbers,
}

// SAFETY: readers share an instance, and any thread writes or drops it: by left_right-I2 never at the
// same time.
unsafe impl<O: Send + Sync> Sync for LeftRight<O> {}

impl<O: Clone> LeftRight<O> {
    /// Two instances of `object`.
    pub fn new(object: O) -> Self {
        let cell = |object| CachePadded::new(UnsafeCell::new(object));
        Self {
            instances: [cell(object.clone()), cell(object)],
            side: CachePadded::new(AtomicUsize::new(0)),
            entrance: CachePadded::new(AtomicUsize::new(0)),
            indicators: [Indicator::default(), Indicator::default()],
            writer: OwnerLock::new(false),
            numbers: Numbers::default(),
        }
    }
}

impl<O: Clone + Default> Default for LeftRight<O> {
    fn default() -> Self {
        Self::new(O::default())
    }
}

/// A reader that has arrived; it departs when this drops.
struct Arrived<'c>(&'c AtomicUsize);

impl Drop for Arrived<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release left_right-D2: pairs with left_right-D1.
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl<O: Sequential + Clone> LeftRight<O> {
    #[inline]
    fn read<T>(&self, stripes: StripePair<'_>, f: impl FnOnce(&O) -> T) -> T {
        // Relaxed: either indicator is waited for.
        let entrance = self.entrance.load(Ordering::Relaxed);
        let counter = stripes[entrance];
        // Relaxed: ordered by left_right-F1.
        counter.fetch_add(1, Ordering::Relaxed);
        let _arrived = Arrived(counter);
        // SeqCst fence left_right-F1: pairs with left_right-F2. Either the writer finds us counted, or
        // we see its `side`.
        fence(Ordering::SeqCst);
        // Acquire left_right-S1: pairs with left_right-S2; the instance is as its writer left it.
        // left_right-L1.
        let side = self.side.load(Ordering::Acquire);
        // SAFETY: left_right-I2: no writer has it until we have departed.
        let instance = unsafe { &*self.instances[side].get() };
        inside(self, Act::Reading, || f(instance))
    }

    /// Runs `edit` on both instances, one after the other. If it panics in the first, there is no
    /// effect; if in the second, it has had its effect, and returns.
    ///
    /// # Panics
    ///
    /// If this thread is in `read` or `write`: it would wait for itself.
    fn write<T>(&self, edit: impl Fn(&mut O) -> T) -> T {
        if act_inside(self) == Some(Act::Reading) {
            waits_for_itself();
        }
        // Dropped without the lock: that is the user's, and may use the object.
        let mut former = None;
        let mut stale = self.writer.lock();
        // Relaxed: only who holds the lock writes it.
        let visible = self.side.load(Ordering::Relaxed);
        if *stale {
            // SAFETY: readers alone have it besides us.
            let fresh = unsafe { &*self.instances[visible].get() }.clone();
            // SAFETY: left_right-I2: the write before this has waited for its readers.
            let hidden = unsafe { &mut *self.instances[1 - visible].get() };
            former = Some(mem::replace(hidden, fresh));
        }
        *stale = true;
        sync::attempt();
        // SAFETY: as above.
        let out = edit(unsafe { &mut *self.instances[1 - visible].get() });
        // Release left_right-S2: publishes the instance; pairs with left_right-S1. left_right-L2.
        self.side.store(1 - visible, Ordering::Release);
        self.wait_for_readers();
        // SAFETY: left_right-I2: they have gone, and those that come see the other.
        let hidden = unsafe { &mut *self.instances[visible].get() };
        sync::attempt();
        // What has taken effect returns; the next write makes this instance anew.
        let mut again = None;
        *stale = !panics::contain(|| again = Some(edit(hidden)));
        drop(stale);
        // The user's, and may use the object.
        panics::contain(|| drop((former, again)));
        out
    }

    /// Waits until no reader is left that may have read the old `side`. New readers arrive at the
    /// other indicator meanwhile, so that they cannot keep the writer waiting.
    fn wait_for_readers(&self) {
        // SeqCst fence left_right-F2: pairs with left_right-F1.
        fence(Ordering::SeqCst);
        // Relaxed: only who holds the lock writes it.
        let entrance = self.entrance.load(Ordering::Relaxed);
        self.indicators[1 - entrance].wait();
        // Relaxed: readers may arrive at either.
        self.entrance.store(1 - entrance, Ordering::Relaxed);
        self.indicators[entrance].wait();
    }
}

impl<O: Sequential + Clone + Send + Sync> Universal<O> for LeftRight<O> {
    const READS_HOLD_UP_WRITES: bool = true;
    const AT_ONCE: bool = true;

    const INFO: MapInfo = MapInfo {
        family: "versioned",
        summary: "two instances, each operation run on both (Ramalhete and Correia 2013)",
        get: Progress::WaitFree,
        progress_is_tested: true,
        held: Held::Nothing,
        ..MapInfo::UNKNOWN.with_progress(Progress::Blocking)
    };

    type Handle<'c>
        = Handle<'c, O>
    where
        Self: 'c;

    fn handle(&self) -> Handle<'_, O> {
        let number = self.numbers.take();
        let stripes =
            [0, 1].map(|indicator: usize| self.indicators[indicator].0.get_or_add(number));
        Handle { object: self, number, stripes }
    }
}

/// A handle's stripe in either indicator.
type StripePair<'c> = [&'c AtomicUsize; 2];

/// A thread's handle of a [`LeftRight`].
pub struct Handle<'c, O> {
    object: &'c LeftRight<O>,
    number: usize,
    stripes: StripePair<'c>,
}

impl<O> Drop for Handle<'_, O> {
    fn drop(&mut self) {
        self.object.numbers.give_back(self.number);
    }
}

/// A [`Handle`] in a critical section: each operation arrives and departs separately.
pub struct Pinned<'c, O> {
    object: &'c LeftRight<O>,
    stripes: StripePair<'c>,
}

impl<'c, O: Sequential + Clone + Send + Sync> UniversalHandle<O> for Handle<'c, O> {
    type Pinned<'h>
        = Pinned<'c, O>
    where
        Self: 'h;

    #[inline]
    fn pin(&mut self) -> Pinned<'c, O> {
        Pinned { object: self.object, stripes: self.stripes }
    }
}

impl<O: Sequential + Clone + Send + Sync> UniversalPinned<O> for Pinned<'_, O> {
    #[inline]
    fn read<T>(&mut self, _: usize, f: impl FnOnce(&O) -> T) -> T {
        self.object.read(self.stripes, f)
    }

    fn apply(&mut self, _: usize, op: O::Op) -> O::Out {
        let answer = self.object.read(self.stripes, |object| object.answer(&op));
        answer.unwrap_or_else(|| self.object.write(|object| object.apply(&op)))
    }

    /// At one moment. No writer's turn if none of them changes anything.
    fn apply_all(&mut self, _: usize, ops: Vec<O::Op>) -> Vec<O::Out> {
        let answer = |object: &O| ops.iter().map(|op| object.answer(op)).collect();
        let answers: Option<_> = self.object.read(self.stripes, answer);
        let all = |object: &mut O| ops.iter().map(|op| object.apply(op)).collect();
        answers.unwrap_or_else(|| self.object.write(all))
    }
}

impl<O> fmt::Debug for LeftRight<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeftRight").field("side", &self.side).finish_non_exhaustive()
    }
}

impl<O> fmt::Debug for Handle<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("number", &self.number).finish_non_exhaustive()
    }
}

impl<O> fmt::Debug for Pinned<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::collections::HashSet;
    use std::ptr;

    use super::*;
    use crate::versioned::flat::Flat;

    #[test]
    fn each_of_a_thousand_handles_has_lines_of_its_own() {
        let object = LeftRight::<Flat<u64, u64>>::default();
        for _ in 0..3000 {
            drop(object.handle());
        }
        assert_eq!(object.indicators[0].0.len(), STRIPES, "one after the other need one stripe");
        let handles: Vec<_> = (0..1100).map(|_| object.handle()).collect();
        let lines = handles.iter().flat_map(|handle| handle.stripes);
        let lines: HashSet<_> = lines.map(|stripe| ptr::from_ref(stripe).addr() / 64).collect();
        assert_eq!(lines.len(), 2200, "handles share a line");
    }
}
