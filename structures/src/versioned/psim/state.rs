//! The state of a P-Sim: the object, and which operations have been applied to it.

use std::ptr;
use std::sync::Mutex;

use super::super::Sequential;
use crate::numbers::WORD;
use crate::reclaim::Payload;
use crate::sync::{Arc, touch, touch_bytes};

/// The outcome of an operation.
pub(super) enum Response<T> {
    /// Its result, until its owner takes it: nobody else locks this.
    Out(Mutex<Option<T>>),
    /// The user's code in it panicked.
    Panicked,
}

/// A handle's last operation that has been applied.
pub(super) struct Last<T> {
    /// See psim-I1.
    pub(super) applied: bool,
    /// Its outcome; none if there has been no operation.
    pub(super) response: Option<Arc<Response<T>>>,
}

impl<T> Clone for Last<T> {
    fn clone(&self) -> Self {
        Self { applied: self.applied, response: self.response.clone() }
    }
}

/// The object, and which operations have been applied to it.
pub(super) struct State<O: Sequential> {
    pub(super) object: O,
    /// Of each handle, up to the last that has applied one.
    pub(super) last: Vec<Last<O::Out>>,
}

impl<O: Sequential> State<O> {
    /// Whether a handle's bit is set here.
    pub(super) fn applied(&self, slot: usize) -> bool {
        self.of(slot).is_some_and(|last| last.applied)
    }

    /// A handle's last operation here.
    pub(super) fn of(&self, slot: usize) -> Option<&Last<O::Out>> {
        let last = self.last.get(slot)?;
        touch(last, ptr::null::<()>());
        Some(last)
    }

    /// All of it is read, but for what the object leads to.
    pub(super) fn touch(&self) {
        touch_bytes(ptr::from_ref(self), size_of::<Self>());
        touch_bytes(self.last.as_ptr(), size_of_val(self.last.as_slice()));
    }

    /// The bits of a word here.
    pub(super) fn applied_in(&self, word: usize) -> u64 {
        let last = self.last.iter().skip(word * WORD).take(WORD);
        last.rev().fold(0, |bits, last| bits << 1 | u64::from(last.applied))
    }
}

impl<O: Sequential> Payload for State<O> {
    fn heap_bytes(&self) -> usize {
        self.object.heap_bytes() + size_of_val(self.last.as_slice())
    }
}

/// The bits that are set.
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize);
        word &= word.wrapping_sub(1);
        bit
    })
}
