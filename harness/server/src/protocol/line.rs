//! Lines, and the words in them.

use memchr::memchr;

/// The longest key, in bytes.
pub const MAX_KEY: usize = cache::item::MAX_KEY;

/// The end of every line and value.
pub const CRLF: &[u8] = b"\r\n";

/// The longest line that is no retrieval, in bytes.
pub const MOST_LINE: usize = 16 << 10;

/// The longest retrieval, in bytes: 100,000 of the longest keys.
pub const MOST_RETRIEVAL: usize = 26 << 20;

/// Words of a line that are looked at. No command takes as many.
const MOST_WORDS: usize = 23;

/// A line, and what it takes of the input with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'i> {
    /// Without its end, and only up to a byte of 0: memcached's lines are strings of C.
    pub text: &'i [u8],
    /// Bytes of the input, with the end.
    pub bytes: usize,
}

/// The first line of `input`, whose first `seen` bytes have no line's end. `None` if it has not ended.
pub fn line(input: &[u8], seen: usize) -> Option<Line<'_>> {
    let end = seen + memchr(b'\n', &input[seen..])?;
    let text = match &input[..end] {
        // A return alone is no empty line, but a command that there is not: the answer is the same.
        [text @ .., b'\r'] => text,
        text => text,
    };
    let text = memchr(0, text).map_or(text, |zero| &text[..zero]);
    Some(Line { text, bytes: end + 1 })
}

/// Words that are parted by blanks, of which there may be several.
#[derive(Clone, Copy, Debug)]
pub struct Words<'l> {
    rest: &'l [u8],
}

impl<'l> Words<'l> {
    /// Those of `text`.
    pub fn of(text: &'l [u8]) -> Self {
        Self { rest: text }
    }

    /// What has not been looked at yet.
    pub fn rest(&self) -> &'l [u8] {
        self.rest
    }
}

impl<'l> Iterator for Words<'l> {
    type Item = &'l [u8];

    #[inline]
    fn next(&mut self) -> Option<&'l [u8]> {
        let begin = self.rest.iter().position(|&byte| byte != b' ')?;
        let text = &self.rest[begin..];
        let end = memchr(b' ', text).unwrap_or(text.len());
        self.rest = &text[end..];
        Some(&text[..end])
    }
}

/// The first words of a line, the command among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstWords<'l> {
    words: [&'l [u8]; MOST_WORDS],
    len: usize,
}

impl<'l> FirstWords<'l> {
    /// The first words of `text`.
    pub(super) fn of(text: &'l [u8]) -> Self {
        let mut all = Self { words: [&[]; MOST_WORDS], len: 0 };
        for word in Words::of(text).take(MOST_WORDS) {
            all.words[all.len] = word;
            all.len += 1;
        }
        all
    }

    pub(super) fn all(&self) -> &[&'l [u8]] {
        &self.words[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_or_without_a_return() {
        let of = |input: &'static [u8]| line(input, 0).map(|line| (line.text, line.bytes));
        assert_eq!(of(b"get a"), None);
        assert_eq!(of(b"get a\r\nget"), Some((&b"get a"[..], 7)));
        assert_eq!(of(b"get a\nget"), Some((&b"get a"[..], 6)));
        assert_eq!(of(b"get a\r\r\n"), Some((&b"get a\r"[..], 8)));
        assert_eq!(of(b"\n"), Some((&b""[..], 1)));
        assert_eq!(of(b"ge\0t\r\n"), Some((&b"ge"[..], 6)));
        assert_eq!(line(b"get a\n", 5).unwrap().bytes, 6);
    }

    #[test]
    fn words_are_parted_by_blanks_alone() {
        let words: Vec<_> = Words::of(b"  a\tb  c ").collect();
        assert_eq!(words, [&b"a\tb"[..], b"c"]);
        assert_eq!(Words::of(b"   ").count() + Words::of(b"").count(), 0);
        assert_eq!(FirstWords::of(&b"a ".repeat(100)).all().len(), MOST_WORDS);
    }
}
