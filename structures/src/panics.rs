//! Panics that belong to no caller, such as those of drops that a reclaimer runs.

use std::mem;
use std::panic::{self, AssertUnwindSafe};

/// Runs `f`; a panic in it is reported to the panic hook and not propagated. Returns false if it panicked.
///
/// It is for the user's `Drop`, which runs on whichever thread happens to free something, and for runs of
/// user code whose outcome another run has already decided.
pub(crate) fn contain(f: impl FnOnce()) -> bool {
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    let fine = result.is_ok();
    if let Err(payload) = result {
        discard(payload);
    }
    fine
}

/// Drops what a failed attempt has made, before the next attempt. A panic of its `Drop` is not propagated: a caller
/// that sees a panic of a `Drop` may assume that the operation has taken effect.
#[inline]
pub(crate) fn in_vain<T>(made: T) {
    if mem::needs_drop::<T>() {
        contain(|| drop(made));
    }
}

/// The first panic of two drops, if any.
pub(crate) fn first(
    earlier: std::thread::Result<()>,
    later: std::thread::Result<()>,
) -> std::thread::Result<()> {
    if earlier.is_ok() {
        return later;
    }
    later.unwrap_or_else(discard);
    earlier
}

/// Drops the payload of a panic. The payload's own `Drop` may panic too, and nothing would catch that panic's
/// payload.
pub(crate) fn discard(payload: Box<dyn std::any::Any + Send>) {
    panic::catch_unwind(AssertUnwindSafe(|| drop(payload))).unwrap_or_else(mem::forget);
}
