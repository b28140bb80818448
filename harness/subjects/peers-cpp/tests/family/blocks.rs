//! Operations many in one call do what they do one by one, and iterations run beside writers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use proptest::prelude::*;
use table::{BLIND, Books, Feed, Form, KEY_BITS, MapOptions, NO_RECLAIMER, Op, Table};

const KEYS: u64 = 300;

/// A table of each structure that keeps entries.
fn tables() -> Vec<(String, Box<dyn Table>)> {
    let structures = subjects_peers_cpp::registrar().into_structures();
    let made = |structure: &table::Structure| {
        let maker = &structure.subject(Form::Usual, NO_RECLAIMER).unwrap().maker;
        let options = MapOptions { hash_seed: 3, ..MapOptions::default() };
        maker.info.keeps_entries.then(|| (structure.name.clone(), (maker.build)(&options)))
    };
    structures.all.iter().filter_map(made).collect()
}

/// Hands out blocks of these lengths, then all that is left.
struct Blocks<'o> {
    operations: &'o [(Op, u64)],
    lengths: &'o [usize],
}

impl Feed for Blocks<'_> {
    fn next(&mut self) -> &[(Op, u64)] {
        let length = self.lengths.split_off_first().copied().unwrap_or(usize::MAX);
        let block;
        (block, self.operations) = self.operations.split_at(length.min(self.operations.len()));
        block
    }
}

/// What the operations do to a standard map.
fn model(operations: &[(Op, u64)], entries: &mut BTreeMap<u64, u64>) -> Books {
    let mut books = Books::default();
    for &(op, key) in operations {
        let old = entries.get(&key).copied();
        let new = match op {
            Op::Get => old,
            Op::Insert => old.or(Some(key)),
            Op::Remove => None,
            Op::Update => old.map(|value| value.wrapping_add(1 << KEY_BITS)),
            Op::Upsert => Some(key | BLIND),
        };
        match new {
            Some(new) => _ = entries.insert(key, new),
            None => _ = entries.remove(&key),
        }
        if new.is_some() && old.is_none() {
            books.inserted += 1;
            books.inserted_keys += key;
        }
        if new.is_none() && old.is_some() {
            books.removed += 1;
            books.removed_keys += key;
        }
        if op != Op::Insert {
            books.consume(key, old);
        }
    }
    books
}

fn entries(table: &dyn Table) -> BTreeMap<u64, u64> {
    let mut seen = BTreeMap::new();
    let mut see = |key, value| assert_eq!(seen.insert(key, value), None, "{key} twice");
    table.handle().calls().for_each(&mut see);
    seen
}

fn operations() -> impl Strategy<Value = Vec<(Op, u64)>> {
    prop::collection::vec((prop::sample::select(&Op::ALL[..]), 0..KEYS), 0..1000)
}

#[test]
fn a_loop_over_blocks_does_what_its_operations_say() {
    proptest!(ProptestConfig::with_cases(40), |(
        operations in operations(),
        mut lengths in prop::collection::vec(0..400_usize, 0..8),
        pinned in any::<bool>(),
    )| {
        if !pinned {
            lengths.retain(|length| *length > 0);
        }
        for (name, table) in tables() {
            let mut expected = BTreeMap::new();
            let books = model(&operations, &mut expected);
            let mut said = Books::default();
            let mut feed = Blocks { operations: &operations, lengths: &lengths };
            let mut handle = table.handle();
            if pinned {
                // A block of no length ends a pin; so does the end.
                let pins = 1 + lengths.iter().filter(|length| **length == 0).count();
                handle.run_pinned(u32::try_from(pins).unwrap(), &mut feed, &mut said);
            } else {
                handle.run(&mut feed, &mut said);
            }
            prop_assert_eq!(said, books, "{}", &name);
            prop_assert_eq!(entries(&*table), expected, "{}", &name);
        }
    });
}

#[test]
fn many_lookups_insertions_and_counts_answer_as_single_ones() {
    proptest!(ProptestConfig::with_cases(40), |(
        keys in prop::collection::vec(0..KEYS, 0..500),
        asked in prop::collection::vec(0..KEYS, 0..500),
    )| {
        for (name, table) in tables() {
            let mut expected: BTreeMap<u64, u64> = keys.iter().map(|&key| (key, key)).collect();
            let mut handle = table.handle();
            prop_assert_eq!(handle.fill(&keys), expected.len(), "{}", &name);
            let found: Vec<Option<u64>> = asked.iter().map(|k| expected.get(k).copied()).collect();
            let mut values = vec![Some(u64::MAX); asked.len()];
            handle.get_many(&asked, &mut values);
            prop_assert_eq!(&values, &found, "{}", &name);
            prop_assert_eq!(handle.find(&asked), found.iter().flatten().count(), "{}", &name);
            let counts: Vec<(u64, u64)> = asked.iter().map(|&key| (key, key + 1)).collect();
            handle.add(&counts);
            for (word, count) in counts {
                *expected.entry(word).or_insert(0) += count;
            }
            prop_assert_eq!(entries(&*table), expected, "{}", &name);
        }
    });
}

/// Says when it is dropped that it is over, so that a failure does not leave the others at work for ever.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A library's own iterator may have to be kept apart from writers; ours must not.
#[test]
fn an_iteration_beside_writers_shows_what_stays() {
    for (name, table) in tables() {
        let stay: Vec<u64> = (0..KEYS).collect();
        assert_eq!(table.handle().fill(&stay), stay.len());
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for thread in 1..3 {
                let (table, over) = (&table, &over);
                scope.spawn(move || {
                    let mut handle = table.handle();
                    for round in 0.. {
                        let key = KEYS + thread * 5000 + round % 5000;
                        handle.calls().insert(key, key);
                        handle.calls().remove(key - round % 7);
                        // Relaxed: nothing but the flag itself.
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                });
            }
            let _over = Over(&over);
            for _ in 0..200 {
                let seen = entries(&*table);
                assert!(stay.iter().all(|key| seen.get(key) == Some(key)), "{name}");
            }
        });
    }
}

/// A table that moves entries asks for the hashes by which operations look for them. The keys are few, since
/// rculfhash sometimes does not grow.
#[test]
fn what_has_moved_is_found() {
    let keys: Vec<u64> = (0..5_000).collect();
    for (name, table) in tables() {
        let mut handle = table.handle();
        assert_eq!(handle.fill(&keys), keys.len(), "{name}");
        assert_eq!(handle.find(&keys), keys.len(), "{name}");
        assert_eq!(table.len(), keys.len(), "{name}");
    }
}
