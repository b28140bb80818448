//! Tables of text with columns other than those of Twitter's traces: the user states the place of each column.
//!
//! Each line is a read, as in libCacheSim's reader of such files. Nothing in such a file expires.

use std::fmt;
use std::io::BufRead;
use std::str::FromStr;

use super::requests::Numbers;
use super::text::{each_line, size};
use super::{BadTrace, Request, Trace, oracle_general};
use crate::workload::Op;

/// Where the columns of a table of text are, each counted from 1.
///
/// As text: `key=2,size=4`, with `header` if the first line names the columns, and `delimiter=;` for another sign
/// than a comma between them (`tab` for a tabulator).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextColumns {
    key: usize,
    /// Of the value; without one, values have no bytes.
    size: Option<usize>,
    header: bool,
    delimiter: u8,
}

/// What a description says.
const EXPECTED: &str = "columns are said as in `key=2,size=4`, counted from 1, with `header` if the first line \
                        names them, and `delimiter=;` or `delimiter=tab` for another sign than a comma";

impl FromStr for TextColumns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: String| format!("{what}; {EXPECTED}");
        let (mut key, mut size, mut header, mut delimiter) = (None, None, false, b',');
        let mut said = Vec::new();
        for part in text.split(',') {
            let name = part.split_once('=').map_or(part, |(name, _)| name);
            if said.contains(&name) {
                return Err(wrong(format!("`{name}` is said twice")));
            }
            said.push(name);
            let column = |number: &str| match number.parse() {
                Ok(column @ 1..=1000_usize) => Ok(Some(column)),
                _ => Err(wrong(format!("`{number}` is no column from 1 to 1000"))),
            };
            match part.split_once('=') {
                Some(("key", number)) => key = column(number)?,
                Some(("size", number)) => size = column(number)?,
                Some(("delimiter", "tab")) => delimiter = b'\t',
                Some(("delimiter", sign)) if sign.len() == 1 => delimiter = sign.as_bytes()[0],
                None if part == "header" => header = true,
                _ => {
                    return Err(wrong(format!("`{part}` is none of key, size, header, delimiter")));
                }
            }
        }
        let key = key.ok_or_else(|| wrong("nothing says which column is the key".to_owned()))?;
        Ok(Self { key, size, header, delimiter })
    }
}

impl fmt::Display for TextColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key in column {}", self.key)?;
        self.size.map_or(Ok(()), |size| write!(f, ", size in column {size}"))
    }
}

/// Reads lines to the end.
pub(super) fn read(input: &mut impl BufRead, columns: &TextColumns) -> Result<Trace, BadTrace> {
    let (mut trace, mut numbers) = (Trace::default(), Numbers::default());
    let help = format!("each line has its {columns}, as --csv says");
    each_line(input, &help, |number, line| {
        if number == 1 && columns.header {
            return Ok(());
        }
        let (key, value_bytes) = columns.of(line)?;
        let key = numbers.of(key, oracle_general::KEY_BYTES, &mut trace)?;
        trace.requests.push(Request { op: Op::Get, key, value_bytes });
        Ok(())
    })?;
    Ok(trace)
}

impl TextColumns {
    /// The key and the size of a line.
    fn of<'l>(&self, line: &'l [u8]) -> Result<(&'l [u8], u32), String> {
        let fields = || line.split(|byte| *byte == self.delimiter);
        let column = |number: usize| {
            let lacks = || format!("the line has {} columns, not {number}", fields().count());
            fields().nth(number - 1).map(<[u8]>::trim_ascii).ok_or_else(lacks)
        };
        let key = column(self.key)?;
        if key.is_empty() {
            return Err("the key is empty".to_owned());
        }
        let bytes = self.size.map(|number| size("size", column(number)?)).transpose()?;
        Ok((key, bytes.unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> TextColumns {
        text.parse().unwrap()
    }

    #[test]
    fn columns_are_where_they_are_said_to_be() {
        let read = |text: &str, said: &str| read(&mut text.as_bytes(), &columns(said)).unwrap();
        let text = "t,op,bytes,what\n1,r,4096,b\r\n2,r, 512 ,a\n3,w,4096,b\n";
        let trace = read(text, "key=4,size=3,header");
        let requests: Vec<_> =
            trace.requests.iter().map(|r| (r.op, r.key, r.value_bytes)).collect();
        assert_eq!(requests, [(Op::Get, 0, 4096), (Op::Get, 1, 512), (Op::Get, 0, 4096)]);
        assert_eq!(read("x;1\nx;2\n", "key=1,delimiter=;").keys(), 1);
        assert_eq!(read("x\t1\nx\t2\n", "delimiter=tab,key=2").keys(), 2);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (said, what) in [
            ("size=3", "which column is the key"),
            ("key=0", "`0` is no column"),
            ("key=1,sise=2", "`sise=2` is none of key, size"),
            ("key=1,delimiter=ab", "`delimiter=ab`"),
            ("key=1,size=2,key=3", "`key` is said twice"),
            ("", "`` is none of"),
        ] {
            let error = said.parse::<TextColumns>().unwrap_err();
            assert!(error.contains(what) && error.contains("key=2,size=4"), "{error}");
        }
        // The rest of a line of names that is cut would be a line of its own.
        let names = "n".repeat(1 << 16) + "ame,key\n1,a\n";
        match read(&mut names.as_bytes(), &columns("key=1,header")) {
            Err(BadTrace::Malformed { at, what, .. }) => {
                assert!(at == "1" && what.contains("longer than 65536"), "{at}: {what}");
            }
            other => panic!("{other:?}"),
        }
        for (line, what) in [
            ("1", "has 1 columns, not 2"),
            ("1,", "key is empty"),
            ("one,b", "size is `one`, not a whole number"),
        ] {
            match read(&mut format!("1,a\n{line}\n").as_bytes(), &columns("key=2,size=1")) {
                Err(BadTrace::Malformed { at, what: said, .. }) => {
                    assert!(at == "2" && said.contains(what), "{line}: {said}");
                }
                other => panic!("{line}: {other:?}"),
            }
        }
    }
}
