//! The tables of this family, in small trials.

#[macro_use]
#[expect(dead_code, reason = "none of them holds byte strings")]
#[path = "../../tests/check.rs"]
mod check;

#[path = "family/blocks.rs"]
mod blocks;

family! { subjects_peers_cpp::registrar:
    tables_keep_their_books_whatever_the_hasher
    flooding_does_no_harm
    a_larger_flood_makes_tables_slow_and_no_more
    a_variant_is_what_its_structure_is
}
