//! The names that can be used in an experiment file or on the command line. The registry combines the catalogues of
//! all programs into one; all code that checks names reads it.

use std::collections::HashMap;

use ::table::{BadGlob, Glob};

/// One table that can be run.
#[derive(Clone, Debug, Default)]
pub struct StructureEntry {
    /// Its name.
    pub name: String,
    /// The reclaimers it takes; `["none"]` if it needs none.
    pub reclaimers: Vec<String>,
    /// Why it does not take others.
    pub why_not: String,
    /// The most threads it can serve, if limited.
    pub max_threads: Option<usize>,
    /// Whether it can ask for huge pages.
    pub huge_pages: bool,
    /// The reclaimers with which it is there with another hasher than the default.
    pub hashed: Vec<String>,
    /// The reclaimers with which it is there with byte strings.
    pub bytes: Vec<String>,
    /// Why it is not there with byte strings, if it is not.
    pub why_no_bytes: String,
}

/// One scheme.
#[derive(Clone, Debug)]
pub struct ReclaimerEntry {
    /// Its name.
    pub name: String,
    /// Whether its batch can be set ([`Case::reclaim_batch`](crate::case::Case::reclaim_batch)).
    pub takes_batch: bool,
}

/// Every name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The tables, in the order of registration.
    pub structures: Vec<StructureEntry>,
    /// The caches, in the order of registration: names of a store and a policy.
    pub caches: Vec<StructureEntry>,
    /// Why no reader can stall in a lookup of some caches, by their names.
    pub no_stall: HashMap<String, String>,
    /// The servers: names of ours, memcached's, and that of one that does nothing.
    pub servers: Vec<String>,
    /// Why some of them cannot be started here, by their names.
    pub why_no_server: HashMap<String, String>,
    /// The reclaimers, in the order of registration; without `none`.
    pub reclaimers: Vec<ReclaimerEntry>,
    /// The allocators.
    pub allocators: Vec<String>,
}

impl Catalogue {
    /// Whether the batch of the reclaimer of that name can be set; not of `none`.
    #[must_use]
    pub fn takes_batch(&self, reclaimer: &str) -> bool {
        self.reclaimers.iter().any(|entry| entry.name == reclaimer && entry.takes_batch)
    }
}

/// A glob over names of structures and subjects. `*` matches a slash too, and the name of a
/// variant (`table:factor=value`) only if the glob has a `:` itself: so `cuckoo-*` means the
/// tables, not every combination of their factors.
#[derive(Clone, Debug)]
pub struct NameGlob(Glob);

impl NameGlob {
    /// Whether `name` is one that the glob means.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        (self.names_variants() || !name.contains(':')) && self.fits(name)
    }

    /// Whether `name` fits the pattern, be it a variant that the glob does not mean.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        self.0.matches(name)
    }

    /// Whether it can match variants.
    #[must_use]
    pub fn names_variants(&self) -> bool {
        self.text().contains(':')
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.text()
    }
}

impl std::str::FromStr for NameGlob {
    type Err = BadGlob;

    fn from_str(text: &str) -> Result<Self, BadGlob> {
        Ok(Self(text.parse()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_variants_only_by_a_colon_of_its_own() {
        let glob = |text: &str| text.parse::<NameGlob>().unwrap();
        for (text, table, variant) in [
            ("cuckoo-*", true, false),
            ("*", true, false),
            ("*slots*", false, false),
            ("cuckoo-*:*", false, true),
            ("*:slots=?", false, true),
            ("{cuckoo-a,*:slots=8}", true, true),
            ("cuckoo-a", true, false),
            ("cuckoo-a:slots=8", false, true),
        ] {
            let found = ["cuckoo-a", "cuckoo-a:slots=8"].map(|name| glob(text).matches(name));
            assert_eq!(found, [table, variant], "{text}");
        }
        assert!(glob("*/epoch").matches("chaining-lock-free/epoch"));
        assert!("[".parse::<NameGlob>().is_err());
    }
}
