//! Packets that go out.

use crate::protocol::binary::{BodyLengths, Header, Status};

/// Says how the command of `header` has ended, with a CAS number, or 0, and a value.
pub(super) fn say(header: &Header, status: Status, cas: u64, value: &[u8], out: &mut Vec<u8>) {
    let lengths = BodyLengths { body: value.len(), ..BodyLengths::default() };
    out.extend_from_slice(&header.reply(status, lengths, cas));
    out.extend_from_slice(value);
}

/// Says that the command is done, and the CAS number if there is one to tell.
pub(super) fn done(header: &Header, cas: Option<u64>, out: &mut Vec<u8>) {
    say(header, Status::Done, cas.unwrap_or(0), b"", out);
}

/// Says why the command is not done.
pub(super) fn fail(header: &Header, status: Status, out: &mut Vec<u8>) {
    say(header, status, 0, status.words().as_bytes(), out);
}

/// Says that there is no memory, and what for.
pub(super) fn no_memory(header: &Header, words: &str, out: &mut Vec<u8>) {
    say(header, Status::NoMemory, 0, words.as_bytes(), out);
}

/// Says a key with a value that is not the cache's.
pub(super) fn pair(header: &Header, status: Status, key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let lengths = BodyLengths { extras: 0, key: key.len(), body: key.len() + value.len() };
    out.extend_from_slice(&header.reply(status, lengths, 0));
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}
