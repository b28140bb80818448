//! Plain memory of many lines, told of line by line.

use super::{Access, core, tell};

/// Bytes of a line.
const LINE: usize = 64;

/// An address in each line of so many bytes.
fn lines(address: usize, bytes: usize) -> impl Iterator<Item = usize> {
    let first = address / LINE * LINE;
    (first..address + bytes).step_by(LINE).map(move |line| line.max(address))
}

/// So many bytes of plain memory at `address` are read.
#[track_caller]
pub(crate) fn touch_bytes<T>(address: *const T, bytes: usize) {
    for line in lines(address.addr(), bytes) {
        tell(Access::Load, line, 0);
    }
}

/// So many bytes of plain memory at `address` are written.
#[track_caller]
pub(crate) fn touch_bytes_mut<T>(address: *const T, bytes: usize) {
    for line in lines(address.addr(), bytes) {
        tell(Access::Store, line, 0);
    }
}

/// What is at `address` is read, modified and written in one step, by another crate.
#[track_caller]
pub(crate) fn touch_update<T>(address: *const T) {
    tell(Access::Update, address.addr(), 0);
}

/// Runs what has to look for the memory that it tells of.
pub(crate) fn telling(tell: impl FnOnce()) {
    if core().is_some() {
        tell();
    }
}
