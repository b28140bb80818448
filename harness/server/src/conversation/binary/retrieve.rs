//! `Get`, `Touch` and their kin.

use super::answer;
use crate::conversation::text::{counts_of_retrieval, get_and_touch};
use crate::protocol::binary::{BodyLengths, HEADER, Header, Lookup, Status};
use crate::service::Desk;

/// Bytes of the flags, which are the extras of a reply.
const FLAGS: usize = 4;

/// Answers a lookup. A hit is always said, a miss unless the lookup is quiet.
pub(super) fn retrieve(
    lookup: &Lookup<'_>,
    header: &Header,
    desk: &mut Desk<'_>,
    out: &mut Vec<u8>,
) {
    let begin = out.len();
    // Header and flags are known when the value is there, which comes behind them.
    let extras = begin + HEADER;
    out.resize(extras + FLAGS, 0);
    if lookup.with_key {
        out.extend_from_slice(lookup.key);
    }
    let value = out.len();
    let found = match lookup.expiry {
        None => desk.handle.get(lookup.key, out),
        Some(expiry) => get_and_touch(lookup.key, expiry, desk, out),
    };
    let (command, hits, misses) = counts_of_retrieval(lookup.expiry);
    desk.counts.add(command, 1);
    let Some(found) = found else {
        desk.counts.add(misses, 1);
        out.truncate(begin);
        return miss(lookup, header, out);
    };
    desk.counts.add(hits, 1);
    if !lookup.with_value {
        out.truncate(value);
    }
    let key = if lookup.with_key { lookup.key.len() } else { 0 };
    let lengths = BodyLengths { extras: FLAGS, key, body: out.len() - extras };
    let head = header.reply(Status::Done, lengths, found.cas.unwrap_or(0));
    out[begin..extras].copy_from_slice(&head);
    out[extras..extras + FLAGS].copy_from_slice(&found.flags.to_be_bytes());
}

/// Says that a key is absent: by the key itself, if that is wanted, and else by words.
fn miss(lookup: &Lookup<'_>, header: &Header, out: &mut Vec<u8>) {
    if lookup.is_quiet {
        return;
    }
    if lookup.with_key {
        answer::pair(header, Status::NotFound, lookup.key, b"", out);
    } else {
        answer::fail(header, Status::NotFound, out);
    }
}
