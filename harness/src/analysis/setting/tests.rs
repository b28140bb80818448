//! What settings tell apart, and how they are said.

use super::*;
use crate::fault::Fault;
use crate::hashers::Hashing;
use crate::test_rows::{Grid, trial, with};
use crate::trace::TraceId;
use crate::workload::{HotSet, Length};

fn labels(rows: &[Row]) -> Vec<String> {
    split(rows).into_iter().map(|group| group.label).collect()
}

#[test]
fn one_setting_needs_no_label() {
    assert_eq!(labels(&Grid::small().rows()), [""]);
    assert!(split(&[]).is_empty());
}

#[test]
fn labels_name_what_varies_and_not_what_follows() {
    // The prefill is half of the keys: it varies, but only with them.
    let rows = Grid { keys: vec![1024, 4096], ..Grid::small() }.rows();
    assert_eq!(labels(&rows), ["keys1024", "keys4096"]);
    let mut row = rows[0].clone();
    row.prefill = 0;
    let rows = [rows, vec![row]].concat();
    assert_eq!(labels(&rows), ["keys1024-prefill0", "keys1024-prefill512", "keys4096-prefill2048"]);
}

#[test]
fn rows_that_only_read_join_every_mix() {
    let balanced = trial("papaya", 1, 0, 1e6);
    let mut updates = balanced.clone();
    (updates.mix.inserts, updates.mix.removes, updates.mix.updates) = (0.0, 0.0, 5.0);
    let mut reads = balanced.clone();
    (reads.mix.reads, reads.mix.inserts, reads.mix.removes) = (100.0, 0.0, 0.0);
    let groups = split(&[balanced, updates, reads.clone()]);
    let found: Vec<_> = groups.iter().map(|g| (g.label.as_str(), g.rows.len())).collect();
    assert_eq!(found, [("updates100", 2), ("inserts50-removes50", 2)]);
    let alone = split(&[reads]);
    assert_eq!((alone.len(), alone[0].rows.len()), (1, 1));
}

#[test]
fn what_groups_have_in_common_is_said_whole() {
    let balanced = trial("papaya", 1, 0, 1e6);
    let few = with(&balanced, |row| row.keys = 1024);
    let common = in_common(&split(&[balanced.clone(), few]));
    let writes = "; of the writes, 50\u{a0}% inserts, 50\u{a0}% removes; hash seed 1; ";
    assert!(common.contains(writes) && !common.contains("keys"), "{common}");
    // Lists that differ are no list in common.
    let updates = with(&balanced, |row| {
        (row.mix.inserts, row.mix.removes, row.mix.updates) = (0.0, 0.0, 5.0);
    });
    let common = in_common(&split(&[balanced.clone(), updates]));
    assert!(!common.contains("writes") && common.contains(", hash seed 1, "), "{common}");
    let one = split(&[balanced]);
    assert_eq!(in_common(&one), one[0].setting.in_words());
}

#[test]
fn batches_and_huge_pages_are_settings_of_their_own() {
    let plain = trial("cuckoo-optimistic", 1, 0, 1e6);
    let batched = with(&plain, |row| row.batch = 16);
    let huge = with(&plain, |row| row.huge_pages = true);
    let both = [plain.clone(), batched.clone()];
    assert_eq!(labels(&both), ["batch1", "batch16"]);
    assert_eq!(labels(&[plain.clone(), huge.clone()]), ["base-pages", "huge-pages"]);
    let words = |row| Setting::of(row).in_words();
    assert!(words(&batched).contains("lookups in batches of 16"), "{}", words(&batched));
    assert!(words(&huge).contains("huge pages asked for"), "{}", words(&huge));
    assert!(!words(&plain).contains("batch") && !words(&plain).contains("huge"));
    let plainness = [&plain, &batched, &huge].map(|row| Setting::of(row).is_plain());
    assert_eq!(plainness, [true, false, false]);
}

#[test]
fn batches_pins_faults_and_allocators_are_settings_of_their_own() {
    let plain = trial("hamt-cas", 1, 0, 1e6);
    for (row, label, words) in [
        (
            with(&plain, |row| row.reclaim_batch = Some(64)),
            ["own-batch", "reclaim-batch64"],
            "reclamation in batches of 64",
        ),
        (with(&plain, |row| row.ops_per_pin = 8), ["pin1", "pin8"], "8 operations a pin"),
        (
            with(&plain, |row| row.fault = Fault::StalledReader),
            ["no-fault", "stalled-reader"],
            "fault stalled-reader",
        ),
        (
            with(&plain, |row| row.allocator = "mimalloc".to_owned()),
            ["mimalloc", "system"],
            "allocator mimalloc",
        ),
    ] {
        assert_eq!(labels(&[plain.clone(), row.clone()]), label);
        let setting = Setting::of(&row);
        assert!(setting.in_words().contains(words), "{}", setting.in_words());
        assert!(!setting.is_plain(), "{words}");
    }
    let stalled = with(&plain, |row| row.fault = Fault::StalledReader);
    let of = |row: &Row| Setting::of(row).whatever(&["fault"]);
    let together = split_by(&[plain, stalled], &of);
    assert_eq!((together.len(), together[0].rows.len()), (1, 2));
}

#[test]
fn byte_strings_hashers_and_traces_are_settings_of_their_own() {
    let plain = trial("papaya", 1, 0, 1.0);
    let bytes = with(&plain, |row| row.key_bytes = Some(Length::Etc));
    let hashed = with(&plain, |row| row.hashing = Hashing::Siphash);
    let (name, sha256) = ("small".to_owned(), "0f".to_owned());
    let trace = Some(TraceId { name, sha256, requests: 4 });
    let traced = with(&plain, |row| row.trace = trace);
    for (row, words) in [
        (&bytes, "keys of etc B"),
        (&hashed, "hashed by siphash"),
        (&traced, "requests of the trace small (0f)"),
    ] {
        let setting = Setting::of(row);
        assert!(!setting.is_plain() && setting.in_words().contains(words), "{words}");
        assert_eq!(split(&[plain.clone(), row.clone()]).len(), 2, "{words}");
    }
}

#[test]
fn presets_and_distributions_are_settings_of_their_own() {
    let plain = trial("hamt-cas", 1, 0, 1e6);
    let hot = |keys| {
        with(&plain, |row| {
            row.distribution = Distribution::HotSet(HotSet { keys, operations: 0.9, shift: 7 })
        })
    };
    let named = with(&plain, |row| row.preset = "ycsb-b".to_owned());
    let latest = with(&plain, |row| row.distribution = Distribution::Latest);
    let sized = with(&plain, |row| row.capacity = Some(64));
    let upserts = with(&plain, |row| {
        row.mix.inserts = 0.0;
        row.mix.removes = 0.0;
        row.mix.upserts = 5.0;
    });
    for (row, label, words) in [
        (named, ["no-preset", "ycsb-b"], "preset ycsb-b"),
        (latest, ["by-rank", "latest"], "keys drawn by latest"),
        (
            hot(0.01),
            ["by-rank", "hot-set-0_9-0_01-7"],
            "keys drawn by hot-set (0.9 of the operations on 0.01 of the keys, others every 7)",
        ),
        (sized, ["own-capacity", "capacity64"], "tables made for 64 entries"),
        (upserts, ["upserts100", "inserts50-removes50"], "100\u{a0}% upserts"),
    ] {
        assert_eq!(labels(&[plain.clone(), row.clone()]), label);
        let setting = Setting::of(&row);
        assert!(setting.in_words().contains(words), "{}", setting.in_words());
    }
    assert_eq!(labels(&[hot(0.1), hot(0.2)]), ["hot-set-0_9-0_1-7", "hot-set-0_9-0_2-7"]);
    // A skew is no other setting.
    let even = with(&plain, |row| {
        row.distribution = Distribution::Ranked;
        row.zipf = 0.0;
    });
    assert_eq!(labels(&[plain, even]), [""]);
}

#[test]
fn controls_stand_beside_faults_that_they_cannot_have() {
    let none = trial("hamt-cas", 1, 0, 1e6);
    let stalled = with(&none, |row| row.fault = Fault::StalledReader);
    let batched = with(&none, |row| row.reclaim_batch = Some(8));
    let no_op = trial("no-op", 1, 0, 1e6);
    let no_op_stalled = with(&no_op, |row| row.fault = Fault::StalledReader);
    let sequential = trial("sequential", 1, 0, 1e6);
    let of = |rows: &[Row]| -> Vec<_> {
        split(rows).into_iter().map(|group| (group.label, group.rows.len())).collect()
    };
    let rows = [none, stalled.clone(), no_op.clone(), no_op_stalled, sequential.clone()];
    // Each has its table, its no-op and the one sequential.
    assert_eq!(of(&rows), [("no-fault".to_owned(), 3), ("stalled-reader".to_owned(), 3)]);
    assert_eq!(of(&[stalled, sequential.clone()]), [(String::new(), 2)]);
    assert_eq!(of(&[batched, no_op, sequential]), [(String::new(), 3)]);
}

#[test]
fn controls_stand_beside_tables_on_huge_pages() {
    let huge = with(&trial("cuckoo-optimistic", 1, 0, 1e6), |row| row.huge_pages = true);
    let control = trial("no-op", 1, 0, 1e6);
    let of = |rows: &[Row]| -> Vec<_> {
        split(rows).into_iter().map(|group| (group.label, group.rows.len())).collect()
    };
    assert_eq!(of(&[huge.clone(), control.clone()]), [(String::new(), 2)]);
    assert_eq!(of(std::slice::from_ref(&control)), [(String::new(), 1)], "alone it is not lost");
    let base = trial("papaya", 1, 0, 1e6);
    let labelled = [("base-pages".to_owned(), 2), ("huge-pages".to_owned(), 2)];
    assert_eq!(of(&[huge.clone(), control.clone(), base]), labelled);
    let mut reads = control;
    (reads.mix.reads, reads.mix.inserts, reads.mix.removes) = (100.0, 0.0, 0.0);
    assert_eq!(of(&[huge, reads]), [(String::new(), 2)], "one that only reads");
}
