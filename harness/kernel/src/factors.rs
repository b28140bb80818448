//! The names of variants: what differs from a structure's default.
//!
//! A factor is a type parameter of the table, so each variant is a table of its own and no
//! operation pays for the choice. A variant's name lists what differs from the structure's
//! default, as in `cuckoo-optimistic:exclusion=global-lock,tags=off`. It is made of the types'
//! own names, so that it cannot differ from what is measured.

use structures::cuckoo::path::{Bfs, Search};
use structures::exclusion::{Exclusion, Optimistic};
use structures::tagging::Tagging;
use structures::versioned::hamt::{Bundled, Sharing};
use structures::versions::Versions;

/// The part of a variant's name that lists the factors in which it differs.
///
/// # Panics
///
/// If no factor differs: then it is not a variant.
#[must_use]
pub fn named<const N: usize>(factors: [Option<String>; N]) -> String {
    let differing: Vec<String> = factors.into_iter().flatten().collect();
    assert!(!differing.is_empty(), "with every factor at its default it is the structure itself");
    differing.join(",")
}

/// `factor=value`, or `None` at the default.
fn differing(factor: &str, value: &str, default: &str) -> Option<String> {
    (value != default).then(|| format!("{factor}={value}"))
}

/// How writers exclude each other.
#[must_use]
pub fn exclusion<E: Exclusion>() -> Option<String> {
    differing("exclusion", E::NAME, Optimistic::NAME)
}

/// How many versions the buckets share.
#[must_use]
pub fn version_stripes<E: Exclusion>() -> Option<String> {
    differing("version-stripes", &E::Versions::STRIPES.to_string(), "0")
}

/// Whether tags are compared before keys.
#[must_use]
pub fn tags<T: Tagging>() -> Option<String> {
    differing("tags", if T::DISTINGUISHES { "on" } else { "off" }, "on")
}

/// Slots of a bucket.
#[must_use]
pub fn slots(slots: usize, default: usize) -> Option<String> {
    differing("slots", &slots.to_string(), &default.to_string())
}

/// How versions of a trie share nodes.
#[must_use]
pub fn nodes<P: Sharing>() -> Option<String> {
    differing("nodes", P::NAME, Bundled::NAME)
}

/// How a path of displacements is found.
#[must_use]
pub fn search<P: Search>() -> Option<String> {
    differing("search", P::NAME, Bfs::NAME)
}

#[cfg(test)]
mod tests {
    use structures::tagging::Tagged;

    use super::*;

    #[test]
    #[should_panic(expected = "every factor at its default")]
    fn the_default_is_no_variant() {
        let _ = named([exclusion::<Optimistic>(), tags::<Tagged>(), slots(8, 8), search::<Bfs>()]);
    }
}
