//! From a hash to a bucket, a tag, and the other bucket.
//!
//! Partial-key cuckoo hashing: B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent
//! MemCache with Dumber Caching and Smarter Hashing*, NSDI 2013, "Tag-based Lookup/Insert". An
//! entry's two buckets follow from either of them and the tag, so that it can be moved without its key.
//!
//! The bucket comes from the hash's low bits and the tag from its high bits, so a hasher must mix
//! both, as `hashbrown` requires too.

/// The tag: the top `bits` bits of the hash, but never 0, which marks an empty slot.
#[inline(always)]
#[must_use]
pub const fn tag(hash: u64, bits: u32) -> u64 {
    let tag = hash >> (64 - bits);
    tag + (tag == 0) as u64
}

/// The first bucket of a hash, its *home*, among `mask + 1` buckets (a power of two).
#[inline(always)]
#[must_use]
pub const fn home(hash: u64, mask: usize) -> usize {
    hash as usize & mask
}

/// The other bucket of an entry in `bucket`. It is an involution, and the result is never `bucket` itself if there are
/// at least two buckets. `tag` may be any number that depends only on the entry.
#[inline(always)]
#[must_use]
pub const fn other_bucket(bucket: usize, tag: u64, mask: usize) -> usize {
    bucket ^ (offset(tag) & mask)
}

/// Odd, so that it is not 0 under any mask.
#[inline(always)]
const fn offset(tag: u64) -> usize {
    // MurmurHash64A's multiplier. The product's middle bits depend on all bits of a small tag.
    (tag.wrapping_mul(0xc6a4_a793_5bd1_e995) >> 24) as usize | 1
}
