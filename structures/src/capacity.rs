//! The number of buckets for a given number of entries, and the errors if a table cannot have that many.
//!
//! Every table has a power of two of buckets. All tables compute it here, with checks: without them a
//! capacity that no address space can hold would wrap around, and give a small table without an error.

use crate::cuckoo::GrowError;

/// The relation between the numbers of buckets and entries of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Slots of a bucket.
    pub(crate) slots: usize,
    /// The share of slots with an entry, as a fraction, at which a table of a stated capacity is full.
    pub(crate) load: (usize, usize),
    /// Bytes of a bucket in the largest of the table's arrays.
    pub(crate) bytes: usize,
}

impl Shape {
    /// Chained tables: as many buckets as entries, and one word per bucket.
    pub(crate) const WORDS: Self = Self { slots: 1, load: (1, 1), bytes: size_of::<usize>() };

    /// Buckets for `entries` entries, a power of two; `None` if an array of so many would exceed the
    /// address space.
    pub(crate) const fn buckets_for(self, entries: usize) -> Option<usize> {
        let (filled, of) = self.load;
        // Products of two words fit.
        let buckets = (entries as u128 * of as u128).div_ceil((self.slots * filled) as u128);
        if buckets > self.most() as u128 {
            return None;
        }
        // At most a power of two that there is.
        Some((buckets as usize).next_power_of_two())
    }

    /// The number of buckets for `additional` entries beyond those present.
    ///
    /// # Errors
    ///
    /// If so many are impossible, or there is no memory for them now. This is checked first, so that a table that can
    /// only double does not double in vain.
    pub(crate) fn buckets_for_more(
        self,
        entries: usize,
        additional: usize,
    ) -> Result<usize, GrowError> {
        let all = entries.checked_add(additional);
        let buckets =
            all.and_then(|all| self.buckets_for(all)).ok_or(GrowError::CapacityOverflow)?;
        let bytes = buckets.saturating_mul(self.bytes);
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| refused::<u8>(bytes))?;
        Ok(buckets)
    }

    /// The most buckets: no array has more than `isize::MAX` bytes.
    pub(crate) const fn most(self) -> usize {
        let bytes = if self.bytes == 0 { 1 } else { self.bytes };
        1 << (isize::MAX as usize / bytes).ilog2()
    }

    /// The most entries for which there can be buckets.
    pub(crate) const fn most_entries(self) -> usize {
        let (filled, of) = self.load;
        let entries = self.most() as u128 * (self.slots * filled) as u128 / of as u128;
        if entries > usize::MAX as u128 { usize::MAX } else { entries as usize }
    }

    /// Calls `make` with the number of buckets for `entries` entries, which is at least `least`.
    ///
    /// # Panics
    ///
    /// If so many are impossible, or if there is no memory for them. The message says what was requested and what
    /// fits.
    pub(crate) fn make<T>(
        self,
        entries: usize,
        least: usize,
        make: impl FnOnce(usize) -> Result<T, GrowError>,
    ) -> T {
        let Some(buckets) = self.buckets_for(entries) else {
            too_many(entries, self.most_entries());
        };
        make(buckets.max(least)).unwrap_or_else(|error| no_memory(entries, &error))
    }
}

/// # Panics
///
/// Always: an address space has room for `most` entries.
#[cold]
pub(crate) fn too_many(entries: usize, most: usize) -> ! {
    panic!("a table for {entries} entries was asked for; an address space holds {most} at most")
}

/// # Panics
///
/// Always.
#[cold]
pub(crate) fn no_memory(entries: usize, why: &GrowError) -> ! {
    panic!("a table for {entries} entries was asked for; {why}")
}

/// `len` values that `make` makes, each by itself.
///
/// # Errors
///
/// There is no memory for them.
pub(crate) fn try_boxed<T>(len: usize, make: impl FnMut() -> T) -> Result<Box<[T]>, GrowError> {
    let mut all = Vec::new();
    all.try_reserve_exact(len).map_err(|_| refused::<T>(len))?;
    all.resize_with(len, make);
    Ok(all.into_boxed_slice())
}

/// Why there is no vector of `len` values.
fn refused<T>(len: usize) -> GrowError {
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if bytes <= isize::MAX as usize => GrowError::AllocFailed { bytes },
        _ => GrowError::CapacityOverflow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUCKOO: Shape = Shape { slots: 8, load: (19, 20), bytes: 128 };

    #[test]
    fn buckets_have_room_and_not_more_than_needed() {
        for shape in [Shape::WORDS, CUCKOO, Shape { slots: 3, load: (1, 1), bytes: 64 }] {
            let (filled, of) = shape.load;
            let holds =
                |buckets: usize| buckets as u128 * (shape.slots * filled) as u128 / of as u128;
            for entries in (0..3000).chain((10..60).flat_map(|bit| [(1 << bit) - 1, 1 << bit])) {
                let Some(buckets) = shape.buckets_for(entries) else {
                    assert!(entries > shape.most_entries(), "{shape:?}: {entries}");
                    continue;
                };
                assert!(buckets.is_power_of_two() && holds(buckets) >= entries as u128);
                assert!(
                    buckets == 1 || holds(buckets / 2) < entries as u128,
                    "{shape:?}: {entries}"
                );
            }
        }
    }

    #[test]
    fn the_most_entries_are_the_last_that_there_can_be() {
        for bytes in [0, 1, 8, 24, 64, 128] {
            for (slots, load) in [(1, (1, 1)), (3, (1, 1)), (2, (4, 5)), (4, (7, 8)), (8, (19, 20))]
            {
                let shape = Shape { slots, load, bytes };
                let most = shape.most_entries();
                assert_eq!(shape.buckets_for(most), Some(shape.most()), "{shape:?}");
                if most < usize::MAX {
                    assert_eq!(shape.buckets_for(most + 1), None, "{shape:?}");
                }
                assert!(
                    shape.most().checked_mul(bytes).is_some_and(|all| all <= isize::MAX as usize)
                );
            }
        }
    }

    #[test]
    fn what_wraps_around_is_refused() {
        for entries in [usize::MAX, (1 << 63) + 1, 1 << 63, isize::MAX as usize, 1 << 60] {
            assert_eq!(Shape::WORDS.buckets_for(entries), None, "{entries}");
        }
        assert_eq!(Shape::WORDS.buckets_for(1 << 59), Some(1 << 59));
    }

    #[test]
    fn a_vector_that_cannot_be_is_an_error() {
        let made = try_boxed(usize::MAX / 4, u64::default);
        assert_eq!(made, Err(GrowError::CapacityOverflow));
        let bytes = 1 << 62;
        assert_eq!(try_boxed(bytes / 8, u64::default), Err(GrowError::AllocFailed { bytes }));
        assert_eq!(try_boxed(3, || 7_u64).unwrap()[..], [7; 3]);
    }
}
