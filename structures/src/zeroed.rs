//! Large arrays of atomics: aligned, all zero, on huge pages if requested.

use std::alloc::{self, Layout};
use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::slice;

use crate::cuckoo::GrowError;

/// The kind of pages that a table requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pages {
    /// Whatever the allocator returns.
    #[default]
    Default,
    /// Huge pages (2 MiB) for arrays that fill at least one, by `madvise(2)`. It is a request: the
    /// system may not grant it, and on systems other than Linux it is not made.
    Huge,
}

/// Types whose default value is all-zero bytes.
///
/// # Safety
///
/// The default value is all-zero bytes, and the type needs no drop.
pub(crate) unsafe trait Zeroable: Default {}

// SAFETY: an atomic whose default is 0.
unsafe impl Zeroable for crate::sync::AtomicU64 {}

/// An array of `T`, all zero at first.
pub(crate) struct Zeroed<T> {
    first: NonNull<T>,
    len: usize,
    layout: Layout,
}

/// Bytes of a huge page.
const HUGE_PAGE: usize = 2 << 20;
/// Bytes of a cache line.
pub(crate) const CACHE_LINE: usize = 64;

impl<T: Zeroable> Zeroed<T> {
    /// `len` zeroed values, the first at the start of a cache line.
    ///
    /// # Errors
    ///
    /// There is no memory for them.
    pub(crate) fn try_new(len: usize, pages: Pages) -> Result<Self, GrowError> {
        let array = Layout::array::<T>(len).map_err(|_| GrowError::CapacityOverflow)?;
        let huge = pages == Pages::Huge && array.size() >= HUGE_PAGE;
        let layout = array
            .align_to(if huge { HUGE_PAGE } else { CACHE_LINE })
            .map_err(|_| GrowError::CapacityOverflow)?;
        assert_ne!(layout.size(), 0, "an array of something");
        // SAFETY: the layout's size is not 0, as just asserted.
        let bytes = NonNull::new(unsafe { alloc::alloc(layout) })
            .ok_or(GrowError::AllocFailed { bytes: layout.size() })?;
        if huge {
            // Before they are touched.
            ask_for_huge_pages(bytes, layout.size());
        }
        // SAFETY: the allocation just made, of that size.
        unsafe { bytes.write_bytes(0, layout.size()) };
        let first = bytes.cast();
        // A model checker's atomics are known to it, and not all zero.
        #[cfg(any(loom, shuttle))]
        for index in 0..len {
            // SAFETY: `index` is within the allocation, which has room for `len`.
            let value = unsafe { NonNull::<T>::add(first, index) };
            // SAFETY: aligned, and nobody else has it yet.
            unsafe { value.write(T::default()) };
        }
        Ok(Self { first, len, layout })
    }
}

/// Page faults from here on may be served with huge pages.
fn ask_for_huge_pages(first: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the range is a whole allocation of ours, and the advice changes no content.
        // That it may be refused is part of `Pages::Huge`'s contract.
        unsafe { libc::madvise(first.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (first, bytes);
}

impl<T> Deref for Zeroed<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `len` values of `T`, zeroed and so valid (`Zeroable`), owned by `self`.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T> Drop for Zeroed<T> {
    fn drop(&mut self) {
        #[cfg(any(loom, shuttle))]
        // SAFETY: `len` initialised values that nobody else has.
        unsafe {
            std::ptr::slice_from_raw_parts_mut(self.first.as_ptr(), self.len).drop_in_place();
        }
        // SAFETY: allocated in `try_new` with this layout; `T` needs no drop (`Zeroable`).
        unsafe { alloc::dealloc(self.first.as_ptr().cast(), self.layout) };
    }
}

impl<T> fmt::Debug for Zeroed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zeroed").field("len", &self.len).finish_non_exhaustive()
    }
}

// SAFETY: it owns its values, as a `Box<[T]>` does.
unsafe impl<T: Send> Send for Zeroed<T> {}
// SAFETY: shared, it gives out shared references only.
unsafe impl<T: Sync> Sync for Zeroed<T> {}
