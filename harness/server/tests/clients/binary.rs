//! The client `memcache`, by the binary protocol.
//!
//! Of `prepend` it may not tell whether something was stored: what is there then is looked at. A number that is missing it
//! has made, which no other client does: it is not asked to.

use std::collections::HashMap;

use memcache::{Client, CommandError, MemcacheError};

use crate::model::{Came, Driver, Item, Op, PAST, compare_over_both};
use crate::text::{connected, items};
use crate::{Over, Server};

/// The client that sends packets.
struct ByPackets(Client);

fn connect(server: &Server) -> ByPackets {
    ByPackets(connected(server, "binary"))
}

impl Driver for ByPackets {
    const FLUSHES: bool = true;

    fn apply(&mut self, key: &str, op: &Op) -> Option<Came> {
        let Self(client) = self;
        Some(match op {
            Op::Set(item) => stored(client.set(key, item, 0)),
            Op::Add(item) => stored(client.add(key, item, 0)),
            Op::Replace(item) => stored(client.replace(key, item, 0)),
            Op::Append(more) => stored(client.append(key, &more[..])),
            Op::Prepend(more) => {
                let came = stored(client.prepend(key, &more[..]));
                return (came == Came::Done(false)).then_some(came);
            }
            Op::Cas { item, is_right } => {
                let found: Option<(Vec<u8>, u32, Option<u64>)> = client.get(key).unwrap();
                let cas = found.map_or(1, |(_, _, cas)| cas.expect("a packet tells it"));
                let cas = if *is_right { cas } else { cas + 1 };
                Came::Done(client.cas(key, item, 0, cas).unwrap())
            }
            Op::Increment(_) | Op::Decrement(_) if is_missing(client, key) => Came::NotFound,
            Op::Increment(delta) => counted(client.increment(key, *delta)),
            Op::Decrement(delta) => counted(client.decrement(key, *delta)),
            Op::Touch { is_over } => {
                let seconds = if *is_over { PAST } else { 1000 };
                Came::Done(client.touch(key, seconds).unwrap())
            }
            Op::Delete => Came::Done(client.delete(key).unwrap()),
            Op::Flush => stored(client.flush()),
        })
    }

    fn items(&mut self, keys: &[String]) -> HashMap<String, Item> {
        items(&self.0, keys)
    }
}

fn is_missing(client: &Client, key: &str) -> bool {
    client.get::<Vec<u8>>(key).unwrap().is_none()
}

/// Whether it was done: what is refused has a status.
fn stored(result: Result<(), MemcacheError>) -> Came {
    match result {
        Ok(()) => Came::Done(true),
        Err(MemcacheError::CommandError(_)) => Came::Done(false),
        Err(error) => panic!("{error}"),
    }
}

fn counted(result: Result<u64, MemcacheError>) -> Came {
    match result {
        Ok(number) => Came::Number(number),
        Err(MemcacheError::CommandError(_)) => Came::NotNumeric,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn generated_operations_come_to_what_a_model_says() {
    compare_over_both(connect);
}

#[test]
fn statistics_come_to_their_end() {
    let server = Server::new(Over::Unix);
    let client = connected(&server, "binary");
    client.set("a", "1", 0).unwrap();
    let stats = client.stats().unwrap();
    assert_eq!(stats.len(), 1, "{stats:?}");
    assert_eq!(stats[0].1["curr_items"], "1");
    assert!(stats[0].1["version"].starts_with("1.6.18"), "{stats:?}");
    assert_eq!(client.get::<u8>("a").unwrap(), Some(1));
    server.end();
}

#[test]
fn a_value_that_is_too_large_is_refused_alone() {
    let server = Server::new(Over::Tcp);
    let client = connected(&server, "binary");
    client.set("large", "small", 0).unwrap();
    let refused = client.set("large", &vec![b'w'; 1 << 20][..], 0);
    let is_too_large =
        matches!(refused, Err(MemcacheError::CommandError(CommandError::ValueTooLarge)));
    assert!(is_too_large, "{refused:?}");
    assert_eq!(client.get::<String>("large").unwrap(), None, "it is not what was set last");
    server.end();
}
