//! A case: one subject under one workload. What a trial runs and a row of `trials.csv` names.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How often each operation occurs, in percent; they sum to 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// `get`.
    pub reads: f64,
    /// `insert` of a random key of the range.
    pub inserts: f64,
    /// `remove` of a random key of the range.
    pub removes: f64,
    /// `update` of a random key of the range.
    pub updates: f64,
}

impl Mix {
    /// `reads` percent reads, and half of the rest inserts, half removes.
    #[must_use]
    pub fn balanced(reads: f64) -> Self {
        let half = (100.0 - reads) / 2.0;
        Self { reads, inserts: half, removes: half, updates: 0.0 }
    }
}

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
}

impl Case {
    /// The subject's name in tables and legends: `structure/reclaimer`, or the structure alone.
    #[must_use]
    pub fn subject(&self) -> String {
        subject_name(&self.structure, &self.reclaimer)
    }

    /// `uniform` or `zipf`.
    #[must_use]
    pub fn distribution(&self) -> &'static str {
        if self.zipf == 0.0 { "uniform" } else { "zipf" }
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

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} threads={} reads={} zipf={} keys={}",
            self.subject(),
            self.threads,
            self.mix.reads,
            self.zipf,
            self.keys
        )
    }
}

/// `structure/reclaimer`, or `structure` where the reclaimer is `none`.
#[must_use]
pub fn subject_name(structure: &str, reclaimer: &str) -> String {
    if reclaimer == "none" { structure.to_owned() } else { format!("{structure}/{reclaimer}") }
}
