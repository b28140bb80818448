//! No eviction: what is stored stays until it is deleted or expires, and when memory is full nothing more
//! is stored. memcached's option `-M`.

use super::{Eviction, Items, Unheeded};
use crate::theory::Form;

/// Gives nothing up.
#[derive(Clone, Copy, Debug)]
pub struct Never;

impl Eviction for Never {
    const NAME: &'static str = "none";
    const FORM: Option<Form> = None;
    const EVICTS: bool = false;
    type Hits = Unheeded;

    fn new(_seed: u64) -> Self {
        Self
    }

    fn resize(&mut self, _slots: usize, _capacity: usize) {}

    fn insert(&mut self, _slot: u32, _hash: u64) {}

    fn share_hits(&mut self) -> Unheeded {
        Unheeded
    }

    fn hit(&mut self, _slot: u32) {}

    fn remove(&mut self, _slot: u32) {}

    fn victim(&mut self, _items: &impl Items) -> Option<u32> {
        None
    }

    fn metadata_bytes(&self) -> usize {
        0
    }
}
