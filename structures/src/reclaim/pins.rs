//! A thread's guard of the crate sdd: one for all of our guards.
//!
//! The crate counts a thread's guards in a record. When the thread has ended, the crate gives the record, with the
//! count, to another thread; and a forgotten guard is still counted. That other
//! thread's guards then announce nothing, as the record already counts one, and what they
//! protect is freed. So the crate sees at most one guard of ours per thread. It is kept here, and ends
//! before the record does, whatever was forgotten.
//!
//! Guards of ours that are still counted then were forgotten, or are in another thread-local that drops later. For
//! them, a thread that never ends enters a guard first: from then on the scheme frees nothing in this
//! process except with a domain, as if the exiting thread had never ended.
//!
//! A thread-local's destructor may run after that of the crate's, and pin. Then the thread has no record
//! any more: a *deputy*, a thread that is started for this, enters a guard in its place.

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use ::sdd::{Epoch, Guard};

use super::exits::{self, AtExit, Life};

thread_local! {
    /// Pins of this thread that have not dropped.
    static PINS: Cell<u64> = const { Cell::new(0) };
    /// The crate's guard, while there are pins. Dropped by the last of them, or by [`exit`].
    static GUARD: Cell<Option<ManuallyDrop<Entered>>> = const { Cell::new(None) };
    static LIFE: Cell<Life> = const { Cell::new(Life::Unused) };
    static AT_EXIT: AtExit = const { AtExit(exit) };
}

/// A guard of the crate's: the thread's own, or its deputy's.
#[expect(dead_code, reason = "held for their drops")]
enum Entered {
    Own(Guard),
    Deputy(Deputy),
}

/// Whether the crate is not to be asked for this thread's record any more: it is gone, or is about to be.
#[inline]
pub(super) fn is_over() -> bool {
    match LIFE.get() {
        Life::Used => false,
        Life::Over => true,
        Life::Unused => LIFE.with(is_over_unused),
    }
}

#[cold]
fn is_over_unused(life: &Cell<Life>) -> bool {
    exits::first_use(life, &AT_EXIT, || drop(Guard::new())).is_none()
}

/// A guard of the thread's own record; `None` if that [is over](is_over).
#[inline]
pub(super) fn own_guard() -> Option<Guard> {
    (!is_over()).then(Guard::new)
}

/// An epoch in which a guard was entered after this was called.
pub(super) fn epoch() -> Epoch {
    own_guard().map_or_else(|| Deputy::start().epoch, |guard| guard.epoch())
}

/// The thread is in a guard of the crate's. Not to be sent: it counts in this thread.
#[derive(Debug)]
pub(super) struct Pin(PhantomData<*const ()>);

impl Pin {
    #[inline]
    pub(super) fn new() -> Self {
        let pins = PINS.get();
        if pins == 0 {
            enter();
        }
        // 64 bits do not wrap.
        PINS.set(pins + 1);
        Self(PhantomData)
    }
}

impl Drop for Pin {
    #[inline]
    fn drop(&mut self) {
        let pins = PINS.get() - 1;
        PINS.set(pins);
        // There is none where the keeper has taken over.
        if pins == 0 {
            drop(GUARD.take().map(ManuallyDrop::into_inner));
        }
    }
}

#[inline]
fn enter() {
    let entered = own_guard().map_or_else(|| Entered::Deputy(Deputy::start()), Entered::Own);
    GUARD.set(Some(ManuallyDrop::new(entered)));
}

/// A thread that is in a guard until this drops. It enters before `start` returns and leaves when
/// the drop has begun, which the channels order.
struct Deputy {
    /// In which it has entered.
    epoch: Epoch,
    end: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Deputy {
    #[cold]
    fn start() -> Self {
        let (enter, entered) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let guard = Guard::new();
            enter.send(guard.epoch()).expect("`start` waits for it");
            // An error: the sender has been dropped.
            ended.recv().unwrap_err();
        });
        let epoch = entered.recv().expect("sent before the thread ends");
        Self { epoch, end: Some((end, thread)) }
    }
}

impl Drop for Deputy {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.end.take() {
            drop(end);
            thread.join().expect("it panics nowhere");
        }
    }
}

/// Ends the thread's guard.
fn exit() {
    LIFE.set(Life::Over);
    if PINS.get() > 0 {
        keep();
    }
    drop(GUARD.take().map(ManuallyDrop::into_inner));
}

/// Returns when a thread that never ends is in a guard.
#[cold]
fn keep() {
    static KEEPER: Once = Once::new();
    KEEPER.call_once(|| {
        let (entered, when_entered) = mpsc::channel();
        thread::spawn(move || {
            let _guard = Guard::new();
            entered.send(()).expect("`keep` waits for it");
            loop {
                thread::park();
            }
        });
        when_entered.recv().expect("sent before the thread parks");
    });
}
