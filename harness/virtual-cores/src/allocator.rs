//! What an allocator does where cores run: when it takes turns, at which lines, and of whose heaps.
//!
//! An arena's lock and the heads of its lists are one line, which is updated once for all blocks of a list that are moved
//! together: that update is the critical section. Blocks that a core keeps, and new memory, cost nothing here.
//!
//! So that an allocator may call [`kept_block`], [`keep`] and [`owns`] from wherever it is called, these wait for no turn
//! and touch no line. What has to, [`will_allocate`] and [`will_free`] do beforehand, where a core may be stopped.

use std::panic::Location;

use crate::cores::{Event, did_at, turn, with_heaps};
use crate::heaps::Heaps;
use crate::machine::LINE;

/// Where the lines of arenas are, one for each core: where no memory is.
const ARENAS: usize = 1 << 60;

/// The line of a core's arena.
fn line_of_arena(core: usize) -> usize {
    ARENAS + core * LINE
}

/// The core whose arena's line is at that address, if one's is.
#[must_use]
pub fn arena_at(address: usize) -> Option<usize> {
    address.checked_sub(ARENAS).map(|bytes| bytes / LINE)
}

/// Says what the running core does at an address, when it is its turn.
#[track_caller]
fn tell(address: usize, event: Event, value: usize) {
    let at = Location::caller();
    turn();
    did_at(event, address, value, at);
}

/// Says that the running core will allocate a block of so many bytes. If it keeps none, it takes some of its arena: an
/// update of the arena's line, and a load of each block. Does nothing where no allocator is modelled.
pub fn will_allocate(bytes: usize) {
    let short = with_heaps(|heaps, core| heaps.is_short(core, bytes).then_some(core));
    let Some(core) = short.flatten() else { return };
    let arena = line_of_arena(core);
    tell(arena, Event::Update, 0);
    let taken = with_heaps(|heaps, core| heaps.take(core, bytes)).unwrap_or_default();
    // The latest is the list's first.
    let following = taken.iter().rev().skip(1).copied().chain([0]);
    for (&free_block, next) in taken.iter().rev().zip(following) {
        tell(free_block, Event::Load, next);
    }
    with_heaps(|heaps, core| heaps.keep_all(core, taken, bytes));
}

/// Says that the running core will free a block of so many bytes. If it has no room for it, it gives others back: a
/// store to each, and an update of the line of each arena that gets some. Does nothing where no allocator is
/// modelled.
pub fn will_free(bytes: usize) {
    with_heaps(|heaps, core| heaps.make_room(core, bytes));
    while let Some((owner, blocks)) = with_heaps(Heaps::next_to_give_back).flatten() {
        for &free_block in &blocks {
            tell(free_block, Event::Store, 0);
        }
        let arena = line_of_arena(owner);
        tell(arena, Event::Update, 0);
        with_heaps(|heaps, _| heaps.give_back(owner, blocks, bytes));
    }
}

/// A block of so many bytes that the running core keeps, and keeps no longer.
#[must_use]
pub fn kept_block(bytes: usize) -> Option<usize> {
    with_heaps(|heaps, core| heaps.kept_block(core, bytes)).flatten()
}

/// The running core keeps a block of so many bytes that it has freed: then [`kept_block`] returns it to one core, or it is
/// in [`RunReport::left`](crate::RunReport::left). If it returns false, no heap has it.
#[must_use]
pub fn keep(block: usize, bytes: usize) -> bool {
    with_heaps(|heaps, core| heaps.keep(core, block, bytes)).unwrap_or(false)
}

/// Says that the running core has new memory for a block of so many bytes: it belongs in its arena.
pub fn owns(block: usize, bytes: usize) {
    with_heaps(|heaps, core| heaps.owns(core, block, bytes));
}
