//! Which thread has a lock, and in which operations a thread is. With this a thread whose user code
//! uses the table again can avoid waiting for itself.
//!
//! There are two records of it. A thread uses them only to recognise itself:
//!
//! * A lock has its owner's [number](me). A thread that finds its own number there would wait for ever. It
//!   reads its own number only where it stored it itself, so this needs no ordering.
//! * Where many threads may hold a lock at once, the lock has no place for their numbers. There a thread records, on
//!   its stack, what it is [inside](inside).

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, TryLockError};
// Not through `crate::sync`: a model checker need not explore what only its writer reads.
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::sync::{Mutex, MutexGuard};

/// In place of a number: no thread.
pub(crate) const NOBODY: usize = 0;

/// The calling thread's number: no other thread has it meanwhile. Not [`NOBODY`], and a multiple
/// of 8.
#[inline(always)]
pub(crate) fn me() -> usize {
    #[cfg(simulate)]
    {
        (crate::sync::simulated::core().map_or(0, |core| core + 1) + 1) * 8
    }
    #[cfg(not(any(loom, shuttle, simulate)))]
    {
        // The address of something that is the thread's. It has no destructor, so it is there as
        // long as the thread.
        thread_local!(static MINE: u64 = const { 0 });
        MINE.with(|mine| std::ptr::from_ref(mine).addr())
    }
    #[cfg(loom)]
    {
        // Loom may give the address of an ended thread's local to another thread, which it lets read
        // what the first one stored. Where threads are real their end comes before that.
        static NEXT: AtomicUsize = AtomicUsize::new(8);
        loom::thread_local!(
            static MINE: usize = NEXT.fetch_add(8, Relaxed);
        );
        MINE.with(|mine| *mine)
    }
    #[cfg(shuttle)]
    {
        (usize::from(shuttle::current::me()) + 1) * 8
    }
}

/// Ends an operation that would have to wait for the thread that runs it.
#[cold]
#[inline(never)]
pub(crate) fn waits_for_itself() -> ! {
    panic!(
        "this operation would wait for its own thread for ever: a closure, `Hash`, `Eq`, `Clone` or \
         `Drop`, which a table runs, has used the table again (what may: `structures::map`)"
    );
}

/// A mutex that knows which thread holds it. It is not poisoned by a panic.
#[derive(Default)]
pub(crate) struct OwnerLock<T> {
    owner: AtomicUsize,
    value: Mutex<T>,
}

/// An [`OwnerLock`], locked until this drops.
pub(crate) struct OwnerGuard<'l, T> {
    owner: &'l AtomicUsize,
    value: ManuallyDrop<MutexGuard<'l, T>>,
}

impl<T> OwnerLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { owner: AtomicUsize::new(NOBODY), value: Mutex::new(value) }
    }

    /// Waits for the lock.
    ///
    /// # Panics
    ///
    /// If the calling thread has it.
    #[inline]
    pub(crate) fn lock(&self) -> OwnerGuard<'_, T> {
        self.lock_unless_mine().unwrap_or_else(|| waits_for_itself())
    }

    /// Waits for the lock; `None` if the calling thread has it.
    #[inline]
    pub(crate) fn lock_unless_mine(&self) -> Option<OwnerGuard<'_, T>> {
        let me = me();
        if self.owner.load(Relaxed) == me {
            return None;
        }
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        self.owner.store(me, Relaxed);
        Some(OwnerGuard { owner: &self.owner, value: ManuallyDrop::new(value) })
    }

    /// The data that the lock guards, if no thread holds it.
    pub(crate) fn glance<U>(&self, look: impl FnOnce(&T) -> U) -> Option<U> {
        match self.value.try_lock() {
            Ok(value) => Some(look(&value)),
            Err(TryLockError::Poisoned(poisoned)) => Some(look(&poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<T> Drop for OwnerGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.owner.store(NOBODY, Relaxed);
        // SAFETY: not used again.
        unsafe { ManuallyDrop::drop(&mut self.value) };
    }
}

impl<T> Deref for OwnerGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for OwnerGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> fmt::Debug for OwnerLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerLock").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for OwnerGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerGuard").finish_non_exhaustive()
    }
}

/// What a thread can be in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Reading an instance that a writer waits for.
    Reading,
    /// Copying buckets of a table; other threads wait for the copies.
    Copying,
    /// Moving entries; an iteration waits for that.
    Displacing,
    /// Iterating; threads that would move entries wait for that.
    Iterating,
    /// Freeing what dropped versions have left; what a nested drop leaves is found by the outer one.
    Freeing,
}

pub(crate) use self::frames::{act_inside, inside, is_anywhere};

#[cfg(not(loom))]
mod frames {
    use std::cell::Cell;
    use std::ptr;

    use super::Act;
    use crate::sync::thread_local;

    /// One operation that a thread is inside of, and the one around it. On the thread's stack.
    struct Frame {
        of: *const (),
        act: Act,
        around: *const Frame,
    }

    thread_local! {
        /// The innermost.
        static INNERMOST: Cell<*const Frame> = const { Cell::new(ptr::null()) };
    }

    /// Leaves a frame, also during unwinding.
    struct Leave(*const Frame);

    impl Drop for Leave {
        #[inline(always)]
        fn drop(&mut self) {
            INNERMOST.with(|innermost| innermost.set(self.0));
        }
    }

    /// Runs `f`, recording that this thread is inside of `of`, doing `act`.
    #[inline(always)]
    pub(crate) fn inside<O, T>(of: &O, act: Act, f: impl FnOnce() -> T) -> T {
        INNERMOST.with(|innermost| {
            let around = innermost.get();
            let frame = Frame { of: ptr::from_ref(of).cast(), act, around };
            innermost.set(&raw const frame);
            let _leave = Leave(around);
            f()
        })
    }

    /// What this thread does in its innermost frame for which `is_it` returns true.
    fn find(is_it: impl Fn(&Frame) -> bool) -> Option<Act> {
        let mut frame = INNERMOST.with(Cell::get);
        // SAFETY: null, or a frame of a call of `inside` that this thread is in: it stands until that
        // call returns, and `Leave` has then taken it off.
        while let Some(here) = unsafe { frame.as_ref() } {
            if is_it(here) {
                return Some(here.act);
            }
            frame = here.around;
        }
        None
    }

    /// What this thread is doing inside of `of`, the innermost; `None` if it is not inside.
    pub(crate) fn act_inside<O>(of: &O) -> Option<Act> {
        find(|frame| ptr::eq(frame.of.cast(), ptr::from_ref(of)))
    }

    /// Whether this thread is doing `act` inside of anything.
    pub(crate) fn is_anywhere(act: Act) -> bool {
        find(|frame| frame.act == act).is_some()
    }
}

/// Models have no user code that uses the table again.
#[cfg(loom)]
mod frames {
    use super::Act;

    pub(crate) fn inside<O, T>(_: &O, _: Act, f: impl FnOnce() -> T) -> T {
        f()
    }

    pub(crate) fn act_inside<O>(_: &O) -> Option<Act> {
        None
    }

    pub(crate) fn is_anywhere(_: Act) -> bool {
        false
    }
}
