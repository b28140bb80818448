//! Panics that belong to no caller, such as those of drops that a reclaimer runs.

use std::mem;
use std::panic::{self, AssertUnwindSafe};

/// Runs `f`. A panic in it ends here, after the panic hook has reported it. False if it panicked.
///
/// For the user's `Drop`, run by whichever thread happens to free something, and for runs of the
/// user's code of which another run has decided already.
pub(crate) fn contain(f: impl FnOnce()) -> bool {
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    let fine = result.is_ok();
    if let Err(payload) = result {
        discard(payload);
    }
    fine
}

/// Drops what an attempt has made in vain, before it is made again. A panic of its `Drop` ends here: who sees
/// that of a `Drop` may believe that the operation has taken effect.
#[inline]
pub(crate) fn in_vain<T>(made: T) {
    if mem::needs_drop::<T>() {
        contain(|| drop(made));
    }
}

/// Of what two drops came to: the first panic, if any.
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

/// Drops what somebody panicked with. Its own `Drop` may panic too, and nothing would stop what that
/// panics with.
pub(crate) fn discard(payload: Box<dyn std::any::Any + Send>) {
    panic::catch_unwind(AssertUnwindSafe(|| drop(payload))).unwrap_or_else(mem::forget);
}
