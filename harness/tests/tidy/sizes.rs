//! Files read in one sitting.

use crate::arrows::packages;
use crate::source::{sources, text};

/// The most lines of a file.
const MOST: usize = 500;

/// Whether a file of this text is too long.
fn is_too_long(text: &str) -> bool {
    text.lines().count() > MOST
}

#[test]
fn files_read_in_one_sitting() {
    let mut longer = Vec::new();
    for (folder, _) in packages().into_values() {
        for path in sources(&folder.join("src")) {
            if is_too_long(&text(&path)) {
                longer.push(path);
            }
        }
    }
    assert!(longer.is_empty(), "more than {MOST} lines: {longer:?}");
}

#[test]
fn a_line_too_many_is_noticed() {
    assert!(!is_too_long(&"line\n".repeat(MOST)));
    assert!(is_too_long(&"line\n".repeat(MOST + 1)));
}
