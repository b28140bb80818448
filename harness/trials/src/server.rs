//! Trials of a server: the messages to and from their process. The program `bench-server` runs them, in the
//! crate `server`, so that no other program needs sockets.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::case::Case;
pub use crate::server_load::{FLOOR, Pattern, ServerLoad, Transport};
use crate::trial::Measurement;

/// The hidden command of such a trial's process.
pub const SERVER_COMMAND: &str = "server-trial";

/// The name of memcached, as it is installed.
pub const MEMCACHED: &str = "memcached";
/// The stores that our server has with every policy; the default first.
pub const STORES: [&str; 2] = ["memc3", "sharded"];
/// Those over a table that chains: without a lock, by the reclaimer that frees its items, or under one lock or many.
pub const OVER_MAPS: [&str; 5] = [
    "over-map-epoch",
    "over-map-hazard",
    "over-map-qsbr",
    "over-map-global-lock",
    "over-map-bucket-lock",
];
/// The policies that these have.
pub const OVER_MAP_EVICTIONS: [&str; 2] = ["clock", "lru-list"];
/// What our server and memcached have otherwise than they do by themselves: a factor and its value, as in
/// `memc3/clock:reply=each`; and the flags of each of the two, if it has it. By itself memcached answers 20 requests of a
/// connection, and then those of others, before it goes on; ours answers all that it has read.
pub const VARIANTS: [Variant; 3] = [
    Variant { name: "reply=each", ours: Some(&["--reply", "each"]), memcached: None },
    Variant { name: "cas=off", ours: Some(&["-C"]), memcached: Some(&["-C"]) },
    Variant { name: "per-event=1000", ours: None, memcached: Some(&["-R", "1000"]) },
];

/// See [`VARIANTS`].
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "said of the list")]
pub struct Variant {
    pub name: &'static str,
    pub ours: Option<&'static [&'static str]>,
    pub memcached: Option<&'static [&'static str]>,
}

/// Bytes of a key of a load.
pub const KEY_BYTES: u32 = 16;
/// The shortest value that a load can check.
pub const LEAST_VALUE_BYTES: u32 = 16;

/// What the process is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerSpec {
    /// The case.
    pub case: Case,
    /// Seed of keys, requests and times.
    pub seed: u64,
    /// Measured time.
    pub seconds: f64,
    /// Time before it, at least: see [`warmup_keys`].
    pub warmup: f64,
    /// Requests per second that are due, in an open loop.
    pub rate: Option<f64>,
}

/// Keys that a warm-up asks for at least for each key that there is, where what was missed is stored.
const WARMUP_TURNS: u64 = 8;

/// Keys that the warm-up of a case asks for at least, whatever time that takes; 0 if its time is all. Where what was
/// missed is stored, which items there are is a policy's choice only when all have been replaced, some times; and the
/// choices of two are compared after as many requests to both, not after as much time.
#[must_use]
pub fn warmup_keys(case: &Case, warmup: f64) -> u64 {
    let is_by_keys = case.server.is_some_and(|load| load.look_aside) && warmup > 0.0;
    if is_by_keys { case.keys.saturating_mul(WARMUP_TURNS) } else { 0 }
}

/// What the load has counted in the measured time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerTally {
    /// Keys that were read and there, with a value of theirs.
    pub hits: u64,
    /// Keys that were read and not there.
    pub misses: u64,
    /// Values that no request has stored under their key.
    pub wrong: u64,
    /// Keys that were stored.
    pub sets: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that were due and not answered.
    pub unanswered: u64,
}

impl ServerTally {
    /// Keys that were asked for.
    #[must_use]
    pub fn gets(&self) -> u64 {
        self.hits + self.misses + self.wrong
    }
}

/// Times in seconds that so large a share of the requests did not exceed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "a quantile is named by its share")]
pub struct Quantiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// What the process answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServedTrial {
    /// What all trials have: operations are keys, and CPU time is the server's.
    pub measured: Measurement,
    /// What was counted.
    pub tally: ServerTally,
    /// The server's version, as it says it.
    pub version: String,
    /// The server's CPU time in its own code.
    pub user_seconds: Option<f64>,
    /// The server's CPU time in the kernel.
    pub system_seconds: Option<f64>,
    /// The load's CPU time.
    pub client_cpu_seconds: f64,
    /// Items that the server had at the end.
    pub items: Option<u64>,
    /// The server's resident set at the end.
    pub resident_bytes: Option<u64>,
    /// Times from when requests were due; none in a closed loop, or if some were not answered.
    pub response: Option<Quantiles>,
    /// Times from when they were sent; none if some were not answered.
    pub service: Option<Quantiles>,
}

/// The parts of a server's name that is of ours: store, policy, and variants.
#[must_use]
pub fn parts_of(name: &str) -> Option<(&str, &str, Option<&'static Variant>)> {
    let (name, variant) = name.split_once(':').map_or((name, None), |(name, of)| (name, Some(of)));
    let (store, eviction) = name.split_once('/')?;
    let found = |of: &str| variants_of_ours().find(|variant| variant.name == of);
    match variant {
        None => Some((store, eviction, None)),
        Some(variant) => Some((store, eviction, Some(found(variant)?))),
    }
}

/// memcached's program, if it is installed.
#[must_use]
pub fn memcached() -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(MEMCACHED)).find(|path| path.is_file())
}

/// The version of memcached's program, as it says it; none if it says none, or is not installed.
#[must_use]
pub fn memcached_version() -> Option<String> {
    let output = Command::new(memcached()?).arg("-V").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    Some(said.trim().strip_prefix(MEMCACHED)?.trim().to_owned())
}

/// Whether a server's name is memcached's, with a variant or without.
#[must_use]
pub fn is_memcached(name: &str) -> bool {
    name.split(':').next() == Some(MEMCACHED)
}

/// The name of every server, with policies of these names.
#[must_use]
pub fn server_names(evictions: &[&str]) -> Vec<String> {
    let with_all = STORES.iter().flat_map(|store| names_of(store, evictions));
    let with_two = OVER_MAPS.iter().flat_map(|store| names_of(store, &OVER_MAP_EVICTIONS));
    let plain: Vec<String> = with_all.chain(with_two).collect();
    let mut names = vec![MEMCACHED.to_owned(), FLOOR.to_owned()];
    names.extend(plain.iter().cloned());
    let of_memcached = VARIANTS.iter().filter(|variant| variant.memcached.is_some());
    names.extend(of_memcached.map(|variant| format!("{MEMCACHED}:{}", variant.name)));
    let varied = |name: &String| {
        let name = name.clone();
        variants_of_ours().map(move |of| format!("{name}:{}", of.name))
    };
    names.extend(plain.iter().flat_map(varied));
    names
}

/// The names of a store with these policies.
fn names_of(store: &str, evictions: &[&str]) -> Vec<String> {
    evictions.iter().map(|eviction| format!("{store}/{eviction}")).collect()
}

fn variants_of_ours() -> impl Iterator<Item = &'static Variant> {
    VARIANTS.iter().filter(|variant| variant.ours.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warm_up_is_by_keys_where_misses_are_stored() {
        let of = |look_aside, warmup| {
            let server = Some(ServerLoad { look_aside, ..ServerLoad::default() });
            warmup_keys(&Case { keys: 100, server, ..Case::new("memc3/clock", "none") }, warmup)
        };
        assert_eq!([of(false, 1.0), of(true, 1.0), of(true, 0.0)], [0, 800, 0]);
        assert_eq!(warmup_keys(&Case::new("papaya", "none"), 1.0), 0);
    }

    #[test]
    fn names_are_taken_apart_as_they_are_made() {
        let names = server_names(&["clock", "lru-list"]);
        assert_eq!(names.len(), 2 + 14 + 2 + 28);
        for name in &names {
            let parts = parts_of(name);
            assert_eq!(parts.is_none(), !name.contains('/'), "{name}");
            let Some((store, eviction, variant)) = parts else { continue };
            let variant = variant.map_or(String::new(), |variant| format!(":{}", variant.name));
            assert_eq!(format!("{store}/{eviction}{variant}"), *name);
        }
        for unknown in ["memc3/clock:reply=late", "memc3/clock:per-event=1000"] {
            assert!(parts_of(unknown).is_none(), "{unknown}");
        }
    }
}
