//! How atomics and the allocator tell virtual cores what is done.

use std::alloc::{GlobalAlloc, Layout, System};

use structures::sync::simulated::{self, Access, Cores};
use virtual_cores::{
    Event, allocated, did_at, fence, is_running, membarrier, park, pause, turn, unpark,
};

use crate::charge;

/// The system's allocator. What is allocated is written first by who has it.
pub(crate) struct Telling;

// SAFETY: the system's allocator does all.
unsafe impl GlobalAlloc for Telling {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        let address = unsafe { System.alloc(layout) };
        if !address.is_null() {
            allocated(address.addr(), layout.size());
        }
        address
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's. Fresh pages are zero without a write.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(address, layout) };
    }
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
