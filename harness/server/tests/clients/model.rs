//! Generated operations, and what a cache has after them.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

use crate::{Over, Server};

/// Seconds for which nothing is kept: a number above thirty days is a time, and this one was in 1970.
pub(crate) const PAST: u32 = 60 * 60 * 24 * 30 + 1;

/// How many keys there are. Few, so that most operations find what others have left.
const KEYS: usize = 3;

/// Bytes that end lines, replies and strings.
const HOSTILE: &[u8] = b"v\r\nEND\r\n\0\xff";

/// The keys, the longest that there may be among them.
fn keys() -> [String; KEYS] {
    ["a".to_owned(), "n:1".to_owned(), "k".repeat(250)]
}

/// A value with the client's flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) value: Vec<u8>,
    pub(crate) flags: u32,
}

/// What is done with a key.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Set(Item),
    Add(Item),
    Replace(Item),
    Append(Vec<u8>),
    Prepend(Vec<u8>),
    /// Stores it by the CAS number that the key has, or by another one.
    Cas {
        item: Item,
        is_right: bool,
    },
    Increment(u64),
    Decrement(u64),
    /// Lets it expire at once, or in a long time.
    Touch {
        is_over: bool,
    },
    Delete,
    /// Deletes the others too.
    Flush,
}

/// What comes of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// Whether it was done.
    Done(bool),
    /// The number that the value is now.
    Number(u64),
    /// There is no value that could be a number.
    NotFound,
    /// The value is no number.
    NotNumeric,
}

/// A client that does these operations.
pub(crate) trait Driver {
    /// Whether it can flush.
    const FLUSHES: bool;

    /// Does it; `None` if the client does not tell what has come of it.
    fn apply(&mut self, key: &str, op: &Op) -> Option<Came>;

    /// What is there of these keys, however the client may ask for it.
    fn items(&mut self, keys: &[String]) -> HashMap<String, Item>;
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![0..200_u64, any::<u64>()];
    let bytes = vec(any::<u8>(), 0..40).prop_map(|rest| [HOSTILE, &rest].concat());
    prop_oneof![
        3 => number.prop_map(|number| number.to_string().into_bytes()),
        2 => bytes,
        1 => (2000..6000_usize).prop_map(|bytes| vec![b'v'; bytes]),
        1 => Just(Vec::new()),
    ]
}

fn item() -> impl Strategy<Value = Item> {
    let flags = prop_oneof![Just(0_u32), any::<u32>()];
    (value(), flags).prop_map(|(value, flags)| Item { value, flags })
}

fn op() -> impl Strategy<Value = Op> {
    let delta = || prop_oneof![0..200_u64, any::<u64>()];
    prop_oneof![
        4 => item().prop_map(Op::Set),
        2 => item().prop_map(Op::Add),
        2 => item().prop_map(Op::Replace),
        2 => value().prop_map(Op::Append),
        2 => value().prop_map(Op::Prepend),
        3 => (item(), any::<bool>()).prop_map(|(item, is_right)| Op::Cas { item, is_right }),
        3 => delta().prop_map(Op::Increment),
        3 => delta().prop_map(Op::Decrement),
        2 => any::<bool>().prop_map(|is_over| Op::Touch { is_over }),
        2 => Just(Op::Delete),
        1 => Just(Op::Flush),
    ]
}

/// What a cache has that forgets nothing by itself.
#[derive(Debug, Default)]
struct Model(HashMap<String, Item>);

impl Model {
    fn apply(&mut self, key: &str, op: &Op) -> Came {
        if matches!(op, Op::Flush) {
            self.0.clear();
            return Came::Done(true);
        }
        match self.0.get_mut(key) {
            Some(item) => {
                let (came, is_left) = change(item, op);
                if !is_left {
                    self.0.remove(key);
                }
                came
            }
            None => self.make(key, op),
        }
    }

    /// Does it where the key is absent.
    fn make(&mut self, key: &str, op: &Op) -> Came {
        match op {
            Op::Set(item) | Op::Add(item) => {
                self.0.insert(key.to_owned(), item.clone());
                Came::Done(true)
            }
            Op::Increment(_) | Op::Decrement(_) => Came::NotFound,
            _ => Came::Done(false),
        }
    }
}

/// Does it with what is there; what has come of it, and whether the item is left.
fn change(item: &mut Item, op: &Op) -> (Came, bool) {
    let mut is_done = true;
    match op {
        Op::Set(new) | Op::Replace(new) | Op::Cas { item: new, is_right: true } => {
            *item = new.clone();
        }
        Op::Add(_) | Op::Cas { is_right: false, .. } => is_done = false,
        Op::Append(more) => item.value.extend_from_slice(more),
        Op::Prepend(more) => item.value = [&more[..], &item.value].concat(),
        Op::Increment(delta) => return (count(item, |sum| sum.wrapping_add(*delta)), true),
        Op::Decrement(delta) => return (count(item, |sum| sum.saturating_sub(*delta)), true),
        Op::Touch { is_over } => return (Came::Done(true), !is_over),
        Op::Delete | Op::Flush => return (Came::Done(true), false),
    }
    (Came::Done(is_done), true)
}

/// Puts another number in the place of the one that the value is, as memcached does: it ends at the value's end or at a
/// blank, and what becomes shorter is filled with blanks.
fn count(item: &mut Item, sum: impl Fn(u64) -> u64) -> Came {
    let bytes = item.value.len();
    let digits = item.value.split(|byte| *byte == b' ').next().unwrap_or_default();
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
    let Some(number) = number else { return Came::NotNumeric };
    let number = sum(number);
    item.value = format!("{number:<bytes$}").into_bytes();
    Came::Number(number)
}

/// [`compare`] over TCP and over a Unix socket.
pub(crate) fn compare_over_both<D: Driver>(connect: impl Fn(&Server) -> D) {
    for over in Over::BOTH {
        compare(over, &connect);
    }
}

/// Does generated operations by clients that `connect` makes, and compares what these tell, and what is there then, with
/// the model.
pub(crate) fn compare<D: Driver>(over: Over, connect: impl Fn(&Server) -> D) {
    let server = Server::new(over);
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let steps = vec((0..KEYS, op()), 1..40);
    let done = TestRunner::new(config).run(&steps, |steps| check(&mut connect(&server), &steps));
    done.unwrap_or_else(|failure| panic!("{failure}"));
    server.end();
}

fn check<D: Driver>(client: &mut D, steps: &[(usize, Op)]) -> TestCaseResult {
    let (keys, mut model) = (keys(), Model::default());
    for key in &keys {
        client.apply(key, &Op::Delete);
    }
    for (key, op) in steps.iter().filter(|(_, op)| D::FLUSHES || !matches!(op, Op::Flush)) {
        let expected = model.apply(&keys[*key], op);
        let came = client.apply(&keys[*key], op);
        prop_assert_eq!(came.as_ref().unwrap_or(&expected), &expected, "{:?}", op);
        prop_assert_eq!(&client.items(&keys), &model.0, "after {:?}", op);
    }
    Ok(())
}
