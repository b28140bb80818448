//! What the registry hands on to tables.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use structures::map::Held;
use structures::reclaim::{Guard, Node, Participant, Payload};
use structures::sync::{AtomicPtr, Ordering};

use super::*;
use crate::workload::Length;

/// The batch of the last [`Noting`] that was made; 0 for its own.
static BATCH: AtomicUsize = AtomicUsize::new(usize::MAX);

/// A scheme that notes its batch, and frees nothing.
struct Noting;

// SAFETY: S1–S3 hold trivially: no retired node is ever freed.
unsafe impl Reclaimer for Noting {
    type Header = ();
    type Participant<'d> = Noting;

    const NAME: &'static str = "noting";
    const SUMMARY: &'static str = "";
    const CAPS: Caps = Caps {
        per_pointer: false,
        held: Held::Unbounded,
        needs_quiescence: false,
        takes_batch: true,
    };

    fn new(batch: Option<usize>) -> Self {
        BATCH.store(batch.unwrap_or(0), Relaxed);
        Self
    }

    fn header(&self) {}

    fn register(&self) -> Noting {
        Noting
    }
}

impl Participant<Noting> for Noting {
    type Guard<'g> = Noting;

    fn enter(&mut self) -> Noting {
        Noting
    }
}

impl Guard<Noting> for Noting {
    fn protect<T>(&mut self, _: usize, src: &AtomicPtr<Node<Noting, T>>) -> *mut Node<Noting, T> {
        // Acquire: pairs with the Release that published the node.
        src.load(Ordering::Acquire)
    }

    unsafe fn retire<T: Payload + Send>(&mut self, _: *mut Node<Noting, T>) {}
}

#[test]
fn the_reclaimer_gets_the_batch() {
    for batch in [Some(64), None, Some(1)] {
        let options = MapOptions {
            capacity: 8,
            hash_seed: 0,
            huge_pages: false,
            reclaim_batch: batch,
            hashing: Hashing::default(),
            bytes: None,
        };
        let noted = || BATCH.swap(usize::MAX, Relaxed);
        drop(LockFreeChaining::build::<Noting>(&options));
        assert_eq!(noted(), batch.unwrap_or(0), "chaining-lock-free");
        drop(OptimisticItems::build::<Noting>(&options));
        assert_eq!(noted(), batch.unwrap_or(0), "cuckoo-optimistic-items");
    }
}

#[test]
fn schemes_with_a_fixed_batch_say_so() {
    let takes = |name: &str| {
        Registry::reclaimers()
            .into_iter()
            .find(|info| info.name == name)
            .map(|info| info.caps.takes_batch)
    };
    assert_eq!(["leak", "epoch", "haphazard"].map(takes), [Some(false); 3]);
}

/// A trial of a small case, changed by `change`.
fn run_small(
    registry: &Registry,
    structure: &str,
    reclaimer: &str,
    change: impl Fn(&mut Case),
) -> Measurement {
    let mut case = crate::test_rows::case(structure, reclaimer, 1, 40.0, 0.5, 600);
    (case.mix.updates, case.mix.upserts) = (10.0, 10.0);
    (case.mix.inserts, case.mix.removes) = (20.0, 20.0);
    change(&mut case);
    let spec = TrialSpec {
        case,
        seed: 5,
        seconds: 0.003,
        warmup: 0.0,
        series: false,
        rate: None,
        trace_file: None,
    };
    registry.run(&spec).unwrap_or_else(|error| panic!("{structure}/{reclaimer}: {error:#}"))
}

/// Runs `change` of a case on each table that is there in that form.
fn each_in(form: Form, change: impl Fn(&mut Case)) -> usize {
    let registry = Registry::built_in();
    let mut tried = 0;
    for structure in registry.structures() {
        for reclaimer in structure.reclaimers_in(form) {
            let measured = run_small(&registry, &structure.name, reclaimer, &change);
            let (name, failures) = (&structure.name, &measured.failures);
            assert!(failures.is_empty(), "{name}/{reclaimer}: {failures:?}");
            assert!(measured.ops > 0, "{name}/{reclaimer}");
            tried += 1;
        }
    }
    tried
}

#[test]
fn tables_of_byte_strings_keep_their_books() {
    let lengths = |keys, values| {
        move |case: &mut Case| (case.key_bytes, case.value_bytes) = (Some(keys), Some(values))
    };
    assert!(each_in(Form::Bytes, lengths(Length::Etc, Length::Etc)) > 20);
    each_in(Form::Bytes, lengths(Length::Bytes(16), Length::Bytes(0)));
}

#[test]
fn tables_keep_their_books_whatever_the_hasher() {
    for hashing in [Hashing::Ahash, Hashing::Siphash, Hashing::Identity] {
        assert!(each_in(Form::Hashed, |case| case.hashing = hashing) > 20);
    }
}

/// All keys have 64 hashes: tables get slow, and stay right.
#[test]
fn flooding_does_no_harm() {
    // Four of each: as many as a cuckoo table has room for, and more.
    let flood = |case: &mut Case| {
        (case.hashing, case.keys, case.prefill) = (Hashing::Adversarial, 256, 128);
    };
    each_in(Form::Hashed, flood);
    each_in(Form::Bytes, |case| {
        flood(case);
        case.key_bytes = Some(Length::Bytes(20));
    });
}

/// A hundred keys of each hash, far more than a probe or a bucket should hold.
#[test]
fn a_larger_flood_makes_tables_slow_and_no_more() {
    let registry = Registry::built_in();
    // A cuckoo table has no room, see below. papaya 0.2 resizes without end, and a trial of it with its
    // limit of time.
    let ends = |name: &str| !name.starts_with("cuckoo") && name != "papaya";
    for structure in registry.structures().iter().filter(|structure| ends(&structure.name)) {
        for reclaimer in structure.reclaimers_in(Form::Hashed) {
            let measured = run_small(&registry, &structure.name, reclaimer, |case| {
                (case.hashing, case.keys, case.prefill) = (Hashing::Adversarial, 12_800, 6_400);
            });
            let (name, failures) = (&structure.name, &measured.failures);
            assert!(failures.is_empty(), "{name}/{reclaimer}: {failures:?}");
        }
    }
}

/// More keys of a hash than two buckets hold: a cuckoo table says so, and does not double without end.
#[test]
fn a_flood_that_does_not_fit_is_an_error() {
    let registry = Registry::built_in();
    for (structure, reclaimer) in [
        ("cuckoo-striped", "none"),
        ("cuckoo-optimistic", "none"),
        ("cuckoo-optimistic-items", "epoch"),
    ] {
        let flood = || {
            run_small(&registry, structure, reclaimer, |case| {
                (case.hashing, case.keys, case.prefill) = (Hashing::Adversarial, 10_000, 5_000);
            })
        };
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(flood));
        let panic = panic.expect_err(structure);
        let message = panic.downcast_ref::<String>().map_or("", String::as_str);
        assert!(message.contains("hashes"), "{structure}: {message}");
    }
}
