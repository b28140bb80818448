//! Files read in one sitting.

use crate::arrows::packages;
use crate::source::{root, sources, text};

/// The most lines of a file.
const MOST: usize = 500;

/// Files of tests that are longer still.
const LONGER: [&str; 3] = [
    "structures/tests/cuckoo_optimistic.rs",
    "structures/tests/cuckoo_striped.rs",
    "structures/tests/versioned.rs",
];

/// Whether a file of this text is too long.
fn is_too_long(text: &str) -> bool {
    text.lines().count() > MOST
}

#[test]
fn files_read_in_one_sitting() {
    let mut longer = Vec::new();
    for (folder, _) in packages().into_values() {
        let parts = ["src", "tests"].map(|part| folder.join(part));
        let files = parts.iter().filter(|part| part.is_dir()).flat_map(|part| sources(part));
        for path in files.filter(|path| is_too_long(&text(path))) {
            longer.push(path.strip_prefix(root()).unwrap().display().to_string());
        }
    }
    longer.sort();
    assert_eq!(longer, LONGER, "more than {MOST} lines");
}

#[test]
fn a_line_too_many_is_noticed() {
    assert!(!is_too_long(&"line\n".repeat(MOST)));
    assert!(is_too_long(&"line\n".repeat(MOST + 1)));
}
