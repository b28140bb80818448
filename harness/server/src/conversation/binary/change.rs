//! What changes a key.

use cache::store::{Outcome, SetError, When, Write};
use cache::time::Expiry;

use super::answer;
use crate::caches::Edit;
use crate::conversation::sums::{self, Adding, Sum};
use crate::conversation::text;
use crate::protocol::binary::{Header, Status};
use crate::protocol::{Arithmetic, Command, Storing};
use crate::service::Desk;
use crate::tally::ServerCount;

/// What there is no memory for, in memcached's words.
pub(super) const NO_ITEM: &str = "Out of memory allocating item";
const NO_NEW_ITEM: &str = "Out of memory allocating new item";
const NO_SUM: &str = "Out of memory incrementing value";

/// What storing has come to, and the CAS number of what is there then.
type Stored = Result<(Outcome, Option<u64>), SetError>;

/// Stores a value, or joins it to what is there, and tells the CAS number that this gets.
pub(super) fn store(
    storing: &Storing<'_>,
    value: &[u8],
    header: &Header,
    desk: &mut Desk<'_>,
    out: &mut Vec<u8>,
) {
    desk.counts.add(ServerCount::CmdSet, 1);
    // Where items have no CAS numbers none is heeded.
    let cas = storing.cas.filter(|_| desk.service.has_cas());
    let is_join = matches!(storing.command, Command::Append | Command::Prepend);
    let stored = if is_join {
        text::join(storing.key, value, storing.command == Command::Append, cas, desk)
    } else {
        put(storing, cas, value, desk)
    };
    let (outcome, cas_then) = match stored {
        Ok(stored) => stored,
        // It is not too large: that was seen before it had come.
        Err(error) => {
            text::refused(error, desk);
            return answer::no_memory(header, NO_ITEM, out);
        }
    };
    if cas.is_some() && !is_join {
        text::count_cas(Ok(outcome), desk);
    }
    let status = match (outcome, storing.command) {
        (Outcome::Stored, _) => Status::Done,
        (Outcome::Changed, _) | (Outcome::NotStored, Command::Add) => Status::Exists,
        (Outcome::NotFound, _) | (Outcome::NotStored, Command::Replace) => Status::NotFound,
        (Outcome::NotStored, _) => Status::NotStored,
    };
    if status != Status::Done {
        return answer::fail(header, status, out);
    }
    desk.counts.add(ServerCount::TotalItems, 1);
    if !storing.is_quiet {
        answer::done(header, cas_then, out);
    }
}

/// Stores a value: if a CAS number is given, whichever command it is, where that is the item's.
fn put(storing: &Storing<'_>, cas: Option<u64>, value: &[u8], desk: &mut Desk<'_>) -> Stored {
    let Storing { command, key, flags, expiry, .. } = *storing;
    let when = match (cas, command) {
        (Some(cas), _) => When::Cas(cas),
        (None, Command::Add) => When::Absent,
        (None, Command::Replace) => When::Present,
        _ => When::Always,
    };
    let mut outcome = Outcome::Stored;
    let found = desk.handle.update(key, &mut desk.buffer, &mut |current, buffer| {
        outcome = when.outcome(current.map(|current| current.found()));
        if outcome != Outcome::Stored {
            return Edit::Nothing;
        }
        buffer.extend_from_slice(value);
        let (flags, expiry) = (Some(flags), Some(expiry));
        // A set that finds no memory leaves no old value, as in memcached.
        let or_absent = command == Command::Set;
        Edit::Write(Write { flags, expiry, marks: Some(0), or_absent, ..Write::default() })
    })?;
    Ok((outcome, found.and_then(|found| found.cas)))
}

/// Deletes a key, if it has the CAS number that is given.
pub(super) fn delete(
    key: &[u8],
    cas: Option<u64>,
    is_quiet: bool,
    header: &Header,
    desk: &mut Desk<'_>,
    out: &mut Vec<u8>,
) {
    let mut status = Status::NotFound;
    if let Some(cas) = cas {
        let _ = desk.handle.update(key, &mut desk.buffer, &mut |current, _| {
            let Some(current) = current else { return Edit::Nothing };
            if current.found().cas != Some(cas) {
                status = Status::Exists;
                return Edit::Nothing;
            }
            status = Status::Done;
            Edit::Remove
        });
    } else if desk.handle.remove(key) {
        status = Status::Done;
    }
    match status {
        Status::Done => desk.counts.add(ServerCount::DeleteHits, 1),
        Status::NotFound => desk.counts.add(ServerCount::DeleteMisses, 1),
        _ => {}
    }
    if status != Status::Done {
        answer::fail(header, status, out);
    } else if !is_quiet {
        answer::done(header, None, out);
    }
}

/// Adds to a number, or takes from it, and tells the sum. A missing key is made with a number, and expires, as `made`
/// says, if it does.
pub(super) fn add(
    request: &Arithmetic<'_>,
    made: Option<(u64, Expiry)>,
    cas: Option<u64>,
    header: &Header,
    desk: &mut Desk<'_>,
    out: &mut Vec<u8>,
) {
    let Arithmetic { key, is_increment, delta, is_quiet } = *request;
    let added = sums::add(&Adding { key, is_increment, delta, cas, expiry: None, made }, desk);
    match added.sum {
        Sum::NotFound => answer::fail(header, Status::NotFound, out),
        Sum::NotNumeric => answer::fail(header, Status::NotNumeric, out),
        Sum::Changed => answer::fail(header, Status::Exists, out),
        Sum::NoMemory => {
            let words = if added.is_new { NO_NEW_ITEM } else { NO_SUM };
            answer::no_memory(header, words, out);
        }
        Sum::Is(_) if is_quiet => {}
        Sum::Is(sum) => {
            let cas = added.found.cas.unwrap_or(0);
            answer::say(header, Status::Done, cas, &sum.to_be_bytes(), out);
        }
    }
}
