//! The client `async-memcached`: by the text protocol, and by meta commands what it has no other way to ask for.

use std::collections::HashMap;

use async_memcached::{AsciiProtocol, Client, Error, ErrorKind, MetaProtocol, Status};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::model::{Came, Driver, Item, Op, compare_over_both};
use crate::running::{PATIENCE, eventually};
use crate::{Over, Server};

/// A connection, and what drives it.
struct Connection {
    client: Client,
    runtime: Runtime,
}

impl Connection {
    fn to(server: &Server) -> Self {
        let scheme = match server.over {
            Over::Tcp => "tcp",
            Over::Unix => "unix",
        };
        let address = format!("{scheme}://{}", server.place);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(in_time(Client::new(address))).unwrap();
        Self { client, runtime }
    }
}

/// What comes of it, which must come.
async fn in_time<T>(task: impl Future<Output = T>) -> T {
    timeout(PATIENCE, task).await.expect("the server answers")
}

impl Driver for Connection {
    const FLUSHES: bool = true;

    fn apply(&mut self, key: &str, op: &Op) -> Option<Came> {
        Some(self.runtime.block_on(in_time(apply(&mut self.client, key, op))))
    }

    fn items(&mut self, keys: &[String]) -> HashMap<String, Item> {
        self.runtime.block_on(in_time(items(&mut self.client, keys)))
    }
}

async fn apply(client: &mut Client, key: &str, op: &Op) -> Came {
    match op {
        Op::Set(item) => done(client.set(key, &item.value[..], None, Some(item.flags)).await),
        Op::Add(item) => done(client.add(key, &item.value[..], None, Some(item.flags)).await),
        Op::Replace(item) => store(client, key, item, "MR").await,
        Op::Append(more) => join(client, key, more, "MA").await,
        Op::Prepend(more) => join(client, key, more, "MP").await,
        Op::Cas { item, is_right } => {
            let found = client.meta_get(key, false, None, Some(&["c"])).await.unwrap();
            let cas = found.and_then(|found| found.cas).unwrap_or(1);
            let cas = if *is_right { cas } else { cas + 1 };
            store(client, key, item, &format!("C{cas}")).await
        }
        Op::Increment(delta) => counted(client.increment(key, *delta).await),
        Op::Decrement(delta) => counted(client.decrement(key, *delta).await),
        Op::Touch { is_over } => {
            let expiry = if *is_over { "T-1" } else { "T1000" };
            let found = client.meta_get(key, false, None, Some(&["s", expiry])).await.unwrap();
            Came::Done(found.is_some())
        }
        Op::Delete => done(client.delete(key).await),
        Op::Flush => done(client.flush_all().await),
    }
}

async fn store(client: &mut Client, key: &str, item: &Item, how: &str) -> Came {
    let flags = format!("F{}", item.flags);
    let how = [how, flags.as_str()];
    done(client.meta_set(key, &item.value[..], false, None, Some(&how)).await.map(drop))
}

async fn join(client: &mut Client, key: &str, more: &[u8], how: &str) -> Came {
    done(client.meta_set(key, more, false, None, Some(&[how])).await.map(drop))
}

/// What is there, by either protocol.
async fn items(client: &mut Client, keys: &[String]) -> HashMap<String, Item> {
    // Of nothing that is found it makes an error.
    let found = match client.get_multi(keys).await {
        Err(Error::Protocol(Status::NotFound)) => Vec::new(),
        found => found.unwrap(),
    };
    let item = |key: Option<Vec<u8>>, value: Option<Vec<u8>>, flags: Option<u32>| {
        let key = String::from_utf8(key.expect("it was asked for")).unwrap();
        let (value, flags) = (value.unwrap_or_default(), flags.expect("they were asked for"));
        (key, Item { value, flags })
    };
    let text = found.into_iter().map(|found| item(Some(found.key), found.data, found.flags));
    let text: HashMap<String, Item> = text.collect();
    let found = client.meta_get_multi(keys, Some(&["v", "f"])).await.unwrap();
    let meta = found.into_iter().map(|found| item(found.key, found.data, found.flags));
    let meta: HashMap<String, Item> = meta.collect();
    assert_eq!(text, meta, "by text and by meta commands");
    text
}

fn done(result: Result<(), Error>) -> Came {
    match result {
        Ok(()) => Came::Done(true),
        Err(Error::Protocol(Status::NotStored | Status::Exists | Status::NotFound)) => {
            Came::Done(false)
        }
        Err(error) => panic!("{error}"),
    }
}

fn counted(result: Result<u64, Error>) -> Came {
    match result {
        Ok(number) => Came::Number(number),
        Err(Error::Protocol(Status::NotFound)) => Came::NotFound,
        Err(Error::Protocol(Status::Error(ErrorKind::Client(_)))) => Came::NotNumeric,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn generated_operations_come_to_what_a_model_says() {
    compare_over_both(Connection::to);
}

#[test]
fn what_else_there_is_in_text() {
    let server = Server::new(Over::Unix);
    let mut connection = Connection::to(&server);
    connection.runtime.block_on(in_time(in_text(&mut connection.client)));
    drop(connection);
    server.end();
}

async fn in_text(client: &mut Client) {
    assert!(client.version().await.unwrap().starts_with("1.6.18"));
    let pairs = [("a", "1"), ("b", "2")];
    let stored = client.set_multi(&pairs, None, Some(5)).await.unwrap();
    assert!(stored.len() == 2 && stored.values().all(Result::is_ok), "{stored:?}");
    let pairs = [("a", "x"), ("c", "3")];
    let added = client.add_multi(&pairs, None, None).await.unwrap();
    assert_eq!(added[&pairs[0].0], Err(Error::Protocol(Status::NotStored)));
    assert_eq!(added[&pairs[1].0], Ok(()));
    let found = client.get("a").await.unwrap().unwrap();
    assert_eq!((found.data.as_deref(), found.flags), (Some(&b"1"[..]), Some(5)));
    // What is not answered has been done before what is.
    client.set("n", 5_u64, None, None).await.unwrap();
    client.increment_no_reply("n", 3).await.unwrap();
    client.decrement_no_reply("n", 1).await.unwrap();
    assert_eq!(client.increment("n", 0).await, Ok(7));
    client.delete_no_reply("n").await.unwrap();
    client.delete_multi_no_reply(&["a", "no"]).await.unwrap();
    assert_eq!((client.get("n").await, client.get("a").await), (Ok(None), Ok(None)));
    let stats = client.stats().await.unwrap();
    let told = ["threads", "curr_items", "cmd_set"].map(|name| stats[name].as_str());
    // Each of the two that were to be set, and to be added, and the number.
    assert_eq!(told, ["2", "2", "5"], "{stats:?}");
    let large = vec![b'v'; 1 << 20];
    let refused = client.set("b", &large[..], None, None).await;
    let is_server = matches!(&refused, Err(Error::Protocol(Status::Error(ErrorKind::Server(_)))));
    assert!(is_server, "{refused:?}");
    assert_eq!(client.get("b").await, Ok(None), "it is not what was set last");
    // What is not spoken is refused, and this client then gives up the connection.
    let mut dump = client.dump_keys().await.unwrap();
    assert!(matches!(dump.next().await, Some(Err(_))) && !dump.is_complete());
    drop(dump);
    assert!(client.is_closed());
}

#[test]
fn what_else_there_is_in_meta_commands() {
    let server = Server::new(Over::Tcp);
    let mut connection = Connection::to(&server);
    connection.runtime.block_on(in_time(in_meta(&mut connection.client)));
    drop(connection);
    server.end();
}

async fn in_meta(client: &mut Client) {
    let (opaque, asked) = (Some(&b"token"[..]), ["c", "F9", "T100"]);
    let stored = client.meta_set("a", "value", false, opaque, Some(&asked)).await.unwrap().unwrap();
    assert_eq!(stored.opaque_token.as_deref(), opaque);
    let asked = ["v", "f", "c", "t", "s", "k"];
    let found = client.meta_get("a", false, opaque, Some(&asked)).await.unwrap().unwrap();
    assert_eq!(found.data.as_deref(), Some(&b"value"[..]));
    assert_eq!((found.key.as_deref(), found.opaque_token.as_deref()), (Some(&b"a"[..]), opaque));
    assert_eq!((found.flags, found.size, found.cas), (Some(9), Some(5), stored.cas));
    assert!(found.ttl_remaining.is_some_and(|left| (1..=100).contains(&left)), "{found:?}");
    let cas = stored.cas.expect("it was asked for");
    let [right, wrong] = [cas, cas + 1].map(|cas| format!("C{cas}"));
    let refused = client.meta_delete("a", false, None, Some(&[wrong.as_str()])).await;
    assert_eq!(refused, Err(Error::Protocol(Status::Exists)));
    assert_eq!(client.meta_delete("a", false, None, Some(&[right.as_str()])).await, Ok(None));
    let refused = client.meta_delete("a", false, None, None).await;
    assert_eq!(refused, Err(Error::Protocol(Status::NotFound)));
    // Quietly.
    assert_eq!(client.meta_get("a", true, None, Some(&["v"])).await, Ok(None));
    assert_eq!(client.meta_set("a", "1", true, None, None).await, Ok(None));
    let found = client.meta_get("a", true, None, Some(&["v"])).await.unwrap().unwrap();
    assert_eq!(found.data.as_deref(), Some(&b"1"[..]));
    assert_eq!(client.meta_delete("a", true, None, None).await, Ok(None));
}

#[test]
fn meta_commands_count_go_together_and_choose_one() {
    let server = Server::new(Over::Unix);
    let mut connection = Connection::to(&server);
    connection.runtime.block_on(in_time(together(&mut connection.client)));
    drop(connection);
    server.end();
}

async fn together(client: &mut Client) {
    // A number that is made where there was none.
    let asked = ["N100", "J5", "v"];
    for expected in ["5", "8"] {
        let number = client.meta_increment("n", false, None, Some(3), Some(&asked)).await.unwrap();
        assert_eq!(number.unwrap().data.as_deref(), Some(expected.as_bytes()));
    }
    let number = client.meta_decrement("n", false, None, Some(10), Some(&["v"])).await.unwrap();
    assert_eq!(number.unwrap().data.as_deref(), Some(&b"0"[..]));
    // Of several at once, what goes as it should is not answered.
    let pairs = [("x", "1"), ("y", "2")];
    let refused = client.meta_set_multi(&pairs, Some(&["T100"])).await.unwrap();
    assert!(refused.is_empty(), "{refused:?}");
    let refused = client.meta_set_multi(&pairs, Some(&["ME"])).await.unwrap();
    let keys: Vec<_> = refused.iter().filter_map(|one| one.key.as_deref()).collect();
    assert_eq!(keys, [b"x", b"y"]);
    assert!(refused.iter().all(|one| one.status == Some(Status::NotStored)), "{refused:?}");
    let found = client.meta_get_multi(&["x", "no", "y"], Some(&["v"])).await.unwrap();
    let values: Vec<_> = found.iter().filter_map(|one| one.data.as_deref()).collect();
    assert_eq!(values, [b"1", b"2"]);
    // One is told to fetch what is not there, and what is stale.
    client.meta_delete("x", false, None, Some(&["I", "T30"])).await.unwrap();
    let asked = ["v", "N30"];
    for (key, is_stale) in [("z", None), ("x", Some(true))] {
        for wins in [true, false] {
            let found = client.meta_get(key, false, None, Some(&asked)).await.unwrap().unwrap();
            assert_eq!((found.is_recache_winner, found.is_stale), (Some(wins), is_stale));
        }
    }
}

#[test]
fn what_is_over_goes_and_nothing_else() {
    let server = Server::new(Over::Tcp);
    let Connection { mut client, runtime } = Connection::to(&server);
    runtime.block_on(in_time(async {
        client.set("past", "1", Some(-1), None).await.unwrap();
        assert_eq!(client.get("past").await, Ok(None));
        client.set("soon", "1", Some(1), None).await.unwrap();
        client.set("later", "1", Some(1000), None).await.unwrap();
    }));
    let mut is_there = |key: &str| runtime.block_on(in_time(client.get(key))).unwrap().is_some();
    eventually("a key to expire", || !is_there("soon"));
    assert!(is_there("later"));
    drop(client);
    server.end();
}
