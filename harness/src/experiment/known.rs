//! The keys of each table of an experiment file.

use trials::parameters::PARAMETERS;

/// The keys of the file itself.
pub(super) const TOP: &[&str] = &[
    "title",
    "question",
    "reproduces",
    "seed",
    "seconds",
    "warmup",
    "blocks",
    "target_halfwidth",
    "max_blocks",
    "pin",
    "prefill",
    "controls",
    "series",
    "axes",
    "also",
    "mix",
    "latency",
    "space",
    "aggregate",
    "cache",
    "server",
    "turns",
    "traces",
];

/// The keys of `[axes]` and of each `[[also]]` that have rules of their own.
const AXES: &[&str] = &[
    "structure",
    "reclaimer",
    "threads",
    "preset",
    "trace",
    "reads",
    "distribution",
    "zipf",
    "hot_keys",
    "hot_operations",
    "hot_shift",
    "keys",
    "prefill",
    "allocator",
    "batch",
    "huge_pages",
    "reclaim_batch",
    "pin",
    "fault",
    "hasher",
    "key_bytes",
    "value_bytes",
];

/// The keys that say how hot a hot set is.
pub(super) const HOT: [&str; 3] = ["hot_keys", "hot_operations", "hot_shift"];

/// All keys of such a table: those above, and the axes that the list of parameters describes.
pub(super) fn axes() -> Vec<&'static str> {
    let listed = PARAMETERS.iter().filter(|parameter| parameter.axis.is_some());
    AXES.iter().copied().chain(listed.map(|parameter| parameter.name)).collect()
}

/// The keys of `[mix]`.
pub(super) const MIX: &[&str] = &["reads", "inserts", "removes", "updates", "upserts"];

/// The keys of `[latency]`.
pub(super) const LATENCY: &[&str] = &["rates", "seconds"];

/// The keys of `[space]`.
pub(super) const SPACE: &[&str] = &["loads"];

/// The keys of `[aggregate]`.
pub(super) const AGGREGATE: &[&str] = &["ways", "words", "text"];

/// The keys of `[cache]`.
pub(super) const CACHE: &[&str] = &["subject", "store", "eviction", "bytes", "requests"];

/// The keys of `[server]`.
pub(super) const SERVER: &[&str] = &["subject"];

/// The keys of a grid that say something of servers alone.
pub(super) const OF_SERVERS: [&str; 6] =
    ["pattern", "depth", "connections", "transport", "mib", "look_aside"];

/// The keys of `[turns]`.
pub(super) const TURNS: &[&str] = &["slice", "settle"];

/// The keys of each table of `[traces]`.
pub(super) const TRACES: &[&str] =
    &["sha256", "keys", "gets", "inserts", "removes", "updates", "upserts"];
