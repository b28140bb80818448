//! What wakes a thread that waits for events.

use std::io;

use mio::{Poll, Token, Waker};

/// The token of a thread's waker; connections and listeners have those from 0 on.
pub(crate) const WAKER: Token = Token(usize::MAX);

/// What wakes who waits by `poll`.
pub(crate) fn waker(poll: &Poll) -> io::Result<Waker> {
    Waker::new(poll.registry(), WAKER)
}
