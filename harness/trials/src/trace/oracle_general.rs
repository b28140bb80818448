//! The records `oracleGeneral` of libCacheSim, a simulator of caches: the format of most public traces of
//! caches. A record has 24 bytes, little-endian: the time in seconds (4), the object (8), its size (4), and
//! the time of its next request (8), which is not kept. The file has no magic number; its name identifies the format.
//!
//! Every record is a read. The size is that of the value, and keys have eight bytes.

use std::io::{self, BufRead, Write};
use std::path::Path;

use super::requests::Numbers;
use super::{BadTrace, Request, Trace};
use crate::workload::Op;

/// What a file's name has in it.
const NAME: &str = "oracleGeneral";

/// Bytes of a record.
const RECORD: usize = 24;

/// Bytes of a key: the object's number.
pub(super) const KEY_BYTES: u32 = 8;

/// Whether the file at `path` is called so.
#[must_use]
pub fn is_named_so(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(NAME))
}

/// Writes a record: of a request at `time`, whose object is asked for again by the request number `next`, if at all.
pub(super) fn write_record(
    output: &mut impl Write,
    time: u64,
    object: u64,
    size: u32,
    next: Option<u64>,
) -> io::Result<()> {
    let time = u32::try_from(time).unwrap_or(u32::MAX);
    let next = next.and_then(|next| i64::try_from(next).ok()).unwrap_or(-1);
    output.write_all(&time.to_le_bytes())?;
    output.write_all(&object.to_le_bytes())?;
    output.write_all(&size.to_le_bytes())?;
    output.write_all(&next.to_le_bytes())
}

/// Reads records to the end.
pub(super) fn read(input: &mut impl BufRead) -> Result<Trace, BadTrace> {
    let (mut trace, mut numbers) = (Trace::default(), Numbers::default());
    let mut record = [0; RECORD];
    for number in 1_u64.. {
        if input.fill_buf()?.is_empty() {
            break;
        }
        let malformed = |what: &str| BadTrace::Malformed {
            at: format!("record {number}"),
            what: what.to_owned(),
            help: format!("a file called {NAME} has records of {RECORD} bytes, unpacked"),
        };
        match input.read_exact(&mut record) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(malformed("the file ends in the middle of a record"));
            }
            read => read?,
        }
        let (object, rest) = record[4..].split_at(8);
        let key = numbers.of(object, KEY_BYTES, &mut trace).map_err(|what| malformed(&what))?;
        let size = rest[..4].try_into().expect("four bytes");
        trace.requests.push(Request { op: Op::Get, key, value_bytes: u32::from_le_bytes(size) });
    }
    Ok(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(time: u32, object: u64, size: u32) -> Vec<u8> {
        let next = (-1_i64).to_le_bytes();
        let by_hand =
            [&time.to_le_bytes()[..], &object.to_le_bytes(), &size.to_le_bytes(), &next].concat();
        let mut written = Vec::new();
        write_record(&mut written, u64::from(time), object, size, None).unwrap();
        assert_eq!(written, by_hand);
        written
    }

    #[test]
    fn records_are_reads_of_numbered_keys() {
        let bytes =
            [record(5, u64::MAX, 4096), record(6, 7, 300), record(4, u64::MAX, 4097)].concat();
        let trace = read(&mut bytes.as_slice()).unwrap();
        let get = |key, value_bytes| Request { op: Op::Get, key, value_bytes };
        assert_eq!(trace.requests, [get(0, 4096), get(1, 300), get(0, 4097)]);
        assert_eq!((trace.key_bytes.as_slice(), trace.expires()), (&[8, 8][..], false));
    }

    #[test]
    fn a_cut_record_is_named() {
        let bytes = [record(5, 1, 1), record(6, 2, 2)].concat();
        for end in 1..bytes.len() {
            match read(&mut &bytes[..end]) {
                Ok(trace) => assert_eq!((end, trace.requests.len()), (RECORD, 1)),
                Err(BadTrace::Malformed { at, what, .. }) => {
                    assert_eq!(at, format!("record {}", 1 + end / RECORD));
                    assert!(what.contains("in the middle"), "{what}");
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn its_name_says_what_it_is() {
        for (name, is) in
            [("w1.oracleGeneral", true), ("oracleGeneral.bin", true), ("a.csv", false)]
        {
            assert_eq!(is_named_so(Path::new("folder/oracleGeneral-of").join(name).as_path()), is);
        }
        assert!(!is_named_so(Path::new("oracleGeneral/a.csv")), "a folder's name says nothing");
    }
}
