//! The factor path search: which entries must move so that a bucket gets an empty slot?
//!
//! A *cuckoo path* begins in one of two full buckets and ends at an empty slot; each entry on it
//! can move to the bucket of the next place. Searches run without locks on a graph that changes
//! under them: a path is a proposal, whose every hop is checked again when it is made.
//!
//! * [`Bfs`]: breadth first, so the path is a shortest one. X. Li, D. Andersen, M. Kaminsky, M.
//!   Freedman, *Algorithmic Improvements for Fast Concurrent Cuckoo Hashing*, EuroSys 2014, section
//!   4.3.2: at most 2000 slots are looked at. With 4 slots per bucket, at most 5 buckets are then
//!   on a path, so 4 entries move; more only if slots lead to the same buckets.
//! * [`RandomWalk`]: one or two random walks. B. Fan, D. Andersen, M. Kaminsky, *MemC3*, NSDI
//!   2013, "Optimistic Concurrent Cuckoo Hashing": at most 500 displacements a walk.

use std::fmt::Debug;

/// A slot of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The bucket's index.
    pub bucket: usize,
    /// The slot's index in it.
    pub slot: usize,
}

impl Place {
    /// # Panics
    ///
    /// If the place is not in a table of `buckets` buckets of `slots` slots.
    #[inline]
    pub(super) fn check(self, buckets: usize, slots: usize) {
        assert!(
            self.bucket < buckets && self.slot < slots,
            "a search for room is at {self:?}, in a table of {buckets} buckets of {slots} slots"
        );
    }
}

/// The buckets, as a search sees them.
pub trait Graph {
    /// The number of slots per bucket.
    const SLOTS: usize;

    /// The other bucket of the entry in `place`; `None` if the slot is empty.
    ///
    /// # Panics
    ///
    /// If the table has no such place.
    fn other_bucket(&self, place: Place) -> Option<usize>;

    /// A hint that `bucket` will be read soon.
    fn prefetch(&self, bucket: usize) {
        let _ = bucket;
    }
}

/// A path search.
///
/// A user may write one, and it may be wrong: a table checks each place that the search asks about, each place
/// that it returns, and each hop when it is made. It must not use the table, which may wait for the search.
pub trait Search: Debug + Send + Sync + 'static {
    /// The name of this search in the names of tables: `bfs`, `random-1`, `random-2`.
    const NAME: &'static str;

    /// A path from one of `starts` to an empty slot: the entry at `path[i]` can move to
    /// `path[i + 1]`, and the last place was empty when it was looked at. No place is on it twice.
    /// `None` if the search gave up. The same graph and `seed` give the same path.
    fn find<G: Graph>(graph: &G, starts: [usize; 2], seed: u64) -> Option<Vec<Place>>;
}

/// The result of [`Search::find`], for a table of `buckets` buckets, after a check.
///
/// # Panics
///
/// If that is no path in the table: empty, or with a place that the table does not have.
pub(super) fn search<P: Search, G: Graph>(
    graph: &G,
    buckets: usize,
    starts: [usize; 2],
    seed: u64,
) -> Option<Vec<Place>> {
    let path = P::find(graph, starts, seed)?;
    assert!(!path.is_empty(), "the search `{}` has found a path of no places", P::NAME);
    path.iter().for_each(|place| place.check(buckets, G::SLOTS));
    Some(path)
}

/// Breadth-first search over at most [`Bfs::EXAMINED`] slots.
#[derive(Debug)]
pub struct Bfs;

impl Bfs {
    /// Slots that a search looks at before it gives up (M in the paper); few under a model checker.
    pub const EXAMINED: usize = if cfg!(any(loom, shuttle)) { 16 } else { 2000 };
}

/// A bucket that a breadth-first search has reached.
#[derive(Clone, Copy)]
struct Reached {
    bucket: usize,
    /// Where it was reached from: index of the bucket in the queue, and slot. A start is its own
    /// parent.
    parent: usize,
    slot: usize,
}

impl Search for Bfs {
    const NAME: &'static str = "bfs";

    fn find<G: Graph>(graph: &G, starts: [usize; 2], seed: u64) -> Option<Vec<Place>> {
        let limit = Self::EXAMINED / G::SLOTS;
        let mut queue: Vec<Reached> = Vec::new();
        // Without memory to search in, no path is found.
        queue.try_reserve_exact(limit + G::SLOTS).ok()?;
        queue.extend(starts.iter().enumerate().map(|(i, &bucket)| Reached {
            bucket,
            parent: i,
            slot: 0,
        }));
        // Not always the same slots first, or the same entries would move again and again.
        let first = (seed % G::SLOTS as u64) as usize;
        let mut next = 0;
        while next < queue.len() && next < limit {
            let here = queue[next];
            if let Some(ahead) = queue.get(next + 1) {
                graph.prefetch(ahead.bucket);
            }
            for i in 0..G::SLOTS {
                let place = Place { bucket: here.bucket, slot: (first + i) % G::SLOTS };
                let Some(other) = graph.other_bucket(place) else {
                    return Some(path_to(&queue, next, place));
                };
                // Back to the parent is no progress; of two slots that lead to the same bucket
                // one is enough.
                let seen = other == queue[here.parent].bucket
                    || queue.iter().rev().take(i).any(|r| r.parent == next && r.bucket == other);
                if !seen && queue.len() < limit {
                    queue.push(Reached { bucket: other, parent: next, slot: place.slot });
                }
            }
            next += 1;
        }
        None
    }
}

/// The places from a start to `last`, which is in the bucket `queue[index]`.
fn path_to(queue: &[Reached], mut index: usize, last: Place) -> Vec<Place> {
    let mut path = vec![last];
    while queue[index].parent != index {
        let Reached { parent, slot, .. } = queue[index];
        path.push(Place { bucket: queue[parent].bucket, slot });
        index = parent;
    }
    path.reverse();
    path
}

/// `WALKS` random walks side by side, one (from the first bucket) or two.
#[derive(Debug)]
pub struct RandomWalk<const WALKS: usize>;

/// Displacements after which a walk gives up.
const KICKS: usize = 500;

impl<const WALKS: usize> Search for RandomWalk<WALKS> {
    const NAME: &'static str = match WALKS {
        1 => "random-1",
        2 => "random-2",
        _ => panic!("one walk, or two"),
    };

    fn find<G: Graph>(graph: &G, starts: [usize; 2], seed: u64) -> Option<Vec<Place>> {
        let mut random = seed | 1;
        let mut at = starts;
        let mut paths: [Vec<Place>; WALKS] = std::array::from_fn(|_| Vec::new());
        for _ in 0..=KICKS {
            for (path, bucket) in paths.iter_mut().zip(&mut at) {
                let empty = (0..G::SLOTS)
                    .map(|slot| Place { bucket: *bucket, slot })
                    .find(|place| graph.other_bucket(*place).is_none());
                if let Some(place) = empty {
                    step(path, place);
                    return Some(std::mem::take(path));
                }
                let slot = (xorshift(&mut random) % G::SLOTS as u64) as usize;
                let place = Place { bucket: *bucket, slot };
                step(path, place);
                // Emptied meanwhile: it is the hole.
                let Some(other) = graph.other_bucket(place) else {
                    return Some(std::mem::take(path));
                };
                *bucket = other;
            }
        }
        None
    }
}

/// Adds `place`. If the walk has been there, what came since was a loop, and is cut out: an entry
/// can move only once.
fn step(path: &mut Vec<Place>, place: Place) {
    if let Some(before) = path.iter().position(|seen| *seen == place) {
        path.truncate(before);
    }
    path.push(place);
}

/// G. Marsaglia, *Xorshift RNGs*, 2003.
fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
