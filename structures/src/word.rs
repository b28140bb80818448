//! Keys and values of one machine word, for tables that keep them inline in atomics.

use std::hint::select_unpredictable;

use crate::sealed::Sealed;

/// A value that 64 bits represent: what the tables with inline entries store.
///
/// Sealed: equal values have equal bits and different values different bits, and the bits of a
/// value never change. `f64` is not a key, as it is not [`Eq`]; as a value it keeps its exact
/// bits.
pub trait Word: Sealed + Copy + Send + Sync + 'static {
    /// The bits of `self`.
    fn to_bits(self) -> u64;

    /// The value that has these bits; they came from [`to_bits`](Self::to_bits).
    fn from_bits(bits: u64) -> Self;
}

/// `value` if it was `found`, without a branch. The assembly hides from the compiler whether it was found.
/// Where the compiler knows that on some ways to this call, it copies the caller's code for each of them, and
/// branches on the others.
#[inline(always)]
pub(crate) fn value_if<V: Word>(found: bool, value: u64) -> Option<V> {
    let mut known = u32::from(found);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: no instruction.
    unsafe {
        std::arch::asm!("/* {0:e} */", inout(reg) known, options(pure, nomem, nostack, preserves_flags));
    }
    // 0 is a value of every `V`, and nothing but values is where values are kept.
    select_unpredictable(known != 0, Some(V::from_bits(value)), None)
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl Sealed for $integer {}
        impl Word for $integer {
            #[inline(always)]
            fn to_bits(self) -> u64 {
                self as u64
            }

            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                bits as Self
            }
        }
    )*};
}

integers! { u8 u16 u32 u64 usize i8 i16 i32 i64 isize }

impl Sealed for bool {}
impl Word for bool {
    #[inline(always)]
    fn to_bits(self) -> u64 {
        u64::from(self)
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        bits != 0
    }
}

impl Sealed for char {}
impl Word for char {
    #[inline(always)]
    fn to_bits(self) -> u64 {
        u64::from(u32::from(self))
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        u32::try_from(bits).ok().and_then(Self::from_u32).expect("the bits of a char")
    }
}

impl Sealed for [u8; 8] {}
impl Word for [u8; 8] {
    #[inline(always)]
    fn to_bits(self) -> u64 {
        u64::from_le_bytes(self)
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        bits.to_le_bytes()
    }
}

impl Sealed for f64 {}
impl Word for f64 {
    #[inline(always)]
    fn to_bits(self) -> u64 {
        self.to_bits()
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        Self::from_bits(bits)
    }
}

impl Sealed for () {}
impl Word for () {
    #[inline(always)]
    fn to_bits(self) -> u64 {
        0
    }

    #[inline(always)]
    fn from_bits(_bits: u64) -> Self {}
}
