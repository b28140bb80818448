//! Prefetching: requesting a cache line before it is needed.

/// Prefetches the cache line at `address`, which need not be a valid address. A hint, which does nothing on
/// processors other than x86-64.
#[inline(always)]
#[cfg_attr(simulate, track_caller)]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(simulate)]
    crate::sync::simulated::prefetch(address);
    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, simulate, miri))))]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch accesses nothing and faults never; x86-64 has it always.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(loom, shuttle, miri)))))]
    let _ = address;
}
