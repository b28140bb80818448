//! The parts that replies are made of.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::protocol::CRLF;

pub(super) const TOO_LARGE: &str = "SERVER_ERROR object too large for cache";
pub(super) const NO_MEMORY: &str = "SERVER_ERROR out of memory storing object";
pub(super) const NO_SUM: &str = "SERVER_ERROR out of memory";
pub(super) const NO_NEW_SUM: &str = "SERVER_ERROR Out of memory allocating new item";
pub(super) const NO_RESPONSE: &str = "SERVER_ERROR out of memory writing get response";
pub(super) const NO_FLUSH: &str = "CLIENT_ERROR flush_all not allowed";
pub(super) const BAD_CHUNK: &str = "CLIENT_ERROR bad data chunk";
pub(super) const NOT_NUMERIC: &str = "CLIENT_ERROR cannot increment or decrement non-numeric value";

/// Says a line.
pub(super) fn say(out: &mut Vec<u8>, words: &str) {
    out.extend_from_slice(words.as_bytes());
    out.extend_from_slice(CRLF);
}

/// Says a line unless it is not to be said.
pub(super) fn say_unless(is_quiet: bool, out: &mut Vec<u8>, words: &str) {
    if !is_quiet {
        say(out, words);
    }
}

/// Says a number, behind what has been said.
pub(super) fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Says bytes in base 64.
pub(super) fn encoded(out: &mut Vec<u8>, bytes: &[u8]) {
    let begin = out.len();
    out.resize(begin + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[begin..]);
    out.truncate(begin + written.expect("there is room for four letters for three bytes"));
}

/// The most bytes of a value's head behind its key: flags, length, CAS number, blanks and the line's end.
pub(super) const MOST_HEAD: usize = 1 + 10 + 1 + 10 + 1 + 20 + 2;

/// Writes ` flags length[ cas]` and the line's end at the start of `head`, and returns how long that is.
pub(super) fn head(head: &mut [u8], flags: u32, len: usize, cas: Option<u64>) -> usize {
    let mut end = 0;
    let mut buffer = itoa::Buffer::new();
    let mut push = |bytes: &[u8]| {
        head[end..end + bytes.len()].copy_from_slice(bytes);
        end += bytes.len();
    };
    push(b" ");
    push(buffer.format(flags).as_bytes());
    push(b" ");
    push(buffer.format(len).as_bytes());
    if let Some(cas) = cas {
        push(b" ");
        push(buffer.format(cas).as_bytes());
    }
    push(CRLF);
    end
}
