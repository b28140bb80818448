//! What the models of whole tables put into them.

#![allow(unreachable_pub, reason = "a module of several test binaries")]
#![allow(dead_code, reason = "not all of them use all of it")]

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use loom::cell::UnsafeCell;

/// A value with a life of its own.
pub struct Value(Arc<UnsafeCell<Option<u64>>>);

// SAFETY: the cell checks what it is used for: that is what it is here for.
unsafe impl Send for Value {}
// SAFETY: as above.
unsafe impl Sync for Value {}

impl Value {
    pub fn new(number: u64) -> Self {
        let value = Self(Arc::new(UnsafeCell::new(None)));
        // SAFETY: nobody else has it; and loom looks.
        value.0.with_mut(|cell| unsafe { *cell = Some(number) });
        value
    }

    pub fn number(&self) -> u64 {
        // SAFETY: loom says if this is concurrent with a write.
        self.0.with(|cell| unsafe { *cell }).expect("read after it was dropped")
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        Self::new(self.number())
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: loom says if this is concurrent with a read.
        self.0.with_mut(|cell| unsafe { *cell = None });
    }
}

/// A hasher that is the key.
#[derive(Clone, Copy, Default)]
pub struct Itself(u64);

impl BuildHasher for Itself {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Itself {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("keys are u64");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The number of a value that may be there.
pub fn number(value: Option<Value>) -> Option<u64> {
    value.as_ref().map(Value::number)
}
