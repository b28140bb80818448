//! Traces: requests that a cache has served, to be replayed on a table.
//!
//! Three forms are read: lines of text with the columns of the traces that Twitter has published (J. Yang,
//! Y. Yue, R. Vinayak, *A large scale analysis of hundreds of in-memory cache clusters at Twitter*, OSDI
//! 2020); the records `oracleGeneral` of libCacheSim, by the file's name; and a binary form
//! ([`write_binary`]), several times smaller and read without a table of keys. Other tables of text are read by
//! [`TextColumns`]. Keys become numbers, by first occurrence. Clients are not kept. Times and lifetimes are kept if
//! something expires: caches use them, tables do not. A replay runs as fast as the table or cache allows.

mod binary;
mod columns;
mod generate;
mod oracle_general;
mod requests;
mod text;

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

pub use self::binary::write as write_binary;
pub use self::columns::TextColumns;
pub use self::generate::{Made, MadeForm, generate};
pub use self::oracle_general::is_named_so as is_oracle_general;
use self::requests::BadTrace;
pub use self::requests::{Facts, Moment, Request, Trace, TraceError, TraceId};
use crate::compressed::{Compressed, compressed};
use crate::workload::Op;

impl Trace {
    /// The trace in the file at `path`, in whichever form it is.
    ///
    /// # Errors
    ///
    /// It cannot be read, something in it is malformed, or it has no requests.
    pub fn read(path: &Path) -> Result<Self, TraceError> {
        Self::read_by(path, None)
    }

    /// The same of a table of text with these columns.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_table(path: &Path, columns: &TextColumns) -> Result<Self, TraceError> {
        Self::read_by(path, Some(columns))
    }

    fn read_by(path: &Path, columns: Option<&TextColumns>) -> Result<Self, TraceError> {
        let unreadable = |error: io::Error| TraceError {
            message: format!("cannot read the trace {}: {error}", path.display()),
            help: "a trace is a file of requests; `bench trace --help` says which".to_owned(),
        };
        let file = fs::File::open(path).map_err(unreadable)?;
        let mut input = io::BufReader::with_capacity(1 << 16, file);
        if let Some(found) = compressed(input.fill_buf().map_err(unreadable)?) {
            return Err(packed(path, found));
        }
        let parsed = match columns {
            Some(columns) => columns::read(&mut input, columns),
            None if binary::begins(&mut input).map_err(unreadable)? => binary::read(&mut input),
            None if is_oracle_general(path) => oracle_general::read(&mut input),
            None => text::read(&mut input),
        };
        let trace = parsed.map_err(|wrong| match wrong {
            BadTrace::Unreadable(error) => unreadable(error),
            BadTrace::Malformed { at, what, help } => {
                TraceError { message: format!("{}:{at}: {what}", path.display()), help }
            }
        })?;
        if trace.requests.is_empty() {
            return Err(TraceError {
                message: format!("the trace {} has no requests", path.display()),
                help: format!("a request is a line {}", text::LINE),
            });
        }
        Ok(trace)
    }

    /// What a plan must know of it, if it is in the file at `path`.
    #[must_use]
    pub fn facts(&self, path: &Path) -> Facts {
        let mut counts = [0; Op::ALL.len()];
        self.requests.iter().for_each(|request| counts[request.op as usize] += 1);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (sha256, requests) = (self.sha256(), self.requests.len() as u64);
        Facts { id: TraceId { name, sha256, requests }, keys: self.keys(), counts }
    }

    fn sha256(&self) -> String {
        let mut hashed = io::BufWriter::new(Hashed(Sha256::new()));
        binary::write(self, &mut hashed).expect("hashing cannot fail");
        let Hashed(hasher) = hashed.into_inner().expect("hashing cannot fail");
        hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A trace that is compressed.
fn packed(path: &Path, found: Compressed) -> TraceError {
    TraceError {
        message: format!("the trace {} is compressed ({})", path.display(), found.format),
        help: found.help(path),
    }
}

/// Hashes what is written.
#[derive(Debug)]
struct Hashed(Sha256);

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trace with every operation, of three keys.
    pub(super) fn every_operation() -> Trace {
        let request = |(op, key, value_bytes)| Request { op, key, value_bytes };
        let requests = [
            (Op::Get, 0, 0),
            (Op::Upsert, 1, 300),
            (Op::Insert, 0, 70_000),
            (Op::Update, 2, 1),
            (Op::Remove, 1, 0),
            (Op::Get, 2, 1),
        ];
        let key_bytes = vec![8, 130, 20];
        Trace { requests: requests.map(request).to_vec(), key_bytes, moments: Vec::new() }
    }

    #[test]
    fn facts_are_counts_and_a_fingerprint_of_the_content() {
        let trace = every_operation();
        let facts = trace.facts(Path::new("some/folder/small.bin"));
        assert_eq!((facts.id.name.as_str(), facts.id.requests, facts.keys), ("small", 6, 3));
        assert_eq!(facts.counts, [2, 1, 1, 1, 1]);
        let mix = facts.mix();
        assert!((mix.reads - 100.0 / 3.0).abs() < 1e-9 && (mix.removes - 100.0 / 6.0).abs() < 1e-9);
        assert_eq!(facts.id.sha256.len(), 16);
        for changed in [
            |trace: &mut Trace| trace.requests[1].value_bytes += 1,
            |trace: &mut Trace| trace.requests[5].op = Op::Remove,
            |trace: &mut Trace| trace.requests[5].key = 0,
            |trace: &mut Trace| trace.key_bytes[1] += 1,
            |trace: &mut Trace| trace.requests.truncate(5),
            |trace: &mut Trace| trace.set_moments(vec![(0, 9); 6]),
        ] {
            let mut other = trace.clone();
            changed(&mut other);
            assert_ne!(other.sha256(), trace.sha256());
        }
        assert_eq!(trace.mean_bytes(), (158.0 / 3.0, 70_302.0 / 6.0));
    }

    #[test]
    fn both_forms_are_told_apart_and_the_same_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let lines = "0,a,8,0,1,get,0\n0,b,130,300,1,set,60\n1,a,8,70000,2,add,60\n";
        fs::write(path("t.csv"), lines).unwrap();
        let from_text = Trace::read(&path("t.csv")).unwrap();
        let mut bytes = Vec::new();
        write_binary(&from_text, &mut bytes).unwrap();
        fs::write(path("t.bin"), bytes).unwrap();
        let from_binary = Trace::read(&path("t.bin")).unwrap();
        assert_eq!(from_text, from_binary);
        assert_eq!(from_text.facts(&path("t.csv")), from_binary.facts(&path("t.bin")));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let error = || Trace::read(&path).unwrap_err().message;
        assert!(error().contains("cannot read") && error().contains("t.csv"), "{}", error());
        fs::write(&path, "").unwrap();
        assert!(error().contains("no requests"), "{}", error());
        fs::write(&path, "0,a,8,0,1,get,0\n0,a,8,0,1,got,0\n").unwrap();
        assert!(error().contains("t.csv:2: the operation is `got`"), "{}", error());
        fs::write(&path, b"\x28\xb5\x2f\xfd\x04\x00").unwrap();
        let error = Trace::read(&path).unwrap_err();
        assert!(error.message.ends_with("t.csv is compressed (zstd)"), "{error}");
        assert!(error.help.contains("`zstd -d ") && error.help.ends_with("t.csv`"), "{error}");
    }
}
