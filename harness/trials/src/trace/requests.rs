//! Requests in memory, with the trace's name and a summary.

use std::fmt;
use std::io;

use hashbrown::HashMap;
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
    /// When each request came and how long what it stores is valid; none if nothing expires.
    pub(super) moments: Vec<Moment>,
}

/// When a request came, in seconds since the first, and how long what it stores is valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since the first request; they never go back.
    pub at: u32,
    /// Seconds until it expires; 0 is never.
    pub ttl: u32,
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

    /// When the request of this number came, and how long what it stores is valid. Without expiry there is
    /// no time either.
    #[must_use]
    pub fn moment(&self, request: usize) -> Moment {
        self.moments.get(request).copied().unwrap_or_default()
    }

    /// Whether anything expires.
    #[must_use]
    pub fn expires(&self) -> bool {
        !self.moments.is_empty()
    }

    /// Takes times and lifetimes of all requests as a file says them: seconds from the first on, that never go
    /// back, and nothing if nothing expires.
    pub(super) fn set_moments(&mut self, said: Vec<(u64, u64)>) {
        if said.iter().all(|(_, ttl)| *ttl == 0) {
            return;
        }
        let first = said.first().map_or(0, |(time, _)| *time);
        let whole = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let mut now = 0;
        let moment = |(time, ttl): (u64, u64)| {
            now = now.max(whole(time.saturating_sub(first)));
            Moment { at: now, ttl: whole(ttl) }
        };
        self.moments = said.into_iter().map(moment).collect();
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

/// Numbers of keys, by first occurrence.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<Box<[u8]>, u32>);

impl Numbers {
    /// The number of `key`. One that is new is added to the keys of `trace`, with this size.
    pub(super) fn of(&mut self, key: &[u8], bytes: u32, trace: &mut Trace) -> Result<u32, String> {
        if let Some(number) = self.0.get(key) {
            return Ok(*number);
        }
        let next =
            u32::try_from(self.0.len()).map_err(|_| "there are more than 2^32 keys".to_owned())?;
        trace.key_bytes.push(bytes);
        self.0.insert(key.into(), next);
        Ok(next)
    }
}

/// Why a form cannot be read.
#[derive(Debug)]
pub(super) enum BadTrace {
    Unreadable(io::Error),
    Malformed { at: String, what: String, help: String },
}

impl From<io::Error> for BadTrace {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}
