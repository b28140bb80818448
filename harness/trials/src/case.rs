//! A case: one subject under one workload. A trial runs a case, and a row of `trials.csv` names one.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use table::{ByteKeys, Form, Hashing, Length, Lengths, subject_name};

use crate::fault::Fault;
use crate::memory;
pub use crate::mix::Mix;
use crate::server_load::{FLOOR, ServerLoad};
use crate::trace::{Facts, TraceId};
use crate::workload::Distribution;

/// The allocator that is the default.
pub const SYSTEM: &str = "system";

/// The control that keeps nothing.
pub const NO_OP: &str = "no-op";
/// The control for one thread, behind no lock.
pub const SEQUENTIAL: &str = "sequential";
/// The control that keeps nothing in C++: beside [`NO_OP`] it shows what the way there costs.
pub const CPP_NO_OP: &str = "cpp-no-op";

/// Whether a structure of this name is a control: there for reference, no subject of a question.
#[must_use]
pub fn is_control(structure: &str) -> bool {
    matches!(structure, NO_OP | SEQUENTIAL | CPP_NO_OP | FLOOR)
}

/// The largest [`Case::reclaim_batch`].
pub const MAX_RECLAIM_BATCH: u64 = 1 << 20;

/// One cell of an experiment's grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The table's name in the registry.
    pub structure: String,
    /// The reclaimer's name; `none` for a table that needs none.
    pub reclaimer: String,
    /// The allocator's name.
    pub allocator: String,
    /// Worker threads.
    pub threads: usize,
    /// The operation mix.
    pub mix: Mix,
    /// Skew θ of the Zipf distribution of keys; 0 is uniform.
    pub zipf: f64,
    /// Size of the key range.
    pub keys: u64,
    /// Keys present before the warm-up.
    pub prefill: u64,
    /// Seed of the table's hasher.
    pub hash_seed: u64,
    /// Whether thread i is bound to the i-th CPU (modulo their number).
    pub pin: bool,
    // A field that was added later is left out at its default: ids on record stay what they are.
    /// Lookups that are issued as one `get_many`; 1 is `get`.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub batch: usize,
    /// Whether the table is to ask for huge pages.
    #[serde(default, skip_serializing_if = "is_off")]
    pub huge_pages: bool,
    /// Retirements after which the reclaimer scans or synchronises; `None` is its own default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reclaim_batch: Option<usize>,
    /// Operations for which a worker pins once; 1 is a pin for each.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub ops_per_pin: usize,
    /// What goes wrong.
    #[serde(default, skip_serializing_if = "Fault::is_none")]
    pub fault: Fault,
    /// Whether this is the second cell of an A/A pair: the same as another one in all else.
    #[serde(default, skip_serializing_if = "is_off")]
    pub twin: bool,
    /// Which keys operations are on.
    #[serde(default, skip_serializing_if = "Distribution::is_ranked")]
    pub distribution: Distribution,
    /// Entries that the table is made for; `None` is the prefill and an eighth more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u64>,
    /// The workload's name, if it is one that has; what it stands for is in the other fields.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub preset: String,
    /// What turns keys into hashes.
    #[serde(default, skip_serializing_if = "Hashing::is_default")]
    pub hashing: Hashing,
    /// How long keys are, if they are byte strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_bytes: Option<Length>,
    /// How long values are, if they are byte strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_bytes: Option<Length>,
    /// The trace that is replayed, if one is; mix and keys are its.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// Of a cache: how large it is, and how much is asked of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheLoad>,
    /// Of a server: how it is asked, and how much memory it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerLoad>,
}

/// What a case says of a cache, whose name is its `structure`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheLoad {
    /// The bound of its memory, in bytes.
    pub bytes: u64,
    /// Requests, of which the second half is measured.
    pub requests: u64,
}

/// The batch of a case that has none; the operations of a pin for each.
#[must_use]
pub const fn single() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_single(number: &usize) -> bool {
    *number == single()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_off(flag: &bool) -> bool {
    !flag
}

impl Case {
    /// A structure with a reclaimer (`none` if it takes none) in the plainest workload: one bound thread,
    /// 95 % reads, 65,536 keys drawn alike, half of which are there.
    #[must_use]
    pub fn new(structure: &str, reclaimer: &str) -> Self {
        Self {
            structure: structure.to_owned(),
            reclaimer: reclaimer.to_owned(),
            allocator: SYSTEM.to_owned(),
            threads: 1,
            mix: Mix::balanced(95.0),
            zipf: 0.0,
            keys: 65_536,
            prefill: 32_768,
            hash_seed: 0,
            pin: true,
            batch: single(),
            huge_pages: false,
            reclaim_batch: None,
            ops_per_pin: single(),
            fault: Fault::None,
            twin: false,
            distribution: Distribution::Ranked,
            capacity: None,
            preset: String::new(),
            hashing: Hashing::default(),
            key_bytes: None,
            value_bytes: None,
            trace: None,
            cache: None,
            server: None,
        }
    }

    /// The subject's name in tables and legends: `structure/reclaimer`, or the structure alone; with
    /// ` (A/A)` for a twin.
    #[must_use]
    pub fn subject(&self) -> String {
        cell_name(&self.structure, &self.reclaimer, self.twin)
    }

    /// How long its keys and values are, if they are byte strings: if either is said to have a
    /// length, both are, and the other has eight bytes.
    #[must_use]
    pub fn lengths(&self) -> Option<Lengths> {
        self.key_bytes.or(self.value_bytes)?;
        let or_a_word = |length: Option<Length>| length.unwrap_or(Length::Bytes(8));
        Some(Lengths { keys: or_a_word(self.key_bytes), values: or_a_word(self.value_bytes) })
    }

    /// The byte strings of the first `count` keys, if they are such: for the rest of the process, and
    /// made before anything is measured.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    pub fn byte_keys(&self, count: u64) -> anyhow::Result<Option<&'static ByteKeys>> {
        let Some(lengths) = self.lengths() else { return Ok(None) };
        let what = "the keys, which are byte strings";
        memory::enough_for::<u8>(ByteKeys::listed_bytes(lengths, count), what)?;
        let _during = memory::allocates_for(what);
        Ok(Some(Box::leak(Box::new(ByteKeys::new(lengths, count)))))
    }

    /// Its table with room for so many entries, for a message. It stays for the rest of the process.
    #[must_use]
    pub fn table_in_words(&self, capacity: usize) -> &'static str {
        memory::named(format_args!("{} with room for {capacity} entries", self.subject()))
    }

    /// The form in which it wants its table.
    #[must_use]
    pub fn form(&self) -> Form {
        match self.lengths() {
            Some(_) => Form::Bytes,
            None if !self.hashing.is_default() => Form::Hashed,
            None => Form::Usual,
        }
    }

    /// Whether each operation is a call and a pin, or a request, by itself: only then it has a latency of its own.
    #[must_use]
    pub fn has_single_operations(&self) -> bool {
        let is_sent_alone = self.server.is_none_or(|load| load.has_single_requests());
        self.batch == 1 && self.ops_per_pin == 1 && is_sent_alone
    }

    /// Whether it may end before its time: when its inserts are done.
    #[must_use]
    pub fn ends_by_itself(&self) -> bool {
        self.distribution == Distribution::Fresh
    }

    /// The name of its distribution of keys.
    #[must_use]
    pub fn distribution_name(&self) -> &'static str {
        if self.trace.is_some() { "trace" } else { self.distribution.name(self.zipf) }
    }

    /// Its distribution of keys with its numbers, where it is more than a skew, and no trace.
    #[must_use]
    pub fn special_distribution(&self) -> Option<String> {
        if self.trace.is_some() || self.distribution.is_ranked() {
            return None;
        }
        let name = self.distribution_name();
        let hot = self.distribution.hot_set().map(|hot| format!(" ({hot})"));
        Some(format!("{name}{}", hot.unwrap_or_default()))
    }

    /// The name of what its keys are.
    #[must_use]
    pub fn key_type(&self) -> &'static str {
        if self.lengths().is_some() || self.cache.is_some() { "bytes" } else { "u64" }
    }

    /// Sets what a trace fixes.
    pub fn replay(&mut self, trace: &Facts) {
        (self.mix, self.keys, self.trace) = (trace.mix(), trace.keys, Some(trace.id.clone()));
    }

    /// The cell's id: the first 12 hex digits of a hash over every parameter. The same
    /// parameters give the same id in every run and on every machine.
    #[must_use]
    pub fn id(&self) -> String {
        let text = serde_json::to_string(self).expect("a case is plain data");
        let digest = Sha256::digest(text.as_bytes());
        digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The capacity that a table is asked for where it is to hold so many entries: an eighth more. Inserts
/// and removes that balance let the size wander; a table that is full exactly there would grow in
/// some trials and not in others.
#[must_use]
pub fn room_for(entries: u64) -> u64 {
    entries + entries / 8 + 64
}

/// The name of a subject's cell, which for a twin is another.
#[must_use]
pub fn cell_name(structure: &str, reclaimer: &str, twin: bool) -> String {
    subject_name(structure, reclaimer) + if twin { " (A/A)" } else { "" }
}

/// Whether lookups can be issued in batches under `mix`. Beside other operations a batch would
/// have to wait for its last key, or count as one operation: either way it would be another mix.
#[must_use]
pub fn can_batch(mix: &Mix) -> bool {
    mix.reads == 100.0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::workload::HotSet;

    /// Of a workload that says most of what tests vary.
    pub(crate) fn case(
        structure: &str,
        reclaimer: &str,
        threads: usize,
        reads: f64,
        zipf: f64,
        keys: u64,
    ) -> Case {
        let (mix, prefill) = (Mix::balanced(reads), keys / 2);
        let (hash_seed, pin) = (1, false);
        Case {
            threads,
            mix,
            zipf,
            keys,
            prefill,
            hash_seed,
            pin,
            ..Case::new(structure, reclaimer)
        }
    }

    #[test]
    fn ids_are_those_on_record() {
        // If this fails, folders recorded before cannot be resumed.
        let plain = case("papaya", "none", 2, 95.0, 0.99, 65_536);
        let plain = Case { hash_seed: 0, pin: true, ..plain };
        assert_eq!(plain.id(), "3b44f8cd5a06", "the id in results/quickstart-recorded");
        let old = serde_json::to_string(&plain).unwrap();
        for later in [
            "batch",
            "huge",
            "ops_per_pin",
            "fault",
            "upserts",
            "distribution",
            "capacity",
            "preset",
            "hashing",
            "bytes",
            "trace",
            "cache",
            "server",
        ] {
            assert!(!old.contains(later), "{old}");
        }
        assert_eq!(serde_json::from_str::<Case>(&old).unwrap(), plain);
    }

    fn trace() -> TraceId {
        TraceId { name: "small".to_owned(), sha256: "0".repeat(16), requests: 9 }
    }

    #[test]
    fn another_trace_of_the_same_name_is_another_cell() {
        let plain = case("papaya", "none", 2, 100.0, 0.0, 8);
        let of = |trace| Case { trace: Some(trace), ..plain.clone() }.id();
        assert_ne!(of(trace()), of(TraceId { sha256: "1".repeat(16), ..trace() }));
    }

    #[test]
    fn every_parameter_shows_and_makes_another_cell() {
        let plain = case("papaya", "none", 2, 100.0, 0.0, 8);
        let batched = Case { batch: 16, ..plain.clone() };
        let huge = Case { huge_pages: true, ..plain.clone() };
        assert_eq!(plain.to_string(), "papaya threads=2 reads=100 zipf=0 keys=8");
        assert_eq!(batched.to_string(), "papaya threads=2 reads=100 zipf=0 keys=8 batch=16");
        assert_eq!(huge.to_string(), "papaya threads=2 reads=100 zipf=0 keys=8 huge_pages");
        let more = [
            (Case { reclaim_batch: Some(64), ..plain.clone() }, " reclaim_batch=64"),
            (Case { ops_per_pin: 8, ..plain.clone() }, " ops_per_pin=8"),
            (Case { fault: Fault::StalledReader, ..plain.clone() }, " fault=stalled-reader"),
            (Case { allocator: "mimalloc".to_owned(), ..plain.clone() }, " allocator=mimalloc"),
            (Case { distribution: Distribution::Latest, ..plain.clone() }, " distribution=latest"),
            (
                Case { distribution: Distribution::HotSet(HotSet::default()), ..plain.clone() },
                " distribution=hot-set (0.8 of the operations on 0.2 of the keys)",
            ),
            (Case { capacity: Some(5), ..plain.clone() }, " capacity=5"),
            (Case { preset: "ycsb-c".to_owned(), ..plain.clone() }, " preset=ycsb-c"),
            (Case { hashing: Hashing::Siphash, ..plain.clone() }, " hasher=siphash"),
            (
                Case { key_bytes: Some(Length::Bytes(16)), ..plain.clone() },
                " key_bytes=16 value_bytes=8",
            ),
            (
                Case { value_bytes: Some(Length::Etc), ..plain.clone() },
                " key_bytes=8 value_bytes=etc",
            ),
            (Case { trace: Some(trace()), ..plain.clone() }, " trace=small"),
            (
                Case { cache: Some(CacheLoad { bytes: 9, requests: 7 }), ..plain.clone() },
                " cache_bytes=9 requests=7",
            ),
            (
                Case { server: Some(ServerLoad::default()), ..plain.clone() },
                " pattern=get depth=1 connections=16 transport=tcp mib=64",
            ),
            (
                Case {
                    server: Some(ServerLoad { look_aside: true, ..ServerLoad::default() }),
                    ..plain.clone()
                },
                " pattern=get depth=1 connections=16 transport=tcp mib=64 look_aside",
            ),
        ];
        for (case, shown) in &more {
            assert_eq!(case.to_string(), format!("{plain}{shown}"));
        }
        let more = more.map(|(case, _)| case);
        let mix = Mix { upserts: 1.0, reads: 99.0, ..plain.mix };
        let upserts = Case { mix, ..plain.clone() };
        for case in [batched, huge, upserts].into_iter().chain(more) {
            assert_ne!(plain.id(), case.id(), "{case}");
            let told = serde_json::to_string(&case).unwrap();
            assert_eq!(serde_json::from_str::<Case>(&told).unwrap(), case);
        }
    }
}
