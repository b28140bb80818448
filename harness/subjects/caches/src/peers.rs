//! What the caches of other crates are used alike in: what they hold, and sets whose condition is another step.

use std::sync::Arc;

use table::Op;

pub(crate) type HeldKey = Box<[u8]>;
/// Who has looked one up has it without a copy, as these crates' documentation tells.
pub(crate) type HeldValue = Arc<[u8]>;

/// What an item weighs: the bytes of its key and value.
pub(crate) fn weight(key: &HeldKey, value: &HeldValue) -> u64 {
    (key.len() + value.len()) as u64
}

/// Appends what was found to `value`; whether there was something.
#[inline]
pub(crate) fn append(found: Option<HeldValue>, value: &mut Vec<u8>) -> bool {
    found.inspect(|found| value.extend_from_slice(found)).is_some()
}

/// Whether `op` stores a value, where `is_there` says whether its key is there. That is not one step with the set:
/// the interfaces have none, and an application would do it so.
pub(crate) fn stores(op: Op, is_there: impl FnOnce() -> bool) -> bool {
    match op {
        Op::Insert => !is_there(),
        Op::Update => is_there(),
        Op::Get | Op::Remove | Op::Upsert => true,
    }
}
