//! The tables of this family, in small trials.

#[macro_use]
#[path = "../../tests/check.rs"]
mod check;

family! { subjects_controls::registrar:
    tables_of_byte_strings_keep_their_books
    tables_keep_their_books_whatever_the_hasher
    flooding_does_no_harm
    a_larger_flood_makes_tables_slow_and_no_more
    a_variant_is_what_its_structure_is
}
