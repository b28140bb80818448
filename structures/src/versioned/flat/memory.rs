//! What operations of a flat table do to hashbrown's memory, as virtual cores are told of it.
//!
//! In hashbrown 0.17 the buckets stand in front of their control bytes, the last bucket first (`RawTable::data_end` in
//! its source). A look reads the group of control bytes at which its hash begins, and the bucket of a byte with the
//! hash's tag. Not told of are further groups, where all sixteen bytes of the first are taken, and buckets whose tag
//! agrees by chance, one of 128.

use std::ptr;

use super::Flat;
use crate::sync::{telling, touch, touch_bytes, touch_bytes_mut, touch_mut};
use crate::versioned::map::Binding;

impl<K, V> Flat<K, V> {
    /// Where the control bytes begin, and the buckets end. `None` if the table is empty, as no bucket says where it is.
    fn controls(&self) -> Option<*const u8> {
        let index = self.table.iter_buckets().next()?;
        let bucket = ptr::from_ref(self.table.get_bucket(index)?);
        Some(bucket.wrapping_add(index + 1).cast())
    }

    /// Who looked at `hash` has found this.
    #[inline]
    pub(super) fn looked(&self, hash: u64, found: Option<&Binding<K, V>>) {
        telling(|| {
            let controls = self.controls().unwrap_or(ptr::null());
            touch(&raw const self.table, controls);
            if !controls.is_null() {
                let control_bytes = controls.wrapping_add(hash as usize & self.last_bucket());
                touch(control_bytes, ptr::null::<()>());
            }
            if let Some(found) = found {
                touch(found, ptr::null::<()>());
            }
        });
    }

    /// An entry has been put into the bucket `index`, of a table that had room for so many before.
    #[inline]
    pub(super) fn wrote(&self, index: usize, room: usize) {
        telling(|| {
            touch_mut(&raw const self.table);
            let Some(controls) = self.controls() else { return };
            touch_mut(controls.wrapping_add(index));
            touch_mut(bucket_of(index, controls.cast::<Binding<K, V>>()));
            if has_moved(room, self.table.capacity()) {
                let buckets = bucket_of(self.last_bucket(), controls.cast::<Binding<K, V>>());
                touch_bytes(buckets, self.table.allocation_size());
                touch_bytes_mut(buckets, self.table.allocation_size());
            }
        });
    }

    /// An entry has been taken out of the bucket `index`.
    #[inline]
    pub(super) fn took(&self, index: usize) {
        telling(|| {
            touch_mut(&raw const self.table);
            let Some(controls) = self.controls() else { return };
            touch(bucket_of(index, controls.cast::<Binding<K, V>>()), ptr::null::<()>());
            touch_mut(controls.wrapping_add(index));
        });
    }

    fn last_bucket(&self) -> usize {
        self.table.num_buckets().saturating_sub(1)
    }
}

/// The bucket `index` of those that end at `end`.
fn bucket_of<T>(index: usize, end: *const T) -> *const T {
    end.wrapping_sub(index + 1)
}

/// Whether an insertion has moved all entries, by how many the table had room for before and after it. One that goes
/// where an entry was taken out, and left a mark, makes room for one more.
fn has_moved(before: usize, after: usize) -> bool {
    after > before + 1
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::collections::BTreeMap;

    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::versioned::Sequential;
    use crate::versioned::map::MapOp;

    /// What is assumed of hashbrown: where its control bytes are, and how it is seen that it has moved its entries.
    #[test]
    fn hashbrown_is_as_it_is_told() {
        for seed in 0..20 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let hash_of = |key: u64| key.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
            let mut flat = Flat::<u64, u64>::with_capacity(rng.random_range(0..20));
            let mut moves = 0;
            for _ in 0..2000 {
                let key = rng.random_range(0..120);
                let places = |flat: &Flat<u64, u64>| -> BTreeMap<u64, usize> {
                    let of = |index| flat.table.get_bucket(index).expect("it is taken").key;
                    flat.table.iter_buckets().map(|index| (of(index), index)).collect()
                };
                let (before, room) = (places(&flat), flat.table.capacity());
                let hash = hash_of(key);
                if rng.random_range(0..2) == 0 {
                    flat.apply(&MapOp::Insert { hash, key, value: key });
                } else {
                    flat.apply(&MapOp::Remove { hash, key, stamp: None });
                }
                let after = places(&flat);
                let other = |(own, index): (&u64, &usize)| {
                    *own != key && after.get(own).is_some_and(|now| now != index)
                };
                if before.iter().any(other) {
                    moves += 1;
                    assert!(has_moved(room, flat.table.capacity()), "{seed}");
                }
                let controls = flat.controls();
                for index in after.values() {
                    let bucket = ptr::from_ref(flat.table.get_bucket(*index).expect("it is taken"));
                    assert_eq!(Some(bucket.wrapping_add(index + 1).cast()), controls, "{seed}");
                }
            }
            assert!(moves > 0, "no entry was ever moved, {seed}");
        }
    }
}
