//! The list of a case's parameters: the name and unit of each, and how it is read, set and put into words.
//!
//! Columns of rows, captions, a case's own words and the check of the documentation all read this list.
//! A new parameter is a field of [`Case`] with its default in [`Case::new`], and an entry here.

mod parts;
mod server;
mod value;

use std::fmt;

use table::{Hashing, Length, Lengths};

use self::parts::{
    cache, hashed, hot, length_of, of_cache, parse_hot, parse_length, several, special, trace,
};
pub use self::value::{Value, in_units};
use self::value::{keep, optional, parse, text, whole};
use crate::case::{Case, SYSTEM};
use crate::fault::Fault;
use crate::mix::percentage;
use crate::workload::Distribution;

/// A parameter of a case.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its column in `trials.csv`.
    pub name: &'static str,
    /// What its value counts; empty where it counts nothing.
    pub unit: &'static str,
    /// What it is, in a line.
    pub words: &'static str,
    /// What every case had before there was the column; `None` if there always was one.
    pub default: Option<&'static str>,
    /// Its value.
    pub get: fn(&Case) -> Value,
    /// Sets it to what a column says; `None` if that is no value of it. Columns are read in their order.
    pub set: fn(&mut Case, &str) -> Option<()>,
    /// What is said of a case in which it is special.
    pub said: Option<InWords>,
    /// What an axis of its name takes in an experiment file, if [`set`](Self::set) is all that there is to
    /// reading one. Others have rules of their own in the harness.
    pub axis: Option<&'static str>,
}

/// How a value that is not the default is said; none where it is the default.
#[derive(Clone, Copy, Debug)]
pub struct InWords {
    /// As in `huge_pages` or `batch=16`, after the name of a case.
    pub short: fn(&Case) -> Option<String>,
    /// As in `lookups in batches of 16`, in captions.
    pub caption: fn(&Case) -> Option<String>,
}

/// The parameter of this name.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn parameter(name: &str) -> &'static Parameter {
    let found = PARAMETERS.iter().find(|parameter| parameter.name == name);
    found.unwrap_or_else(|| panic!("there is no parameter {name}"))
}

/// What an entry leaves out: a parameter that every row has always had, that counts nothing, is never
/// special, and is no axis by itself.
const PLAIN: Parameter = Parameter {
    name: "",
    unit: "",
    words: "",
    default: None,
    get: |_| Value::Absent,
    set: |_, _| None,
    said: None,
    axis: None,
};

/// Every parameter, in the order of the columns.
pub const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "structure",
        words: "the table",
        get: |case| text(&case.structure),
        set: |case, value| keep(&mut case.structure, value),
        ..PLAIN
    },
    Parameter {
        name: "reclaimer",
        words: "the reclaimer, or `none`",
        get: |case| text(&case.reclaimer),
        set: |case, value| keep(&mut case.reclaimer, value),
        ..PLAIN
    },
    Parameter {
        name: "allocator",
        words: "the allocator",
        get: |case| text(&case.allocator),
        set: |case, value| keep(&mut case.allocator, value),
        said: Some(InWords {
            short: |case| {
                (case.allocator != SYSTEM).then(|| format!("allocator={}", case.allocator))
            },
            // Every caption names the allocator.
            caption: |_| None,
        }),
        ..PLAIN
    },
    Parameter {
        name: "threads",
        words: "worker threads",
        get: |case| whole(case.threads),
        set: |case, value| parse(&mut case.threads, value),
        ..PLAIN
    },
    Parameter {
        name: "reads",
        unit: "%",
        words: "operations that are `get`",
        get: |case| Value::Real(case.mix.reads),
        set: |case, value| parse(&mut case.mix.reads, value),
        ..PLAIN
    },
    Parameter {
        name: "inserts",
        unit: "%",
        words: "operations that are `insert`",
        get: |case| Value::Real(case.mix.inserts),
        set: |case, value| parse(&mut case.mix.inserts, value),
        ..PLAIN
    },
    Parameter {
        name: "removes",
        unit: "%",
        words: "operations that are `remove`",
        get: |case| Value::Real(case.mix.removes),
        set: |case, value| parse(&mut case.mix.removes, value),
        ..PLAIN
    },
    Parameter {
        name: "updates",
        unit: "%",
        words: "operations that are `update`",
        get: |case| Value::Real(case.mix.updates),
        set: |case, value| parse(&mut case.mix.updates, value),
        ..PLAIN
    },
    Parameter {
        name: "upserts",
        unit: "%",
        words: "operations that are `upsert` with a value that does not depend on the old one",
        default: Some("0"),
        get: |case| Value::Real(case.mix.upserts),
        set: |case, value| parse(&mut case.mix.upserts, value),
        ..PLAIN
    },
    Parameter {
        name: "distribution",
        words: "which keys the operations are on, or `trace`",
        get: |case| text(case.distribution_name()),
        set: |case, value| {
            // A trace is named by its own columns.
            if value != "trace" {
                case.distribution = Distribution::named(value)?;
            }
            Some(())
        },
        said: Some(InWords {
            short: |case| {
                let name = case.distribution_name();
                let hot = case.distribution.hot_set().map(|hot| format!(" ({hot})"));
                (!case.distribution.is_ranked())
                    .then(|| format!("distribution={name}{}", hot.unwrap_or_default()))
            },
            caption: |case| {
                case.special_distribution().map(|drawn| format!("keys drawn by {drawn}"))
            },
        }),
        ..PLAIN
    },
    Parameter {
        name: "zipf",
        words: "skew of the keys",
        get: |case| Value::Real(case.zipf),
        set: |case, value| parse(&mut case.zipf, value),
        ..PLAIN
    },
    Parameter {
        name: "hot_keys",
        words: "the hot set's share of the keys",
        default: Some(""),
        get: |case| hot(case, |hot| Value::Real(hot.keys)),
        set: |case, value| parse_hot(case, value, |hot| &mut hot.keys),
        ..PLAIN
    },
    Parameter {
        name: "hot_operations",
        words: "the hot set's share of the operations",
        default: Some(""),
        get: |case| hot(case, |hot| Value::Real(hot.operations)),
        set: |case, value| parse_hot(case, value, |hot| &mut hot.operations),
        ..PLAIN
    },
    Parameter {
        name: "hot_shift",
        unit: "operations",
        words: "operations of a thread after which the hot set is another",
        default: Some(""),
        get: |case| hot(case, |hot| Value::Whole(hot.shift)),
        set: |case, value| parse_hot(case, value, |hot| &mut hot.shift),
        ..PLAIN
    },
    Parameter {
        name: "preset",
        words: "the workload's name, if it has one",
        default: Some(""),
        get: |case| text(&case.preset),
        set: |case, value| keep(&mut case.preset, value),
        said: Some(InWords {
            short: |case| special(&case.preset).map(|name| format!("preset={name}")),
            caption: |case| special(&case.preset).map(|name| format!("preset {name}")),
        }),
        ..PLAIN
    },
    Parameter {
        name: "trace",
        words: "the name of the trace that is replayed, if one is",
        default: Some(""),
        get: |case| text(case.trace.as_ref().map_or("", |trace| &trace.name)),
        set: |case, value| trace(case, value, |id, value| keep(&mut id.name, value)),
        said: Some(InWords {
            short: |case| case.trace.as_ref().map(|trace| format!("trace={}", trace.name)),
            caption: |case| {
                let id = case.trace.as_ref()?;
                Some(format!("requests of the trace {} ({})", id.name, id.sha256))
            },
        }),
        ..PLAIN
    },
    Parameter {
        name: "trace_sha256",
        words: "the trace's fingerprint",
        default: Some(""),
        get: |case| text(case.trace.as_ref().map_or("", |trace| &trace.sha256)),
        set: |case, value| trace(case, value, |id, value| keep(&mut id.sha256, value)),
        ..PLAIN
    },
    Parameter {
        name: "trace_requests",
        unit: "requests",
        words: "how many requests the trace has",
        default: Some(""),
        get: |case| case.trace.as_ref().map_or(Value::Absent, |id| Value::Whole(id.requests)),
        set: |case, value| trace(case, value, |id, value| parse(&mut id.requests, value)),
        ..PLAIN
    },
    Parameter {
        name: "keys",
        unit: "keys",
        words: "size of the key range",
        get: |case| Value::Whole(case.keys),
        set: |case, value| parse(&mut case.keys, value),
        ..PLAIN
    },
    Parameter {
        name: "prefill",
        unit: "keys",
        words: "keys that are present before the warm-up",
        get: |case| Value::Whole(case.prefill),
        set: |case, value| parse(&mut case.prefill, value),
        ..PLAIN
    },
    Parameter {
        name: "capacity",
        unit: "entries",
        words: "what the table is made for, if not for the prefill",
        default: Some(""),
        get: |case| case.capacity.map_or(Value::Absent, Value::Whole),
        set: |case, value| optional(&mut case.capacity, value),
        said: Some(InWords {
            short: |case| case.capacity.map(|entries| format!("capacity={entries}")),
            caption: |case| {
                case.capacity.map(|entries| format!("tables made for {entries} entries"))
            },
        }),
        ..PLAIN
    },
    Parameter {
        name: "key_type",
        words: "`u64`, or `bytes`",
        get: |case| text(case.key_type()),
        set: |case, value| {
            // How long they are, the next two columns say.
            let length = (value == "bytes").then_some(Length::Bytes(8));
            (case.key_bytes, case.value_bytes) = (length, length);
            Some(())
        },
        ..PLAIN
    },
    Parameter {
        name: "key_bytes",
        unit: "bytes",
        words: "length of a key: a number, or the name of a distribution of lengths",
        default: Some("8"),
        get: |case| Value::Text(length_of(case, |both| both.keys)),
        set: |case, value| parse_length(&mut case.key_bytes, value),
        said: Some(InWords {
            short: |case| {
                case.lengths().map(|Lengths { keys, values }| {
                    format!("key_bytes={keys} value_bytes={values}")
                })
            },
            caption: |case| case.lengths().map(|both| format!("keys of {} B", both.keys)),
        }),
        ..PLAIN
    },
    Parameter {
        name: "value_bytes",
        unit: "bytes",
        words: "length of a value, likewise",
        get: |case| Value::Text(length_of(case, |both| both.values)),
        set: |case, value| parse_length(&mut case.value_bytes, value),
        ..PLAIN
    },
    Parameter {
        name: "hasher",
        words: "what turns keys into hashes",
        default: Some("foldhash"),
        get: |case| Value::Name(case.hashing as u64, case.hashing.name()),
        set: |case, value| {
            case.hashing = Hashing::named(value)?;
            Some(())
        },
        said: Some(InWords {
            short: |case| hashed(case).map(|name| format!("hasher={name}")),
            caption: |case| hashed(case).map(|name| format!("hashed by {name}")),
        }),
        ..PLAIN
    },
    Parameter {
        name: "hash_seed",
        words: "seed of the table's hasher",
        get: |case| Value::Whole(case.hash_seed),
        set: |case, value| parse(&mut case.hash_seed, value),
        axis: Some("a whole number from 0 to 18446744073709551615"),
        ..PLAIN
    },
    Parameter {
        name: "pin",
        words: "whether threads are bound to CPUs",
        get: |case| Value::Flag(case.pin),
        set: |case, value| parse(&mut case.pin, value),
        ..PLAIN
    },
    Parameter {
        name: "batch",
        unit: "lookups",
        words: "lookups that are issued as one `get_many`; 1 is `get`",
        default: Some("1"),
        get: |case| whole(case.batch),
        set: |case, value| parse(&mut case.batch, value),
        said: Some(InWords {
            short: |case| several(case.batch).map(|n| format!("batch={n}")),
            caption: |case| several(case.batch).map(|n| format!("lookups in batches of {n}")),
        }),
        ..PLAIN
    },
    Parameter {
        name: "huge_pages",
        words: "whether the table is to ask for huge pages",
        default: Some("false"),
        get: |case| Value::Flag(case.huge_pages),
        set: |case, value| parse(&mut case.huge_pages, value),
        said: Some(InWords {
            short: |case| case.huge_pages.then(|| "huge_pages".to_owned()),
            caption: |case| case.huge_pages.then(|| "huge pages asked for".to_owned()),
        }),
        ..PLAIN
    },
    Parameter {
        name: "reclaim_batch",
        unit: "nodes",
        words: "after how many the reclaimer scans or synchronises; empty is its own default",
        default: Some(""),
        get: |case| case.reclaim_batch.map_or(Value::Absent, whole),
        set: |case, value| optional(&mut case.reclaim_batch, value),
        said: Some(InWords {
            short: |case| case.reclaim_batch.map(|n| format!("reclaim_batch={n}")),
            caption: |case| case.reclaim_batch.map(|n| format!("reclamation in batches of {n}")),
        }),
        ..PLAIN
    },
    Parameter {
        name: "ops_per_pin",
        unit: "operations",
        words: "for how many a worker pins once",
        default: Some("1"),
        get: |case| whole(case.ops_per_pin),
        set: |case, value| parse(&mut case.ops_per_pin, value),
        said: Some(InWords {
            short: |case| several(case.ops_per_pin).map(|n| format!("ops_per_pin={n}")),
            caption: |case| several(case.ops_per_pin).map(|n| format!("{n} operations a pin")),
        }),
        ..PLAIN
    },
    Parameter {
        name: "fault",
        words: "what goes wrong on purpose",
        default: Some("none"),
        get: |case| Value::Name(case.fault as u64, case.fault.name()),
        set: |case, value| {
            case.fault = Fault::named(value)?;
            Some(())
        },
        said: Some(InWords {
            short: |case| (!case.fault.is_none()).then(|| format!("fault={}", case.fault)),
            caption: |case| (!case.fault.is_none()).then(|| format!("fault {}", case.fault)),
        }),
        ..PLAIN
    },
    Parameter {
        name: "twin",
        words: "whether this is the second cell of an A/A pair",
        default: Some("false"),
        get: |case| Value::Flag(case.twin),
        set: |case, value| parse(&mut case.twin, value),
        ..PLAIN
    },
    Parameter {
        name: "cache_bytes",
        unit: "bytes",
        words: "of a cache: the bound of its memory",
        default: Some(""),
        get: |case| of_cache(case, |load| load.bytes).map_or(Value::Absent, Value::Whole),
        set: |case, value| cache(case, value, |load| &mut load.bytes),
        said: Some(InWords {
            short: |case| {
                of_cache(case, |load| load.bytes).map(|bytes| format!("cache_bytes={bytes}"))
            },
            caption: |case| {
                of_cache(case, |load| load.bytes)
                    .map(|bytes| format!("caches of {}", in_units(bytes)))
            },
        }),
        ..PLAIN
    },
    Parameter {
        name: "requests",
        unit: "requests",
        words: "of a cache: how many it gets, of which the second half is measured",
        default: Some(""),
        get: |case| of_cache(case, |load| load.requests).map_or(Value::Absent, Value::Whole),
        set: |case, value| cache(case, value, |load| &mut load.requests),
        said: Some(InWords {
            short: |case| {
                of_cache(case, |load| load.requests).map(|count| format!("requests={count}"))
            },
            caption: |case| {
                of_cache(case, |load| load.requests).map(|count| format!("{count} requests"))
            },
        }),
        ..PLAIN
    },
    server::PATTERN,
    server::DEPTH,
    server::CONNECTIONS,
    server::TRANSPORT,
    server::MIB,
    server::LOOK_ASIDE,
];

/// Its name, the common parameters, and all that is special.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} threads={} reads={} zipf={} keys={}",
            self.subject(),
            self.threads,
            percentage(self.mix.reads),
            self.zipf,
            self.keys
        )?;
        let mut said = PARAMETERS.iter().filter_map(|parameter| (parameter.said?.short)(self));
        said.try_for_each(|words| write!(f, " {words}"))
    }
}

#[cfg(test)]
mod tests;
