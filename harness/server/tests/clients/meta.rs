//! The client `memcache`, by meta commands: a layer with a method for each of them, and one that caches by them, with
//! leases, stale values and CAS numbers inside.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use memcache::exp::{
    self, Arithmetic, ArithmeticResult, Delete, Error, Get, GetResult, GetStatus, LeaseState,
    Memcache, Meta, MetaClient, MutationResult, MutationStatus, Set, Ttl,
};

use crate::model::{Came, Driver, Item, Op, PAST, compare};
use crate::running::PATIENCE;
use crate::{Over, Server};

/// It has no Unix sockets.
fn connect(server: &Server) -> MetaClient {
    let builder = MetaClient::builder().connect_timeout(Some(PATIENCE)).io_timeout(Some(PATIENCE));
    builder.connect(server.place.as_str()).unwrap()
}

impl Driver for MetaClient {
    /// There is no meta command for it.
    const FLUSHES: bool = false;

    fn apply(&mut self, key: &str, op: &Op) -> Option<Came> {
        let set = |item: &Item| self.set(key, &item.value).client_flags(item.flags);
        Some(match op {
            Op::Set(item) => done(set(item).send()),
            Op::Add(item) => done(set(item).add().send()),
            Op::Replace(item) => done(set(item).replace().send()),
            Op::Append(more) => done(self.set(key, more).append().send()),
            Op::Prepend(more) => done(self.set(key, more).prepend().send()),
            Op::Cas { item, is_right } => {
                let found = self.get(key).meta(Meta::NONE.cas()).send().unwrap();
                let cas = found.item.cas.unwrap_or(1);
                done(set(item).compare_cas(if *is_right { cas } else { cas + 1 }).send())
            }
            Op::Increment(delta) => counted(self.increment(key).delta(*delta).send()),
            Op::Decrement(delta) => counted(self.decrement(key).delta(*delta).send()),
            Op::Touch { is_over } => {
                let get = self.get(key).without_value();
                let found = get.touch_raw(if *is_over { PAST } else { 1000 }).send();
                Came::Done(found.unwrap().hit())
            }
            Op::Delete => done(self.delete(key).send()),
            Op::Flush => unreachable!("it does not flush"),
        })
    }

    fn items(&mut self, keys: &[String]) -> HashMap<String, Item> {
        let all = self.run_many(keys.iter().map(Get::new)).unwrap();
        let mut items = HashMap::new();
        for (key, found) in keys.iter().zip(all) {
            let found = found.unwrap();
            assert_eq!(found, self.get(key).send().unwrap(), "one by one and together");
            if let (Some(value), Some(flags)) = (found.value, found.client_flags) {
                items.insert(key.clone(), Item { value, flags });
            }
        }
        items
    }
}

fn done(result: Result<MutationResult, Error>) -> Came {
    Came::Done(result.unwrap().applied())
}

fn counted(result: Result<ArithmeticResult, Error>) -> Came {
    match result {
        Ok(result) if result.applied() => Came::Number(result.value.expect("it was asked for")),
        Ok(result) => {
            assert_eq!(result.status, MutationStatus::NotFound);
            Came::NotFound
        }
        Err(error) => {
            assert!(matches!(cause(&error), Error::Rejected(_)), "{error}");
            Came::NotNumeric
        }
    }
}

/// What is behind an error of which the client does not know what it has left.
fn cause(error: &Error) -> &Error {
    match error {
        Error::Ambiguous { source, .. } => cause(source),
        other => other,
    }
}

#[test]
fn generated_operations_come_to_what_a_model_says() {
    compare(Over::Tcp, connect);
}

#[test]
fn keys_of_any_bytes_are_sent_by_themselves_and_together() {
    let server = Server::new(Over::Tcp);
    let client = connect(&server);
    client.noop().unwrap();
    let key = b"a b\r\n\0\xff".as_slice();
    assert!(client.set(key, "5").ttl(Ttl::secs(100)).return_cas().send().unwrap().cas.is_some());
    assert_eq!(client.increment(key).delta(3).send().unwrap().value, Some(8));
    let operations: [exp::Op; 6] = [
        Get::new(key).meta(Meta::NONE.cas().ttl().size()).into(),
        Set::new("b", "1").client_flags(7).into(),
        Arithmetic::new("c").initial(5, 100).delta(3).into(),
        Arithmetic::new("c").initial(5, 100).delta(3).into(),
        Delete::new(key).into(),
        Get::new(key).into(),
    ];
    let results = client.run_batch(operations).unwrap();
    let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    let found = results[0].as_get().unwrap();
    assert_eq!((found.value.as_deref(), found.item.size), (Some(&b"8"[..]), Some(1)));
    assert!(found.item.cas.is_some() && (1..=100).contains(&found.item.ttl.unwrap()), "{found:?}");
    assert!(results[1].as_mutation().unwrap().applied());
    let [made, counted] = [2_usize, 3].map(|place| results[place].as_arithmetic().unwrap().value);
    assert_eq!((made, counted), (Some(5), Some(8)));
    assert!(results[4].as_mutation().unwrap().applied());
    assert_eq!(results[5].as_get().unwrap().status, GetStatus::Miss);
    // What is known of an item.
    let known = client.debug("b").unwrap().unwrap();
    assert_eq!((known["exp"].as_str(), known["size"].as_str()), ("-1", "1"));
    assert_eq!(client.debug("no").unwrap(), None);
    server.end();
}

/// Of those who miss one is told to fetch the value, and of those who find it stale or about to expire.
#[test]
fn a_lease_has_one_holder() {
    let server = Server::new(Over::Tcp);
    let client = connect(&server);
    let read = || client.get("a").lease_ttl(30).send().unwrap();
    let first = read();
    assert_eq!((first.status, first.lease_state), (GetStatus::Miss, LeaseState::Granted));
    assert_eq!(read().lease_state, LeaseState::Busy);
    assert_eq!(client.get("a").send().unwrap().status, GetStatus::Pending);
    let fill = |value: &str, cas: &GetResult| {
        let cas = cas.item.cas.expect("a lease has a number");
        client.set("a", value).ttl(Ttl::secs(20)).compare_cas(cas).send().unwrap().status
    };
    assert_eq!(fill("1", &first), MutationStatus::Applied);
    assert_eq!(fill("2", &first), MutationStatus::CasMismatch);
    let filled = read();
    assert_eq!((filled.value.as_deref(), filled.lease_state), (Some(&b"1"[..]), LeaseState::None));
    let near = || client.get("a").lease_ttl(30).refresh_before(100).send().unwrap();
    assert!(near().won_lease() && near().lease_busy());
    assert!(client.delete("a").invalidate().stale_for(Ttl::secs(30)).send().unwrap().applied());
    let (winner, other) = (read(), read());
    assert!(winner.is_stale() && winner.won_lease() && winner.hit(), "{winner:?}");
    assert!(other.is_stale() && other.lease_busy() && other.hit(), "{other:?}");
    assert_eq!(fill("3", &winner), MutationStatus::Applied);
    assert!(!read().is_stale());
    server.end();
}

#[test]
fn what_cannot_be_is_refused() {
    let server = Server::new(Over::Tcp);
    let client = connect(&server);
    let refused = client.set("large", vec![b'v'; 1 << 20]).send().unwrap_err();
    assert!(matches!(cause(&refused), Error::Server(words) if words.contains("too large")));
    // Who was at an item last is not known here.
    client.set("a", "1").send().unwrap();
    let refused = client.get("a").meta(Meta::ALL).send().unwrap_err();
    assert!(matches!(cause(&refused), Error::Rejected(words) if words.contains("invalid flag")));
    server.end();
}

#[test]
fn what_is_cached_is_computed_once() {
    let server = Server::new(Over::Tcp);
    let builder = Memcache::builder().connect_timeout(PATIENCE).timeout(PATIENCE);
    let cache = builder.connect([server.place.as_str()]).unwrap();
    let minute = Ttl::secs(60);
    let fetched = |value: &str| {
        let load = || Ok::<_, io::Error>(value.to_owned());
        cache.fetch("report", minute, load).unwrap()
    };
    assert_eq!((fetched("1"), fetched("2")), ("1".to_owned(), "1".to_owned()));
    cache.invalidate("report", Duration::from_secs(60)).unwrap();
    // Who does not compute it gives the token back.
    assert_eq!(cache.get::<String>("report").unwrap().as_deref(), Some("1"));
    assert_eq!((fetched("3"), fetched("4")), ("3".to_owned(), "3".to_owned()));
    assert_eq!(cache.get_and_touch::<String>("report", minute).unwrap().as_deref(), Some("3"));
    cache.touch("report", minute).unwrap();
    server.end();
}

#[test]
fn each_verb_of_the_cache_has_its_answer() {
    let server = Server::new(Over::Tcp);
    let builder = Memcache::builder().connect_timeout(PATIENCE).timeout(PATIENCE);
    let cache = builder.connect([server.place.as_str()]).unwrap();
    let minute = Ttl::secs(60);
    cache.set_many([("a", 1_u64), ("b", 2)], minute).unwrap();
    let all = || cache.get_many::<u64, &str>(["a", "b", "no"]).unwrap();
    assert_eq!(all(), HashMap::from([("a", 1), ("b", 2)]));
    assert!(!cache.add("a", 7_u64, minute).unwrap() && cache.add("c", 7_u64, minute).unwrap());
    assert!(!cache.replace("no", 8_u64, minute).unwrap());
    assert!(cache.replace("c", 8_u64, Ttl::NEVER).unwrap());
    let sums = [2, 3].map(|delta| cache.incr("n", delta, minute).unwrap());
    assert_eq!((sums, cache.decr("n", 9, minute).unwrap()), ([2, 5], 0));
    let next = || cache.update("m", minute, |was: Option<u64>| was.unwrap_or(0) + 1).unwrap();
    assert_eq!((next(), next()), (1, 2));
    assert_eq!(cache.take::<u64>("m").unwrap(), Some(2));
    assert_eq!(cache.take::<u64>("m").unwrap(), None);
    cache.set("words", "b", minute).unwrap();
    cache.append("words", b"c", minute).unwrap();
    cache.prepend("words", b"a", minute).unwrap();
    assert_eq!(cache.get::<String>("words").unwrap().as_deref(), Some("abc"));
    cache.delete_many(["a", "no"]).unwrap();
    cache.delete("b").unwrap();
    assert_eq!(all(), HashMap::new());
    server.end();
}
