//! Files read in one sitting.

use std::collections::BTreeSet;

use crate::arrows::packages;
use crate::source::{root, sources, text};

/// The most lines of a file.
const MOST: usize = 500;

/// Files that are longer still, and are to be split.
const LONGER: [&str; 1] = ["harness/trials/src/trial/tests.rs"];

/// Whether a file of this text is too long.
fn is_too_long(text: &str) -> bool {
    text.lines().count() > MOST
}

#[test]
fn files_read_in_one_sitting() {
    let mut longer = BTreeSet::new();
    for (folder, _) in packages().into_values() {
        for path in sources(&folder.join("src")) {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            if is_too_long(&text(&path)) {
                longer.insert(name);
            }
        }
    }
    let known: BTreeSet<String> = LONGER.iter().map(|name| (*name).to_owned()).collect();
    let new: Vec<_> = longer.difference(&known).collect();
    assert!(new.is_empty(), "more than {MOST} lines: {new:?}");
    let gone: Vec<_> = known.difference(&longer).collect();
    assert!(gone.is_empty(), "no longer too long, so no longer in LONGER: {gone:?}");
}

#[test]
fn a_line_too_many_is_noticed() {
    assert!(!is_too_long(&"line\n".repeat(MOST)));
    assert!(is_too_long(&"line\n".repeat(MOST + 1)));
}
