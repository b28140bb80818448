//! What registration hands on to tables, and what it refuses.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use foldhash::fast::FixedState;
use kernel::{MapOptions, Reclaimed, Registrar};
use structures::map::{Held, Progress};
use structures::reclaim::{Caps, Guard, Node, Participant, Payload, Reclaimer};
use structures::sync::{AtomicPtr, Ordering};
use structures::{ChainingBucketLock, ChainingLockFree};

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
        reads: Progress::Unknown,
        writes: Progress::Unknown,
        progress_is_tested: false,
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

struct LockFree;

impl Reclaimed for LockFree {
    type Map<R: Reclaimer + 'static> = ChainingLockFree<u64, u64, R, FixedState>;

    fn build<R: Reclaimer + 'static>(options: &MapOptions) -> Self::Map<R> {
        let domain = R::new(options.reclaim_batch);
        ChainingLockFree::with_capacity_and_hasher_in(options.capacity, options.hasher(), domain)
    }
}

fn visit_noting(subjects: &mut kernel::Subjects<LockFree>) {
    use structures::reclaim::Visitor;
    subjects.visit::<Noting>();
}

#[test]
fn the_reclaimer_gets_the_batch() {
    let mut registrar = Registrar::new();
    registrar.add_reclaimed_by::<LockFree>("noted", "", visit_noting);
    let structures = registrar.into_structures();
    let subject = structures.get("noted").unwrap().subject(kernel::Form::Usual, "noting").unwrap();
    for batch in [Some(64), None, Some(1)] {
        let options = MapOptions { capacity: 8, reclaim_batch: batch, ..MapOptions::default() };
        drop((subject.maker.build)(&options));
        assert_eq!(BATCH.swap(usize::MAX, Relaxed), batch.unwrap_or(0));
    }
}

#[test]
fn schemes_with_a_fixed_batch_say_so() {
    let structures = Registrar::new().into_structures();
    let takes = |name: &str| {
        structures.reclaimers.iter().find(|info| info.name == name).map(|info| info.takes_batch)
    };
    assert_eq!(["leak", "epoch", "haphazard"].map(takes), [Some(false); 3]);
}

#[test]
#[should_panic(expected = "no structure `cuckoo`")]
fn a_variant_needs_its_structure() {
    Registrar::new()
        .add_variant("cuckoo", "slots=8", |_| ChainingBucketLock::<u64, u64>::default());
}

#[test]
#[should_panic(expected = "a structure `one` already")]
fn a_name_is_taken_once() {
    let mut registrar = Registrar::new();
    for _ in 0..2 {
        registrar.add("one", "", |_| ChainingBucketLock::<u64, u64>::default());
    }
}

#[test]
fn the_build_is_described() {
    let build = kernel::build_facts();
    assert!(build["rustc"].starts_with("rustc 1."));
    assert!(build["target"].contains(std::env::consts::ARCH));
    let features: Vec<&str> = build["features"].split(',').collect();
    assert_eq!(features.contains(&"meter"), cfg!(feature = "meter"));
    assert!(!features.contains(&"default"));
    assert!(build.get("git_revision").is_none_or(|revision| revision.len() >= 40));
    let home = std::env::var("HOME").unwrap_or_default();
    for (name, fact) in &build {
        assert!(!fact.contains(env!("CARGO_MANIFEST_DIR")), "{name}");
        assert!(home.len() < 4 || !fact.contains(&home), "{name}: {fact}");
    }
}

#[test]
fn versions_are_those_of_the_lock_file() {
    let Some(crates) = kernel::build_facts().remove("crates") else { return };
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));
    let lock = lock.expect("the workspace has one");
    for one in crates.split(',') {
        let (name, version) = one.split_once('=').expect("name=version");
        let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&entry), "{one}");
    }
    assert!(crates.contains("papaya="), "{crates}");
}
