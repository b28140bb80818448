//! Command lines of the text protocol, read into requests.

use cache::time::Expiry;

use super::line::{FirstWords, Line, MAX_KEY, Words};
use super::meta::{Command, Meta};
use super::number::{signed, unsigned};
use super::refusal::{BAD_FORMAT, Refusal, refuse};

/// A command line, understood.
#[derive(Clone, Copy, Debug)]
pub enum ClientRequest<'l> {
    /// `get` and its kin. Words follow in the line.
    Retrieve(Retrieval, Words<'l>),
    /// `set` and its kin. A value follows after the line.
    Store(Storing<'l>),
    /// `incr`, `decr`.
    Add(Arithmetic<'l>),
    /// `touch`.
    Touch {
        /// The key.
        key: &'l [u8],
        /// When it is to expire.
        expiry: Expiry,
        /// `noreply`.
        is_quiet: bool,
    },
    /// `delete`.
    Delete {
        /// The key.
        key: &'l [u8],
        /// `noreply`.
        is_quiet: bool,
    },
    /// `flush_all`, in so many seconds.
    Flush {
        /// Seconds; 0 or less is at once.
        delay: i32,
        /// `noreply`.
        is_quiet: bool,
    },
    /// `verbosity`.
    Verbosity {
        /// `noreply`.
        is_quiet: bool,
    },
    /// A meta command. After the line of `ms` a value follows.
    Meta(Meta<'l>),
    /// `mn`.
    Nothing,
    /// `stats`, and what of.
    Stats(Option<&'l [u8]>),
    /// `version`.
    Version,
    /// `cache_memlimit`: to this many MiB.
    MemoryLimit {
        /// MiB, if it is a number.
        mib: Option<u64>,
        /// `noreply`.
        is_quiet: bool,
    },
    /// `debugtime`: so many seconds forward.
    MoveTime {
        /// Seconds, if it is a number.
        seconds: Option<u32>,
    },
    /// `shutdown`, and how.
    Shutdown {
        /// Whether it is one of the ways that there are.
        is_known: bool,
    },
    /// `quit`; or a line of HTTP, to which nothing is said either.
    Quit,
}

/// What is retrieved of each key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retrieval {
    /// `gets`, `gats`: the CAS number too.
    pub with_cas: bool,
    /// `gat`, `gats`: when the items are to expire.
    pub expiry: Option<Expiry>,
}

/// How a value is to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storing<'l> {
    /// Which command it is.
    pub command: Command,
    /// The key.
    pub key: &'l [u8],
    /// The client's flags.
    pub flags: u32,
    /// When it is to expire.
    pub expiry: Expiry,
    /// Bytes of the value.
    pub len: usize,
    /// The CAS number that it is to have; `cas` has one.
    pub cas: Option<u64>,
    /// `noreply`.
    pub is_quiet: bool,
}

/// What is added to a number, or taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arithmetic<'l> {
    /// The key.
    pub key: &'l [u8],
    /// `incr`.
    pub is_increment: bool,
    /// How much.
    pub delta: u64,
    /// `noreply`.
    pub is_quiet: bool,
}

const NOT_THERE: &str = "ERROR";
const BAD_EXPTIME: &str = "CLIENT_ERROR invalid exptime argument";
const BAD_DELTA: &str = "CLIENT_ERROR invalid numeric delta argument";
const BAD_DELETE: &str = "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]";

/// A refusal of a command which may have said that it wants no reply.
fn refuse_unless<T>(is_quiet: bool, words: &'static str) -> Result<T, Refusal> {
    refuse(if is_quiet { "" } else { words })
}

/// What `line` asks for.
///
/// # Errors
///
/// It is to be refused, with these words.
pub fn request<'l>(line: &Line<'l>) -> Result<ClientRequest<'l>, Refusal> {
    let mut keys = Words::of(line.text);
    let command = keys.next().unwrap_or_default();
    match command {
        b"get" => return retrieval(Retrieval::default(), keys),
        b"gets" => return retrieval(Retrieval { with_cas: true, expiry: None }, keys),
        // Of old, and so it is in memcached.
        b"bget" => return retrieval(Retrieval::default(), keys),
        b"gat" => return touching(false, keys),
        b"gats" => return touching(true, keys),
        b"mg" => return Meta::read(Command::MetaGet, keys).map(ClientRequest::Meta),
        b"ms" => return Meta::read(Command::MetaSet, keys).map(ClientRequest::Meta),
        b"md" => return Meta::read(Command::MetaDelete, keys).map(ClientRequest::Meta),
        b"ma" => return Meta::read(Command::MetaArithmetic, keys).map(ClientRequest::Meta),
        b"me" => return Meta::read(Command::MetaDebug, keys).map(ClientRequest::Meta),
        _ => {}
    }
    let words = FirstWords::of(line.text);
    let all = words.all();
    match command {
        b"mn" => Ok(ClientRequest::Nothing),
        b"set" => storing(Command::Set, all),
        b"add" => storing(Command::Add, all),
        b"replace" => storing(Command::Replace, all),
        b"append" => storing(Command::Append, all),
        b"prepend" => storing(Command::Prepend, all),
        b"cas" => storing(Command::Cas, all),
        b"incr" => arithmetic(true, all),
        b"decr" => arithmetic(false, all),
        b"touch" => touch(all),
        b"delete" => delete(all),
        b"flush_all" => flush(all),
        b"verbosity" => verbosity(all),
        b"cache_memlimit" => memory_limit(all),
        b"debugtime" => move_time(all),
        b"stats" => Ok(ClientRequest::Stats(all.get(1).copied())),
        b"version" => Ok(ClientRequest::Version),
        b"shutdown" => {
            Ok(ClientRequest::Shutdown { is_known: matches!(all[1..], [] | [b"graceful"]) })
        }
        b"quit" => Ok(ClientRequest::Quit),
        _ => other(all),
    }
}

fn retrieval(how: Retrieval, keys: Words<'_>) -> Result<ClientRequest<'_>, Refusal> {
    if keys.into_iter().next().is_none() {
        return refuse(NOT_THERE);
    }
    // A shorter line has no key that is too long.
    if keys.rest().len() > MAX_KEY && keys.into_iter().any(|key| key.len() > MAX_KEY) {
        return refuse(BAD_FORMAT);
    }
    Ok(ClientRequest::Retrieve(how, keys))
}

fn touching(with_cas: bool, mut keys: Words<'_>) -> Result<ClientRequest<'_>, Refusal> {
    let Some(word) = keys.next() else { return refuse(NOT_THERE) };
    let Some(number) = signed(word) else { return refuse(BAD_EXPTIME) };
    if keys.into_iter().any(|key| key.len() > MAX_KEY) {
        return refuse(BAD_FORMAT);
    }
    let expiry = Some(Expiry::from_number(number.into()));
    Ok(ClientRequest::Retrieve(Retrieval { with_cas, expiry }, keys))
}

/// Whether the last word says so.
fn is_quiet(words: &[&[u8]]) -> bool {
    words.last() == Some(&&b"noreply"[..])
}

fn storing<'l>(command: Command, words: &[&'l [u8]]) -> Result<ClientRequest<'l>, Refusal> {
    let expected = if command == Command::Cas { 6 } else { 5 };
    if words.len() != expected && words.len() != expected + 1 {
        return refuse(NOT_THERE);
    }
    let is_quiet = is_quiet(words);
    let read = || {
        let [key, flags, exptime, len] = *words[1..].first_chunk()?;
        let len = usize::try_from(signed(len)?).ok()?;
        let cas = if command == Command::Cas { Some(unsigned(words[5], u64::MAX)?) } else { None };
        let flags = unsigned(flags, u32::MAX.into())? as u32;
        let expiry = Expiry::from_number(signed(exptime)?.into());
        let fits = key.len() <= MAX_KEY && len <= i32::MAX as usize - 2;
        fits.then_some(Storing { command, key, flags, expiry, len, cas, is_quiet })
    };
    read().map_or_else(
        || refuse_unless(is_quiet, BAD_FORMAT),
        |storing| Ok(ClientRequest::Store(storing)),
    )
}

fn arithmetic<'l>(is_increment: bool, words: &[&'l [u8]]) -> Result<ClientRequest<'l>, Refusal> {
    let ([_, key, delta] | [_, key, delta, _]) = *words else { return refuse(NOT_THERE) };
    let is_quiet = is_quiet(words);
    if key.len() > MAX_KEY {
        return refuse_unless(is_quiet, BAD_FORMAT);
    }
    match unsigned(delta, u64::MAX) {
        Some(delta) => Ok(ClientRequest::Add(Arithmetic { key, is_increment, delta, is_quiet })),
        None => refuse_unless(is_quiet, BAD_DELTA),
    }
}

fn touch<'l>(words: &[&'l [u8]]) -> Result<ClientRequest<'l>, Refusal> {
    let ([_, key, exptime] | [_, key, exptime, _]) = *words else { return refuse(NOT_THERE) };
    let is_quiet = is_quiet(words);
    if key.len() > MAX_KEY {
        return refuse_unless(is_quiet, BAD_FORMAT);
    }
    match signed(exptime) {
        Some(number) => {
            Ok(ClientRequest::Touch { key, expiry: Expiry::from_number(number.into()), is_quiet })
        }
        None => refuse_unless(is_quiet, BAD_EXPTIME),
    }
}

fn delete<'l>(words: &[&'l [u8]]) -> Result<ClientRequest<'l>, Refusal> {
    let (key, is_quiet) = match *words {
        [_, key] => (key, false),
        // Once there was a time after which the key might be added again.
        [_, key, b"0"] => (key, false),
        [_, key, b"noreply"] | [_, key, b"0", b"noreply"] => (key, true),
        [_, _, _] | [_, _, _, _] => return refuse_unless(is_quiet(words), BAD_DELETE),
        _ => return refuse(NOT_THERE),
    };
    if key.len() > MAX_KEY {
        return refuse_unless(is_quiet, BAD_FORMAT);
    }
    Ok(ClientRequest::Delete { key, is_quiet })
}

fn flush<'l>(words: &[&'l [u8]]) -> Result<ClientRequest<'l>, Refusal> {
    let is_quiet = is_quiet(words);
    match *words {
        [_] | [_, b"noreply"] => Ok(ClientRequest::Flush { delay: 0, is_quiet }),
        [_, word] | [_, word, _] => match signed(word) {
            Some(delay) => Ok(ClientRequest::Flush { delay, is_quiet }),
            None => refuse_unless(is_quiet, BAD_EXPTIME),
        },
        _ => refuse(NOT_THERE),
    }
}

fn verbosity<'l>(words: &[&'l [u8]]) -> Result<ClientRequest<'l>, Refusal> {
    let ([_, level] | [_, level, _]) = *words else { return refuse(NOT_THERE) };
    let is_quiet = is_quiet(words);
    if unsigned(level, u64::MAX).is_none() {
        return refuse_unless(is_quiet, BAD_FORMAT);
    }
    Ok(ClientRequest::Verbosity { is_quiet })
}

fn memory_limit<'l>(words: &[&'l [u8]]) -> Result<ClientRequest<'l>, Refusal> {
    let ([_, mib] | [_, mib, _]) = *words else { return refuse(NOT_THERE) };
    let is_quiet = is_quiet(words);
    Ok(ClientRequest::MemoryLimit { mib: unsigned(mib, u32::MAX.into()), is_quiet })
}

fn move_time<'l>(words: &[&'l [u8]]) -> Result<ClientRequest<'l>, Refusal> {
    let [_, seconds] = *words else { return refuse(NOT_THERE) };
    let seconds = unsigned(seconds, u32::MAX.into()).map(|seconds| seconds as u32);
    Ok(ClientRequest::MoveTime { seconds })
}

/// No command. Who speaks HTTP is a browser that was sent here, and must not be answered; memcached looks
/// only at commands that begin as none of its own.
fn other<'l>(words: &[&'l [u8]]) -> Result<ClientRequest<'l>, Refusal> {
    let is_http = words.last().is_some_and(|last| last.starts_with(b"HTTP/"));
    let may_be_a_command = words.first().is_some_and(|word| match word {
        // Those of meta have two letters.
        [b'm', _] => true,
        word => b"gsacidt".contains(&word[0]),
    });
    if is_http && !may_be_a_command && words[0].len() > 1 {
        return Ok(ClientRequest::Quit);
    }
    refuse(NOT_THERE)
}
