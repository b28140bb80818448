//! What a case says of a server, as entries of the list. Each is an axis by itself.

use super::value::{Value, parse};
use super::{InWords, PLAIN, Parameter};
use crate::case::Case;
use crate::server_load::{Pattern, ServerLoad, Transport};

/// A part of what a case says of a server.
fn part<T>(case: &Case, of: fn(ServerLoad) -> T) -> Option<T> {
    case.server.map(of)
}

/// A number of it.
fn number(case: &Case, of: fn(ServerLoad) -> u32) -> Value {
    part(case, of).map_or(Value::Absent, |number| Value::Whole(number.into()))
}

/// Sets a part. Of a case without a server nothing is said.
fn set(
    case: &mut Case,
    value: &str,
    set: impl FnOnce(&mut ServerLoad, &str) -> Option<()>,
) -> Option<()> {
    if value.is_empty() {
        return Some(());
    }
    set(case.server.get_or_insert_default(), value)
}

/// Sets a number from 1 to `most`.
fn set_number(
    case: &mut Case,
    value: &str,
    most: u32,
    of: fn(&mut ServerLoad) -> &mut u32,
) -> Option<()> {
    set(case, value, |load, value| parse(of(load), value))?;
    let is_set = !value.is_empty();
    let number = case.server.as_mut().map(|load| *of(load));
    number.is_none_or(|number| !is_set || (1..=most).contains(&number)).then_some(())
}

pub(super) const PATTERN: Parameter = Parameter {
    name: "pattern",
    words: "of a server: how it is asked",
    default: Some(""),
    get: |case| {
        part(case, |load| load.pattern)
            .map_or(Value::Absent, |pattern| Value::Name(pattern as u64 + 1, pattern.name()))
    },
    set: |case, value| {
        set(case, value, |load, value| {
            load.pattern = Pattern::named(value)?;
            Some(())
        })
    },
    said: Some(InWords {
        short: |case| part(case, |load| load.pattern).map(|pattern| format!("pattern={pattern}")),
        caption: |case| {
            part(case, |load| load.pattern).map(|pattern| format!("asked by {pattern}"))
        },
    }),
    axis: Some("get, multiget, mg or set"),
    ..PLAIN
};

pub(super) const DEPTH: Parameter = Parameter {
    name: "depth",
    unit: "requests",
    words: "of a server: requests that a connection sends at a time; of multiget, keys of a request",
    default: Some(""),
    get: |case| number(case, |load| load.depth),
    set: |case, value| set_number(case, value, 1000, |load| &mut load.depth),
    said: Some(InWords {
        short: |case| part(case, |load| load.depth).map(|depth| format!("depth={depth}")),
        caption: |case| part(case, |load| load.depth).map(|depth| format!("depth {depth}")),
    }),
    axis: Some("a whole number from 1 to 1000"),
};

pub(super) const CONNECTIONS: Parameter = Parameter {
    name: "connections",
    unit: "connections",
    words: "of a server: connections",
    default: Some(""),
    get: |case| number(case, |load| load.connections),
    set: |case, value| set_number(case, value, 10_000, |load| &mut load.connections),
    said: Some(InWords {
        short: |case| part(case, |load| load.connections).map(|n| format!("connections={n}")),
        caption: |case| part(case, |load| load.connections).map(|n| format!("{n} connections")),
    }),
    axis: Some("a whole number from 1 to 10000"),
};

pub(super) const TRANSPORT: Parameter = Parameter {
    name: "transport",
    words: "of a server: how it is reached",
    default: Some(""),
    get: |case| {
        part(case, |load| load.transport)
            .map_or(Value::Absent, |way| Value::Name(way as u64 + 1, way.name()))
    },
    set: |case, value| {
        set(case, value, |load, value| {
            load.transport = Transport::named(value)?;
            Some(())
        })
    },
    said: Some(InWords {
        short: |case| part(case, |load| load.transport).map(|way| format!("transport={way}")),
        caption: |case| {
            part(case, |load| load.transport).map(|way| match way {
                Transport::Tcp => "over TCP on the loopback address".to_owned(),
                Transport::Unix => "over a Unix socket".to_owned(),
            })
        },
    }),
    axis: Some("tcp or unix"),
    ..PLAIN
};

pub(super) const MIB: Parameter = Parameter {
    name: "mib",
    unit: "MiB",
    words: "of a server: memory for items, the flag `-m`",
    default: Some(""),
    get: |case| number(case, |load| load.mib),
    set: |case, value| set_number(case, value, 1 << 20, |load| &mut load.mib),
    said: Some(InWords {
        short: |case| part(case, |load| load.mib).map(|mib| format!("mib={mib}")),
        caption: |case| part(case, |load| load.mib).map(|mib| format!("{mib} MiB for items")),
    }),
    axis: Some("a whole number from 1 to 1048576"),
};

pub(super) const LOOK_ASIDE: Parameter = Parameter {
    name: "look_aside",
    words: "of a server: whether what was missed is stored",
    default: Some(""),
    get: |case| part(case, |load| load.look_aside).map_or(Value::Absent, Value::Flag),
    set: |case, value| set(case, value, |load, value| parse(&mut load.look_aside, value)),
    said: Some(InWords {
        short: |case| case.server?.look_aside.then(|| "look_aside".to_owned()),
        caption: |case| case.server?.look_aside.then(|| "what was missed is stored".to_owned()),
    }),
    axis: Some("true or false"),
    ..PLAIN
};
