//! Versions of a trie whose nodes are bundled, under reference counts, which free a version as soon as
//! nobody holds it: `ci/loom.sh`. Here a piece of a chain is one bundle, so that three versions are enough
//! for a rest that somebody else takes.
#![cfg(loom)]

mod explore;
mod living;

// Not loom's: a count alone, that no thread acts on.
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loom::sync::Arc;
use loom::thread;
use structures::reclaim::RefCounts;
use structures::versioned::cow::Cow;
use structures::versioned::hamt::{Bundled, Hamt};
use structures::versioned::map::{MapObject, MapOp};
use structures::versioned::{Universal, UniversalHandle, UniversalPinned};

use explore::explore;
use living::Value;

/// A [`Value`], counted while it lives.
struct Entry(Value, std::sync::Arc<AtomicUsize>);

impl Entry {
    fn new(number: u64, living: &std::sync::Arc<AtomicUsize>) -> Self {
        living.fetch_add(1, Relaxed);
        Self(Value::new(number), living.clone())
    }
}

impl Clone for Entry {
    fn clone(&self) -> Self {
        Self::new(self.0.number(), &self.1)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Relaxed);
    }
}

type Trie = Hamt<u64, Entry, Bundled>;

/// A map whose only key is 0.
struct World {
    map: Cow<Trie, RefCounts>,
    living: std::sync::Arc<AtomicUsize>,
}

impl World {
    fn new() -> Arc<Self> {
        let world = Self { map: Cow::default(), living: std::sync::Arc::default() };
        world.put(&[0]);
        Arc::new(world)
    }

    /// Binds the key to each of the numbers: a version for each.
    fn put(&self, numbers: &[u64]) {
        let mut handle = self.map.handle();
        for number in numbers {
            let value = Entry::new(*number, &self.living);
            let ops = vec![
                MapOp::Remove { hash: 0, key: 0, stamp: None },
                MapOp::Insert { hash: 0, key: 0, value },
            ];
            handle.pin().apply_all(0, ops);
        }
    }

    fn get(&self) -> u64 {
        let number = |trie: &Trie| trie.find(0, |_| true).map(|found| found.value.0.number());
        self.map.handle().pin().read(0, number).expect("it is always bound")
    }

    /// All but the last value is gone, after one more version at the latest.
    fn end(&self) {
        self.put(&[9]);
        assert_eq!(self.living.load(Relaxed), 1, "what versions have replaced stays");
    }
}

/// A reader holds a version, while another thread makes two more.
#[test]
fn a_chain_is_freed_by_who_comes_second() {
    explore("bundles: reader and writer", [0, 1, 2], || {
        let world = World::new();
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.get())
        };
        world.put(&[1, 2]);
        let seen = reader.join().expect("it reads what is alive");
        world.end();
        seen
    });
}

/// A thread has read two old versions and lets go of them, while another thread makes a new one: what the
/// first has read, and leaves to be freed, the other frees.
#[test]
fn a_rest_is_freed_by_who_finds_it() {
    explore("bundles: a rest", [(0, 1)], || {
        let world = World::new();
        let (mut older, mut newer) = (world.map.handle(), world.map.handle());
        let (mut first, mut second) = (older.pin(), newer.pin());
        let number = |trie: &Trie| trie.find(0, |_| true).map(|found| found.value.0.number());
        let zero = first.version(0);
        world.put(&[1]);
        let one = second.version(0);
        world.put(&[2]);
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.put(&[3]))
        };
        let seen = (number(zero), number(one));
        drop(second);
        drop(first);
        drop((older, newer));
        writer.join().expect("it writes");
        world.end();
        (seen.0.expect("it is bound"), seen.1.expect("it is bound"))
    });
}
