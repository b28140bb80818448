//! File names made of text that users chose: names of traces and structures, settings of experiments.

use sha2::{Digest, Sha256};

/// A name of a file or folder is at most 255 bytes on every system; this leaves room for what callers
/// put before and behind.
const LONGEST: usize = 120;

/// Bytes of a shortened name that stay as they are.
const KEPT: usize = 80;

/// `text` as a file's name or a part of it, without ending: letters, digits and `-_.=,:` of ASCII as they
/// are, other characters as `_`, never hidden, and not too long. What had to be cut is told apart by a
/// fingerprint of the whole: different texts that are as they may be have different names.
#[must_use]
pub(crate) fn file_name(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.=,:".contains(c);
    let mut name: String = text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    if name.starts_with('.') {
        name.replace_range(..1, "_");
    }
    if name.len() > LONGEST {
        // All of it is ASCII.
        name.truncate(KEPT);
        name.push('-');
        name.push_str(&fingerprint(text));
    }
    name
}

/// The first 16 hex digits of the SHA-256 of `text`.
fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays() {
        for text in ["throughput-threads-keys1024", "a.b_c=1,2:3", &"x".repeat(LONGEST)] {
            assert_eq!(file_name(text), text);
        }
        assert_eq!(file_name("cuckoo/x y"), "cuckoo_x_y");
        assert_eq!(file_name("../../é"), "_._..__");
        assert_eq!(file_name(".hidden"), "_hidden");
    }

    #[test]
    fn what_is_too_long_is_cut_and_told_apart() {
        let long = |end: &str| file_name(&("é".repeat(300) + end));
        assert_eq!(long("a").len(), KEPT + 1 + 16);
        assert!(long("a").starts_with(&"_".repeat(KEPT)));
        assert_ne!(long("a"), long("b"));
        assert_eq!(long("a"), long("a"));
        let one_more = "x".repeat(LONGEST + 1);
        assert!(file_name(&one_more).len() < one_more.len());
    }
}
