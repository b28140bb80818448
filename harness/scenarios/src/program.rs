//! Programs: what each thread does to a table that holds some keys.

use std::fmt;
use std::str::FromStr;

/// A key by its letter: `a` to `d` are those of programs, `e` to `h` those that fill a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u8);

/// Keys that programs use.
pub const KEYS: u8 = 4;
/// All keys of a layout.
pub const ALL_KEYS: usize = 8;

/// What a thread does to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// `get`.
    Get,
    /// `insert`.
    Insert,
    /// `remove`.
    Remove,
    /// `update`.
    Update,
    /// `upsert`.
    Upsert,
    /// `contains`.
    Contains,
    /// `get_many` of the key and the next one.
    GetMany,
    /// A set of a cache, if the key has the CAS number with which it was just read.
    Cas,
    /// Moves the key to its other bucket, if there is room.
    Displace,
    /// `for_each`; its key means nothing.
    Iterate,
    /// Makes the table larger.
    Grow,
    /// Makes it as small as it can be.
    Shrink,
}

use Verb::{
    Cas, Contains, Displace, Get, GetMany, Grow, Insert, Iterate, Remove, Shrink, Update, Upsert,
};

impl Verb {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Get, Insert, Remove, Update, Upsert, Contains, GetMany, Cas, Displace, Iterate, Grow,
        Shrink,
    ];

    /// Its name in a program's text.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Get => "get",
            Insert => "insert",
            Remove => "remove",
            Update => "update",
            Upsert => "upsert",
            Contains => "contains",
            GetMany => "get_many",
            Cas => "cas",
            Displace => "displace",
            Iterate => "iterate",
            Grow => "grow",
            Shrink => "shrink",
        }
    }

    /// Whether it is about a key.
    #[must_use]
    pub fn takes_key(self) -> bool {
        !matches!(self, Iterate | Grow | Shrink)
    }

    /// Whether it may change a key's value.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Insert | Remove | Update | Upsert | Cas)
    }

    /// Whether it reads alone.
    #[must_use]
    pub fn reads(self) -> bool {
        matches!(self, Get | Contains | GetMany | Iterate)
    }
}

/// A step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action {
    /// What.
    pub verb: Verb,
    /// To which key.
    pub key: Key,
}

impl Action {
    /// `verb` on `key`; what takes no key has the first.
    #[must_use]
    pub fn new(verb: Verb, key: Key) -> Self {
        Self { verb, key: if verb.takes_key() { key } else { Key(0) } }
    }

    /// The keys that it looks at, if it is about keys.
    pub fn keys(self) -> impl Iterator<Item = Key> {
        let next = (self.verb == GetMany).then_some(Key((self.key.0 + 1) % KEYS));
        self.verb.takes_key().then_some(self.key).into_iter().chain(next)
    }
}

/// What threads do to a table that was filled before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Program {
    /// The layout of keys.
    pub layout: String,
    /// The keys that are inserted first, in order.
    pub filling: Vec<Key>,
    /// What each thread does.
    pub threads: Vec<Vec<Action>>,
}

impl Program {
    /// The operations of all threads.
    pub fn ops(&self) -> impl Iterator<Item = Action> {
        self.threads.iter().flatten().copied()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        char::from(b'a' + self.0).fmt(f)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb.name())?;
        if self.verb.takes_key() { write!(f, " {}", self.key) } else { Ok(()) }
    }
}

/// `one-home [abc]: get d, get d | remove c, insert d`
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filling: String = self.filling.iter().map(ToString::to_string).collect();
        let thread = |ops: &Vec<Action>| ops.iter().map(ToString::to_string).collect::<Vec<_>>();
        let threads: Vec<_> = self.threads.iter().map(|ops| thread(ops).join(", ")).collect();
        write!(f, "{} [{filling}]: {}", self.layout, threads.join(" | "))
    }
}

fn key(letter: char) -> Result<Key, String> {
    match letter {
        'a'..='h' => Ok(Key(letter as u8 - b'a')),
        _ => Err(format!("`{letter}` is no key: keys are a to h")),
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let verb = Verb::ALL.into_iter().find(|verb| verb.name() == name);
        let verb = verb.ok_or_else(|| format!("`{name}` is no operation"))?;
        let mut letters = rest.trim().chars();
        let of = match (letters.next(), letters.next()) {
            (Some(letter), None) if verb.takes_key() => key(letter)?,
            (None, None) if !verb.takes_key() => Key(0),
            _ => return Err(format!("`{text}`: one key, if the operation takes one")),
        };
        if of.0 >= KEYS {
            return Err(format!("`{text}`: programs use the keys a to d"));
        }
        Ok(Self::new(verb, of))
    }
}

impl FromStr for Program {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = "a program is: LAYOUT [KEYS]: OPERATION, … | OPERATION, …";
        let (table, threads) = text.split_once(':').ok_or(shape)?;
        let (layout, filling) = table.trim().split_once(" [").ok_or(shape)?;
        let filling = filling.strip_suffix(']').ok_or(shape)?;
        let thread = |ops: &str| ops.split(',').map(str::parse).collect();
        Ok(Self {
            layout: layout.to_owned(),
            filling: filling.chars().map(key).collect::<Result<_, _>>()?,
            threads: threads.split('|').map(thread).collect::<Result<_, String>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_read_as_it_is_written() {
        for text in [
            "one-home [abc]: get d, get d | remove c, insert d",
            "apart []: iterate | grow, get_many a | upsert b",
        ] {
            assert_eq!(text.parse::<Program>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for (text, why) in [
            ("one-home: get a", "a program is"),
            ("one-home [a] get a", "a program is"),
            ("one-home [x]: get a", "`x` is no key"),
            ("one-home []: find a", "`find` is no operation"),
            ("one-home []: get", "one key"),
            ("one-home []: iterate a", "one key"),
            ("one-home []: get e", "the keys a to d"),
        ] {
            let error = text.parse::<Program>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
