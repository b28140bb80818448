//! How atomics and the allocator tell virtual cores what is done.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

use structures::sync::simulated::{self, Access, Cores};
use virtual_cores::{
    Event, allocated, did_at, fence, is_running, keep, kept_block, membarrier, owns, park, pause,
    turn, unpark, will_allocate, will_free,
};

use crate::charge;

/// The alignment of blocks that cores keep: that of nodes.
const BLOCK_ALIGN: usize = align_of::<usize>();

/// The bytes of a layout that blocks have.
fn block_bytes(layout: Layout) -> Option<usize> {
    (layout.align() == BLOCK_ALIGN).then_some(layout.size())
}

/// The system's allocator. What is allocated is written first by who has it. Where an allocator is modelled, cores keep
/// blocks that they free, and the next that allocates one of that size has it.
pub(crate) struct Telling;

// SAFETY: the system's allocator does all, but that a block which `keep` has taken is not freed. Nobody else in this
// program calls `keep`, so what is kept are such blocks. `kept_block` gives each to one caller, who asks for its layout:
// only blocks of one alignment are kept, and each by its size. A block comes from `System` whichever method has asked
// for it, so that `dealloc` may give it back whoever has had it since. `realloc` is the trait's own, and goes through
// `alloc` and `dealloc`.
unsafe impl GlobalAlloc for Telling {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(address) = block_bytes(layout).and_then(kept_block) {
            allocated(address, layout.size());
            return ptr::with_exposed_provenance_mut(address);
        }
        // SAFETY: the caller's.
        let address = unsafe { System.alloc(layout) };
        if !address.is_null() {
            if let Some(bytes) = block_bytes(layout) {
                owns(address.addr(), bytes);
            }
            allocated(address.addr(), layout.size());
        }
        address
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's. Fresh pages are zero without a write.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        let keeps = |bytes| keep(address.expose_provenance(), bytes);
        if !block_bytes(layout).is_some_and(keeps) {
            // SAFETY: the caller's.
            unsafe { System.dealloc(address, layout) };
        }
    }
}

/// Gives the system back what the heaps of a run had left.
///
/// # Safety
///
/// `left` is that of a [`RunReport`](virtual_cores::RunReport) whose programs had [`Telling`], and is given back once.
pub(crate) unsafe fn release(left: &[(usize, usize)]) {
    for &(address, bytes) in left {
        let layout = Layout::from_size_align(bytes, BLOCK_ALIGN).expect("the block's own");
        let block = ptr::with_exposed_provenance_mut(address);
        // SAFETY: `System` has allocated it with this layout; `keep` took it from who had it, and no core has it since,
        // by this function's contract.
        unsafe { System.dealloc(block, layout) };
    }
}

thread_local! {
    /// The retired nodes that cores which ran in this thread have freed.
    static RECLAIMED: Cell<u64> = const { Cell::new(0) };
}

/// How many retired nodes the cores that run in this thread have freed so far.
pub(crate) fn reclaimed() -> u64 {
    RECLAIMED.get()
}

/// From now on atomics are told of, on a machine whose kernel has `membarrier(2)` or has it not.
pub(crate) fn install(has_membarrier: bool) {
    simulated::run_on(Cores {
        turn,
        did: |access, address, value, at| {
            let event = match access {
                Access::Load => Event::Load,
                Access::Store => Event::Store,
                Access::Update => Event::Update,
                Access::FailedExchange => Event::FailedExchange,
                Access::Prefetch => Event::Prefetch,
            };
            did_at(event, address, value, at);
        },
        fence,
        membarrier: has_membarrier.then_some(membarrier),
        pause,
        attempt: charge::attempt,
        will_allocate: |layout| {
            if let Some(bytes) = block_bytes(layout) {
                will_allocate(bytes);
            }
        },
        will_free: |layout| {
            if let Some(bytes) = block_bytes(layout) {
                will_free(bytes);
            }
        },
        reclaims: || {
            if is_running().is_some() {
                RECLAIMED.set(RECLAIMED.get() + 1);
            }
        },
        park,
        unpark,
        number: is_running,
    });
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use virtual_cores::{CoreProgram, MachineModel, run};

    use super::*;

    /// Who clones a counted reference, and who drops one, updates the counts.
    #[test]
    fn counted_references_are_told_of() {
        install(true);
        let machines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/machines");
        let machine = MachineModel::read(&machines.join("xeon-8375c.toml")).expect("it is shipped");
        let held = simulated::Arc::new(7);
        let shared = held.clone();
        let program: CoreProgram = Box::new(move || {
            for _ in 0..10 {
                assert_eq!(*shared.clone(), 7);
            }
        });
        let report = run(&machine, vec![program]).expect("it fits");
        // Ten clones and their drops; and the drop of what the program had.
        assert_eq!(report.counts.accesses, 21);
        assert_eq!(*held, 7);
    }
}
