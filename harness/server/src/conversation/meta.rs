//! Meta commands.
//!
//! An item whose value is to be fetched anew carries that in two marks: it is *stale*, and somebody has the
//! *token*, which is to say that it was told to fetch it. What memcached tells by the time of an item's last
//! use (`mg` with h and l) is refused: a lookup here writes nothing, so nobody knows it.

use cache::store::{Found, NewCas, Options, Outcome, SetError, When, Write};
use cache::time::Expiry;

use super::reply::{BAD_CHUNK, NO_NEW_SUM, NO_SUM, NOT_NUMERIC, encoded, number, say};
use super::sums::{self, Added, Adding, Sum};
use super::text::{self, join, refused};
use crate::caches::Edit;
use crate::protocol::{CRLF, Command, Meta, Words};
use crate::service::{Desk, Service};
use crate::tally::ServerCount;

/// Its value is an old one.
const STALE: u8 = 1;
/// Somebody was told to fetch its value.
const TOKEN: u8 = 2;

/// Does what needs no value.
pub(super) fn execute(meta: &Meta<'_>, key: &[u8], desk: &mut Desk<'_>, out: &mut Vec<u8>) {
    match meta.command {
        Command::MetaGet => get(meta, key, desk, out),
        Command::MetaDelete => delete(meta, key, desk, out),
        Command::MetaArithmetic => arithmetic(meta, key, desk, out),
        _ => debug(meta, key, desk, out),
    }
}

/// Says the key as it was asked for.
fn say_key(meta: &Meta<'_>, key: &[u8], out: &mut Vec<u8>) {
    if meta.is_binary {
        encoded(out, key);
        out.extend_from_slice(b" b");
    } else {
        out.extend_from_slice(key);
    }
}

/// Says of the flags those that are the same for every item, and what `of_item` says of the others.
fn say_flags(
    meta: &Meta<'_>,
    key: &[u8],
    out: &mut Vec<u8>,
    mut of_item: impl FnMut(u8, Words<'_>, &mut Vec<u8>),
) {
    let mut flags = meta.flags;
    while let Some(flag) = flags.next() {
        match flag[0] {
            b'O' => {
                out.push(b' ');
                out.extend_from_slice(flag);
            }
            b'k' => {
                out.extend_from_slice(b" k");
                say_key(meta, key, out);
            }
            letter => of_item(letter, flags, out),
        }
    }
}

/// Says a status without anything of an item.
fn say_status(status: &str, meta: &Meta<'_>, key: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(status.as_bytes());
    say_flags(meta, key, out, |_, _, _| {});
    out.extend_from_slice(CRLF);
}

/// Whether one of the flags has this letter.
fn is_in(mut flags: Words<'_>, letter: u8) -> bool {
    flags.any(|flag| flag[0] == letter)
}

/// The seconds until then, if it ever comes.
fn seconds(expiry: Expiry, service: &Service) -> Option<u32> {
    match expiry {
        Expiry::Never => None,
        Expiry::After(seconds) => Some(seconds),
        Expiry::At(second) => Some(service.until(second)),
    }
}

fn say_left(left: Option<u32>, out: &mut Vec<u8>) {
    match left {
        Some(left) => number(out, left),
        None => out.extend_from_slice(b"-1"),
    }
}

/// An item as a command finds it.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    found: Found,
    /// Seconds until it expires.
    left: Option<u32>,
    /// Whether the command has made it.
    is_new: bool,
    /// Whether the caller is to fetch the value.
    wins: bool,
}

impl Seen {
    /// What was left of the item's time when the flag was read that `rest` follows: as of old, or as the flags
    /// before it have set it.
    fn left_before(&self, meta: &Meta<'_>, rest: Words<'_>, service: &Service) -> Option<u32> {
        let seconds = |expiry| seconds(expiry, service);
        let (mut left, mut flags) = (self.left, meta.flags);
        while let Some(flag) = flags.next()
            && flags.rest().len() > rest.rest().len()
        {
            match flag[0] {
                b'T' => left = meta.expiry.and_then(seconds),
                b'N' if self.is_new => left = meta.vivify.and_then(seconds),
                _ => {}
            }
        }
        left
    }
}

fn get(meta: &Meta<'_>, key: &[u8], desk: &mut Desk<'_>, out: &mut Vec<u8>) {
    let seen = look(meta, key, desk);
    // As in memcached, what is not there was not touched.
    let touched = meta.expiry.filter(|_| seen.is_some());
    let (command, hits, misses) = text::counts_of_retrieval(touched);
    desk.counts.add(command, 1);
    let Some(seen) = seen else {
        desk.counts.add(misses, 1);
        if !meta.is_quiet {
            say_status("EN", meta, key, out);
        }
        return;
    };
    desk.counts.add(hits, 1);
    let Seen { found, wins, .. } = seen;
    if meta.wants_value {
        out.extend_from_slice(b"VA ");
        number(out, desk.value.len());
    } else {
        out.extend_from_slice(b"HD");
    }
    say_flags(meta, key, out, |letter, rest, out| {
        if !matches!(letter, b's' | b't' | b'c' | b'f') {
            return;
        }
        out.extend_from_slice(&[b' ', letter]);
        match letter {
            b's' => number(out, desk.value.len()),
            b't' => say_left(seen.left_before(meta, rest, desk.service), out),
            b'c' => number(out, found.cas.unwrap_or(0)),
            _ => number(out, found.flags),
        }
    });
    let is_old = !seen.is_new;
    for (is_so, letter) in [
        (is_old && found.marks & TOKEN != 0, b'Z'),
        (is_old && found.marks & STALE != 0, b'X'),
        (wins, b'W'),
    ] {
        if is_so {
            out.extend_from_slice(&[b' ', letter]);
        }
    }
    out.extend_from_slice(CRLF);
    if meta.wants_value {
        out.extend_from_slice(&desk.value);
        out.extend_from_slice(CRLF);
    }
}

/// The item of `key`, its value in the desk's room for one, after what the flags do with it.
fn look(meta: &Meta<'_>, key: &[u8], desk: &mut Desk<'_>) -> Option<Seen> {
    desk.value.clear();
    let writes = meta.expiry.or(meta.vivify).or(meta.recache).is_some();
    // An update that writes nothing is no use of the item to the policy, and one that writes is.
    if !meta.is_no_use && meta.expiry.is_none() {
        let found = desk.handle.get(key, &mut desk.value);
        if !writes && !is_in(meta.flags, b't') {
            let found = found?;
            if found.marks == 0 {
                return Some(Seen { found, ..Seen::default() });
            }
        }
        // Somebody may have to fetch it: that is decided in one step.
        desk.value.clear();
    }
    let (mut seen, out, service) = (None, &mut desk.value, desk.service);
    let done = desk.handle.update(key, &mut desk.buffer, &mut |current, _| {
        let Some(current) = current else {
            let expiry = expiry_if_made(meta);
            if expiry.is_none() {
                return Edit::Nothing;
            }
            seen = Some(Seen { is_new: true, wins: true, ..Seen::default() });
            return Edit::Write(Write { expiry, marks: Some(TOKEN), ..Write::default() });
        };
        let found = current.found();
        let mut now = Seen { found, left: current.seconds_left(), ..Seen::default() };
        current.value_into(out);
        now.wins =
            found.marks & TOKEN == 0 && (found.marks & STALE != 0 || is_due(meta, &now, service));
        seen = Some(now);
        if !now.wins && meta.expiry.is_none() {
            return Edit::Nothing;
        }
        let marks = Some(found.marks | if now.wins { TOKEN } else { 0 });
        Edit::Keep(Write { expiry: meta.expiry, marks, cas: NewCas::Kept, ..Write::default() })
    });
    let mut seen = seen?;
    if seen.is_new {
        // Without memory it is a miss.
        seen.found.cas = done.ok()?.and_then(|found| found.cas);
    }
    Some(seen)
}

/// Whether so little is left of the item's time that its value is to be fetched anew.
fn is_due(meta: &Meta<'_>, seen: &Seen, service: &Service) -> bool {
    let recache = meta.recache.and_then(|expiry| seconds(expiry, service));
    let Some(recache) = recache else { return false };
    let mut flags = meta.flags;
    while flags.next().is_some_and(|flag| flag[0] != b'R') {}
    seen.left_before(meta, flags, service).is_some_and(|left| left < recache)
}

/// When a missing item expires that is made, which takes N: by N or T, whichever comes last.
fn expiry_if_made(meta: &Meta<'_>) -> Option<Expiry> {
    let vivify = meta.vivify?;
    let last = meta.flags.filter(|flag| matches!(flag[0], b'T' | b'N')).last();
    if last.is_some_and(|flag| flag[0] == b'T') { meta.expiry } else { Some(vivify) }
}

/// Stores a value; `None` if its end was not where it had to be.
pub(super) fn store(
    meta: &Meta<'_>,
    key: &[u8],
    value: Option<&[u8]>,
    desk: &mut Desk<'_>,
    out: &mut Vec<u8>,
) {
    desk.counts.add(ServerCount::CmdSet, 1);
    let Some(value) = value else { return say(out, BAD_CHUNK) };
    let done = match meta.mode {
        Some(mode @ (b'A' | b'P')) => join(key, value, mode == b'A', meta.cas, desk),
        // One that replaces and finds no memory leaves no value either: `put` sees to that.
        mode if mode != Some(b'R') && meta.cas.is_none() && !is_in(meta.flags, b'c') => {
            set(meta, key, value, desk)
        }
        _ => put(meta, key, value, desk),
    };
    let (outcome, cas) = match done {
        Ok(done) => done,
        Err(error) => return say(out, refused(error, desk)),
    };
    let status = match outcome {
        Outcome::Stored => {
            desk.counts.add(ServerCount::TotalItems, 1);
            if meta.is_quiet {
                return;
            }
            "HD"
        }
        Outcome::NotStored => "NS",
        Outcome::Changed => "EX",
        Outcome::NotFound => "NF",
    };
    let cas = if outcome == Outcome::Stored { cas.unwrap_or(0) } else { 0 };
    out.extend_from_slice(status.as_bytes());
    say_flags(meta, key, out, |letter, _, out| {
        if letter == b'c' {
            out.extend_from_slice(b" c");
            number(out, cas);
        }
    });
    out.extend_from_slice(CRLF);
}

type Stored = Result<(Outcome, Option<u64>), SetError>;

/// Stores it, as a set or in mode E, without a look at CAS numbers.
fn set(meta: &Meta<'_>, key: &[u8], value: &[u8], desk: &mut Desk<'_>) -> Stored {
    let when = if meta.mode == Some(b'E') { When::Absent } else { When::Always };
    let expiry = meta.expiry.unwrap_or_default();
    let options = Options { flags: meta.client_flags, expiry, when };
    Ok((desk.handle.set(key, value, options)?, None))
}

/// Stores it if its CAS number is right, and returns the one that it gets.
fn put(meta: &Meta<'_>, key: &[u8], value: &[u8], desk: &mut Desk<'_>) -> Stored {
    let mut outcome = Outcome::Stored;
    let found = desk.handle.update(key, &mut desk.buffer, &mut |current, buffer| {
        let mut write = Write {
            flags: Some(meta.client_flags),
            expiry: Some(meta.expiry.unwrap_or_default()),
            marks: Some(0),
            // As in memcached, whichever its mode is.
            or_absent: true,
            ..Write::default()
        };
        let found = current.map(|current| current.found());
        outcome = match (meta.mode, meta.cas, found) {
            (Some(b'E'), _, Some(_)) => Outcome::NotStored,
            (Some(b'E'), _, None) => Outcome::Stored,
            (_, Some(_), None) => Outcome::NotFound,
            (Some(b'R'), None, None) => Outcome::NotStored,
            (_, None, _) => Outcome::Stored,
            (_, Some(cas), Some(found)) => {
                let is = found.cas.unwrap_or(0);
                let is_older = meta.is_stale && cas != 0 && cas < is;
                if is_older {
                    // Better than nothing: it stays until it would have gone.
                    write.expiry = None;
                    write.marks = Some(STALE | found.marks & TOKEN);
                }
                if is_older || cas != 0 && cas == is { Outcome::Stored } else { Outcome::Changed }
            }
        };
        if outcome != Outcome::Stored {
            return Edit::Nothing;
        }
        buffer.extend_from_slice(value);
        Edit::Write(write)
    })?;
    if meta.cas.is_some() && meta.mode != Some(b'E') {
        text::count_cas(Ok(outcome), desk);
    }
    Ok((outcome, found.and_then(|found| found.cas)))
}

fn delete(meta: &Meta<'_>, key: &[u8], desk: &mut Desk<'_>, out: &mut Vec<u8>) {
    let mut status = "NF";
    if meta.cas.is_none() && !meta.is_stale {
        if desk.handle.remove(key) {
            status = "HD";
        }
    } else {
        let _ = desk.handle.update(key, &mut desk.buffer, &mut |current, _| {
            let Some(current) = current else { return Edit::Nothing };
            if meta.cas.is_some_and(|cas| current.found().cas.unwrap_or(0) != cas) {
                status = "EX";
                return Edit::Nothing;
            }
            status = "HD";
            if !meta.is_stale {
                return Edit::Remove;
            }
            // Whoever comes next wins.
            Edit::Keep(Write { expiry: meta.expiry, marks: Some(STALE), ..Write::default() })
        });
    }
    match status {
        // As in memcached, what became stale was not deleted.
        "HD" if meta.is_stale => {}
        "HD" => desk.counts.add(ServerCount::DeleteHits, 1),
        _ => desk.counts.add(ServerCount::DeleteMisses, 1),
    }
    if status != "HD" || !meta.is_quiet {
        say_status(status, meta, key, out);
    }
}

fn arithmetic(meta: &Meta<'_>, key: &[u8], desk: &mut Desk<'_>, out: &mut Vec<u8>) {
    let asked = Adding {
        key,
        is_increment: matches!(meta.mode, None | Some(b'I' | b'+')),
        delta: meta.delta,
        cas: meta.cas,
        expiry: meta.expiry,
        made: expiry_if_made(meta).map(|expiry| (meta.initial, expiry)),
    };
    let added = sums::add(&asked, desk);
    match added.sum {
        Sum::NotNumeric => say(out, NOT_NUMERIC),
        Sum::NoMemory => say(out, if added.is_new { NO_NEW_SUM } else { NO_SUM }),
        Sum::NotFound => say_status("NF", meta, key, out),
        Sum::Changed => say_status("EX", meta, key, out),
        Sum::Is(_) if meta.is_quiet && !added.is_new => {}
        Sum::Is(sum) => {
            let Added { is_new, left, found, .. } = added;
            let seen = Seen { found, left, is_new, wins: false };
            say_sum(sum, &seen, meta, key, desk.service, out);
        }
    }
}

fn say_sum(
    sum: u64,
    seen: &Seen,
    meta: &Meta<'_>,
    key: &[u8],
    service: &Service,
    out: &mut Vec<u8>,
) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(sum).as_bytes();
    if meta.wants_value {
        out.extend_from_slice(b"VA ");
        number(out, digits.len());
    } else {
        out.extend_from_slice(b"HD");
    }
    say_flags(meta, key, out, |letter, rest, out| match letter {
        b't' => {
            out.extend_from_slice(b" t");
            say_left(seen.left_before(meta, rest, service), out);
        }
        b'c' => {
            out.extend_from_slice(b" c");
            number(out, seen.found.cas.unwrap_or(0));
        }
        _ => {}
    });
    out.extend_from_slice(CRLF);
    if meta.wants_value {
        out.extend_from_slice(digits);
        out.extend_from_slice(CRLF);
    }
}

/// `me`: what is known of an item.
fn debug(meta: &Meta<'_>, key: &[u8], desk: &mut Desk<'_>, out: &mut Vec<u8>) {
    desk.counts.add(ServerCount::CmdMeta, 1);
    desk.value.clear();
    let (mut seen, value) = (None, &mut desk.value);
    let _ = desk.handle.update(key, &mut desk.buffer, &mut |current, _| {
        seen = current.map(|current| {
            current.value_into(value);
            (current.found(), current.seconds_left())
        });
        Edit::Nothing
    });
    let Some((found, left)) = seen else { return say(out, "EN") };
    out.extend_from_slice(b"ME ");
    if meta.is_binary {
        encoded(out, key);
    } else {
        out.extend_from_slice(key);
    }
    out.extend_from_slice(b" exp=");
    say_left(left, out);
    out.extend_from_slice(b" cas=");
    number(out, found.cas.unwrap_or(0));
    out.extend_from_slice(b" size=");
    number(out, desk.value.len());
    out.extend_from_slice(CRLF);
}
