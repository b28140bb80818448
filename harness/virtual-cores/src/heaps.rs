//! An allocator whose heaps are those of cores: what a core frees of another's goes back to it.
//!
//! A core keeps free blocks of each size to itself, up to a number. If it has no room for one more, it gives the oldest
//! back to the arenas of the cores that have allocated them. If it has none left, it takes the latest of its own arena. An
//! arena's blocks are a list that goes through the blocks: who gives one back stores the link into it, and the owner loads
//! that.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;

use crate::machine::AllocatorModel;

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
    pub(crate) fn is_short(&mut self, core: usize, bytes: usize) -> bool {
        self.sizes.insert(bytes);
        let has = |blocks: &Blocks| blocks.get(&bytes).is_some_and(|list| !list.is_empty());
        !has(&self.kept[core]) && has(&self.arenas[core])
    }

    /// Takes the latest blocks of a core's arena.
    pub(crate) fn take(&mut self, core: usize, bytes: usize) -> Vec<usize> {
        let list = self.arenas[core].entry(bytes).or_default();
        list.split_off(list.len().saturating_sub(self.taken))
    }

    /// Has the oldest blocks of a core leave it, until it has room for one more. It may keep too many: of a size that is
    /// looked after, blocks may be freed without a word.
    pub(crate) fn make_room(&mut self, core: usize, bytes: usize) {
        self.sizes.insert(bytes);
        let list = self.kept[core].entry(bytes).or_default();
        while list.len() >= self.cached {
            self.leaving[core].extend(list.drain(..self.given_back));
        }
    }

    /// Of the blocks that leave a core, those that go to one arena, and that arena's core: of the first block that is left.
    pub(crate) fn next_to_give_back(&mut self, core: usize) -> Option<(usize, Vec<usize>)> {
        let owners = &self.owners;
        let leaving = &mut self.leaving[core];
        let owner = owners[leaving.first()?];
        let is_its = |block: &usize| owners[block] == owner;
        let (its, others) = mem::take(leaving).into_iter().partition(is_its);
        *leaving = others;
        Some((owner, its))
    }

    /// A core keeps a block that it has freed, if such are looked after.
    pub(crate) fn keep(&mut self, core: usize, block: usize, bytes: usize) -> bool {
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

    /// A core keeps blocks that it has taken.
    pub(crate) fn keep_all(&mut self, core: usize, blocks: Vec<usize>, bytes: usize) {
        self.kept[core].entry(bytes).or_default().extend(blocks);
    }

    /// The latest block of a size that a core keeps, and keeps no longer.
    pub(crate) fn kept_block(&mut self, core: usize, bytes: usize) -> Option<usize> {
        self.kept[core].get_mut(&bytes)?.pop()
    }

    /// Blocks are in their owner's arena again.
    pub(crate) fn give_back(&mut self, owner: usize, blocks: Vec<usize>, bytes: usize) {
        self.arenas[owner].entry(bytes).or_default().extend(blocks);
    }

    /// A block of new memory belongs in a core's arena, if such are looked after.
    pub(crate) fn owns(&mut self, core: usize, block: usize, bytes: usize) {
        if self.sizes.contains(&bytes) {
            self.owners.insert(block, core);
        }
    }
}
