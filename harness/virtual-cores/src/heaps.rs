//! An allocator whose heaps are those of cores: what a core frees of another's goes back to it.
//!
//! A core keeps free blocks of each size to itself, up to a number. If it has no room for one more, it gives the oldest
//! back to the arenas of the cores that have allocated them. If it has none left, it takes the latest of its own arena. An
//! arena's blocks are a list that goes through the blocks: who gives one back stores the link into it, and the owner loads
//! that. The arena's lock and the heads of its lists are one line, which is updated once for all blocks of a list that
//! are moved together: that update is the critical section. Blocks that a core keeps, and new memory, cost nothing here.
//!
//! So that an allocator may call [`kept_block`], [`keep`] and [`owns`] from wherever it is called, these wait for no turn
//! and touch no line. What has to, [`will_allocate`] and [`will_free`] do beforehand, where a core may be stopped.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use std::panic::Location;

use crate::cores::{Event, did_at, turn, with_heaps};
use crate::machine::{AllocatorModel, LINE};

/// Where the lines of arenas are, one for each core: where no memory is.
const ARENAS: usize = 1 << 60;

/// Free blocks by size, the latest last.
type Blocks = BTreeMap<usize, Vec<usize>>;

/// The heaps of the cores of a run.
#[derive(Debug)]
pub(crate) struct Heaps {
    /// Blocks of a size that a core keeps.
    cached: usize,
    /// Those that it gives back at once.
    given_back: usize,
    /// Those that it takes at once.
    taken: usize,
    /// What each core keeps.
    kept: Vec<Blocks>,
    /// What each core is about to give back.
    leaving: Vec<Vec<usize>>,
    /// What is in each core's arena.
    arenas: Vec<Blocks>,
    /// The core of a block's arena.
    owners: HashMap<usize, usize>,
    /// Blocks that were allocated where no core ran. They are of the cores in turn, as if each had allocated its share.
    strangers: usize,
    /// The sizes that are looked after: such a block was said to be allocated or freed next.
    sizes: BTreeSet<usize>,
}

impl Heaps {
    pub(crate) fn new(model: &AllocatorModel, cores: usize) -> Self {
        Self {
            cached: model.cached.is as usize,
            given_back: model.given_back.is as usize,
            taken: model.taken.is as usize,
            kept: vec![Blocks::new(); cores],
            leaving: vec![Vec::new(); cores],
            arenas: vec![Blocks::new(); cores],
            owners: HashMap::new(),
            strangers: 0,
            sizes: BTreeSet::new(),
        }
    }

    /// The blocks that are free at the end, with their sizes.
    pub(crate) fn into_left(self) -> Vec<(usize, usize)> {
        let lists = self.kept.into_iter().chain(self.arenas).flatten();
        let of_list =
            |(bytes, list): (usize, Vec<usize>)| list.into_iter().map(move |block| (block, bytes));
        lists.flat_map(of_list).collect()
    }

    /// Whether a core keeps no block of that size, and there are some in its arena.
    fn is_short(&mut self, core: usize, bytes: usize) -> bool {
        self.sizes.insert(bytes);
        let has = |blocks: &Blocks| blocks.get(&bytes).is_some_and(|list| !list.is_empty());
        !has(&self.kept[core]) && has(&self.arenas[core])
    }

    /// Takes the latest blocks of a core's arena.
    fn take(&mut self, core: usize, bytes: usize) -> Vec<usize> {
        let list = self.arenas[core].entry(bytes).or_default();
        list.split_off(list.len().saturating_sub(self.taken))
    }

    /// Has the oldest blocks of a core leave it, until it has room for one more. It may keep too many: of a size that is
    /// looked after, blocks may be freed without a word.
    fn make_room(&mut self, core: usize, bytes: usize) {
        self.sizes.insert(bytes);
        let list = self.kept[core].entry(bytes).or_default();
        while list.len() >= self.cached {
            self.leaving[core].extend(list.drain(..self.given_back));
        }
    }

    /// Of the blocks that leave a core, those that go to one arena, and that arena's core: of the first block that is left.
    fn next_to_give_back(&mut self, core: usize) -> Option<(usize, Vec<usize>)> {
        let owners = &self.owners;
        let leaving = &mut self.leaving[core];
        let owner = owners[leaving.first()?];
        let is_its = |block: &usize| owners[block] == owner;
        let (its, others) = mem::take(leaving).into_iter().partition(is_its);
        *leaving = others;
        Some((owner, its))
    }

    /// A core keeps a block that it has freed, if such are looked after.
    fn keep(&mut self, core: usize, block: usize, bytes: usize) -> bool {
        if !self.sizes.contains(&bytes) {
            return false;
        }
        let (cores, strangers) = (self.kept.len(), &mut self.strangers);
        self.owners.entry(block).or_insert_with(|| {
            *strangers += 1;
            (*strangers - 1) % cores
        });
        self.kept[core].entry(bytes).or_default().push(block);
        true
    }
}

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
    with_heaps(|heaps, core| heaps.kept[core].entry(bytes).or_default().extend(taken));
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
        with_heaps(|heaps, _| heaps.arenas[owner].entry(bytes).or_default().extend(blocks));
    }
}

/// A block of so many bytes that the running core keeps, and keeps no longer.
#[must_use]
pub fn kept_block(bytes: usize) -> Option<usize> {
    with_heaps(|heaps, core| heaps.kept[core].get_mut(&bytes)?.pop()).flatten()
}

/// The running core keeps a block of so many bytes that it has freed: then [`kept_block`] returns it to one core, or it is
/// in [`RunReport::left`](crate::RunReport::left). If it returns false, no heap has it.
#[must_use]
pub fn keep(block: usize, bytes: usize) -> bool {
    with_heaps(|heaps, core| heaps.keep(core, block, bytes)).unwrap_or(false)
}

/// Says that the running core has new memory for a block of so many bytes: it belongs in its arena.
pub fn owns(block: usize, bytes: usize) {
    with_heaps(|heaps, core| {
        if heaps.sizes.contains(&bytes) {
            heaps.owners.insert(block, core);
        }
    });
}
