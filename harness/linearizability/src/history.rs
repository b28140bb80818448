//! Histories: what threads did to one key, and what the table answered.

use serde::{Deserialize, Serialize};

/// What an operation asked of a key, and the answer.
///
/// Every value written in a round is written once, so that an answer says whose write it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "lowercase")]
pub enum Call {
    /// `get` or `get_with`.
    Get {
        /// The value that it read; none if it found the key absent.
        found: Option<u64>,
    },
    /// `insert`.
    Insert {
        /// The value to add.
        value: u64,
        /// What it returned.
        added: bool,
    },
    /// `update`.
    Update {
        /// What the closure's last run was given.
        given: Given,
        /// What the closure's last run returned.
        new: u64,
        /// What it returned.
        old: Option<u64>,
    },
    /// `upsert`.
    Upsert {
        /// What the closure's last run was given.
        given: Given,
        /// What the closure's last run returned.
        new: u64,
        /// What it returned.
        old: Option<u64>,
    },
    /// `remove`.
    Remove {
        /// What it returned.
        taken: Option<u64>,
    },
}

/// What the last run of a closure was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Given {
    /// It did not run.
    Nothing,
    /// That the key is absent.
    Absent,
    /// This value.
    Value(u64),
}

impl From<Option<u64>> for Given {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }
}

/// One operation on one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedOp {
    /// The thread that ran it.
    pub thread: u32,
    /// A time before it began, in ticks of the round's clock.
    pub invoked: u64,
    /// A time after it had ended, or [`TimedOp::PENDING`].
    pub returned: u64,
    /// What it did.
    pub call: Call,
}

impl TimedOp {
    /// The time of return of an operation that has not returned in the part of the history that
    /// is looked at. It may have taken effect, with the answer recorded, or not.
    pub const PENDING: u64 = u64::MAX;

    /// Whether it has not returned.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.returned == Self::PENDING
    }
}

/// An operation of a round, with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedOp {
    /// The key.
    pub key: u64,
    /// The operation.
    pub op: TimedOp,
}

/// What an operation, with the answer that it gave, asks of a key's state and makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) need: Need,
    /// The state that it leaves; none if it leaves the state as it is.
    pub(crate) sets: Option<Option<u64>>,
}

/// The states in which an operation can have given its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// This one.
    State(Option<u64>),
    /// Any in which the key is present.
    Present,
    /// None: the answer contradicts what the closure was given.
    Never,
}

impl Need {
    pub(crate) fn is_met_by(self, state: Option<u64>) -> bool {
        match self {
            Self::State(needed) => needed == state,
            Self::Present => state.is_some(),
            Self::Never => false,
        }
    }
}

impl Call {
    /// The values that an answer showed.
    pub(crate) fn shown(self) -> impl Iterator<Item = u64> {
        let shown = match self {
            Self::Get { found: value } | Self::Remove { taken: value } => [value, None],
            Self::Insert { .. } | Self::Update { old: None, .. } => [None, None],
            Self::Update { given, old, .. } | Self::Upsert { given, old, .. } => match given {
                Given::Value(given) => [old, Some(given)],
                _ => [old, None],
            },
        };
        shown.into_iter().flatten()
    }

    /// What the operation needs and does.
    pub(crate) fn step(self) -> Transition {
        let keep = |need| Transition { need, sets: None };
        let replace = |given, old: Option<u64>, new| {
            let need = if given == Given::from(old) { Need::State(old) } else { Need::Never };
            Transition { need, sets: Some(Some(new)) }
        };
        match self {
            Self::Get { found } => keep(Need::State(found)),
            Self::Insert { added: false, .. } => keep(Need::Present),
            Self::Insert { value, added: true } => {
                Transition { need: Need::State(None), sets: Some(Some(value)) }
            }
            // Its closure may have run, on a value that was gone before it could be replaced.
            Self::Update { old: None, .. } => keep(Need::State(None)),
            Self::Update { given, new, old } | Self::Upsert { given, new, old } => {
                replace(given, old, new)
            }
            Self::Remove { taken: None } => keep(Need::State(None)),
            Self::Remove { taken } => Transition { need: Need::State(taken), sets: Some(None) },
        }
    }

    /// The value that it wrote, if it wrote one.
    pub(crate) fn written(self) -> Option<u64> {
        self.step().sets.flatten()
    }
}

/// How many operations on one key, sorted by invocation, had another on that key under way at
/// the same time.
#[must_use]
pub fn count_overlapping(ops: &[TimedOp]) -> usize {
    let mut latest_return = 0;
    let overlaps = |(index, op): (usize, &TimedOp)| {
        let with_earlier = latest_return > op.invoked;
        let with_later = ops.get(index + 1).is_some_and(|next| next.invoked < op.returned);
        latest_return = latest_return.max(op.returned);
        with_earlier || with_later
    };
    ops.iter().enumerate().map(overlaps).filter(|&overlaps| overlaps).count()
}

/// Each key's history; `ops` is sorted by key.
#[must_use]
pub fn by_key(ops: &[KeyedOp]) -> Vec<(u64, Vec<TimedOp>)> {
    let chunks = ops.chunk_by(|a, b| a.key == b.key);
    chunks.map(|chunk| (chunk[0].key, chunk.iter().map(|keyed| keyed.op).collect())).collect()
}
