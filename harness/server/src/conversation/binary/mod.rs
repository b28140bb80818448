//! The binary protocol: a packet comes in, and mostly one goes out.
//!
//! A quiet command says nothing if all is as usual: a lookup has missed, anything else is done. Errors are always said.
//!
//! | file | holds |
//! | --- | --- |
//! | `answer` | packets that go out |
//! | `retrieve` | `Get`, `Touch` and their kin |
//! | `change` | what changes a key |

mod answer;
mod change;
mod retrieve;

use super::stats::{self, StatsEnd};
use super::text;
use crate::protocol::binary::{BinaryRequest, HEADER, Header, Status, check, request};
use crate::protocol::{Command, Storing};
use crate::service::{Desk, SMALL};
use crate::tally::ServerCount;

/// What a packet has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It has used so many bytes; so many after them are of a value that nobody wants.
    Used { bytes: usize, swallow: usize },
    /// So many bytes must be there first.
    Needs(usize),
    /// What has come out must be written first.
    Write,
    /// The connection is at its end.
    End,
}

/// Does what the packet at the start of `input` asks for; what it answers is appended to `out`.
pub(super) fn take(input: &[u8], desk: &mut Desk<'_>, out: &mut Vec<u8>) -> Taken {
    let Some(bytes) = input.first_chunk::<HEADER>() else { return Taken::Needs(HEADER) };
    // Who speaks something else is not answered.
    let Some(header) = Header::read(bytes) else { return Taken::End };
    // A key that is too long is not waited for.
    if let Err(status) = check(&header) {
        return end(&header, status, out);
    }
    let Some((front, data)) = input.split_at_checked(header.before_value()) else {
        return Taken::Needs(header.before_value());
    };
    let (extras, key) = front[HEADER..].split_at(header.extras);
    match request(&header, extras, key) {
        Ok(request) => obey(&request, &header, data, desk, out),
        Err(status) => end(&header, status, out),
    }
}

/// Says what is wrong with a packet after which nobody knows what the client means.
fn end(header: &Header, status: Status, out: &mut Vec<u8>) -> Taken {
    answer::fail(header, status, out);
    Taken::End
}

fn obey(
    request: &BinaryRequest<'_>,
    header: &Header,
    data: &[u8],
    desk: &mut Desk<'_>,
    out: &mut Vec<u8>,
) -> Taken {
    match *request {
        BinaryRequest::Store(storing) => return store(&storing, header, data, desk, out),
        BinaryRequest::Retrieve(lookup)
            if lookup.with_value && desk.service.transit.is_exhausted() =>
        {
            // Others have all the memory: what we have goes first.
            if !out.is_empty() {
                return Taken::Write;
            }
            retrieve::retrieve(&lookup, header, desk, out);
            // They keep nobody from what is small.
            if out.len() > SMALL {
                out.clear();
                desk.counts.add(ServerCount::ResponseOom, 1);
                answer::fail(header, Status::NoMemory, out);
            }
        }
        BinaryRequest::Quit { is_quiet } => {
            if !is_quiet {
                answer::done(header, None, out);
            }
            return Taken::End;
        }
        BinaryRequest::Unknown => {
            answer::fail(header, Status::Unknown, out);
            return Taken::Used { bytes: header.before_value(), swallow: header.value() };
        }
        _ => execute(request, header, desk, out),
    }
    Taken::Used { bytes: header.before_value(), swallow: 0 }
}

/// Does what has no value, and goes on.
fn execute(request: &BinaryRequest<'_>, header: &Header, desk: &mut Desk<'_>, out: &mut Vec<u8>) {
    match *request {
        BinaryRequest::Retrieve(lookup) => retrieve::retrieve(&lookup, header, desk, out),
        BinaryRequest::Add { sum, initial, expiry, cas } => {
            let made = expiry.map(|expiry| (initial, expiry));
            change::add(&sum, made, cas, header, desk, out);
        }
        BinaryRequest::Delete { key, cas, is_quiet } => {
            change::delete(key, cas, is_quiet, header, desk, out);
        }
        BinaryRequest::Flush { delay, is_quiet } => flush(delay, is_quiet, header, desk, out),
        BinaryRequest::Stats(of) => say_stats(of, header, desk, out),
        BinaryRequest::Noop => answer::done(header, None, out),
        BinaryRequest::Version => {
            let version = stats::VERSION.trim_start_matches("VERSION ");
            answer::say(header, Status::Done, 0, version.as_bytes(), out);
        }
        BinaryRequest::Store(_) | BinaryRequest::Quit { .. } | BinaryRequest::Unknown => {}
    }
}

/// Stores the value at the start of `data`, when all of it is there. One that is too large is refused, and then the old
/// value of a `Set` is no longer what was set last.
fn store(
    storing: &Storing<'_>,
    header: &Header,
    data: &[u8],
    desk: &mut Desk<'_>,
    out: &mut Vec<u8>,
) -> Taken {
    let is_too_large = storing.len > desk.service.settings.max_value;
    let must_wait = data.len() < storing.len;
    // It is asked once: what is waited for is looked at again when all of it is there.
    let is_kept_out = must_wait && storing.len > SMALL && desk.service.transit.is_exhausted();
    if is_too_large || is_kept_out {
        if storing.command == Command::Set {
            desk.handle.remove(storing.key);
        }
        if is_too_large {
            desk.counts.add(ServerCount::StoreTooLarge, 1);
            answer::fail(header, Status::TooLarge, out);
        } else {
            desk.counts.add(ServerCount::StoreNoMemory, 1);
            answer::no_memory(header, change::NO_ITEM, out);
        }
        return Taken::Used { bytes: header.before_value(), swallow: storing.len };
    }
    let all = header.before_value() + storing.len;
    if must_wait {
        return Taken::Needs(all);
    }
    change::store(storing, &data[..storing.len], header, desk, out);
    Taken::Used { bytes: all, swallow: 0 }
}

fn flush(delay: u32, is_quiet: bool, header: &Header, desk: &mut Desk<'_>, out: &mut Vec<u8>) {
    if !text::flush(delay.into(), desk) {
        return answer::fail(header, Status::Denied, out);
    }
    desk.counts.add(ServerCount::CmdFlush, 1);
    if !is_quiet {
        answer::done(header, None, out);
    }
}

/// A packet for each statistic, and an empty one at the end.
fn say_stats(of: Option<&[u8]>, header: &Header, desk: &Desk<'_>, out: &mut Vec<u8>) {
    let end = match of {
        // Nothing is counted by what keys begin with.
        Some(b"detail on" | b"detail off" | b"detail dump") => StatsEnd::All,
        // As in memcached, who wants keys has to ask by a line.
        Some(b"cachedump") => StatsEnd::Unknown,
        _ => stats::tell_stats(of, desk, &mut |name, value| {
            answer::pair(header, Status::Done, name.as_bytes(), value.to_string().as_bytes(), out);
        }),
    };
    match end {
        StatsEnd::All | StatsEnd::Reset => answer::done(header, None, out),
        StatsEnd::Unknown => answer::fail(header, Status::NotFound, out),
    }
}
