//! Bundles: the nodes that updates of a trie have replaced, kept until no version can reach them any more.
//!
//! In a *line* of versions each version was forked from the one before. Each version of a line has a bundle: the
//! nodes that were replaced by the update that replaced the version, and a link to the next version's bundle. A
//! bundle has two holders: its version, and the bundle before it, by its link. The second holder that releases it
//! frees it, and thereby releases the next bundle. So a version that lasts keeps everything that later versions have
//! replaced, and when it drops, a chain of any length must be freed.
//!
//! Meanwhile other threads replace more versions, which makes the chain longer; a single thread might
//! never reach its end. So the chain is freed in pieces. A thread that has taken a piece off puts the rest where
//! other threads can find it, before it frees the piece. Each update drops a version sooner or later, and a thread
//! that drops a version helps for as long as there is a rest. So threads that would make the chain longer
//! make it shorter first.
//!
//! # Progress
//!
//! No thread waits. A drop takes at most [`TURNS`] turns, each of which goes only as far as versions had been
//! dropped when it began: so its steps are finite, whatever other threads do. If a thread finds no rest because
//! another thread is about to put it back, it leaves the rest to that thread, which looks for it again. A rest
//! remains only if that thread has used all its turns, because in each of them others dropped more versions; and
//! then it remains until the next version drops.
//!
//! # Invariants
//! * bundles-I1. A bundle is held twice, by its version and by the bundle before it, until they release it;
//!   a holder that has released it does not use it any more. The first bundle of a line has none before it. The bundle
//!   of a draft that was not installed belongs only to the draft.
//! * bundles-I2. A chain is taken apart from its front, a bundle without holders. A line has at most
//!   one such bundle, as each further one is held by the one before. It belongs to the thread that
//!   released it second, or to the thread that has taken it from the line's rest, or it is the rest. So there is no
//!   rest when one is put there.
//! * bundles-I3. A line lasts as long as its last bundle, which can be reached from each of its other
//!   bundles. A thread releases a bundle, and then looks for a rest, only on behalf of a version that drops, and
//!   the last version drops after all others.
//! * bundles-I4. Only a bundle's version and those before it reach the bundle's nodes. So when
//!   the bundle has no holder, nothing reaches them.

use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use crossbeam_utils::CachePadded;

use super::node::Nodes;
use crate::meter::Event;
use crate::owner::{self, Act};
use crate::sync::{
    AtomicBool, AtomicPtr, AtomicU64, FIRST, Ordering, touch, touch_bytes, touch_mut,
};

/// Bundles that are taken off a chain at a time: so few that others do not miss the rest for long.
const PIECE: usize = if cfg!(any(loom, shuttle)) { 1 } else { 16 };

/// How often who has freed what was there when it began goes on with what has come since.
const TURNS: usize = if cfg!(any(loom, shuttle)) { 2 } else { 4 };

/// A version's way to its bundle and its line.
pub struct BundleHold<K, V> {
    bundle: NonNull<Bundle<K, V>>,
    line: NonNull<CachePadded<Line<K, V>>>,
}

/// What all versions of a line share.
struct Line<K, V> {
    /// The chain's front, if somebody has left it to others (bundles-I2); else null.
    rest: AtomicPtr<Bundle<K, V>>,
    /// The largest number of a version that has dropped while its bundle was still held by the one
    /// before: as far as there is something to free.
    dropped: AtomicU64,
}

/// What the update that replaced a version has left behind.
struct Bundle<K, V> {
    /// Its version's.
    number: u64,
    /// Whether one of the two that hold it has let go.
    is_held_once: AtomicBool,
    /// The next version's bundle, and the nodes, marked with numbers of drafts; none if the version has not been
    /// replaced.
    replaced: OnceLock<(NonNull<Self>, Nodes<K, V, u64>)>,
}

/// What comes behind a piece of a chain.
enum Behind<K, V> {
    /// More of it.
    Rest(Box<Bundle<K, V>>),
    /// A bundle that is still held.
    Held,
    /// Nothing: the line's last bundle was in the piece.
    Nothing,
}

impl<K, V> Clone for BundleHold<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for BundleHold<K, V> {}

impl<K, V> fmt::Debug for BundleHold<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BundleHold").field(&self.bundle).finish()
    }
}

impl<K, V> BundleHold<K, V> {
    /// That of the first version of a line, whose number is [`FIRST`].
    pub(super) fn first() -> Self {
        let line = Line { rest: AtomicPtr::new(ptr::null_mut()), dropped: AtomicU64::new(FIRST) };
        let line = NonNull::from(Box::leak(Box::new(CachePadded::new(line))));
        Self { bundle: Bundle::new(FIRST, true), line }
    }

    /// That of a draft of this number, forked from the version of `self`.
    pub(super) fn next(&self, number: u64) -> Self {
        Self { bundle: Bundle::new(number, false), line: self.line }
    }

    /// The version of `new` has been installed in place of that of `self`, and leads to `nodes` no
    /// longer.
    ///
    /// # Safety
    ///
    /// Once for `self`, whose version has not dropped. No version after it leads to `nodes`. The draft of
    /// `new` has been installed, so that this is where its bundle's second holder comes from; if its
    /// version drops before this, that lets go first.
    pub(super) unsafe fn replaced(&self, new: Self, nodes: Nodes<K, V, u64>) {
        touch_mut(self.bundle.as_ptr());
        // SAFETY: bundles-I1: held by its version.
        let bundle = unsafe { self.bundle.as_ref() };
        let first = bundle.replaced.set((new.bundle, nodes)).is_ok();
        debug_assert!(first, "a version is replaced once");
    }

    /// Frees the bundle of a draft.
    ///
    /// # Safety
    ///
    /// The draft is not the first of its line, has not been installed and drops now.
    pub(super) unsafe fn discard(self) {
        // SAFETY: bundles-I1: the draft's alone.
        drop(unsafe { Box::from_raw(self.bundle.as_ptr()) });
    }

    /// Ends a version's hold, and frees what nobody reaches any more, or helps others with that.
    ///
    /// # Safety
    ///
    /// Once, when the version drops, which reaches no node after this. It was installed, or is the first of
    /// its line. The last of a line drops when the others have dropped, or if they will not.
    pub(super) unsafe fn let_go(self) {
        // SAFETY: bundles-I1: it has been held until now.
        let number = unsafe { self.bundle.as_ref() }.number;
        // SAFETY: as above, and not used after this.
        let front = unsafe { Bundle::let_go(self.bundle) };
        // SAFETY: bundles-I3.
        let line = unsafe { self.line.as_ref() };
        if front.is_none() {
            // Relaxed: it says how far to go, and what is freed is ordered by other words. It comes
            // after letting go: so a turn may end too early, never too late.
            line.dropped.fetch_max(number, Ordering::Relaxed);
        }
        if line.free(front) {
            // SAFETY: bundles-I3: the last bundle is gone, and no version is left.
            drop(unsafe { Box::from_raw(self.line.as_ptr()) });
        }
    }
}

impl<K, V> Bundle<K, V> {
    fn new(number: u64, is_held_once: bool) -> NonNull<Self> {
        let is_held_once = AtomicBool::new(is_held_once);
        NonNull::from(Box::leak(Box::new(Self { number, is_held_once, replaced: OnceLock::new() })))
    }

    /// Ends one of two holds; the bundle, if that was the second.
    ///
    /// # Safety
    ///
    /// That hold's owner does not use the bundle after this (bundles-I1).
    unsafe fn let_go(bundle: NonNull<Self>) -> Option<Box<Self>> {
        // SAFETY: held until the swap.
        let is_held_once = unsafe { &bundle.as_ref().is_held_once };
        // AcqRel bundles-O1: pairs with bundles-O1, of the other holder: who frees comes after all
        // that the first has done, which has read the nodes or has put them here.
        // SAFETY: if the other has let go, nobody holds it any more; it came from `Box` in `new`.
        is_held_once.swap(true, Ordering::AcqRel).then(|| unsafe { Box::from_raw(bundle.as_ptr()) })
    }

    /// Takes a piece off the chain of which this is the front: the nodes in it, and what comes
    /// behind.
    fn take_apart(self: Box<Self>) -> (Nodes<K, V, u64>, Behind<K, V>) {
        let (mut all, mut front) = (Vec::new(), self);
        for _ in 0..PIECE {
            let Some((next, Nodes(mut nodes))) = front.replaced.take() else {
                return (Nodes(all), Behind::Nothing);
            };
            touch_bytes(nodes.as_ptr(), size_of_val(nodes.as_slice()));
            if all.is_empty() {
                all = nodes;
            } else {
                all.append(&mut nodes);
            }
            // SAFETY: the hold of `front`, which is gone after this.
            match unsafe { Self::let_go(next) } {
                Some(next) => front = next,
                None => return (Nodes(all), Behind::Held),
            }
        }
        (Nodes(all), Behind::Rest(front))
    }
}

impl<K, V> Line<K, V> {
    fn put_rest(&self, front: Box<Bundle<K, V>>) {
        // Release bundles-O2: pairs with bundles-O3. What others did before they let go goes with it.
        let before = self.rest.swap(Box::into_raw(front), Ordering::Release);
        debug_assert!(before.is_null(), "bundles-I2: one front");
    }

    fn take_rest(&self) -> Option<Box<Bundle<K, V>>> {
        // Relaxed: a look, so that a line with no rest, as most are, is not written.
        if self.rest.load(Ordering::Relaxed).is_null() {
            return None;
        }
        // Acquire bundles-O3: pairs with bundles-O2.
        let front = self.rest.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: bundles-I2: from `put_rest`, and taken once.
        (!front.is_null()).then(|| unsafe { Box::from_raw(front) })
    }

    /// Frees the chain from `front` on, if that is this thread's, and then what there is of a rest.
    /// Whether the line's last bundle was in it, after which the line is not used any more.
    fn free(&self, front: Option<Box<Bundle<K, V>>>) -> bool {
        // A `Drop` of the user's in `free_pieces` has used the map: what it leaves is found there, so that
        // this does not nest.
        if owner::act_inside(self) == Some(Act::Freeing) {
            if let Some(front) = front {
                self.put_rest(front);
            }
            return false;
        }
        owner::inside(self, Act::Freeing, || self.free_pieces(front))
    }

    fn free_pieces(&self, mut own: Option<Box<Bundle<K, V>>>) -> bool {
        // Relaxed, here and below: see `BundleHold::let_go`.
        let mut until = self.dropped.load(Ordering::Relaxed);
        let mut turns = TURNS;
        while let Some(front) = own.take().or_else(|| self.take_rest()) {
            touch(&raw const front.number, ptr::null::<()>());
            if front.number > until {
                turns -= 1;
                if turns == 0 {
                    self.put_rest(front);
                    return false;
                }
                until = self.dropped.load(Ordering::Relaxed);
            }
            let (Nodes(nodes), behind) = front.take_apart();
            let is_last = matches!(behind, Behind::Nothing);
            if let Behind::Rest(front) = behind {
                // Before the piece is freed, which takes longer and runs the user's code.
                self.put_rest(front);
            }
            for node in nodes {
                // SAFETY: bundles-I4: their bundle was held by nobody.
                unsafe { node.free(Event::Freed) };
            }
            if is_last {
                return true;
            }
        }
        false
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::sync::Arc;

    use foldhash::fast::FixedState;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use crate::reclaim::RefCounts;
    use crate::versioned::HamtCas;

    /// The numbers of versions go past 2³², which is 256 after the first one here. Who lets go of a version
    /// knows how far others have dropped, and frees all that it held, piece by piece.
    #[test]
    fn a_chain_across_32_bits_is_freed_at_once() {
        for seed in 0..8 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (keys, before) = (rng.random_range(1..50), rng.random_range(0..150));
            let map = HamtCas::<u64, Arc<()>, RefCounts, FixedState>::default();
            let alive = Arc::new(());
            let (mut reader, mut writer) = (map.handle(), map.handle());
            let mut update = |key| _ = writer.upsert(key, |_| Arc::clone(&alive));
            (0..keys).chain((0..before).map(|n| n % keys)).for_each(&mut update);
            let mut reader = reader.pin();
            assert_eq!(reader.get_with(&0, |_| ()), Some(()));
            (0..rng.random_range(500..1_000)).for_each(|n| update(n % keys));
            assert!(Arc::strong_count(&alive) > 500, "the reader holds what was replaced, {seed}");
            drop(reader);
            assert_eq!(Arc::strong_count(&alive), 1 + keys as usize, "{seed}");
        }
    }
}
