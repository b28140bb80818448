//! Nodes that will be allocated and freed: told where a core may be stopped, as in an allocator it may not.

use std::alloc::Layout;

use super::CORES;

/// A node of that type will be allocated.
pub(crate) fn will_allocate<T>() {
    if let Some(cores) = CORES.get() {
        (cores.will_allocate)(Layout::new::<T>());
    }
}

/// A node of that type will be freed.
pub(crate) fn will_free<T>() {
    if let Some(cores) = CORES.get() {
        (cores.will_free)(Layout::new::<T>());
    }
}

/// A node that was retired will be freed.
pub(crate) fn reclaims() {
    if let Some(cores) = CORES.get() {
        (cores.reclaims)();
    }
}
