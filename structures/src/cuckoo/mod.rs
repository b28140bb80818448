//! Cuckoo hash tables: every entry is in one of two buckets of a few slots.

pub mod path;
