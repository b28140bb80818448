//! A thread's guard of the crate sdd: one for all of ours.
//!
//! The crate counts a thread's guards in a record. When the thread has ended it gives the record to
//! another one, with the count; and of a guard that was forgotten nobody has taken one off. That other
//! thread's guards then announce nothing, as the record says that there is one already, and what they
//! protect is freed. So the crate sees one guard of ours in a thread at most. It is kept here, and ends
//! before the record does, whatever was forgotten.
//!
//! Ours that are still counted then were forgotten, or are in another thread-local that drops later. For
//! them a thread that never ends enters a guard first: from there on the scheme frees nothing in this
//! process but with a domain, as it would be if the thread had gone on.

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::{Once, mpsc};
use std::thread;

use ::sdd::Guard;

thread_local! {
    /// Pins of this thread that have not dropped.
    static PINS: Cell<u64> = const { Cell::new(0) };
    /// The crate's guard, while there are pins. Dropped by the last of them, or by [`AtExit`].
    static GUARD: Cell<Option<ManuallyDrop<Guard>>> = const { Cell::new(None) };
    /// Whether the thread's pins have been handed to the keeper.
    static ENDED: Cell<bool> = const { Cell::new(false) };
    static AT_EXIT: AtExit = const { AtExit };
}

/// The thread is in a guard of the crate's. Not to be sent: it counts in this thread.
#[derive(Debug)]
pub(super) struct Pin(PhantomData<*const ()>);

impl Pin {
    /// Panics where the crate does, in a thread whose record is gone.
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
        if pins == 0 && !ENDED.get() {
            drop(GUARD.take().map(ManuallyDrop::into_inner));
        }
    }
}

#[inline]
fn enter() {
    let guard = Guard::new();
    // First used behind the crate's thread-local, so that it drops before that. If it has dropped, the
    // thread is about to end.
    _ = AT_EXIT.try_with(|_| ());
    GUARD.set(Some(ManuallyDrop::new(guard)));
}

/// Ends the thread's guard.
struct AtExit;

impl Drop for AtExit {
    fn drop(&mut self) {
        if PINS.get() > 0 {
            ENDED.set(true);
            keep();
        }
        drop(GUARD.take().map(ManuallyDrop::into_inner));
    }
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
