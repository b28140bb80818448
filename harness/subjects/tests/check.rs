//! What every family's tables must do in small trials. Each family's tests take it in; they also make
//! cargo build its program, which the tests of the command line start.

use kernel::{Form, Registrar};
use table::{Hashing, Length, Structures};
use trials::case::Case;
use trials::serve;
use trials::trial::{Measurement, TrialSpec};

/// A trial of a small case, changed by `change`.
pub(crate) fn run_small(
    structures: &Structures,
    structure: &str,
    reclaimer: &str,
    change: impl Fn(&mut Case),
) -> Measurement {
    let mut case = Case::new(structure, reclaimer);
    (case.zipf, case.keys, case.prefill, case.hash_seed, case.pin) = (0.5, 600, 300, 1, false);
    (case.mix.reads, case.mix.updates, case.mix.upserts) = (40.0, 10.0, 10.0);
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
    serve::run(structures, &spec)
        .unwrap_or_else(|error| panic!("{structure}/{reclaimer}: {error:#}"))
}

/// Runs `change` of a case on each table that is there in that form and that `takes` part; how many.
fn each_in(
    registrar: fn() -> Registrar,
    form: Form,
    takes: impl Fn(&str) -> bool,
    change: impl Fn(&mut Case),
) -> usize {
    let structures = registrar().into_structures();
    let mut tried = 0;
    for structure in structures.all.iter().filter(|structure| takes(&structure.name)) {
        for reclaimer in structure.reclaimers_in(form) {
            let measured = run_small(&structures, &structure.name, reclaimer, &change);
            let (name, failures) = (&structure.name, &measured.failures);
            assert!(failures.is_empty(), "{name}/{reclaimer}: {failures:?}");
            assert!(measured.ops > 0, "{name}/{reclaimer}");
            tried += 1;
        }
    }
    tried
}

/// Byte strings of odd and of common lengths.
pub(crate) fn tables_of_byte_strings_keep_their_books(registrar: fn() -> Registrar) {
    for (keys, values) in [(Length::Etc, Length::Etc), (Length::Bytes(16), Length::Bytes(0))] {
        let lengths =
            |case: &mut Case| (case.key_bytes, case.value_bytes) = (Some(keys), Some(values));
        assert!(each_in(registrar, Form::Bytes, |_| true, lengths) > 0);
    }
}

/// Every hash function but the default.
pub(crate) fn tables_keep_their_books_whatever_the_hasher(registrar: fn() -> Registrar) {
    for hashing in [Hashing::Ahash, Hashing::Siphash, Hashing::Identity] {
        assert!(each_in(registrar, Form::Hashed, |_| true, |case| case.hashing = hashing) > 0);
    }
}

/// All keys have 64 hashes: tables get slow, and stay right.
pub(crate) fn flooding_does_no_harm(registrar: fn() -> Registrar) {
    // Four of each: as many as a cuckoo table has room for, and more.
    let flood = |case: &mut Case| {
        (case.hashing, case.keys, case.prefill) = (Hashing::Adversarial, 256, 128);
    };
    each_in(registrar, Form::Hashed, |_| true, flood);
    each_in(
        registrar,
        Form::Bytes,
        |_| true,
        |case| {
            flood(case);
            case.key_bytes = Some(Length::Bytes(20));
        },
    );
}

/// A hundred keys of each hash, far more than a probe or a bucket should hold.
pub(crate) fn a_larger_flood_makes_tables_slow_and_no_more(registrar: fn() -> Registrar) {
    // A cuckoo table has no room, and says so. papaya 0.2 resizes without end, and a trial of it with its
    // limit of time.
    let ends = |name: &str| !name.contains("cuckoo") && name != "papaya";
    each_in(registrar, Form::Hashed, ends, |case| {
        (case.hashing, case.keys, case.prefill) = (Hashing::Adversarial, 12_800, 6_400);
    });
}

/// What a variant must have of its structure.
pub(crate) fn a_variant_is_what_its_structure_is(registrar: fn() -> Registrar) {
    let structures = registrar().into_structures();
    for variant in structures.all.iter().filter(|one| one.variant_of.is_some()) {
        let of = structures.get(variant.variant_of.as_deref().unwrap()).unwrap();
        let few = of.reclaimers().next() != Some(kernel::NO_RECLAIMER);
        assert!(few || variant.reclaimers().eq(of.reclaimers()), "{variant:?}");
        let expected = (of.why_not, of.huge_pages);
        assert!(few || (variant.why_not, variant.huge_pages) == expected, "{variant:?}");
    }
}

/// The package declares every structure that there is, and none that there is not, so that `bench` builds
/// the right family for a name.
pub(crate) fn the_package_declares_its_structures(registrar: fn() -> Registrar, manifest: &str) {
    let line = manifest.lines().find(|line| line.starts_with("structures = ["));
    let declared: Vec<&str> = line.unwrap().split('"').skip(1).step_by(2).collect();
    let fits = |name: &str, glob: &str| match glob.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == glob,
    };
    let structures = registrar().into_structures();
    let names = || structures.all.iter().map(|one| one.name.split(':').next().unwrap());
    for name in names() {
        assert!(declared.iter().any(|glob| fits(name, glob)), "{name} is in none of {declared:?}");
    }
    for glob in declared {
        assert!(names().any(|name| fits(name, glob)), "nothing is {glob}");
    }
}

/// The tests of a family.
#[macro_export]
macro_rules! family {
    ($registrar:path: $($test:ident)*) => {$(
        #[test]
        fn $test() {
            check::$test($registrar);
        }
    )*
        #[test]
        fn the_package_declares_its_structures() {
            check::the_package_declares_its_structures($registrar, include_str!("../Cargo.toml"));
        }
    };
}
