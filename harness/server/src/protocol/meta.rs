//! Meta commands: two letters, a key, and flags of one letter each, some with a word of their own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cache::time::Expiry;

use super::line::{CRLF, MAX_KEY, Words};
use super::number::{signed, unsigned};
use super::refusal::{BAD_FORMAT, Refusal, refuse};

/// A command that stores, or one of meta's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `set`
    Set,
    /// `add`
    Add,
    /// `replace`
    Replace,
    /// `append`
    Append,
    /// `prepend`
    Prepend,
    /// `cas`
    Cas,
    /// `mg`
    MetaGet,
    /// `ms`
    MetaSet,
    /// `md`
    MetaDelete,
    /// `ma`
    MetaArithmetic,
    /// `me`
    MetaDebug,
}

/// A meta command, its flags read.
#[derive(Clone, Copy, Debug)]
pub struct Meta<'l> {
    /// `mg`, `ms`, `md`, `ma` or `me`.
    pub command: Command,
    /// The key as it was sent.
    key: &'l [u8],
    /// b: the key was sent in base 64.
    pub is_binary: bool,
    /// Bytes of the value that follows; `ms` has one.
    pub len: usize,
    /// The flags as they were sent, which are answered in their order.
    pub flags: Words<'l>,
    /// v: the value is wanted.
    pub wants_value: bool,
    /// q: what is as usual is not answered.
    pub is_quiet: bool,
    /// u: this is no use of the item.
    pub is_no_use: bool,
    /// I: what is there becomes stale; or what is stored is, if its CAS number is an old one.
    pub is_stale: bool,
    /// M: which of its ways.
    pub mode: Option<u8>,
    /// T: when the item is to expire.
    pub expiry: Option<Expiry>,
    /// N: a missing item is made, and expires then.
    pub vivify: Option<Expiry>,
    /// R: who finds that less than this is left is to fetch the value anew.
    pub recache: Option<Expiry>,
    /// F: the client's flags.
    pub client_flags: u32,
    /// C: the CAS number that the item must have.
    pub cas: Option<u64>,
    /// J: the number that a missing item is made with.
    pub initial: u64,
    /// D: how much is added.
    pub delta: u64,
}

/// The most words of a meta command.
const MOST_WORDS: usize = 19;

/// The longest word with O, its letter included.
const MOST_OPAQUE: usize = 32;

/// Why the flags are wrong.
type Wrong = &'static str;

const BAD_TOKEN: Wrong = "CLIENT_ERROR bad token in command line format";

impl<'l> Meta<'l> {
    /// What the words after a meta command ask for.
    pub(super) fn read(command: Command, mut words: Words<'l>) -> Result<Self, Refusal> {
        let count = 1 + words.count();
        let Some(key) = words.next() else {
            return refuse(if command == Command::MetaDebug { BAD_FORMAT } else { "ERROR" });
        };
        if key.len() > MAX_KEY || command == Command::MetaSet && count == 2 {
            return refuse(BAD_FORMAT);
        }
        let mut meta = Self::without_flags(command, key);
        if command == Command::MetaDebug {
            // It has one flag, which must be the first, and takes no notice of others.
            meta.is_binary = words.next() == Some(b"b");
            return if meta.decodes() { Ok(meta) } else { refuse(BAD_FORMAT) };
        }
        if count > MOST_WORDS {
            return refuse(match command {
                Command::MetaGet => "CLIENT_ERROR options flags are too long",
                _ => "CLIENT_ERROR options flags too long",
            });
        }
        if command == Command::MetaSet {
            let len = words.next().and_then(signed).and_then(|len| usize::try_from(len).ok());
            match len.filter(|&len| len <= i32::MAX as usize - CRLF.len()) {
                Some(len) => meta.len = len,
                None => return refuse(BAD_FORMAT),
            }
        }
        meta.flags = words;
        match meta.read_flags().and_then(|()| meta.check()) {
            Ok(()) => Ok(meta),
            Err(words) => {
                let swallow = if command == Command::MetaSet { meta.len + CRLF.len() } else { 0 };
                Err(Refusal { words, swallow })
            }
        }
    }

    fn without_flags(command: Command, key: &'l [u8]) -> Self {
        Self {
            command,
            key,
            is_binary: false,
            len: 0,
            flags: Words::of(&[]),
            wants_value: false,
            is_quiet: false,
            is_no_use: false,
            is_stale: false,
            mode: None,
            expiry: None,
            vivify: None,
            recache: None,
            client_flags: 0,
            cas: None,
            initial: 0,
            delta: 1,
        }
    }

    /// Reads the flags. Of several that are wrong the last one is named, but one that is unknown, or there
    /// twice, ends it.
    fn read_flags(&mut self) -> Result<(), Wrong> {
        let is_terse = matches!(self.command, Command::MetaDelete | Command::MetaArithmetic);
        let terse = |words| if is_terse { "CLIENT_ERROR invalid or duplicate flag" } else { words };
        let (mut seen, mut is_wrong, mut words) = (0_u128, false, BAD_FORMAT);
        for flag in self.flags {
            let (letter, word) = (flag[0], &flag[1..]);
            if letter >= 127 || seen & 1 << letter != 0 {
                return Err(terse("CLIENT_ERROR duplicate flag"));
            }
            seen |= 1 << letter;
            match self.read_flag(letter, word) {
                Some(Ok(())) => {}
                Some(Err("")) => is_wrong = true,
                Some(Err(named)) => (is_wrong, words) = (true, named),
                None => return Err(terse("CLIENT_ERROR invalid flag")),
            }
        }
        if is_wrong { Err(terse(words)) } else { Ok(()) }
    }

    /// Reads a flag; `None` if there is no such flag.
    fn read_flag(&mut self, letter: u8, word: &[u8]) -> Option<Result<(), Wrong>> {
        let seconds = || signed(word).map(|number| Some(Expiry::from_number(number.into())));
        let number = || unsigned(word, u64::MAX);
        Some(match letter {
            // They would have a lookup write down who was there last.
            b'h' | b'l' if self.command == Command::MetaGet => return None,
            b'O' | b'P' | b'L' | b'k' | b's' | b't' | b'c' | b'f' | b'h' | b'l' => Ok(()),
            b'v' => set(&mut self.wants_value, Some(true), ""),
            b'q' => set(&mut self.is_quiet, Some(true), ""),
            b'u' => set(&mut self.is_no_use, Some(true), ""),
            b'I' => set(&mut self.is_stale, Some(true), ""),
            b'b' => {
                self.is_binary = true;
                if self.decodes() { Ok(()) } else { Err("CLIENT_ERROR error decoding key") }
            }
            b'T' => set(&mut self.expiry, seconds(), BAD_TOKEN),
            b'N' => set(&mut self.vivify, seconds(), BAD_TOKEN),
            b'R' => set(&mut self.recache, seconds(), BAD_TOKEN),
            // memcached has no words for it.
            b'F' => set(&mut self.client_flags, unsigned_32(word), ""),
            b'C' => set(&mut self.cas, number().map(Some), BAD_TOKEN),
            b'M' => {
                let mode = (word.len() == 1).then(|| Some(word[0]));
                set(&mut self.mode, mode, "CLIENT_ERROR incorrect length for M token")
            }
            b'J' => set(&mut self.initial, number(), "CLIENT_ERROR invalid numeric initial value"),
            b'D' => set(&mut self.delta, number(), "CLIENT_ERROR invalid numeric delta value"),
            _ => return None,
        })
    }

    /// What is wrong with flags that can be read.
    fn check(&self) -> Result<(), Wrong> {
        match (self.command, self.mode) {
            (Command::MetaSet, Some(mode)) if !b"EAPRS".contains(&mode) => {
                return Err("CLIENT_ERROR invalid mode for ms M token");
            }
            (Command::MetaArithmetic, Some(mode)) if !b"I+D-".contains(&mode) => {
                return Err("CLIENT_ERROR invalid mode for ma M token");
            }
            _ => {}
        }
        if self.flags.into_iter().any(|flag| flag[0] == b'O' && flag.len() > MOST_OPAQUE) {
            return Err("CLIENT_ERROR opaque token too long");
        }
        Ok(())
    }

    /// Whether the key can be read.
    fn decodes(&self) -> bool {
        !self.is_binary || !self.key(&mut [0; MAX_KEY]).is_empty()
    }

    /// The key, for which there is room in `decoded` if it was sent in base 64.
    pub fn key<'k>(&self, decoded: &'k mut [u8; MAX_KEY]) -> &'k [u8]
    where
        'l: 'k,
    {
        if !self.is_binary {
            return self.key;
        }
        let len = STANDARD.decode_slice(self.key, decoded).unwrap_or(0);
        &decoded[..len]
    }

    /// The key as it was sent.
    pub fn key_as_sent(&self) -> &'l [u8] {
        self.key
    }
}

/// Sets what a flag stands for; without a value the flag is wrong.
fn set<T>(field: &mut T, value: Option<T>, wrong: Wrong) -> Result<(), Wrong> {
    *field = value.ok_or(wrong)?;
    Ok(())
}

fn unsigned_32(word: &[u8]) -> Option<u32> {
    unsigned(word, u32::MAX.into()).map(|number| number as u32)
}
