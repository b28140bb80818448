//! The tables of this family, in small trials.

#[macro_use]
#[path = "../../tests/check.rs"]
mod check;

use table::Hashing;

family! { subjects_cuckoo::registrar:
    tables_of_byte_strings_keep_their_books
    tables_keep_their_books_whatever_the_hasher
    flooding_does_no_harm
    a_larger_flood_makes_tables_slow_and_no_more
    a_variant_is_what_its_structure_is
}

/// More keys of a hash than two buckets hold: a cuckoo table says so, and does not double without end.
#[test]
fn a_flood_that_does_not_fit_is_an_error() {
    let structures = subjects_cuckoo::registrar().into_structures();
    for (structure, reclaimer) in [
        ("cuckoo-striped", "none"),
        ("cuckoo-optimistic", "none"),
        ("cuckoo-optimistic-items", "epoch"),
    ] {
        let flood = || {
            check::run_small(&structures, structure, reclaimer, |case| {
                (case.hashing, case.keys, case.prefill) = (Hashing::Adversarial, 10_000, 5_000);
            })
        };
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(flood));
        let panic = panic.expect_err(structure);
        let message = panic.downcast_ref::<String>().map_or("", String::as_str);
        assert!(message.contains("hashes"), "{structure}: {message}");
    }
}

/// The names of variants list what differs from the default.
#[test]
fn names_list_what_differs_from_the_default() {
    let structures = subjects_cuckoo::registrar().into_structures();
    let of = |s: &&kernel::Structure| s.variant_of.as_deref() == Some("cuckoo-optimistic");
    let names: Vec<_> = structures
        .all
        .iter()
        .filter(of)
        .map(|variant| variant.name.strip_prefix("cuckoo-optimistic:").unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "tags=off",
            "exclusion=single-writer",
            "exclusion=single-writer,tags=off",
            "exclusion=bucket-lock",
            "exclusion=bucket-lock,tags=off",
            "exclusion=global-lock",
            "exclusion=global-lock,tags=off",
            "version-stripes=1",
            "version-stripes=64",
            "version-stripes=8192",
            "slots=2",
            "slots=4",
            "search=random-1",
            "search=random-2",
        ]
    );
}
