//! A connection without its socket: bytes come in, bytes go out.
//!
//! What comes out depends on the bytes that came in, and not on how they were cut. A conversation keeps no copy of
//! its input: who has the bytes shows them again, with more behind them, until the conversation has used them up.
//! Unless the server speaks one protocol alone, the first byte says whether lines come in or packets.

mod binary;
mod meta;
mod reply;
mod stats;
mod sums;
mod text;

use self::binary::Taken;
use crate::protocol::{
    CRLF, ClientRequest, Command, MAX_KEY, MOST_LINE, MOST_RETRIEVAL, Meta, Refusal, Retrieval,
    Words, line, request,
};
use crate::service::{Desk, SMALL};
use crate::tally::ServerCount;

/// What a conversation has done, and what it wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Bytes of the input that it has used up.
    pub used: usize,
    /// Why it has stopped.
    pub next: Next,
}

/// Why a conversation has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It needs more input.
    Read,
    /// What has come out must be written first; or it has done much, and goes on with the same input.
    Write,
    /// When what has come out is written, the connection is at its end.
    Close,
}

/// Keys of a retrieval that are looked up before others may have their turn: it may have a hundred thousand, and
/// nothing comes out of those that are not there.
const KEYS_AT_A_TIME: usize = 1024;

/// How much may come out before it is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Bytes. The last reply may go beyond.
    pub bytes: usize,
    /// Whether it is written after each command.
    pub each: bool,
}

/// A conversation.
#[derive(Debug, Default)]
pub struct Conversation {
    state: State,
    /// Bytes at the start of the input that have no line's end.
    seen: usize,
    /// Bytes of input without which there is nothing to do.
    need: usize,
}

/// Where in the conversation we are.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Before the first byte.
    #[default]
    Start,
    /// Before a line.
    Line,
    /// Before a packet of the binary protocol.
    Packet,
    /// In a line, before further keys.
    Keys {
        how: Retrieval,
        /// Bytes of the line that may have keys.
        left: usize,
        /// Bytes after those.
        tail: usize,
    },
    /// In data that nobody wants, behind a line.
    Swallow(usize),
    /// In the value of a packet, which nobody wants.
    SwallowValue(usize),
}

/// A value that is to follow a line.
#[derive(Clone, Copy, Debug)]
struct Announced<'k> {
    key: &'k [u8],
    /// Bytes of it.
    len: usize,
    /// Whether the key is absent if the value is refused: then what it had is not what was set last. As in memcached,
    /// what only adds to a value, or needs one, leaves it there.
    is_set: bool,
    /// Whether nothing is said of it.
    is_quiet: bool,
}

/// What a step has come to.
enum Step {
    /// It has used so many bytes.
    Used(usize),
    Stop(Next),
}

impl Conversation {
    /// Bytes of input without which the conversation does nothing: what a buffer will have to hold.
    #[must_use]
    pub fn need(&self) -> usize {
        self.need
    }

    /// Whether it waits for a command, and not for the rest of one.
    #[must_use]
    pub fn is_between_commands(&self) -> bool {
        matches!(self.state, State::Start | State::Line | State::Packet)
    }

    /// Goes through `input`, which begins where it had stopped; replies are appended to `out`.
    pub fn advance(
        &mut self,
        input: &[u8],
        desk: &mut Desk<'_>,
        out: &mut Vec<u8>,
        room: Room,
    ) -> Advance {
        let mut used = 0;
        loop {
            let before = out.len();
            if before >= room.bytes {
                return Advance { used, next: Next::Write };
            }
            match self.step(&input[used..], desk, out, room) {
                Step::Used(bytes) => {
                    used += bytes;
                    (self.seen, self.need) = (0, 0);
                }
                Step::Stop(next) => return Advance { used, next },
            }
            if matches!(self.state, State::Keys { .. }) {
                return Advance { used, next: Next::Write };
            }
            if room.each && out.len() > before && self.is_between_commands() {
                return Advance { used, next: Next::Write };
            }
        }
    }

    fn step(&mut self, input: &[u8], desk: &mut Desk<'_>, out: &mut Vec<u8>, room: Room) -> Step {
        match self.state {
            State::Start => match input.first() {
                Some(&first) => {
                    let is_binary = desk.service.settings.protocol.is_binary(first);
                    self.state = if is_binary { State::Packet } else { State::Line };
                    Step::Used(0)
                }
                None => Step::Stop(Next::Read),
            },
            State::Line | State::Packet if input.len() < self.need => Step::Stop(Next::Read),
            State::Line => self.command(input, desk, out, room),
            State::Packet => self.packet(input, desk, out),
            State::Keys { how, left, tail } => {
                let keys = Words::of(&input[..left]);
                Step::Used(self.retrieve(how, keys, tail, desk, out, room))
            }
            State::Swallow(_) | State::SwallowValue(_) if input.is_empty() => {
                Step::Stop(Next::Read)
            }
            State::Swallow(left) => {
                let now = left.min(input.len());
                self.state = if now == left { State::Line } else { State::Swallow(left - now) };
                Step::Used(now)
            }
            State::SwallowValue(left) => {
                let now = left.min(input.len());
                self.swallow_value(left - now);
                Step::Used(now)
            }
        }
    }

    /// A packet, and the value in it.
    fn packet(&mut self, input: &[u8], desk: &mut Desk<'_>, out: &mut Vec<u8>) -> Step {
        match binary::take(input, desk, out) {
            Taken::Used { bytes, swallow } => {
                self.swallow_value(swallow);
                Step::Used(bytes)
            }
            Taken::Needs(bytes) => {
                self.need = bytes;
                Step::Stop(Next::Read)
            }
            Taken::Write => Step::Stop(Next::Write),
            Taken::End => Step::Stop(Next::Close),
        }
    }

    /// So much is to come of a value that nobody wants; then a packet.
    fn swallow_value(&mut self, left: usize) {
        self.state = if left == 0 { State::Packet } else { State::SwallowValue(left) };
    }

    /// A line, and the value behind it.
    fn command(
        &mut self,
        input: &[u8],
        desk: &mut Desk<'_>,
        out: &mut Vec<u8>,
        room: Room,
    ) -> Step {
        let Some(line) = line(input, self.seen) else { return self.wait(input, desk) };
        if line.bytes > most(input) {
            return Step::Stop(Next::Close);
        }
        let request = match request(&line) {
            Ok(request) => request,
            Err(refusal) => return Step::Used(self.refuse(refusal, line.bytes, out)),
        };
        let data = &input[line.bytes..];
        match request {
            ClientRequest::Retrieve(how, keys) => {
                // What the line has behind its keys: its end, and what follows a byte of 0.
                let begin = line.text.len() - keys.rest().len();
                let tail = line.bytes - line.text.len();
                let used = self.retrieve(how, keys, tail, desk, out, room);
                Step::Used(begin + used)
            }
            ClientRequest::Quit => Step::Stop(Next::Close),
            ClientRequest::Shutdown { is_known } => shut_down(is_known, line.bytes, desk, out),
            ClientRequest::Store(storing) => {
                let announced = Announced {
                    key: storing.key,
                    len: storing.len,
                    is_set: storing.command == Command::Set,
                    is_quiet: storing.is_quiet,
                };
                match self.value(line.bytes, announced, data, desk, out) {
                    Err(step) => step,
                    Ok(value) => {
                        text::store(&storing, value, desk, out);
                        Step::Used(line.bytes + storing.len + CRLF.len())
                    }
                }
            }
            ClientRequest::Meta(meta) => self.meta(&meta, line.bytes, data, desk, out),
            other => {
                text::execute(&other, desk, out);
                Step::Used(line.bytes)
            }
        }
    }

    /// The line has not ended.
    fn wait(&mut self, input: &[u8], desk: &Desk<'_>) -> Step {
        let is_long = input.len() > MOST_LINE && desk.service.transit.is_exhausted();
        if input.len() >= most(input) || is_long {
            return Step::Stop(Next::Close);
        }
        self.seen = input.len();
        Step::Stop(Next::Read)
    }

    fn refuse(&mut self, refusal: Refusal, line: usize, out: &mut Vec<u8>) -> usize {
        if !refusal.words.is_empty() {
            reply::say(out, refusal.words);
        }
        if refusal.swallow > 0 {
            self.state = State::Swallow(refusal.swallow);
        }
        line
    }

    /// The value at the start of `data`, `Some` if it ends as it must, if all of it is there. If it is too large it is
    /// refused.
    fn value<'d>(
        &mut self,
        line: usize,
        announced: Announced<'_>,
        data: &'d [u8],
        desk: &mut Desk<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<&'d [u8]>, Step> {
        let Announced { key, len, is_set, is_quiet } = announced;
        let is_too_large = len > desk.service.settings.max_value;
        let all = len + CRLF.len();
        let must_wait = data.len() < all;
        // It is asked once: what is waited for is looked at again when all of it is there.
        let is_kept_out = must_wait && len > SMALL && desk.service.transit.is_exhausted();
        if is_too_large || is_kept_out {
            let (count, words) = if is_too_large {
                (ServerCount::StoreTooLarge, reply::TOO_LARGE)
            } else {
                (ServerCount::StoreNoMemory, reply::NO_MEMORY)
            };
            desk.counts.add(count, 1);
            if is_set {
                desk.handle.remove(key);
            }
            let refusal = Refusal { words: if is_quiet { "" } else { words }, swallow: all };
            return Err(Step::Used(self.refuse(refusal, line, out)));
        }
        if must_wait {
            self.need = line + all;
            return Err(Step::Stop(Next::Read));
        }
        let (value, end) = data[..all].split_at(len);
        Ok((end == CRLF).then_some(value))
    }

    /// Answers keys until there is no more room, or they were many. Returns what it has used up.
    fn retrieve(
        &mut self,
        how: Retrieval,
        mut keys: Words<'_>,
        tail: usize,
        desk: &mut Desk<'_>,
        out: &mut Vec<u8>,
        room: Room,
    ) -> usize {
        let (all, mut looked_up) = (keys.rest().len(), 0);
        loop {
            let left = keys.rest().len();
            if out.len() >= room.bytes || looked_up == KEYS_AT_A_TIME {
                self.state = State::Keys { how, left, tail };
                return all - left;
            }
            let Some(key) = keys.next() else { break };
            let is_exhausted = desk.service.transit.is_exhausted();
            if is_exhausted && !out.is_empty() {
                // Others have all the memory: what we have goes first.
                self.state = State::Keys { how, left, tail };
                return all - left;
            }
            text::retrieve(how, key, desk, out);
            if is_exhausted && withholds(desk, out) {
                self.state = State::Line;
                return all + tail;
            }
            looked_up += 1;
        }
        out.extend_from_slice(b"END\r\n");
        self.state = State::Line;
        all + tail
    }

    fn meta(
        &mut self,
        meta: &Meta<'_>,
        line: usize,
        data: &[u8],
        desk: &mut Desk<'_>,
        out: &mut Vec<u8>,
    ) -> Step {
        let mut decoded = [0; MAX_KEY];
        let key = meta.key(&mut decoded);
        match meta.command {
            Command::MetaSet => {
                // Whichever its mode is; and an error is said, quiet or not.
                let announced = Announced { key, len: meta.len, is_set: true, is_quiet: false };
                match self.value(line, announced, data, desk, out) {
                    Err(step) => step,
                    Ok(value) => {
                        meta::store(meta, key, value, desk, out);
                        Step::Used(line + meta.len + CRLF.len())
                    }
                }
            }
            Command::MetaGet if meta.wants_value && desk.service.transit.is_exhausted() => {
                if !out.is_empty() {
                    return Step::Stop(Next::Write);
                }
                meta::execute(meta, key, desk, out);
                withholds(desk, out);
                Step::Used(line)
            }
            _ => {
                meta::execute(meta, key, desk, out);
                Step::Used(line)
            }
        }
    }
}

/// Takes the only reply that there is back, and refuses it, if it is large; whether it is. Others have all the memory
/// then, maybe by values that they announce and never send: they keep nobody from what is small.
fn withholds(desk: &Desk<'_>, out: &mut Vec<u8>) -> bool {
    let is_large = out.len() > SMALL;
    if is_large {
        out.clear();
        desk.counts.add(ServerCount::ResponseOom, 1);
        reply::say(out, reply::NO_RESPONSE);
    }
    is_large
}

/// The longest line that may begin as `input` does.
fn most(input: &[u8]) -> usize {
    let command = input.trim_ascii_start();
    let is_retrieval = [&b"get "[..], b"gets ", b"gat ", b"gats "]
        .iter()
        .any(|retrieval| command.starts_with(retrieval));
    if is_retrieval { MOST_RETRIEVAL } else { MOST_LINE }
}

fn shut_down(is_known: bool, line: usize, desk: &Desk<'_>, out: &mut Vec<u8>) -> Step {
    if !desk.service.settings.shuts_down {
        reply::say(out, "ERROR: shutdown not enabled");
        return Step::Used(line);
    }
    if !is_known {
        reply::say(out, "CLIENT_ERROR invalid shutdown mode");
        return Step::Used(line);
    }
    desk.service.stop();
    Step::Stop(Next::Close)
}
