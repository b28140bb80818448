//! The text form: one line per request, with the columns of Twitter's traces.

use std::io::{BufRead, Read};

use super::requests::Numbers;
use super::{BadTrace, Request, Trace};
use crate::workload::Op;

/// The columns.
pub(super) const LINE: &str =
    "`timestamp,key,key size,value size,client id,operation,TTL`, as in `0,a3f,16,200,7,get,0`";

/// Bytes of a line: no cache's keys are nearly as long, and what is no trace may have no lines.
const LONGEST: u64 = 1 << 16;

/// What a cache's operations are on a table.
///
/// What stores a value if the key is absent is an insertion; what changes one that is there, and
/// else does nothing, an update; what stores a value whatever is there, an upsert.
const OPERATIONS: [(&str, Op); 11] = [
    ("get", Op::Get),
    ("gets", Op::Get),
    ("set", Op::Upsert),
    ("add", Op::Insert),
    ("replace", Op::Update),
    ("cas", Op::Update),
    ("append", Op::Update),
    ("prepend", Op::Update),
    ("incr", Op::Update),
    ("decr", Op::Update),
    ("delete", Op::Remove),
];

/// Reads lines to the end.
pub(super) fn read(input: &mut impl BufRead) -> Result<Trace, BadTrace> {
    let (mut trace, mut numbers) = (Trace::default(), Numbers::default());
    let mut moments = Vec::new();
    each_line(input, &format!("a line is {LINE}"), |_, line| {
        let Line { key, key_bytes, value_bytes, op, moment } = Line::of(line)?;
        let key = numbers.of(key, key_bytes, &mut trace)?;
        trace.requests.push(Request { op, key, value_bytes });
        moments.push(moment);
        Ok(())
    })?;
    trace.set_moments(moments);
    Ok(trace)
}

/// Shows `take` each line with its number, from 1 on. The first one in which something is wrong ends it, with
/// `help` as what would be right.
pub(super) fn each_line(
    input: &mut impl BufRead,
    help: &str,
    mut take: impl FnMut(u64, &[u8]) -> Result<(), String>,
) -> Result<(), BadTrace> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if input.by_ref().take(LONGEST + 1).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let malformed =
            |what| BadTrace::Malformed { at: number.to_string(), what, help: help.to_owned() };
        if line.len() as u64 > LONGEST {
            return Err(malformed(format!("the line is longer than {LONGEST} bytes")));
        }
        take(number, line).map_err(malformed)?;
    }
    Ok(())
}

struct Line<'a> {
    key: &'a [u8],
    key_bytes: u32,
    value_bytes: u32,
    op: Op,
    /// Timestamp and TTL.
    moment: (u64, u64),
}

impl<'a> Line<'a> {
    /// Or what is wrong with it.
    fn of(line: &'a [u8]) -> Result<Self, String> {
        // A key may have commas: it is what is left between the first column and the last five.
        let mut from_the_end = line.rsplitn(6, |byte| *byte == b',');
        let [ttl, operation, _client, value_bytes, key_bytes, start] =
            std::array::from_fn(|_| from_the_end.next());
        let first = start.and_then(|start| {
            let comma = start.iter().position(|byte| *byte == b',')?;
            Some((&start[..comma], &start[comma + 1..]))
        });
        let (
            Some((timestamp, key)),
            Some(key_bytes),
            Some(value_bytes),
            Some(operation),
            Some(ttl),
        ) = (first, key_bytes, value_bytes, operation, ttl)
        else {
            let columns = line.split(|byte| *byte == b',').count();
            return Err(format!("the line has {columns} of 7 columns"));
        };
        let moment = (whole("timestamp", timestamp, u64::MAX)?, whole("TTL", ttl, u64::MAX)?);
        if key.is_empty() {
            return Err("the key is empty".to_owned());
        }
        let known = OPERATIONS.iter().find(|(name, _)| name.as_bytes() == operation);
        let Some((_, op)) = known else {
            let names = OPERATIONS.map(|(name, _)| name).join(", ");
            return Err(format!("the operation is `{}`, none of {names}", shown(operation)));
        };
        Ok(Self {
            key,
            key_bytes: size("key size", key_bytes)?,
            value_bytes: size("value size", value_bytes)?,
            op: *op,
            moment,
        })
    }
}

/// A number of bytes.
pub(super) fn size(what: &str, column: &[u8]) -> Result<u32, String> {
    let size = whole(what, column, u64::from(u32::MAX))?;
    Ok(u32::try_from(size).expect("it is checked"))
}

/// A whole number up to `most`, or which of the two it is not.
fn whole(what: &str, column: &[u8], most: u64) -> Result<u64, String> {
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let why = if is_number(column) {
        let number = std::str::from_utf8(column).ok().and_then(|text| text.parse().ok());
        match number {
            Some(number) if number <= most => return Ok(number),
            _ => format!("above {most}, the most that there can be"),
        }
    } else if column.strip_prefix(b"-").is_some_and(is_number) {
        "below 0, the least that there can be".to_owned()
    } else {
        "not a whole number".to_owned()
    };
    Err(format!("the {what} is `{}`, {why}", shown(column)))
}

/// The start of a column, fit for a message.
fn shown(column: &[u8]) -> String {
    let start = &column[..column.len().min(40)];
    String::from_utf8_lossy(start).escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (String, String) {
        match read(&mut text.as_bytes()) {
            Err(BadTrace::Malformed { at, what, .. }) => (at, what),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn operations_are_what_they_do_to_a_table() {
        for (name, op) in OPERATIONS {
            let trace = read(&mut format!("5,k,3,9,1,{name},0").as_bytes()).unwrap();
            assert!(!trace.expires(), "a TTL of 0 is none");
            assert_eq!(trace.requests, [Request { op, key: 0, value_bytes: 9 }], "{name}");
        }
        let of = |name: &str| OPERATIONS.iter().find(|(known, _)| *known == name).unwrap().1;
        // By name: a test against the table alone would follow it.
        assert_eq!(["get", "gets"].map(of), [Op::Get; 2]);
        assert_eq!((of("set"), of("add"), of("delete")), (Op::Upsert, Op::Insert, Op::Remove));
        let on_what_is_there = ["replace", "cas", "append", "prepend", "incr", "decr"];
        assert_eq!(on_what_is_there.map(of), [Op::Update; 6]);
    }

    #[test]
    fn keys_are_numbered_by_first_occurrence() {
        let text = "0,b,1,0,1,get,0\r\n0,a,2,0,1,get,0\n9,b,1,0,1,get,0\n9,a,x,y,7,0,0,get,0\n";
        // The last key is `a,x,y`: it has commas.
        let text = text.replace("x,y,7", "x,y,5");
        let trace = read(&mut text.as_bytes()).unwrap();
        let keys: Vec<u32> = trace.requests.iter().map(|request| request.key).collect();
        assert_eq!(keys, [0, 1, 0, 2]);
        assert_eq!(trace.key_bytes, [1, 2, 5]);
    }

    #[test]
    fn the_largest_numbers_are_in_range() {
        let line = "18446744073709551615,a,4294967295,4294967295,1,get,18446744073709551615\n";
        let trace = read(&mut line.as_bytes()).unwrap();
        assert_eq!((trace.key_bytes[0], trace.requests[0].value_bytes), (u32::MAX, u32::MAX));
    }

    #[test]
    fn malformed_lines_are_named() {
        let fine = "0,a,8,0,1,get,0\n";
        for (line, what) in [
            ("0,a,8,0,1,get", "6 of 7 columns"),
            ("", "1 of 7 columns"),
            ("timestamp,key,key size,value size,client,operation,TTL", "timestamp is `timestamp`"),
            ("-1,a,8,0,1,get,0", "timestamp is `-1`, below 0"),
            ("0,,8,0,1,get,0", "key is empty"),
            ("0,a,+8,0,1,get,0", "key size is `+8`, not a whole number"),
            ("0,a,8,4294967296,1,get,0", "value size is `4294967296`, above 4294967295,"),
            ("0,a,-7,0,1,get,0", "key size is `-7`, below 0,"),
            ("0,a,8,0,1,GET,0", "operation is `GET`"),
            ("0,a,8,0,1,get,forever", "TTL is `forever`, not a whole number"),
            ("0,a,8,0,1,get,", "TTL is ``, not a whole number"),
            ("0,a,8,0,1,get,-", "TTL is `-`, not a whole number"),
            ("0,a,8,0,1,get,18446744073709551616", "above 18446744073709551615,"),
        ] {
            let (at, said) = wrong(&format!("{fine}{fine}{line}\n{fine}"));
            assert_eq!(at, "3", "{line}");
            assert!(said.contains(what), "{line}: {said}");
        }
        let keyed = |bytes: usize| format!("{fine}0,{},8,0,1,get,0\n", "k".repeat(bytes));
        let rest = "0,,8,0,1,get,0".len();
        assert!(read(&mut keyed(LONGEST as usize - rest).as_bytes()).is_ok());
        let (at, said) = wrong(&keyed(LONGEST as usize - rest + 1));
        assert_eq!((at.as_str(), said.as_str()), ("2", "the line is longer than 65536 bytes"));
    }
}
