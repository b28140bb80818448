//! The acceptor: takes connections and deals them out, and does what is due once a second.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::sockets::{Listener, Wire};
use super::wake::waker;
use super::worker::Inbox;
use crate::service::Service;

/// How often it looks for what is to be done.
const TICK: Duration = Duration::from_secs(1);

/// How often it tries again to let somebody in, if it could not.
const RETRY: Duration = Duration::from_millis(10);

/// Places of each shard that are looked at each second for what has expired.
const REAPED: usize = 4096;

/// What one connection too many is told.
const TOO_MANY: &[u8] = b"ERROR Too many open connections\r\n";

/// The thread that accepts.
#[derive(Debug)]
pub(super) struct Acceptor {
    service: Arc<Service>,
    listeners: Vec<Listener>,
    inboxes: Vec<Arc<Inbox>>,
    rejects: bool,
    poll: Poll,
    /// Whose turn it is to get a connection.
    next: usize,
}

/// Whether somebody may wait at a listener.
enum Queue {
    Empty,
    Waiting,
}

impl Acceptor {
    pub(super) fn new(
        service: Arc<Service>,
        mut listeners: Vec<Listener>,
        inboxes: Vec<Arc<Inbox>>,
        rejects: bool,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (number, listener) in listeners.iter_mut().enumerate() {
            listener.register(poll.registry(), Token(number))?;
        }
        service.wakes_by(waker(&poll)?);
        Ok(Self { service, listeners, inboxes, rejects, poll, next: 0 })
    }

    /// Accepts until the server is to stop.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(16);
        let (mut last_tick, mut timeout) = (Instant::now(), TICK);
        while !self.service.is_stopping() {
            match self.poll.poll(&mut events, Some(timeout)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            // All of them, whatever the events say: one may have been left with somebody waiting.
            let queues = 0..self.listeners.len();
            let waiting = queues.filter(|&number| matches!(self.let_in(number), Queue::Waiting));
            let is_behind = waiting.count() > 0;
            if last_tick.elapsed() >= TICK {
                self.service.cache().handle().reap(REAPED);
                last_tick = Instant::now();
            }
            if self.service.take_flush() {
                self.service.cache().handle().clear();
            }
            timeout = most_wait(is_behind, self.service.until_flush());
        }
        Ok(())
    }

    fn let_in(&mut self, number: usize) -> Queue {
        loop {
            // Relaxed: a count. Only this thread adds to it.
            let is_full =
                self.service.current.load(Ordering::Relaxed) >= self.service.settings.connections;
            if is_full && !self.rejects {
                return Queue::Waiting;
            }
            match self.listeners[number].accept() {
                Ok(stream) if is_full => self.reject(stream),
                Ok(stream) => self.deal(stream),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Queue::Empty,
                    // Who was there has gone.
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    // There is no descriptor, or no memory. Others go on, and may give some back.
                    _ => return Queue::Waiting,
                },
            }
        }
    }

    fn deal(&mut self, stream: Wire) {
        self.service.current.fetch_add(1, Ordering::Relaxed);
        self.service.accepted.fetch_add(1, Ordering::Relaxed);
        self.inboxes[self.next].put(stream);
        self.next = (self.next + 1) % self.inboxes.len();
    }

    fn reject(&self, mut stream: Wire) {
        self.service.rejected.fetch_add(1, Ordering::Relaxed);
        // A fresh socket has room for it; if it has not, the end says enough.
        let _ = stream.write(TOO_MANY);
    }
}

/// However it ends, workers are told: a worker that waits for an event does not see that the server is to stop.
impl Drop for Acceptor {
    fn drop(&mut self) {
        // Nobody can come any more.
        self.listeners.clear();
        self.inboxes.iter().for_each(|inbox| inbox.wake());
    }
}

/// How long to wait for an event at most, if everything is to be deleted after `flush`: at its time, so that what is stored
/// later stays.
fn most_wait(is_behind: bool, flush: Option<Duration>) -> Duration {
    let most = if is_behind { RETRY } else { TICK };
    flush.map_or(most, |left| left.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_is_not_late() {
        let soon = Duration::from_micros(10);
        for (is_behind, most) in [(true, RETRY), (false, TICK)] {
            let wait = |flush| most_wait(is_behind, flush);
            assert_eq!([wait(None), wait(Some(10 * TICK))], [most; 2]);
            assert_eq!([wait(Some(soon)), wait(Some(Duration::ZERO))], [soon, Duration::ZERO]);
        }
    }
}
