//! Commands of the text protocol.

use cache::store::{NewCas, Options, Outcome, SetError, When, Write};
use cache::time::Expiry;

use super::reply::{
    BAD_CHUNK, MOST_HEAD, NO_FLUSH, NO_MEMORY, NO_SUM, NOT_NUMERIC, TOO_LARGE, head, number, say,
    say_unless,
};
use super::stats;
use super::sums::{self, Adding, Sum};
use crate::caches::Edit;
use crate::protocol::{Arithmetic, CRLF, ClientRequest, Command, Retrieval, Storing};
use crate::service::Desk;
use crate::tally::ServerCount;

/// Answers a key, if it is there.
#[inline]
pub(super) fn retrieve(how: Retrieval, key: &[u8], desk: &mut Desk<'_>, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(b"VALUE ");
    out.extend_from_slice(key);
    // Length and flags are known when the value is there, which is then moved to where they end.
    let at = out.len();
    out.resize(at + MOST_HEAD, 0);
    let found = match how.expiry {
        None => desk.handle.get(key, out),
        Some(expiry) => get_and_touch(key, expiry, desk, out),
    };
    let (command, hits, misses) = counts_of_retrieval(how.expiry);
    desk.counts.add(command, 1);
    let Some((flags, cas)) = found.map(|found| (found.flags, found.cas)) else {
        desk.counts.add(misses, 1);
        out.truncate(begin);
        return;
    };
    desk.counts.add(hits, 1);
    let value = at + MOST_HEAD;
    let len = out.len() - value;
    // Without CAS numbers memcached says 0.
    let cas = how.with_cas.then(|| cas.unwrap_or(0));
    let end = at + head(&mut out[at..value], flags, len, cas);
    out.copy_within(value.., end);
    out.truncate(end + len);
    out.extend_from_slice(CRLF);
}

/// What counts a retrieval, which may set an expiry: as a command, if the key is there, and if it is not.
pub(super) fn counts_of_retrieval(
    expiry: Option<Expiry>,
) -> (ServerCount, ServerCount, ServerCount) {
    match expiry {
        None => (ServerCount::CmdGet, ServerCount::GetHits, ServerCount::GetMisses),
        Some(_) => (ServerCount::CmdTouch, ServerCount::TouchHits, ServerCount::TouchMisses),
    }
}

/// Appends the value of `key`, which expires at another time from then on.
pub(super) fn get_and_touch(
    key: &[u8],
    expiry: Expiry,
    desk: &mut Desk<'_>,
    out: &mut Vec<u8>,
) -> Option<cache::store::Found> {
    let mut seen = None;
    let _ = desk.handle.update(key, &mut desk.buffer, &mut |current, _| {
        let Some(current) = current else { return Edit::Nothing };
        seen = Some(current.found());
        current.value_into(out);
        Edit::Keep(Write { expiry: Some(expiry), cas: NewCas::Kept, ..Write::default() })
    });
    seen
}

/// Stores a value; `None` if its end was not where it had to be.
pub(super) fn store(
    storing: &Storing<'_>,
    value: Option<&[u8]>,
    desk: &mut Desk<'_>,
    out: &mut Vec<u8>,
) {
    desk.counts.add(ServerCount::CmdSet, 1);
    let Some(value) = value else { return say_unless(storing.is_quiet, out, BAD_CHUNK) };
    let Storing { command, key, flags, expiry, cas, .. } = *storing;
    let when = match command {
        Command::Add => When::Absent,
        Command::Replace => When::Present,
        Command::Cas => When::Cas(cas.unwrap_or(0)),
        _ => When::Always,
    };
    let outcome = match command {
        Command::Append | Command::Prepend => {
            join(key, value, command == Command::Append, None, desk).map(|(outcome, _)| outcome)
        }
        _ => desk.handle.set(key, value, Options { flags, expiry, when }),
    };
    let outcome = outcome.or_else(|error| without_cas(error, key, desk));
    if command == Command::Cas {
        count_cas(outcome, desk);
    }
    say_unless(storing.is_quiet, out, words_of(outcome, desk));
}

/// A cache without CAS numbers has none that could be the one that was given.
fn without_cas(error: SetError, key: &[u8], desk: &mut Desk<'_>) -> Result<Outcome, SetError> {
    if error != SetError::NoCas {
        return Err(error);
    }
    desk.value.clear();
    let found = desk.handle.get(key, &mut desk.value);
    Ok(if found.is_some() { Outcome::Changed } else { Outcome::NotFound })
}

pub(super) fn count_cas(outcome: Result<Outcome, SetError>, desk: &Desk<'_>) {
    match outcome {
        Ok(Outcome::Stored) => desk.counts.add(ServerCount::CasHits, 1),
        Ok(Outcome::Changed) => desk.counts.add(ServerCount::CasBadval, 1),
        Ok(Outcome::NotFound) => desk.counts.add(ServerCount::CasMisses, 1),
        _ => {}
    }
}

/// What is said of an outcome, which is counted.
fn words_of(outcome: Result<Outcome, SetError>, desk: &Desk<'_>) -> &'static str {
    match outcome {
        Ok(Outcome::Stored) => {
            desk.counts.add(ServerCount::TotalItems, 1);
            "STORED"
        }
        Ok(Outcome::NotStored) => "NOT_STORED",
        Ok(Outcome::Changed) => "EXISTS",
        Ok(Outcome::NotFound) => "NOT_FOUND",
        Err(error) => refused(error, desk),
    }
}

/// What is said of a value that was not stored, which is counted.
pub(super) fn refused(error: SetError, desk: &Desk<'_>) -> &'static str {
    match error {
        SetError::TooLarge { .. } => {
            desk.counts.add(ServerCount::StoreTooLarge, 1);
            TOO_LARGE
        }
        _ => {
            desk.counts.add(ServerCount::StoreNoMemory, 1);
            NO_MEMORY
        }
    }
}

/// Appends to what is there, or puts before it; and the CAS number of what is there then.
pub(super) fn join(
    key: &[u8],
    more: &[u8],
    is_append: bool,
    cas: Option<u64>,
    desk: &mut Desk<'_>,
) -> Result<(Outcome, Option<u64>), SetError> {
    let most = desk.service.settings.max_value;
    let mut outcome = Outcome::NotStored;
    let joined = desk.handle.update(key, &mut desk.buffer, &mut |current, value| {
        let Some(current) = current else { return Edit::Nothing };
        // Without CAS numbers memcached heeds none here.
        let is_other = |cas: u64| cas != 0 && current.found().cas.is_some_and(|found| found != cas);
        if cas.is_some_and(is_other) {
            outcome = Outcome::Changed;
            return Edit::Nothing;
        }
        if !is_append {
            value.extend_from_slice(more);
        }
        current.value_into(value);
        if is_append {
            value.extend_from_slice(more);
        }
        // Then what is there stays.
        if value.len() > most {
            return Edit::Nothing;
        }
        outcome = Outcome::Stored;
        // What is fresh is not stale.
        Edit::Write(Write { marks: Some(0), ..Write::default() })
    });
    match joined {
        // As in memcached, where what is added has its memory by then, and both together find none.
        Err(SetError::OutOfMemory) => Ok((Outcome::NotStored, None)),
        joined => Ok((outcome, joined?.and_then(|found| found.cas))),
    }
}

fn arithmetic(request: &Arithmetic<'_>, desk: &mut Desk<'_>, out: &mut Vec<u8>) {
    let Arithmetic { key, is_increment, delta, is_quiet } = *request;
    let asked = Adding { key, is_increment, delta, ..Adding::default() };
    match sums::add(&asked, desk).sum {
        Sum::NotFound | Sum::Changed => say_unless(is_quiet, out, "NOT_FOUND"),
        Sum::NotNumeric => say_unless(is_quiet, out, NOT_NUMERIC),
        Sum::NoMemory => say_unless(is_quiet, out, NO_SUM),
        Sum::Is(_) if is_quiet => {}
        Sum::Is(sum) => {
            number(out, sum);
            out.extend_from_slice(CRLF);
        }
    }
}

/// Does what needs neither keys of the line nor a value.
pub(super) fn execute(request: &ClientRequest<'_>, desk: &mut Desk<'_>, out: &mut Vec<u8>) {
    match *request {
        ClientRequest::Add(ref request) => arithmetic(request, desk, out),
        ClientRequest::Touch { key, expiry, is_quiet } => {
            // It is a use of the item, as in memcached, and policies are told of lookups and of what is written.
            desk.value.clear();
            let is_there =
                desk.handle.get(key, &mut desk.value).is_some() && desk.handle.touch(key, expiry);
            desk.counts.add(ServerCount::CmdTouch, 1);
            desk.counts
                .add(if is_there { ServerCount::TouchHits } else { ServerCount::TouchMisses }, 1);
            say_unless(is_quiet, out, if is_there { "TOUCHED" } else { "NOT_FOUND" });
        }
        ClientRequest::Delete { key, is_quiet } => {
            let was_there = desk.handle.remove(key);
            desk.counts.add(
                if was_there { ServerCount::DeleteHits } else { ServerCount::DeleteMisses },
                1,
            );
            say_unless(is_quiet, out, if was_there { "DELETED" } else { "NOT_FOUND" });
        }
        ClientRequest::Flush { delay, is_quiet } => {
            desk.counts.add(ServerCount::CmdFlush, 1);
            let words = if flush(delay.into(), desk) { "OK" } else { NO_FLUSH };
            say_unless(is_quiet, out, words);
        }
        ClientRequest::Verbosity { is_quiet } => say_unless(is_quiet, out, "OK"),
        ClientRequest::MemoryLimit { mib, is_quiet } => {
            say_unless(is_quiet, out, memory_limit(mib));
        }
        ClientRequest::MoveTime { seconds } => {
            let is_moved = seconds.is_some_and(|seconds| desk.service.move_time(seconds));
            // A flush that is due now is before the reply.
            if is_moved && desk.service.take_flush() {
                desk.handle.clear();
            }
            say(out, if is_moved { "OK" } else { "ERROR" });
        }
        ClientRequest::Nothing => say(out, "MN"),
        ClientRequest::Version => say(out, stats::VERSION),
        ClientRequest::Stats(of) => stats::say_stats(of, desk, out),
        ClientRequest::Retrieve(..)
        | ClientRequest::Store(_)
        | ClientRequest::Meta(_)
        | ClientRequest::Shutdown { .. }
        | ClientRequest::Quit => {}
    }
}

/// Deletes everything, at once or after a delay, if that is allowed; whether it is.
pub(super) fn flush(delay: i64, desk: &mut Desk<'_>) -> bool {
    if !desk.service.settings.flushes {
        return false;
    }
    let seconds = match Expiry::from_number(delay) {
        Expiry::Never => 0,
        Expiry::After(seconds) => seconds,
        Expiry::At(second) => desk.service.until(second),
    };
    if seconds > 0 {
        desk.service.flush_after(seconds);
    } else {
        desk.service.flush_no_more();
        desk.handle.clear();
    }
    true
}

/// The memory of a cache is what it was made with.
fn memory_limit(mib: Option<u64>) -> &'static str {
    match mib {
        None => "ERROR",
        Some(..8) => "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m",
        Some(1_000_000_001..) => "MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes",
        Some(_) => "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust",
    }
}
