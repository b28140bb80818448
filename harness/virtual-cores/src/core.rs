//! An interval model of a core: instructions flow, and misses interrupt them.
//!
//! D. Genbrugge, S. Eyerman, L. Eeckhout, *Interval simulation: raising the level of abstraction in
//! architectural simulation*, HPCA 2010. A core goes on while loads are on their way, until it has begun
//! `window` cycles of later work, or waits for as many lines as it can. What depends on a load waits for it: an
//! access whose address is near a pointer that was loaded, and what follows a branch that was mispredicted. So
//! chains of pointers are followed one load after the other, and independent operations overlap. Stores wait for
//! their lines in a buffer, one after the other; a read-modify-write, and a full fence, waits for all that is
//! before it.

use std::collections::VecDeque;

use crate::machine::MachineModel;
use crate::memory::{CoherentMemory, Served, ServedFrom};
use crate::spent::{CycleStack, Part};

/// What a pointer may point at: bytes from the address that was loaded.
const NEAR: usize = 512;

/// When a line comes, and what waiting for it is.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    done: u64,
    part: Part,
    /// Its last so many cycles are those of `part`; before, it waits until others have had the line.
    moves: u64,
}

impl Arrival {
    fn new(served: &Served, start: u64) -> Self {
        let moves = served.done.saturating_sub(start + served.queued);
        Self { done: served.done, part: served.part, moves }
    }

    /// The same, so many cycles later.
    fn and(self, cycles: u64) -> Self {
        Self { done: self.done + cycles, moves: self.moves + cycles, ..self }
    }
}

/// A load that is on its way, or came not long ago.
#[derive(Clone, Copy, Debug)]
struct Load {
    line: u32,
    value: usize,
    start: u64,
    comes: Arrival,
}

/// Costs in cycles, and sizes.
#[derive(Clone, Copy, Debug)]
struct Costs {
    window: u64,
    misses: usize,
    stores: usize,
    l1: u64,
    rmw: u64,
    rmw_overlaps: bool,
    fence: u64,
    mispredict: u64,
    pause: u64,
}

/// A core.
#[derive(Clone, Debug)]
pub struct Core {
    number: usize,
    costs: Costs,
    /// When its next instruction begins.
    now: u64,
    /// Loads, stores and prefetches so far.
    issued: u64,
    /// What its cycles so far went to.
    spent: CycleStack,
    loads: Vec<Load>,
    /// When the stores that are in the buffer will have their lines, in order.
    stores: VecDeque<Arrival>,
    /// The last loads, on whose values addresses may depend.
    latest: Vec<Load>,
    /// Lines that were asked for ahead, and when they come.
    asked: Vec<(u32, Arrival)>,
}

/// Loads that came, whose values are remembered.
const REMEMBERED: usize = 12;

impl Core {
    /// A core of `machine`, at time 0.
    #[must_use]
    pub fn new(machine: &MachineModel, number: usize) -> Self {
        let costs = Costs {
            window: machine.window.is as u64,
            misses: machine.misses.is as usize,
            stores: machine.stores.is as usize,
            l1: machine.l1.cycles.is as u64,
            rmw: machine.rmw_cycles.is as u64,
            rmw_overlaps: machine.rmw_overlaps.is != 0.0,
            fence: machine.fence_cycles.is as u64,
            mispredict: machine.mispredict_cycles.is as u64,
            pause: machine.pause_cycles.is as u64,
        };
        Self {
            number,
            costs,
            now: 0,
            issued: 0,
            spent: CycleStack::default(),
            loads: Vec::new(),
            stores: VecDeque::new(),
            latest: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// When its next instruction begins.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// What its cycles so far went to: all of them.
    #[must_use]
    pub fn spent(&self) -> CycleStack {
        self.spent
    }

    /// Its loads, stores and prefetches so far: each took a cycle of [`Part::Work`] to begin.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.issued
    }

    /// A load, a store or a prefetch begins.
    fn issue(&mut self) {
        self.issued += 1;
        self.spend(Part::Work, 1);
    }

    fn spend(&mut self, part: Part, cycles: u64) {
        self.spent.add(part, cycles);
        self.now += cycles;
    }

    /// Waits until that has come.
    fn wait_for(&mut self, arrival: Arrival) {
        let cycles = arrival.done.saturating_sub(self.now);
        let moved = cycles.min(arrival.moves);
        self.spend(Part::Queued, cycles - moved);
        self.spend(arrival.part, moved);
    }

    /// Waits until `time`, for what is on its way: a cycle goes to what comes next.
    fn wait_until(&mut self, time: u64) {
        loop {
            let loads = self.loads.iter().map(|load| load.comes);
            let coming = loads.chain(self.stores.iter().copied());
            let is_awaited = |comes: &Arrival| comes.done > self.now && comes.done <= time;
            match coming.filter(is_awaited).min_by_key(|comes| comes.done) {
                Some(next) => self.wait_for(next),
                None => break,
            }
        }
    }

    /// Sleeps until `time`.
    pub fn sleep_until(&mut self, time: u64) {
        self.system(time.saturating_sub(self.now));
    }

    /// Instructions that wait for nothing.
    pub fn work(&mut self, cycles: u64) {
        self.spend(Part::Work, cycles);
        self.settle();
    }

    /// The system's work for this core.
    pub fn system(&mut self, cycles: u64) {
        self.spend(Part::System, cycles);
        self.settle();
    }

    /// Forgets what has come, and stops where there is no more room to run ahead of the oldest load.
    fn settle(&mut self) {
        loop {
            let (now, window) = (self.now, self.costs.window);
            self.loads.retain(|load| load.comes.done > now);
            self.asked.retain(|(_, comes)| comes.done > now);
            // In the order of their starts: the oldest first.
            let Some(oldest) = self.loads.iter().min_by_key(|load| load.start) else { break };
            let is_full = self.loads.len() > self.costs.misses;
            if now.saturating_sub(oldest.start) <= window && !is_full {
                break;
            }
            let first = self.loads.iter().map(|load| load.comes.done).min().unwrap_or(now);
            let until = if is_full { first } else { oldest.comes.done };
            self.wait_until(until);
        }
        while self.stores.front().is_some_and(|comes| comes.done <= self.now) {
            self.stores.pop_front();
        }
    }

    /// When an access to that address can start: what it depends on has come.
    fn start(&self, address: usize) -> u64 {
        let points_here = |load: &&Load| address.wrapping_sub(load.value & !0b111) < NEAR;
        let needed = self.latest.iter().filter(points_here).map(|load| load.comes.done);
        needed.max().unwrap_or(0).max(self.now)
    }

    /// What is waited for: the line may be on its way already.
    fn arrival(&self, line: u32, served: &mut Served, start: u64) -> Arrival {
        let loads = self.loads.iter().map(|load| (load.line, load.comes));
        let coming = loads.chain(self.asked.iter().copied());
        let on_its_way = coming.filter(|(other, _)| *other == line).map(|(_, comes)| comes);
        let asked_now = Arrival::new(served, start);
        let last = on_its_way.chain([asked_now]).max_by_key(|comes| comes.done);
        let last = last.unwrap_or(asked_now);
        served.done = last.done;
        last
    }

    fn remember(&mut self, load: Load) {
        if self.latest.len() == REMEMBERED {
            self.latest.remove(0);
        }
        self.latest.push(load);
        if load.comes.done > self.now {
            self.loads.push(load);
        }
        self.settle();
    }

    /// Loads `value`.
    pub fn load(
        &mut self,
        memory: &mut CoherentMemory,
        address: usize,
        line: u32,
        value: usize,
    ) -> Served {
        let start = self.start(address);
        let mut served = memory.access(self.number, line, false, start);
        let comes = self.arrival(line, &mut served, start);
        self.issue();
        self.remember(Load { line, value, start, comes });
        served
    }

    /// Stores.
    pub fn store(&mut self, memory: &mut CoherentMemory, address: usize, line: u32) -> Served {
        if self.stores.len() == self.costs.stores {
            let first = self.stores.front().expect("it is full").done;
            self.wait_until(first);
            self.stores.pop_front();
        }
        let start = self.start(address).max(self.stores.back().map_or(0, |comes| comes.done));
        let mut served = memory.access(self.number, line, true, start);
        // One that has its line leaves the buffer by the next cycle.
        served.done = if matches!(served.from, ServedFrom::L1) { start + 1 } else { served.done };
        self.stores.push_back(Arrival::new(&served, start));
        self.issue();
        self.settle();
        served
    }

    /// Asks for a line, and goes on.
    pub fn prefetch(&mut self, memory: &mut CoherentMemory, address: usize, line: u32) -> Served {
        let start = self.start(address);
        let served = memory.access(self.number, line, false, start);
        self.issue();
        if served.done > self.now {
            self.asked.push((line, Arrival::new(&served, start)));
        }
        served
    }

    /// Reads, modifies and writes; `value` is what it returns.
    pub fn update(
        &mut self,
        memory: &mut CoherentMemory,
        address: usize,
        line: u32,
        value: usize,
    ) -> Served {
        if !self.costs.rmw_overlaps {
            self.drain();
        }
        let start = self.start(address);
        let mut served = memory.access(self.number, line, true, start);
        let is_hit = matches!(served.from, ServedFrom::L1);
        let mut comes = self.arrival(line, &mut served, start);
        // The cycles of an update have the first cache's among them, but not a line's way, if it is on its way.
        if is_hit && comes.done == start + self.costs.l1 {
            comes.done -= self.costs.l1;
        }
        let rmw = self.costs.rmw;
        served.done = comes.done + rmw;
        if is_hit || !self.costs.rmw_overlaps {
            self.wait_until(start);
            self.wait_for(comes);
        }
        self.spend(Part::Atomics, rmw);
        self.remember(Load { line, value, start, comes: comes.and(rmw) });
        served
    }

    /// Waits for all loads and stores.
    fn drain(&mut self) {
        self.wait_until(u64::MAX);
        self.settle();
    }

    /// A full fence.
    pub fn fence(&mut self) {
        self.drain();
        self.spend(Part::Atomics, self.costs.fence);
        self.settle();
    }

    /// What begins when all loads have come.
    fn spend_after_loads(&mut self, part: Part, cycles: u64) {
        let last = self.loads.iter().map(|load| load.comes.done).max().unwrap_or(0);
        self.wait_until(last);
        self.spend(part, cycles);
        self.settle();
    }

    /// A mispredicted branch, on what was loaded last.
    pub fn mispredict(&mut self) {
        self.spend_after_loads(Part::Branches, self.costs.mispredict);
    }

    /// A turn of a loop that waits: it has seen what it loaded.
    pub fn pause(&mut self) {
        self.spend_after_loads(Part::Pauses, self.costs.pause);
    }

    /// Waits until everything has come: the end.
    pub fn finish(&mut self) -> u64 {
        self.drain();
        self.now
    }
}
