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

/// What a pointer may point at: bytes from the address that was loaded.
const NEAR: usize = 512;

/// A load that is on its way, or came not long ago.
#[derive(Clone, Copy, Debug)]
struct Load {
    line: u32,
    value: usize,
    start: u64,
    done: u64,
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
    loads: Vec<Load>,
    /// When the stores that are in the buffer will have their lines, in order.
    stores: VecDeque<u64>,
    /// The last loads, on whose values addresses may depend.
    latest: Vec<Load>,
    /// Lines that were asked for ahead, and when they come.
    asked: Vec<(u32, u64)>,
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

    /// Nothing happens here before `time`.
    pub fn wait_until(&mut self, time: u64) {
        self.now = self.now.max(time);
        self.settle();
    }

    /// Instructions that wait for nothing.
    pub fn work(&mut self, cycles: u64) {
        self.now += cycles;
        self.settle();
    }

    /// Forgets what has come, and stops where there is no more room to run ahead of the oldest load.
    fn settle(&mut self) {
        loop {
            let (now, window) = (self.now, self.costs.window);
            self.loads.retain(|load| load.done > now);
            self.asked.retain(|(_, done)| *done > now);
            // In the order of their starts: the oldest first.
            let Some(oldest) = self.loads.iter().min_by_key(|load| load.start) else { break };
            let is_full = self.loads.len() > self.costs.misses;
            if now.saturating_sub(oldest.start) <= window && !is_full {
                break;
            }
            let first = self.loads.iter().map(|load| load.done).min().unwrap_or(now);
            self.now = if is_full { first } else { oldest.done };
        }
        while self.stores.front().is_some_and(|done| *done <= self.now) {
            self.stores.pop_front();
        }
    }

    /// When an access to that address can start: what it depends on has come.
    fn start(&self, address: usize) -> u64 {
        let points_here = |load: &&Load| address.wrapping_sub(load.value & !0b111) < NEAR;
        let needed = self.latest.iter().filter(points_here).map(|load| load.done);
        needed.max().unwrap_or(0).max(self.now)
    }

    /// The line may be on its way already.
    fn arrival(&self, line: u32) -> u64 {
        let loads = self.loads.iter().map(|load| (load.line, load.done));
        let coming = loads.chain(self.asked.iter().copied());
        coming.filter(|(other, _)| *other == line).map(|(_, done)| done).max().unwrap_or(0)
    }

    fn remember(&mut self, load: Load) {
        if self.latest.len() == REMEMBERED {
            self.latest.remove(0);
        }
        self.latest.push(load);
        if load.done > self.now {
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
        served.done = served.done.max(self.arrival(line));
        self.now += 1;
        self.remember(Load { line, value, start, done: served.done });
        served
    }

    /// Stores.
    pub fn store(&mut self, memory: &mut CoherentMemory, address: usize, line: u32) -> Served {
        if self.stores.len() == self.costs.stores {
            let first = self.stores.pop_front().expect("it is full");
            self.now = self.now.max(first);
        }
        let start = self.start(address).max(self.stores.back().copied().unwrap_or(0));
        let mut served = memory.access(self.number, line, true, start);
        // One that has its line leaves the buffer by the next cycle.
        served.done = if matches!(served.from, ServedFrom::L1) { start + 1 } else { served.done };
        self.stores.push_back(served.done);
        self.now += 1;
        self.settle();
        served
    }

    /// Asks for a line, and goes on.
    pub fn prefetch(&mut self, memory: &mut CoherentMemory, address: usize, line: u32) -> Served {
        let start = self.start(address);
        let served = memory.access(self.number, line, false, start);
        self.now += 1;
        if served.done > self.now {
            self.asked.push((line, served.done));
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
        let hit = if matches!(served.from, ServedFrom::L1) { self.costs.l1 } else { 0 };
        served.done = served.done.max(self.arrival(line)) - hit + self.costs.rmw;
        if self.costs.rmw_overlaps && !matches!(served.from, ServedFrom::L1) {
            self.now += self.costs.rmw;
        } else {
            self.now = served.done;
        }
        self.remember(Load { line, value, start, done: served.done });
        served
    }

    /// Waits for all loads and stores.
    fn drain(&mut self) {
        let loads = self.loads.iter().map(|load| load.done);
        let all = loads.chain(self.stores.iter().copied()).max().unwrap_or(0);
        self.wait_until(all);
    }

    /// A full fence.
    pub fn fence(&mut self) {
        self.drain();
        self.work(self.costs.fence);
    }

    /// Work that begins when all loads have come.
    fn work_on_loads(&mut self, cycles: u64) {
        let last = self.loads.iter().map(|load| load.done).max().unwrap_or(0);
        self.wait_until(last);
        self.work(cycles);
    }

    /// A mispredicted branch, on what was loaded last.
    pub fn mispredict(&mut self) {
        self.work_on_loads(self.costs.mispredict);
    }

    /// A turn of a loop that waits: it has seen what it loaded.
    pub fn pause(&mut self) {
        self.work_on_loads(self.costs.pause);
    }

    /// Waits until everything has come: the end.
    pub fn finish(&mut self) -> u64 {
        self.drain();
        self.now
    }
}
