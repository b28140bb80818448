//! The user's code that panics: hashers, `Eq`, `Clone` and closures, where the input says so.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// Which of the user's functions panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Hash,
    Eq,
    Clone,
    Closure,
}

impl Fault {
    pub(super) const ALL: [Self; 4] = [Self::Hash, Self::Eq, Self::Clone, Self::Closure];
}

/// What a planted fault panics with.
struct Planted;

thread_local! {
    /// What panics at its n-th next call.
    static FUSE: Cell<Option<(Fault, u8)>> = const { Cell::new(None) };
    /// The hasher panics at keys with this remainder: `(modulus, remainder)`.
    static POISON: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
    /// Whether a panic is to be caught here, and so is not the end of the process.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
    /// What was said by the last panic that was expected.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Makes `fault` panic at its call number `calls` from now on, once.
pub(super) fn plant(fault: Fault, calls: u8) {
    FUSE.set(Some((fault, calls)));
}

/// Takes the fuse out.
pub(super) fn unplant() {
    FUSE.set(None);
}

/// Makes the hasher panic at some keys from now on, or at none.
pub(super) fn poison(keys: Option<(u64, u64)>) {
    POISON.set(keys);
}

/// Takes all faults out.
pub(super) fn clear() {
    unplant();
    poison(None);
}

/// Runs `f` without any fault; those that were planted are there afterwards.
pub(super) fn without<T>(f: impl FnOnce() -> T) -> T {
    let (fuse, poison) = (FUSE.take(), POISON.take());
    let result = f();
    FUSE.set(fuse);
    POISON.set(poison);
    result
}

/// To be called by the user's function that can fail so.
pub(super) fn maybe_panic(fault: Fault) {
    let Some((set, left)) = FUSE.get() else { return };
    if set == fault {
        FUSE.set(left.checked_sub(1).map(|left| (set, left)));
        if left == 0 {
            throw();
        }
    }
}

/// To be called by the hasher for each key.
pub(super) fn maybe_poisoned(key: u64) {
    if POISON.get().is_some_and(|(modulus, remainder)| key % modulus == remainder) {
        throw();
    }
}

/// Past the panic hook: under libFuzzer, that ends the process.
fn throw() -> ! {
    assert!(EXPECTED.get(), "the user's code is called outside of an operation");
    panic::resume_unwind(Box::new(Planted))
}

/// Why something panicked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Panic {
    /// As it was told to.
    Planted,
    /// As something says, with the place where it does.
    Said(String),
}

/// Runs `f` and catches its panic, without the panic hook, which under libFuzzer ends the process.
pub(super) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Panic> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if EXPECTED.get() {
                SAID.set(info.to_string());
            } else {
                before(info);
            }
        }));
    });
    EXPECTED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    EXPECTED.set(false);
    result.map_err(|payload| why(payload.as_ref()))
}

fn why(payload: &(dyn Any + Send)) -> Panic {
    if payload.is::<Planted>() { Panic::Planted } else { Panic::Said(SAID.take()) }
}
