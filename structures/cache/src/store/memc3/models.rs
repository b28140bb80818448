//! Models of the table, under every interleaving and every order of memory that loom knows:
//! `ci/loom.sh`.

use eviction::memory::Handle;
use loom::sync::Arc;
use loom::thread;

use super::table::Table;

#[path = "../../../../tests/explore/mod.rs"]
mod explore;

use explore::explore;

/// Handle and hash of an entry: a tag, and a home. Handles name the hash.
#[derive(Clone, Copy)]
struct Entry {
    handle: Handle,
    hash: u64,
}

fn entry(tag: u32, home: u32) -> Entry {
    Entry { handle: Handle(tag << 8 | home), hash: u64::from(tag) << 56 | u64::from(home) }
}

fn rehash(handle: Handle) -> u64 {
    entry(handle.0 >> 8, handle.0 & 0xff).hash
}

fn insert(table: &Table, entry: Entry) {
    table.insert(entry.hash, entry.handle, rehash).unwrap();
}

/// Whether it is found; `None` if the reader would have to look again.
fn is_found(table: &Table, entry: Entry) -> Option<bool> {
    let found = table.read(entry.hash, |handle| (handle == entry.handle).then_some(()));
    found.ok().map(|found| found.is_some())
}

/// Tags whose other bucket, from bucket 0 of four, is this one.
fn tags(other: usize) -> impl Iterator<Item = u32> {
    let leads = move |&tag: &u32| structures::hash::other_bucket(0, u64::from(tag), 3) == other;
    (1..256).filter(leads)
}

/// A table of four buckets of which the first is full of entries that are at home there, and that could
/// move to `other`.
fn full(other: usize) -> (Arc<Table>, Vec<Entry>) {
    let table = Arc::new(Table::for_items(7).unwrap());
    let all: Vec<_> = tags(other).take(2).map(|tag| entry(tag, 0)).collect();
    all.iter().for_each(|&entry| insert(&table, entry));
    (table, all)
}

/// An entry goes into its other bucket: it is there or it is not, and then it stays.
#[test]
fn an_entry_comes_into_its_other_bucket() {
    let outcomes = [
        (None, None),
        (None, Some(true)),
        (Some(false), None),
        (Some(false), Some(false)),
        (Some(false), Some(true)),
        (Some(true), Some(true)),
    ];
    explore("into the other bucket", outcomes, || {
        let (table, _) = full(1);
        let new = entry(tags(1).nth(2).unwrap(), 0);
        let theirs = table.clone();
        let writer = thread::spawn(move || insert(&theirs, new));
        let found = (is_found(&table, new), is_found(&table, new));
        writer.join().unwrap();
        assert_eq!(is_found(&table, new), Some(true));
        found
    });
}

/// An entry makes room for another one: it is always there.
#[test]
fn an_entry_that_moves_is_found() {
    explore("a displacement", [None, Some(true)], || {
        let (table, all) = full(1);
        // The other bucket of the new one is full too, with entries that have no way out but to 0.
        let others: Vec<_> = tags(3).take(2).map(|tag| entry(tag, 3)).collect();
        others.iter().for_each(|&entry| insert(&table, entry));
        let new = entry(tags(3).nth(2).unwrap(), 0);
        // The path begins with the slot that the hash says: that of the entry which moves.
        let moves = all[(new.hash % 2) as usize];
        let theirs = table.clone();
        let writer = thread::spawn(move || insert(&theirs, new));
        let found = is_found(&table, moves);
        writer.join().unwrap();
        assert!(all.iter().chain(&others).all(|&entry| is_found(&table, entry) == Some(true)));
        assert_eq!(is_found(&table, new), Some(true));
        found
    });
}

/// An entry goes back to its home, to make room in its other bucket: it is always there.
#[test]
fn an_entry_that_returns_is_found() {
    explore("a return", [None, Some(true)], || {
        let (table, all) = full(1);
        let returns = entry(tags(1).nth(2).unwrap(), 0);
        insert(&table, returns);
        // Both buckets of the new one are full, and only that entry has a way out.
        let mut same = tags(3);
        let mut next = |home| entry(same.next().unwrap(), home);
        let (others, new) = ([next(1), next(2), next(2)], next(1));
        others.iter().for_each(|&entry| insert(&table, entry));
        table.remove(all[0].hash, all[0].handle);
        let theirs = table.clone();
        let writer = thread::spawn(move || insert(&theirs, new));
        let found = is_found(&table, returns);
        writer.join().unwrap();
        let there = [&others[..], &[all[1], returns, new]].concat();
        assert!(there.iter().all(|&entry| is_found(&table, entry) == Some(true)));
        found
    });
}

/// An entry leaves its other bucket: it is there or it is not, and then it does not come back.
#[test]
fn an_entry_leaves_its_other_bucket() {
    let outcomes = [
        (None, None),
        (None, Some(false)),
        (Some(false), Some(false)),
        (Some(true), Some(false)),
        (Some(true), Some(true)),
        (Some(true), None),
    ];
    explore("out of the other bucket", outcomes, || {
        let (table, _) = full(1);
        let old = entry(tags(1).nth(2).unwrap(), 0);
        insert(&table, old);
        let theirs = table.clone();
        let writer = thread::spawn(move || theirs.remove(old.hash, old.handle));
        let found = (is_found(&table, old), is_found(&table, old));
        writer.join().unwrap();
        assert_eq!(is_found(&table, old), Some(false));
        found
    });
}
