//! What the code at a place of the source calls what it accesses.
//!
//! An atomic says by which code it is accessed: a file, and the line and column of the method's name. What is
//! before its dot is the receiver, as the source writes it: mostly a field, as `self.owner` or `bucket.word`, or what
//! the code calls a reference to one, as `stripe`. So nobody keeps a list of fields.

use std::collections::HashMap;
use std::panic::Location;
use std::path::Path;

/// The repository's folder, to which the files of places are relative.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Source files that have been read, or cannot be.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    files: HashMap<&'static str, Option<String>>,
}

impl Fields {
    /// The receiver of the access at a place; what is called there if it is no method; nothing if the
    /// source is not there.
    pub(crate) fn name(&mut self, at: &'static Location<'static>) -> String {
        let read = || std::fs::read_to_string(Path::new(ROOT).join(at.file())).ok();
        let text = self.files.entry(at.file()).or_insert_with(read);
        let (line, column) = (at.line() as usize, at.column() as usize);
        text.as_deref().and_then(|text| field(text, line, column)).unwrap_or_default()
    }
}

/// What is before the dot of the method whose name is at `line` and `column`, which begin at 1; of a function's
/// call the first argument. `self` is called by its type.
fn field(text: &str, line: usize, column: usize) -> Option<String> {
    let begin: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let here = text[begin..].char_indices().nth(column - 1)?.0 + begin;
    let (before, call) = (&text[..here], &text[here..]);
    let name = match before.strip_suffix('.') {
        Some(receiver) => &receiver[receiver_of(receiver)..],
        // The allocator's, which knows of no field.
        None if call.starts_with("allocated(") => "new memory",
        None => first_argument(call)?,
    };
    let words: String = name.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".");
    let own = words.strip_prefix("self").filter(|rest| rest.starts_with('.'));
    match own.and_then(|rest| Some((type_of(&text[..here])?, rest))) {
        Some((of, rest)) => Some(format!("{of}{rest}")),
        None => Some(words),
    }
}

/// Where the expression begins with which `text` ends: names, with their calls and indices, joined by dots.
fn receiver_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = text.trim_end().len();
    loop {
        // Brackets, from the last to the first.
        while let Some(last) = at.checked_sub(1).filter(|last| b")]?".contains(&bytes[*last])) {
            at = if bytes[last] == b'?' { last } else { opening(bytes, last) };
        }
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_:".contains(byte);
        at -= bytes[..at].iter().rev().take_while(|byte| is_word(byte)).count();
        // A dot before white space ends a comment.
        match text[..at].strip_suffix('.') {
            Some(rest) => at = rest.trim_end().len(),
            None => return at,
        }
    }
}

/// Where the bracket opens that closes at `last`.
fn opening(bytes: &[u8], last: usize) -> usize {
    let mut depth = 0_usize;
    for at in (0..=last).rev() {
        match bytes[at] {
            b')' | b']' => depth += 1,
            b'(' | b'[' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    0
}

/// The first argument of a call.
fn first_argument(call: &str) -> Option<&str> {
    let arguments = call.split_once('(')?.1;
    let mut depth = 0_usize;
    let end = arguments.char_indices().find(|(_, c)| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            ')' | ',' if depth == 0 => return true,
            _ => {}
        }
        false
    })?;
    Some(arguments[..end.0].trim().trim_start_matches('&').trim_start_matches("raw const "))
}

/// The type whose `impl` a text is in at its end.
fn type_of(text: &str) -> Option<&str> {
    let start = text.rfind("\nimpl").map(|at| at + "\nimpl".len())?;
    let header = text[start..].split('{').next()?;
    let of = match header.split_once(" for ") {
        Some((_, of)) => of,
        // Behind the parameters: `impl<'t, T: Of<u8>> Type<T>`.
        None => header.split_once("> ").map_or(header, |(_, of)| of),
    };
    of.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|of| !of.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The field of the access whose method stands at `§`.
    fn of(text: &str) -> String {
        let (before, _) = text.split_once('§').expect("a mark");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().expect("a line").chars().count() + 1;
        field(&text.replace('§', ""), line, column).unwrap_or_default()
    }

    #[test]
    fn fields_have_the_names_of_the_source() {
        for (text, expected) in [
            ("x;\nlet a = self.head.§load(Acquire);", "self.head"),
            (
                "    let a = slots[index(é, [1])].word\n        .§load(Acquire);",
                "slots[index(é, [1])].word",
            ),
            ("f(&self.of(a)?.word.§load(o))", "self.of(a)?.word"),
            ("if !node.next.§load(o)", "node.next"),
            ("// Pairs with `lock`.\n    bucket.word.§store(o)", "bucket.word"),
            ("§touch(&raw const bucket.entries, at)", "bucket.entries"),
            ("§touch(self.get(a, b), c)", "self.get(a, b)"),
            (
                "\nimpl<K: Of<u8>, V> Counter<K, V> {\n  fn f(&self) {\n    self.stripes[i].§fetch_add(1)",
                "Counter.stripes[i]",
            ),
            ("\nimpl Drop for Lock<'_> {\n    self.0.§store(1)", "Lock.0"),
            ("\nimpl Lock {\n    §touch(self.chain, next)", "Lock.chain"),
            ("§allocated(address.addr(), size)", "new memory"),
            ("§", ""),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_place_has_no_name() {
        assert_eq!(field("a.b()", 7, 1), None);
        assert_eq!(field("a.b()", 1, 99), None);
    }

    /// A place of this file, as the compiler says it.
    #[test]
    fn places_are_those_of_methods() {
        struct Word;
        impl Word {
            #[track_caller]
            fn load(&self) -> &'static Location<'static> {
                Location::caller()
            }
        }
        let (word, mut fields) = ([Word], Fields::default());
        assert_eq!(fields.name(word[0].load()), "word[0]");
    }
}
