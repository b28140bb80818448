//! The client `memcache`, by the text protocol.
//!
//! `stats` is not asked for: this client takes the reply's first line for its end. Of `add`, `replace`, `append` and
//! `prepend` it does not tell whether something was stored: what is there then is looked at.

use std::collections::HashMap;
use std::io::{self, Write};

use memcache::{Client, ClientError, CommandError, MemcacheError, ServerError, ToMemcacheValue};

use crate::model::{Came, Driver, Item, Op, PAST, compare_over_both};
use crate::running::{PATIENCE, eventually};
use crate::{Over, Server};

fn connect(server: &Server) -> Client {
    connected(server, "ascii")
}

/// A client that speaks this protocol.
pub(crate) fn connected(server: &Server, protocol: &str) -> Client {
    let address = format!("memcache://{}?protocol={protocol}", server.place);
    let builder = Client::builder().add_server(address).unwrap();
    let builder = builder.with_connection_timeout(PATIENCE).with_read_timeout(PATIENCE);
    builder.with_write_timeout(PATIENCE).build().unwrap()
}

impl<W: Write> ToMemcacheValue<W> for &Item {
    fn get_flags(&self) -> u32 {
        self.flags
    }

    fn get_length(&self) -> usize {
        self.value.len()
    }

    fn write_to(&self, stream: &mut W) -> io::Result<()> {
        stream.write_all(&self.value)
    }
}

impl Driver for Client {
    const FLUSHES: bool = true;

    fn apply(&mut self, key: &str, op: &Op) -> Option<Came> {
        match op {
            Op::Set(item) => Some(done(self.set(key, item, 0).map(|()| true))),
            Op::Add(item) => untold(self.add(key, item, 0)),
            Op::Replace(item) => untold(self.replace(key, item, 0)),
            Op::Append(more) => untold(self.append(key, &more[..])),
            Op::Prepend(more) => untold(self.prepend(key, &more[..])),
            Op::Cas { item, is_right } => {
                let found: Option<(Vec<u8>, u32, Option<u64>)> = self.get(key).unwrap();
                let cas = found.map_or(1, |(_, _, cas)| cas.expect("it was asked for"));
                let cas = if *is_right { cas } else { cas + 1 };
                Some(done(self.cas(key, item, 0, cas)))
            }
            Op::Increment(delta) => Some(counted(self.increment(key, *delta))),
            Op::Decrement(delta) => Some(counted(self.decrement(key, *delta))),
            Op::Touch { is_over } => {
                Some(done(self.touch(key, if *is_over { PAST } else { 1000 })))
            }
            Op::Delete => Some(done(self.delete(key))),
            Op::Flush => Some(done(self.flush().map(|()| true))),
        }
    }

    fn items(&mut self, keys: &[String]) -> HashMap<String, Item> {
        items(self, keys)
    }
}

/// What is there of these keys.
pub(crate) fn items(client: &Client, keys: &[String]) -> HashMap<String, Item> {
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let all: HashMap<String, (Vec<u8>, u32)> = client.gets(&names).unwrap();
    for key in keys {
        let one: Option<(Vec<u8>, u32)> = client.get(key).unwrap();
        assert_eq!(one.as_ref(), all.get(key), "one by one and together");
    }
    all.into_iter().map(|(key, (value, flags))| (key, Item { value, flags })).collect()
}

fn done(result: Result<bool, MemcacheError>) -> Came {
    Came::Done(result.unwrap())
}

fn untold(result: Result<(), MemcacheError>) -> Option<Came> {
    result.unwrap();
    None
}

fn counted(result: Result<u64, MemcacheError>) -> Came {
    match result {
        Ok(number) => Came::Number(number),
        Err(MemcacheError::CommandError(CommandError::KeyNotFound)) => Came::NotFound,
        Err(MemcacheError::ClientError(ClientError::Error(_))) => Came::NotNumeric,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn generated_operations_come_to_what_a_model_says() {
    compare_over_both(connect);
}

#[test]
fn there_are_a_version_misses_and_types() {
    let server = Server::new(Over::Unix);
    let client = connect(&server);
    let versions = client.version().unwrap();
    assert!(versions.len() == 1 && versions[0].1.starts_with("1.6.18"), "{versions:?}");
    assert_eq!(client.get::<String>("no").unwrap(), None);
    assert!(client.gets::<String>(&["no", "neither"]).unwrap().is_empty());
    assert!(!client.delete("no").unwrap() && !client.touch("no", 9).unwrap());
    client.set("number", -7_i64, 0).unwrap();
    client.set("fraction", 0.5_f64, 0).unwrap();
    client.set("truth", true, 0).unwrap();
    assert_eq!(client.get::<i64>("number").unwrap(), Some(-7));
    assert_eq!(client.get::<f64>("fraction").unwrap(), Some(0.5));
    assert_eq!(client.get::<bool>("truth").unwrap(), Some(true));
    server.end();
}

#[test]
fn a_value_that_is_too_large_is_refused_alone() {
    let server = Server::new(Over::Tcp);
    let client = connect(&server);
    // What `-I` says is 272 bytes more than a value may have.
    let most = (1 << 20) - 272;
    client.set("large", &vec![b'v'; most][..], 0).unwrap();
    assert_eq!(client.get::<Vec<u8>>("large").unwrap(), Some(vec![b'v'; most]));
    let refused = client.set("large", &vec![b'w'; most + 1][..], 0);
    let Err(MemcacheError::ServerError(ServerError::Error(words))) = refused else {
        panic!("{refused:?}")
    };
    assert!(words.contains("too large"), "{words}");
    assert_eq!(client.get::<String>("large").unwrap(), None, "it is not what was set last");
    server.end();
}

#[test]
fn what_is_over_goes_and_nothing_else() {
    let server = Server::new(Over::Tcp);
    let client = connect(&server);
    client.set("past", "1", PAST).unwrap();
    assert_eq!(client.get::<u8>("past").unwrap(), None);
    client.set("soon", "1", 1).unwrap();
    client.set("touched", "1", 0).unwrap();
    assert!(client.touch("touched", 1).unwrap());
    client.set("later", "1", 1000).unwrap();
    let are_over = || client.gets::<u8>(&["soon", "touched"]).unwrap().is_empty();
    eventually("two keys to expire", are_over);
    assert_eq!(client.get::<u8>("later").unwrap(), Some(1));
    client.flush_with_delay(1).unwrap();
    eventually("a flush", || client.get::<u8>("later").unwrap().is_none());
    client.set("later", "2", 0).unwrap();
    assert_eq!(client.get::<u8>("later").unwrap(), Some(2));
    server.end();
}
