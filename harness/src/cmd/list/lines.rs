//! Everything that is known about each name, in the order in which names are listed.

use serde::Serialize;

use crate::workload::Preset;

#[derive(Serialize)]
pub(super) struct Listing {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) structures: Option<Vec<StructureLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reclaimers: Option<Vec<ReclaimerLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allocators: Option<Vec<NameLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stores: Option<Vec<StoreLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evictions: Option<Vec<EvictionLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) servers: Option<Vec<NameLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workloads: Option<Vec<NameLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presets: Option<&'static [Preset]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) faults: Option<Vec<NameLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hashers: Option<Vec<NameLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) figures: Option<Vec<NameLine>>,
}

#[derive(Serialize)]
pub(super) struct StructureLine {
    pub(super) name: String,
    pub(super) family: String,
    pub(super) summary: String,
    /// The progress that the operation has with each of the reclaimers: the weakest of `pairs`.
    pub(super) get: String,
    pub(super) insert: String,
    pub(super) update: String,
    pub(super) remove: String,
    /// The weakest of the three before.
    #[serde(skip)]
    pub(super) writes: String,
    /// With each of the reclaimers.
    pub(super) progress_is_tested: bool,
    pub(super) max_threads: Option<usize>,
    pub(super) reclaimers: Vec<String>,
    pub(super) pairs: Vec<PairLine>,
    pub(super) why_not_others: String,
    pub(super) huge_pages: bool,
    /// The reclaimers with which it is there with other hashers than the default.
    pub(super) hashed: Vec<String>,
    /// Those with which it holds byte strings.
    pub(super) bytes: Vec<String>,
    pub(super) why_no_bytes: String,
    pub(super) variants: Vec<String>,
    /// As `pairs`, of each of `variants`.
    pub(super) variant_pairs: Vec<Vec<PairLine>>,
}

/// A structure with one of its reclaimers.
#[derive(Serialize)]
pub(super) struct PairLine {
    pub(super) reclaimer: String,
    pub(super) get: String,
    pub(super) insert: String,
    pub(super) update: String,
    pub(super) remove: String,
    /// Whether a test finds this progress; else it is stated.
    pub(super) progress_is_tested: bool,
    /// What a stalled reader keeps from being freed.
    pub(super) held: String,
    pub(super) held_is_bounded: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct ReclaimerLine {
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) robust: bool,
    /// What a stalled guard holds up, of nodes that are retired each for itself.
    pub(super) held: String,
    pub(super) per_pointer: bool,
    pub(super) needs_quiescence: bool,
    pub(super) takes_batch: bool,
}

/// A store of caches.
#[derive(Serialize)]
pub(super) struct StoreLine {
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) evictions: Vec<String>,
    pub(super) reclaimers: Vec<String>,
    /// By its own count.
    pub(super) bound_is_strict: bool,
    /// Empty if one can be had.
    pub(super) why_no_stalled_reader: String,
}

/// An eviction policy.
#[derive(Serialize)]
pub(super) struct EvictionLine {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) hit_writes: String,
    /// For each item of a full cache.
    pub(super) metadata_bits: Option<u64>,
    pub(super) stores: Vec<String>,
}

impl EvictionLine {
    /// "8 bytes", or that it is not known.
    pub(super) fn metadata(&self) -> String {
        match self.metadata_bits {
            None => "unknown".to_owned(),
            Some(bits) if bits > 0 && bits.is_multiple_of(8) => format!("{} bytes", bits / 8),
            Some(1) => "1 bit".to_owned(),
            Some(bits) => format!("{bits} bits"),
        }
    }
}

#[derive(Clone, Serialize)]
pub(super) struct NameLine {
    pub(super) name: String,
    pub(super) summary: String,
}

impl NameLine {
    pub(super) fn new(name: &str, summary: &str) -> Self {
        Self { name: name.to_owned(), summary: summary.to_owned() }
    }
}
