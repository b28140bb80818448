//! Requests in memory, and what names and sums them up.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use crate::mix::Mix;
use crate::workload::Op;

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it does to a table.
    pub op: Op,
    /// The number of its key.
    pub key: u32,
    /// The size of the value, as the trace says.
    pub value_bytes: u32,
}

/// Requests in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    pub(super) requests: Vec<Request>,
    /// The size of each key. As long as there are keys.
    pub(super) key_bytes: Vec<u32>,
}

/// A trace as a case and a row name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceId {
    /// The file's name, without its folder and ending.
    pub name: String,
    /// The first 16 hex digits of the SHA-256 of its binary form, whichever form was read.
    pub sha256: String,
    /// How many requests it has.
    pub requests: u64,
}

/// What a plan must know of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What names it.
    pub id: TraceId,
    /// How many different keys it has.
    pub keys: u64,
    /// How many requests are each of [`Op::ALL`].
    pub counts: [u64; Op::ALL.len()],
}

/// Why a trace cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// What is wrong, and where: the file, and the line or byte.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.message, self.help)
    }
}

impl std::error::Error for TraceError {}

impl Facts {
    /// Its shares of operations.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shares")]
    pub fn mix(&self) -> Mix {
        let all = self.counts.iter().sum::<u64>() as f64;
        let [reads, inserts, removes, updates, upserts] =
            self.counts.map(|count| count as f64 * 100.0 / all);
        Mix { reads, inserts, removes, updates, upserts }
    }
}

impl Trace {
    /// The requests.
    #[must_use]
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// How many different keys there are; requests have numbers below it.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.key_bytes.len() as u64
    }

    /// The size of this key.
    #[must_use]
    pub fn key_bytes(&self, key: u32) -> u32 {
        self.key_bytes[key as usize]
    }

    /// The size of a key, and of a request's value, in the mean.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "means")]
    pub fn mean_bytes(&self) -> (f64, f64) {
        let keys: u64 = self.key_bytes.iter().map(|bytes| u64::from(*bytes)).sum();
        let values: u64 = self.requests.iter().map(|request| u64::from(request.value_bytes)).sum();
        (keys as f64 / self.keys() as f64, values as f64 / self.requests.len() as f64)
    }
}

/// Why a form cannot be read.
#[derive(Debug)]
pub(super) enum Wrong {
    Unreadable(io::Error),
    Malformed { at: String, what: String, help: String },
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}
