//! The binary form: the magic bytes, the number of keys, the size of each, the number of requests,
//! and of each request a byte for the operation, its key and the size of its value. Numbers are LEB128
//! varints of the fewest bytes, keys are numbered by first occurrence. A trace in which something expires has
//! version 2, which adds to each request the seconds since the one before and until its value expires; any
//! other has version 1. So a trace has one binary form. docs/FORMAT.md describes it.

use std::io::{self, BufRead, Write};

use super::{BadTrace, Moment, Request, Trace};
use crate::workload::Op;

/// What a file in this form begins with; the last byte is its version.
const MAGIC: [u8; 8] = *b"lftrace1";
/// The same where requests have times.
const TIMED: [u8; 8] = *b"lftrace2";

/// The operation that each byte stands for: part of the format.
const OPS: [Op; 5] = [Op::Get, Op::Insert, Op::Remove, Op::Update, Op::Upsert];

/// Writes `trace` in this form.
///
/// # Errors
///
/// `output` cannot be written.
pub fn write(trace: &Trace, output: &mut impl Write) -> io::Result<()> {
    output.write_all(if trace.expires() { &TIMED } else { &MAGIC })?;
    put(trace.key_bytes.len() as u64, output)?;
    for bytes in &trace.key_bytes {
        put(u64::from(*bytes), output)?;
    }
    put(trace.requests.len() as u64, output)?;
    let mut before = 0;
    for (number, request) in trace.requests.iter().enumerate() {
        let op = OPS.iter().position(|op| *op == request.op).expect("every operation has a byte");
        put(op as u64, output)?;
        put(u64::from(request.key), output)?;
        put(u64::from(request.value_bytes), output)?;
        if trace.expires() {
            let Moment { at, ttl } = trace.moment(number);
            put(u64::from(at - before), output)?;
            put(u64::from(ttl), output)?;
            before = at;
        }
    }
    Ok(())
}

fn put(mut number: u64, output: &mut impl Write) -> io::Result<()> {
    while number >= 0x80 {
        output.write_all(&[number as u8 | 0x80])?;
        number >>= 7;
    }
    output.write_all(&[number as u8])
}

/// Whether a file that begins so is in this form.
pub(super) fn begins(input: &mut impl BufRead) -> io::Result<bool> {
    let start = input.fill_buf()?;
    Ok(start.starts_with(&MAGIC) || start.starts_with(&TIMED))
}

/// Reads this form to the end.
pub(super) fn read(input: &mut impl BufRead) -> Result<Trace, BadTrace> {
    let mut bytes = Bytes { input, at: 0 };
    let mut is_timed = false;
    for byte in MAGIC {
        is_timed = bytes.next("the start")? != byte;
    }
    let mut trace = Trace::default();
    let keys = bytes.number("the number of keys")?;
    for _ in 0..keys {
        trace.key_bytes.push(bytes.size("the size of a key")?);
    }
    // The number of the next key that occurs first, and the time of the request before.
    let (mut next, mut now) = (0, None);
    for _ in 0..bytes.number("the number of requests")? {
        let op = bytes.number("an operation")?;
        let op = usize::try_from(op).ok().and_then(|op| OPS.get(op).copied());
        let op = op.ok_or_else(|| bytes.malformed("an operation above 4"))?;
        let key = bytes.size("a key")?;
        if u64::from(key) >= keys || key > next {
            return Err(bytes.malformed("a key that is not numbered by first occurrence"));
        }
        next = next.max(key + 1);
        trace.requests.push(Request { op, key, value_bytes: bytes.size("the size of a value")? });
        if is_timed {
            let moment = bytes.moment(now)?;
            now = Some(moment.at);
            trace.moments.push(moment);
        }
    }
    if u64::from(next) != keys {
        return Err(bytes.malformed("fewer keys in requests than there are"));
    }
    if is_timed && trace.moments.iter().all(|moment| moment.ttl == 0) {
        return Err(bytes.malformed("nothing that expires, which is version 1"));
    }
    let mut rest = [0];
    match bytes.input.read(&mut rest)? {
        0 => Ok(trace),
        _ => Err(bytes.malformed("more than the last request")),
    }
}

struct Bytes<'i, I> {
    input: &'i mut I,
    at: u64,
}

impl<I: BufRead> Bytes<'_, I> {
    fn malformed(&self, what: &str) -> BadTrace {
        BadTrace::Malformed {
            at: format!("byte {}", self.at),
            what: format!("there is {what}"),
            help: "make it anew by `bench trace convert`".to_owned(),
        }
    }

    fn next(&mut self, what: &str) -> Result<u8, BadTrace> {
        let mut byte = [0];
        match self.input.read_exact(&mut byte) {
            Ok(()) => self.at += 1,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(self.malformed(&format!("the end, and not {what}")));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(byte[0])
    }

    fn number(&mut self, what: &str) -> Result<u64, BadTrace> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.next(what)?;
            let bits = u64::from(byte & 0x7f);
            let is_wasted = byte == 0 && shift > 0;
            if is_wasted || bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.malformed(&format!("no number for {what}")))
    }

    /// When a request came that follows one at `before`, and how long its value is valid.
    fn moment(&mut self, before: Option<u32>) -> Result<Moment, BadTrace> {
        let since = self.size("seconds since the request before")?;
        let at = match before {
            None if since > 0 => return Err(self.malformed("a time before the first request")),
            None => 0,
            Some(before) => before
                .checked_add(since)
                .ok_or_else(|| self.malformed("a time that 32 bits cannot hold"))?,
        };
        Ok(Moment { at, ttl: self.size("seconds until a value expires")? })
    }

    fn size(&mut self, what: &str) -> Result<u32, BadTrace> {
        let number = self.number(what)?;
        u32::try_from(number).map_err(|_| self.malformed(&format!("{number} for {what}")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::every_operation;
    use super::*;

    fn written(trace: &Trace) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(trace, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let trace = every_operation();
        let bytes = written(&trace);
        assert!(begins(&mut bytes.as_slice()).unwrap());
        assert_eq!(read(&mut bytes.as_slice()).unwrap(), trace);
    }

    /// Files on disks, and fingerprints on record, depend on it.
    #[test]
    fn the_form_is_the_documented_one() {
        let expected = [
            b"lftrace1".as_slice(),
            &[3, 8, 0x82, 1, 20, 6],
            &[0, 0, 0],
            &[4, 1, 0xac, 2],
            &[1, 0, 0xf0, 0xa2, 4],
            &[3, 2, 1],
            &[2, 1, 0],
            &[0, 2, 1],
        ];
        assert_eq!(written(&every_operation()), expected.concat());
    }

    #[test]
    fn times_and_expiry_are_version_two() {
        let mut trace = every_operation();
        trace.set_moments(vec![(7, 0), (7, 60), (9, 0), (8, 1 << 40), (300, 0), (300, 5)]);
        let bytes = written(&trace);
        let expected = [
            b"lftrace2".as_slice(),
            &[3, 8, 0x82, 1, 20, 6],
            &[0, 0, 0, 0, 0],
            &[4, 1, 0xac, 2, 0, 60],
            &[1, 0, 0xf0, 0xa2, 4, 2, 0],
            // What goes back in time is when the latest was.
            &[3, 2, 1, 0, 0xff, 0xff, 0xff, 0xff, 15],
            &[2, 1, 0, 0xa3, 2, 0],
            &[0, 2, 1, 0, 5],
        ];
        assert_eq!(bytes, expected.concat());
        assert!(begins(&mut bytes.as_slice()).unwrap());
        let again = read(&mut bytes.as_slice()).unwrap();
        assert_eq!(again, trace);
        assert_eq!((again.moment(5), again.expires()), (Moment { at: 293, ttl: 5 }, true));
        for end in TIMED.len()..bytes.len() {
            assert!(read(&mut &bytes[..end]).is_err(), "{end}");
        }
        // A time before the first, and no expiry at all.
        let mut late = bytes.clone();
        late[17] = 1;
        let mut plain = every_operation();
        plain.set_moments(vec![(7, 0); 6]);
        assert_eq!((plain.moments.len(), &written(&plain)[..8]), (0, &MAGIC[..]));
        let none = [b"lftrace2".as_slice(), &[1, 8, 1, 0, 0, 0, 0, 0]].concat();
        for (wrong, what) in [(late, "a time before the first"), (none, "nothing that expires")] {
            match read(&mut wrong.as_slice()) {
                Err(BadTrace::Malformed { what: said, .. }) => {
                    assert!(said.contains(what), "{said}");
                }
                other => panic!("{what}: {other:?}"),
            }
        }
    }

    #[test]
    fn every_cut_and_what_has_other_forms_is_malformed() {
        let bytes = written(&every_operation());
        for end in MAGIC.len()..bytes.len() {
            let error = read(&mut &bytes[..end]).expect_err("it is cut");
            assert!(matches!(error, BadTrace::Malformed { .. }), "{end}: {error:?}");
        }
        // Where each byte is: see above.
        for (at, byte, what) in [
            (14, 5, "operation above 4"),
            (15, 1, "first occurrence"),
            (22, 3, "first occurrence"),
            (8, 4, "fewer keys"),
        ] {
            let mut changed = bytes.clone();
            changed[at] = byte;
            if byte == 4 {
                // A key more.
                changed.insert(9, 1);
            }
            match read(&mut changed.as_slice()) {
                Err(BadTrace::Malformed { what: said, .. }) => {
                    assert!(said.contains(what), "{said}");
                }
                other => panic!("{at}: {other:?}"),
            }
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(read(&mut longer.as_slice()).is_err());
        // Zero in two bytes, 2^64, and more than a size holds.
        let start = &MAGIC[..];
        let too_large = [&[0x80; 9][..], &[2]].concat();
        for number in [&[0x80, 0][..], &too_large, &[0x80; 11]] {
            let error = format!("{:?}", read(&mut [start, number].concat().as_slice()));
            assert!(error.contains("no number for the number of keys"), "{number:?}: {error}");
        }
        assert!(
            read(&mut [start, &[1, 0x80, 0x80, 0x80, 0x80, 0x10]].concat().as_slice()).is_err()
        );
    }
}
