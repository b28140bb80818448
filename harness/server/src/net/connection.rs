//! A socket with its conversation, and what is in transit.

use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::time::Instant;

use super::sockets::Wire;
use crate::conversation::{Advance, Conversation, Next, Room};
use crate::service::{Desk, SMALL, Service};
use crate::tally::ServerCount;

/// Replies are written when there are so many bytes of them, or when there is nothing more to answer.
const REPLIES: usize = 64 << 10;

/// How often a connection reads, or writes, before others have their turn.
const ROUNDS: usize = 16;

/// What a connection may hold without being counted, in bytes.
const UNCOUNTED: usize = 2 * SMALL;

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: Wire,
    conversation: Conversation,
    /// What was read and not used up.
    input: Vec<u8>,
    /// What of `input` is used up.
    used: usize,
    /// What is to be written.
    output: Vec<u8>,
    /// What of `output` is written.
    written: usize,
    /// Whether the conversation can go on with the input that there is.
    has_work: bool,
    /// Whether there may be something to read.
    is_readable: bool,
    /// Whether the other side writes no more: then an end is read, sooner or later.
    is_hung_up: bool,
    /// Whether it ends when everything is written.
    is_ending: bool,
    /// Bytes in transit that were counted of it.
    counted: usize,
    /// When it was asked for something last, or took some of its replies after it had been full.
    pub(super) asked: Instant,
}

/// How a turn has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The connection waits for its socket.
    Waits,
    /// It could go on.
    GoesOn,
    /// It is over.
    Ended,
}

impl Connection {
    pub(super) fn new(stream: Wire, now: Instant) -> Self {
        Self {
            stream,
            conversation: Conversation::default(),
            input: Vec::new(),
            used: 0,
            output: Vec::new(),
            written: 0,
            has_work: false,
            is_readable: true,
            is_hung_up: false,
            is_ending: false,
            counted: 0,
            asked: now,
        }
    }

    /// Its socket has something to say.
    pub(super) fn notice(&mut self, event: &mio::event::Event) {
        self.is_readable |= event.is_readable();
        self.is_hung_up |= event.is_read_closed() || event.is_error();
        self.is_readable |= self.is_hung_up;
    }

    /// There may be something to read that no event will tell.
    pub(super) fn look_again(&mut self) {
        self.is_readable = true;
    }

    /// Whether the socket has not taken all that there was to write.
    pub(super) fn has_unwritten(&self) -> bool {
        !self.output.is_empty()
    }

    /// Nothing of it is in transit any more.
    pub(super) fn give_back(&mut self, service: &Service) {
        service.transit.change(mem::take(&mut self.counted), 0);
    }

    /// Whether there is nothing that was asked and is not answered.
    pub(super) fn is_at_rest(&self) -> bool {
        self.output.is_empty() && !self.has_work
    }

    /// Reads, answers and writes, until it would have to wait. `room` is where is read to.
    pub(super) fn turn(&mut self, desk: &mut Desk<'_>, room: &mut [u8]) -> Turn {
        let turn = self.rounds(desk, room).unwrap_or(Turn::Ended);
        self.tidy();
        let held = if turn == Turn::Ended { 0 } else { self.held() };
        self.count(held, desk.service);
        turn
    }

    /// Counts what it holds now.
    fn count(&mut self, held: usize, service: &Service) {
        service.transit.change(self.counted, held);
        self.counted = held;
    }

    fn rounds(&mut self, desk: &mut Desk<'_>, room: &mut [u8]) -> io::Result<Turn> {
        for _ in 0..ROUNDS {
            if !self.write(desk)? {
                return Ok(Turn::Waits);
            }
            if self.counted > 0 && desk.service.transit.is_exhausted() {
                // What it held may have been read: that is not where the memory has gone to.
                self.tidy();
                let held = self.held();
                self.count(held, desk.service);
            }
            if self.is_ending {
                return Ok(Turn::Ended);
            }
            if self.has_work {
                self.answer(desk);
            } else if !self.is_readable {
                return Ok(Turn::Waits);
            } else {
                self.read(desk, room)?;
            }
        }
        Ok(Turn::GoesOn)
    }

    /// Writes what there is to write; whether that is all.
    fn write(&mut self, desk: &Desk<'_>) -> io::Result<bool> {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    self.written += bytes;
                    desk.counts.add(ServerCount::BytesWritten, bytes as u64);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(true)
    }

    /// Reads once, and answers.
    fn read(&mut self, desk: &mut Desk<'_>, room: &mut [u8]) -> io::Result<()> {
        let bytes = match self.stream.read(room) {
            Ok(0) => {
                self.is_ending = true;
                return Ok(());
            }
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.is_readable = false;
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        };
        // What comes after this is told by an event of its own, but an end that was told already is not.
        self.is_readable = bytes == room.len() || self.is_hung_up;
        desk.counts.add(ServerCount::BytesRead, bytes as u64);
        let fresh = &room[..bytes];
        if self.input.is_empty() {
            // Most of what comes is a whole number of requests, and need not be copied.
            let progress = self.conversation.advance(fresh, desk, &mut self.output, replies(desk));
            self.input.extend_from_slice(&fresh[progress.used..]);
            self.settle(Advance { used: 0, next: progress.next });
        } else {
            self.input.extend_from_slice(fresh);
            self.answer(desk);
        }
        Ok(())
    }

    fn answer(&mut self, desk: &mut Desk<'_>) {
        let input = &self.input[self.used..];
        let progress = self.conversation.advance(input, desk, &mut self.output, replies(desk));
        self.settle(progress);
    }

    fn settle(&mut self, progress: Advance) {
        self.used += progress.used;
        self.has_work = progress.next == Next::Write;
        self.is_ending |= progress.next == Next::Close;
        if self.used == self.input.len() {
            self.input.clear();
            self.used = 0;
        } else if self.used > self.input.len() / 2 {
            // Each byte is moved less than once for each that was used up.
            self.input.drain(..self.used);
            self.used = 0;
        }
    }

    /// Gives back what only large requests need.
    fn tidy(&mut self) {
        for (buffer, need) in [(&mut self.input, self.conversation.need()), (&mut self.output, 0)] {
            if buffer.capacity() > UNCOUNTED && buffer.len() < SMALL && need < SMALL {
                buffer.shrink_to(SMALL);
            }
        }
    }

    /// What it holds, or soon will, in bytes; 0 if that is little.
    fn held(&self) -> usize {
        let held = self.input.capacity().max(self.conversation.need()) + self.output.capacity();
        if held > UNCOUNTED { held } else { 0 }
    }
}

fn replies(desk: &Desk<'_>) -> Room {
    Room { bytes: REPLIES, each: desk.service.settings.writes_each }
}
