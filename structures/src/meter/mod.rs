//! One meter for every scheme. It counts nodes and their bytes from allocation to free.
//!
//! A node's life is `allocated`, then either `discarded` (never published), `dropped` (freed
//! with its table, or under a lock, without waiting for readers), or `retired` and, once no
//! reader can hold it, `freed`. The hooks sit in [`crate::reclaim::Node`] and in the locked
//! tables' nodes, never in a scheme, so that no scheme can count differently.
//!
//! Counts are per process: a trial is a process. Each thread adds to cells of its own with
//! plain loads and stores; [`read`] sums over all threads. Built without the feature `meter`
//! the hooks are empty and [`read`] returns `None`; `benches/operations.rs`, run with and
//! without it, shows what counting costs.

/// The meter's counts of this process so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Nodes allocated.
    pub allocated: Tally,
    /// Allocated nodes that were never published, and freed by their maker.
    pub discarded: Tally,
    /// Published nodes freed without being retired: with their table, or under a lock.
    pub dropped: Tally,
    /// Nodes that were retired.
    pub retired: Tally,
    /// Retired nodes that were freed.
    pub freed: Tally,
}

impl Reading {
    /// Nodes that are retired and not yet freed.
    #[must_use]
    pub fn unreclaimed(&self) -> Tally {
        self.retired.minus(self.freed)
    }

    /// Nodes allocated and not yet freed in any way.
    #[must_use]
    pub fn live(&self) -> Tally {
        self.allocated.minus(self.discarded).minus(self.dropped).minus(self.freed)
    }
}

/// A number of nodes and their bytes: those of the node itself and those that its payload owns
/// ([`crate::reclaim::Payload::heap_bytes`]), without the allocator's overhead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Nodes.
    pub nodes: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Tally {
    /// The difference; 0 where the other is larger, as it can be by the events that happen
    /// while [`read`] goes from thread to thread.
    fn minus(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_sub(other.nodes),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

/// How long retired nodes of this process waited to be freed, in seconds, within 6 %: quantiles of a
/// sample of one in 256. A node that is not freed yet counts with the time until now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delays {
    /// Size of the sample.
    pub watched: u64,
    /// The median: half of the sample waited no longer.
    pub p50: f64,
    /// The 99th percentile: 99 % of the sample waited no longer.
    pub p99: f64,
    /// The maximum of the sample.
    pub max: f64,
}

/// An event in a node's life.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Allocated,
    Discarded,
    Dropped,
    Retired,
    Freed,
}

/// Counts the node that holds it: allocated when made, dropped when dropped. For nodes that are
/// freed under a lock.
pub(crate) struct Ticket<T>(std::marker::PhantomData<fn() -> T>);

impl<T> Ticket<T> {
    pub(crate) fn new() -> Self {
        record(Event::Allocated, size_of::<T>());
        Self(std::marker::PhantomData)
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        record(Event::Dropped, size_of::<T>());
    }
}

#[cfg(not(feature = "meter"))]
pub use off::*;
#[cfg(feature = "meter")]
pub use on::*;

#[cfg(feature = "meter")]
mod waits;

#[cfg(not(feature = "meter"))]
mod off {
    use std::time::Duration;

    use super::{Delays, Event, Reading};

    /// How long retired nodes waited; `None`: built without the feature `meter`.
    #[must_use]
    pub fn delays() -> Option<Delays> {
        None
    }

    /// Forgets how long nodes have waited so far. Does nothing: built without the feature `meter`.
    pub fn forget() {}

    /// Reports that the process has slept for this long. Does nothing: built without the feature `meter`.
    pub fn slept(_: Duration) {}

    /// The sums over all threads; `None`: built without the feature `meter`.
    #[must_use]
    pub fn read() -> Option<Reading> {
        None
    }

    #[inline(always)]
    pub(crate) fn record(_: Event, _: usize) -> u64 {
        0
    }

    #[inline(always)]
    pub(crate) fn retired<T>(_: *const T, bytes: usize) {
        record(Event::Retired, bytes);
    }

    #[inline(always)]
    pub(crate) fn freed<T>(_: *const T, bytes: usize) {
        record(Event::Freed, bytes);
    }
}

#[cfg(feature = "meter")]
mod on {
    use std::cell::Cell;
    use std::ptr;
    use std::time::Duration;
    // Not through `crate::sync`: counting is no part of the algorithms that loom explores. Leases
    // are an exception, so that tests of progress under shuttle see them.
    use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
    #[cfg(not(shuttle))]
    use std::{
        sync::atomic::{AtomicBool, AtomicPtr},
        thread_local,
    };

    use super::{Delays, Event, Reading, Tally, waits};
    #[cfg(shuttle)]
    use crate::sync::{AtomicBool, AtomicPtr, thread_local};

    const EVENTS: usize = 5;

    /// One thread's cells: nodes and bytes per event. Aligned so that no two threads share a
    /// cache line.
    #[repr(align(128))]
    struct Shard {
        cells: [(AtomicU64, AtomicU64); EVENTS],
        leased: AtomicBool,
        /// Set before the shard is in the list, and then never again.
        next: AtomicPtr<Shard>,
    }

    impl Shard {
        const fn new() -> Self {
            Self {
                cells: [const { (AtomicU64::new(0), AtomicU64::new(0)) }; EVENTS],
                leased: AtomicBool::new(true),
                next: AtomicPtr::new(ptr::null_mut()),
            }
        }

        fn try_lease(&self) -> bool {
            // Acquire meter-M3: pairs with meter-M3 in `Lease::drop`; what the last lessee counted
            // stays counted.
            !self.leased.load(Relaxed)
                && self.leased.compare_exchange(false, true, Acquire, Relaxed).is_ok()
        }
    }

    /// The newest of the shards but `SHARED`. They live as long as the process, in a list that only
    /// grows, and are leased again after their thread has ended.
    static SHARDS: AtomicPtr<Shard> = AtomicPtr::new(ptr::null_mut());

    /// For events in destructors that run after the thread's own lease has ended.
    static SHARED: Shard = Shard::new();

    /// All shards but `SHARED`.
    fn shards() -> impl Iterator<Item = &'static Shard> {
        // SAFETY: null or a shard that was leaked, by `add`.
        let follow = |link: &AtomicPtr<Shard>, order| unsafe { link.load(order).as_ref() };
        // Acquire meter-M2: pairs with meter-M2 in `add`.
        let newest = follow(&SHARDS, Acquire);
        // Relaxed: came with the shard.
        std::iter::successors(newest, move |shard| follow(&shard.next, Relaxed))
    }

    struct Lease(Cell<Option<&'static Shard>>);

    impl Drop for Lease {
        fn drop(&mut self) {
            if let Some(shard) = self.0.take() {
                // Release meter-M3: pairs with meter-M3 in `try_lease`.
                shard.leased.store(false, Release);
            }
        }
    }

    thread_local! {
        static LEASE: Lease = const { Lease(Cell::new(None)) };
    }

    /// A shard for the calling thread. Lock-free, except for the allocator.
    #[cold]
    fn lease() -> &'static Shard {
        shards().find(|shard| shard.try_lease()).unwrap_or_else(add)
    }

    /// Adds a shard, leased, to the list.
    fn add() -> &'static Shard {
        let shard: &'static Shard = Box::leak(Box::new(Shard::new()));
        let added = ptr::from_ref(shard).cast_mut();
        let mut newest = SHARDS.load(Relaxed);
        loop {
            shard.next.store(newest, Relaxed);
            // Release meter-M2: publishes the shard, and those behind it, as each addition is a
            // read-modify-write and so goes on with the release sequence; pairs with meter-M2 in
            // `shards`.
            match SHARDS.compare_exchange(newest, added, Release, Relaxed) {
                Ok(_) => return shard,
                Err(seen) => newest = seen,
            }
        }
    }

    /// A node is retired: an event, and now and then the start of its wait.
    #[inline]
    pub(crate) fn retired<T>(node: *const T, bytes: usize) {
        if record(Event::Retired, bytes).is_multiple_of(waits::PERIOD) {
            waits::watch(node.addr());
        }
    }

    /// A retired node is freed.
    #[inline]
    pub(crate) fn freed<T>(node: *const T, bytes: usize) {
        record(Event::Freed, bytes);
        waits::freed(node.addr());
    }

    /// How long retired nodes of this process waited so far; `None` if none was in the sample, or if
    /// built without the feature `meter`.
    #[must_use]
    pub fn delays() -> Option<Delays> {
        waits::read()
    }

    /// Forgets how long nodes have waited so far, freed or not: from now on [`delays`] covers only nodes that are
    /// retired later. Call it while no thread retires or frees a node.
    pub fn forget() {
        waits::forget();
    }

    /// Reports that the whole process has slept for this long on purpose: that time does not count as waiting. No
    /// thread may have retired or freed a node in that time.
    pub fn slept(time: Duration) {
        waits::slept(time);
    }

    /// Counts an event; returns how many such events this thread's cells have seen before.
    #[inline]
    pub(crate) fn record(event: Event, bytes: usize) -> u64 {
        let own = LEASE.try_with(|lease_cell| {
            lease_cell.0.get().unwrap_or_else(|| {
                let shard = lease();
                lease_cell.0.set(Some(shard));
                shard
            })
        });
        if let Ok(shard) = own {
            // Load and store, not an atomic addition: this thread alone writes here. Release meter-M1:
            // pairs with the Acquire in `read`.
            let (nodes, weight) = &shard.cells[event as usize];
            let before = nodes.load(Relaxed);
            nodes.store(before.wrapping_add(1), Release);
            weight.store(weight.load(Relaxed).wrapping_add(bytes as u64), Release);
            before
        } else {
            let (nodes, weight) = &SHARED.cells[event as usize];
            // Release meter-M1: as above.
            weight.fetch_add(bytes as u64, Release);
            nodes.fetch_add(1, Release)
        }
    }

    /// The sums over all threads, without stopping any: exact while no thread works on a table.
    /// `None` if built without the feature `meter`.
    ///
    /// Later stages of a node's life are read before earlier ones, so that a node is not seen
    /// freed before it is seen retired.
    #[must_use]
    pub fn read() -> Option<Reading> {
        let sum = |event: Event| {
            let all = shards().chain(std::iter::once(&SHARED));
            all.fold(Tally::default(), |tally, shard| Tally {
                // Acquire: pairs with meter-M1. Who sees a free then sees the retirement before it.
                nodes: tally.nodes + shard.cells[event as usize].0.load(Acquire),
                bytes: tally.bytes + shard.cells[event as usize].1.load(Acquire),
            })
        };
        let freed = sum(Event::Freed);
        let retired = sum(Event::Retired);
        let dropped = sum(Event::Dropped);
        let discarded = sum(Event::Discarded);
        let allocated = sum(Event::Allocated);
        Some(Reading { allocated, discarded, dropped, retired, freed })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn cells_are_leased_again() {
            let before = shards().count();
            for _ in 0..50 {
                std::thread::spawn(|| record(Event::Allocated, 1)).join().unwrap();
            }
            // Tests that run meanwhile may take some.
            let added = shards().count() - before;
            assert!(added < 25, "{added} for 50 threads");
        }
    }
}
