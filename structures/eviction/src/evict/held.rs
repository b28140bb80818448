//! What a policy's hits change under a lock, once they are told by several threads.

use super::Hits;
use crate::sync::{Arc, Mutex, lock};

/// An order that each hit changes.
pub trait Order: std::fmt::Debug + Default + Send {
    /// The item of `slot` was read. The slot may be none of those that are in the order: who tells it
    /// has no lock of the store.
    fn hit(&mut self, slot: u32);
}

/// An order, without a lock while it is one thread's.
#[derive(Debug)]
pub(super) enum Held<T> {
    Alone(T),
    Shared(Arc<Mutex<T>>),
}

impl<T: Order> Default for Held<T> {
    fn default() -> Self {
        Self::Alone(T::default())
    }
}

impl<T: Order> Held<T> {
    /// Runs `f` on it.
    #[inline]
    pub(super) fn with<R>(&mut self, f: impl FnOnce(&mut T) -> R) -> R {
        match self {
            Self::Alone(order) => f(order),
            Self::Shared(order) => f(&mut lock(order)),
        }
    }

    pub(super) fn read<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        match self {
            Self::Alone(order) => f(order),
            Self::Shared(order) => f(&lock(order)),
        }
    }

    /// From now on it has a lock.
    pub(super) fn share(&mut self) -> Arc<Mutex<T>> {
        if let Self::Alone(order) = self {
            *self = Self::Shared(Arc::new(Mutex::new(std::mem::take(order))));
        }
        match self {
            Self::Shared(order) => order.clone(),
            Self::Alone(_) => unreachable!("it was shared above"),
        }
    }
}

impl<T: Order> Hits for Arc<Mutex<T>> {
    fn hit(&self, slot: u32) -> bool {
        lock(self).hit(slot);
        true
    }
}
