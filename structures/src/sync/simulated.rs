//! Atomics and locks that report each access to virtual cores: `--cfg simulate`.
//!
//! A simulator of virtual cores installs itself by [`run_on`]. While no core runs, for example while a table is
//! filled, everything works as in `std`. Atomics have the layout of those of `std`. Only the time of an access is
//! virtual: the access itself is `std`'s, between [`Cores::turn`] and [`Cores::did`], where no other core runs. So
//! runs are sequentially consistent, whatever the orderings are. Each access reports its place in the source, so that
//! the simulator can name the code that waits for a cache line.

#![allow(missing_docs, reason = "`std` says what they do")]

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic as of_std;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
use std::thread::{AccessError, LocalKey};

pub use std::sync::atomic::Ordering;

mod nodes;
mod plain;
mod shared;

pub use self::shared::Arc;

pub(crate) use self::nodes::{reclaims, will_allocate, will_free};
pub(crate) use self::plain::{telling, touch_bytes, touch_bytes_mut, touch_update};
pub(crate) use self::shared::{RwLock, RwLockReadGuard};

/// What is done to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is loaded.
    Load,
    /// It is stored.
    Store,
    /// It is read, modified and written in one step.
    Update,
    /// The same, but it had another value than expected, and was not written.
    FailedExchange,
    /// It is asked for, and nobody waits for it.
    Prefetch,
}

/// The place in the source from which something is called.
pub type Caller = &'static Location<'static>;

/// What virtual cores are told. Each function does nothing where no core runs.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// Before an access: returns when it is the running core's turn.
    pub turn: fn(),
    /// After it: what was done, at which address, the value, and by which code.
    pub did: fn(Access, usize, usize, Caller),
    /// A full fence.
    pub fence: fn(),
    /// `membarrier(2)`; or nothing, if the kernel of the machine has no such call.
    pub membarrier: Option<fn()>,
    /// A turn of a loop that waits.
    pub pause: fn(),
    /// A change begins to be worked out: by whose it is, once more, or for another.
    pub attempt: fn(),
    /// A node of that layout will be allocated.
    pub will_allocate: fn(Layout),
    /// A node of that layout will be freed.
    pub will_free: fn(Layout),
    /// A node that was retired will be freed.
    pub reclaims: fn(),
    /// To sleep, until somebody wakes who sleeps at that address.
    pub park: fn(usize),
    /// To wake one who sleeps there.
    pub unpark: fn(usize),
    /// The number of the running core, if one runs.
    pub number: fn() -> Option<usize>,
}

static CORES: OnceLock<Cores> = OnceLock::new();

/// From now on, what is done to atomics is told to `cores`. The first call counts.
pub fn run_on(cores: Cores) {
    let _ = CORES.set(cores);
}

/// The number of the virtual core that runs, if one does.
pub(crate) fn core() -> Option<usize> {
    CORES.get().and_then(|cores| (cores.number)())
}

/// Does an access, in its turn; then `says` what it was, and the value.
#[inline]
fn access_at<T, V>(
    of: &T,
    run: impl FnOnce() -> V,
    says: impl FnOnce(&V) -> (Access, usize),
    at: Caller,
) -> V {
    let Some(cores) = CORES.get() else { return run() };
    (cores.turn)();
    let done = run();
    let (access, value) = says(&done);
    (cores.did)(access, std::ptr::from_ref(of).addr(), value, at);
    done
}

/// Does an access, in its turn. `value` is what is loaded.
#[inline]
#[track_caller]
fn access<T, V>(
    of: &T,
    access: Access,
    run: impl FnOnce() -> V,
    value: impl FnOnce(&V) -> usize,
) -> V {
    access_at(of, run, |done| (access, value(done)), Location::caller())
}

/// Tells of an access to plain memory.
#[inline]
#[track_caller]
fn tell(access: Access, address: usize, value: usize) {
    if let Some(cores) = CORES.get() {
        (cores.turn)();
        (cores.did)(access, address, value, Location::caller());
    }
}

/// Plain memory at `address` is read, where there is a pointer to `next`, or null.
#[inline]
#[track_caller]
pub(crate) fn touch<T, N>(address: *const T, next: *const N) {
    tell(Access::Load, address.addr(), next.addr());
}

/// Plain memory at `address` is written.
#[inline]
#[track_caller]
pub(crate) fn touch_mut<T>(address: *const T) {
    tell(Access::Store, address.addr(), 0);
}

/// Plain memory at an address will be read.
#[inline]
#[track_caller]
pub(crate) fn prefetch<T>(address: *const T) {
    tell(Access::Prefetch, address.addr(), 0);
}

/// `std::sync::atomic::fence`.
#[inline]
pub fn fence(order: Ordering) {
    of_std::fence(order);
    // Weaker ones are no instructions on x86-64.
    if let (Ordering::SeqCst, Some(cores)) = (order, CORES.get()) {
        (cores.fence)();
    }
}

/// Whether the machine's kernel has `membarrier(2)`.
pub(crate) fn has_membarrier() -> bool {
    CORES.get().is_none_or(|cores| cores.membarrier.is_some())
}

/// `membarrier(2)` is called.
pub(crate) fn membarrier() {
    if let Some(call) = CORES.get().and_then(|cores| cores.membarrier) {
        call();
    }
}

/// A change begins to be worked out.
pub(crate) fn attempt() {
    if let Some(cores) = CORES.get() {
        (cores.attempt)();
    }
}

fn pause() {
    if let Some(cores) = CORES.get() {
        (cores.turn)();
        (cores.pause)();
    }
}

/// A value for each virtual core, and one for the thread while none runs: what is each thread's, where cores
/// share a thread. Made by [`core_local`].
pub(crate) struct CoreLocal<T: 'static> {
    pub(crate) each: &'static LocalKey<Each<T>>,
    pub(crate) first: fn() -> T,
}

/// The values of a [`CoreLocal`]: the thread's own, and then by core.
pub(crate) type Each<T> = RefCell<Vec<Option<Rc<T>>>>;

impl<T> CoreLocal<T> {
    /// Calls `f` with the running core's value.
    ///
    /// # Errors
    ///
    /// The thread is about to exit.
    pub(crate) fn try_with<R>(&self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let at = core().map_or(0, |core| core + 1);
        let mine = self.each.try_with(|each| {
            let mut each = each.borrow_mut();
            if each.len() <= at {
                each.resize_with(at + 1, || None);
            }
            Rc::clone(each[at].get_or_insert_with(|| Rc::new((self.first)())))
        })?;
        Ok(f(&mine))
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        self.try_with(f).expect("the thread is not about to exit")
    }
}

/// `std::thread_local!`, by core.
macro_rules! core_local {
    ($($(#[$doc:meta])* static $name:ident: $of:ty = const $first:block;)*) => {$(
        $(#[$doc])*
        static $name: $crate::sync::simulated::CoreLocal<$of> = {
            std::thread_local! {
                static EACH: $crate::sync::simulated::Each<$of> =
                    const { std::cell::RefCell::new(Vec::new()) };
            }
            $crate::sync::simulated::CoreLocal { each: &EACH, first: || $first }
        };
    )*};
}
pub(crate) use core_local;

/// Waits as `crossbeam_utils::Backoff` does, but that nobody yields to the system.
#[derive(Debug, Default)]
pub(crate) struct Backoff(Cell<u32>);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn spin(&self) {
        (0..1_u32 << self.0.get()).for_each(|_| pause());
        self.0.set((self.0.get() + 1).min(6));
    }

    pub(crate) fn snooze(&self) {
        self.spin();
    }
}

/// Atomics with the given read-modify-writes of one operand, and a value of theirs as a number.
macro_rules! simulated {
    ($($name:ident $(<$of:ident>)? of $value:ty, $number:expr, $first:expr => $($modify:ident)*;)*) => {$(
        #[repr(transparent)]
        pub struct $name $(<$of>)? (of_std::$name $(<$of>)?);

        impl $(<$of>)? $name $(<$of>)? {
            pub const fn new(value: $value) -> Self {
                Self(of_std::$name::new(value))
            }

            #[inline]
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                access(self, Access::Load, || self.0.load(order), $number)
            }

            #[inline]
            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                // An exchange, on x86-64.
                let how = if order == Ordering::SeqCst { Access::Update } else { Access::Store };
                access(self, how, || self.0.store(value, order), |()| 0);
            }

            #[inline]
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let run = || self.0.compare_exchange(current, new, success, failure);
                let says = |seen: &Result<$value, $value>| match seen {
                    Ok(seen) => (Access::Update, $number(seen)),
                    Err(seen) => (Access::FailedExchange, $number(seen)),
                };
                access_at(self, run, says, Location::caller())
            }

            derived_from_compare_exchange!($value);

            $(
                #[inline]
                #[track_caller]
                pub fn $modify(&self, operand: $value, order: Ordering) -> $value {
                    access(self, Access::Update, || self.0.$modify(operand, order), $number)
                }
            )*

            pub fn into_inner(self) -> $value {
                self.0.into_inner()
            }

            pub fn get_mut(&mut self) -> &mut $value {
                self.0.get_mut()
            }
        }

        impl $(<$of>)? Default for $name $(<$of>)? {
            fn default() -> Self {
                Self::new($first)
            }
        }

        impl $(<$of>)? fmt::Debug for $name $(<$of>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

simulated! {
    AtomicBool of bool, |_: &bool| 0, false => swap fetch_and fetch_or fetch_xor;
    AtomicPtr<T> of *mut T, |seen: &*mut T| seen.addr(), std::ptr::null_mut() => swap;
    AtomicI64 of i64, |_: &i64| 0, 0 => swap fetch_add fetch_sub fetch_max fetch_min;
    AtomicIsize of isize, |_: &isize| 0, 0 => swap fetch_add fetch_sub fetch_max fetch_min;
    AtomicU32 of u32, |_: &u32| 0, 0 => swap fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max fetch_min;
    AtomicU64 of u64, |seen: &u64| *seen as usize, 0 =>
        swap fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max fetch_min;
    AtomicUsize of usize, |seen: &usize| *seen, 0 =>
        swap fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max fetch_min;
}

impl<T> AtomicPtr<T> {
    #[track_caller]
    pub(crate) fn fetch_or(&self, bits: usize, order: Ordering) -> *mut T {
        access(self, Access::Update, || self.0.fetch_or(bits, order), |seen| seen.addr())
    }

    #[track_caller]
    pub(crate) fn fetch_and(&self, bits: usize, order: Ordering) -> *mut T {
        access(self, Access::Update, || self.0.fetch_and(bits, order), |seen| seen.addr())
    }

    #[track_caller]
    pub(crate) fn fetch_byte_add(&self, bytes: usize, order: Ordering) -> *mut T {
        access(self, Access::Update, || self.0.fetch_byte_add(bytes, order), |seen| seen.addr())
    }
}

/// `std`'s mutex, for virtual cores: a word that is compared and swapped, 100 looks at it while another core
/// has it, and then sleep. As on Linux in Rust 1.95.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T: ?Sized> {
    /// 0: free; 1: locked; 2: locked, and somebody may sleep.
    word: AtomicU32,
    /// Uncontended where cores are virtual: the word says whose it is.
    inner: std::sync::Mutex<T>,
}

/// A [`Mutex`], locked until this drops.
#[derive(Debug)]
pub(crate) struct MutexGuard<'l, T: ?Sized> {
    /// The word of a virtual core's lock, and the code that has locked it.
    word: Option<(&'l AtomicU32, Caller)>,
    /// Taken out when this drops, before the word is set free.
    inner: Option<std::sync::MutexGuard<'l, T>>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { word: AtomicU32::new(0), inner: std::sync::Mutex::new(value) }
    }

    #[track_caller]
    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let Some(cores) = CORES.get().filter(|_| core().is_some()) else {
            return guarded(None, self.inner.lock());
        };
        if !self.takes() {
            self.lock_contended(cores);
        }
        guarded(Some((&self.word, Location::caller())), self.inner.lock())
    }

    /// Takes the lock if it is free.
    #[track_caller]
    fn takes(&self) -> bool {
        self.word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Looks at the word until it is not 1, but not for long; returns it.
    #[track_caller]
    fn spin(&self) -> u32 {
        for _ in 0..100 {
            let state = self.word.load(Ordering::Relaxed);
            if state != 1 {
                return state;
            }
            pause();
        }
        1
    }

    #[track_caller]
    fn lock_contended(&self, cores: &Cores) {
        let mut state = self.spin();
        if state == 0 && self.takes() {
            return;
        }
        loop {
            if state != 2 && self.word.swap(2, Ordering::Acquire) == 0 {
                return;
            }
            // As futex(2) does: it sleeps if the word is still 2.
            if self.word.load(Ordering::Relaxed) == 2 {
                (cores.park)(std::ptr::from_ref(&self.word).addr());
            }
            state = self.spin();
        }
    }

    #[track_caller]
    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let mut word = None;
        if core().is_some() {
            if !self.takes() {
                return Err(TryLockError::WouldBlock);
            }
            word = Some((&self.word, Location::caller()));
        }
        match self.inner.try_lock() {
            Ok(inner) => Ok(MutexGuard { word, inner: Some(inner) }),
            Err(TryLockError::Poisoned(inner)) => {
                let inner = Some(inner.into_inner());
                Err(TryLockError::Poisoned(PoisonError::new(MutexGuard { word, inner })))
            }
            Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
        }
    }

    pub(crate) fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
    }
}

fn guarded<'l, T>(
    word: Option<(&'l AtomicU32, Caller)>,
    locked: LockResult<std::sync::MutexGuard<'l, T>>,
) -> LockResult<MutexGuard<'l, T>> {
    match locked {
        Ok(inner) => Ok(MutexGuard { word, inner: Some(inner) }),
        Err(inner) => {
            let inner = Some(inner.into_inner());
            Err(PoisonError::new(MutexGuard { word, inner }))
        }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        drop(self.inner.take());
        let Some((word, at)) = self.word else { return };
        let set_free = || word.0.swap(0, Ordering::Release);
        let before = access_at(word, set_free, |_| (Access::Update, 0), at);
        if before == 2
            && let Some(cores) = CORES.get()
        {
            (cores.unpark)(std::ptr::from_ref(word).addr());
        }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect("until it drops")
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("until it drops")
    }
}
