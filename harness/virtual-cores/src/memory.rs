//! Caches kept coherent by a directory: which core has which line, what an access costs, and who waits.
//!
//! The protocol is MESI. The directory knows of each line its owner (the core that may write it: modified or
//! exclusive), its holders, the sockets whose last cache has it, and until when it is being handed over. A
//! line is handed over to one core after the other, in the order in which they ask (FIFO). The second cache
//! has what the first has; the last cache takes what the cores of its socket share or evict, and nothing leaves
//! a core because the last cache evicts it.
//!
//! Time is in cycles, and the caller's: accesses come in the order of their times.

use crate::cache::LineCache;
use crate::machine::{MOST_CORES, MachineModel};
use crate::spent::Part;

/// Instead of a core: nobody.
const NOBODY: u16 = u16::MAX;

/// Where an access was served from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedFrom {
    /// The core's first cache.
    L1,
    /// Its second.
    L2,
    /// The last cache of its socket, or a core of its socket that had the line clean.
    Llc,
    /// The core had the line, and others had to give it up for its write.
    Upgrade,
    /// Another core of the socket, which had written it.
    Near,
    /// Another socket.
    Far,
    /// Memory.
    Memory,
}

impl ServedFrom {
    /// What is waited for meanwhile, if nobody else has to give up the line.
    fn part(self) -> Part {
        match self {
            Self::L1 | Self::L2 | Self::Llc => Part::Caches,
            Self::Memory => Part::Memory,
            Self::Upgrade => Part::Upgrades,
            Self::Near => Part::Near,
            Self::Far => Part::Far,
        }
    }
}

/// How an access went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// When what depends on it can go on.
    pub done: u64,
    /// From where.
    pub from: ServedFrom,
    /// What its cycles go to while it is waited for: that of `from`; or [`Part::Upgrades`], if a write's line comes
    /// sooner than others have given it up.
    pub part: Part,
    /// Cycles that it waited until the line was handed over to others.
    pub queued: u64,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Accesses.
    pub accesses: u64,
    /// Those served by the first cache.
    pub l1: u64,
    /// By the second.
    pub l2: u64,
    /// By the last.
    pub llc: u64,
    /// By memory.
    pub memory: u64,
    /// Lines that the writer had, and others too.
    pub upgrades: u64,
    /// Lines handed over by another core of the socket.
    pub near: u64,
    /// By another socket.
    pub far: u64,
    /// Holders, other than the writer, that had to give up a line.
    pub invalidations: u64,
    /// Cycles spent waiting until a line was handed over to others.
    pub queued: u64,
    /// Compare-and-exchanges that found another value.
    pub failed: u64,
}

impl Traffic {
    /// What has happened since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            accesses: self.accesses - before.accesses,
            l1: self.l1 - before.l1,
            l2: self.l2 - before.l2,
            llc: self.llc - before.llc,
            memory: self.memory - before.memory,
            upgrades: self.upgrades - before.upgrades,
            near: self.near - before.near,
            far: self.far - before.far,
            invalidations: self.invalidations - before.invalidations,
            queued: self.queued - before.queued,
            failed: self.failed - before.failed,
        }
    }
}

/// What the directory knows of a line.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// The core that may write it; then it is the only holder.
    owner: u16,
    /// A bit for each socket whose last cache has it.
    llc: u8,
    /// A bit for each core that has it in a cache of its own.
    holders: [u64; MOST_CORES / 64],
    /// Until when it is being handed over, and to which core.
    busy: u64,
    to: u16,
}

impl Line {
    const UNTOUCHED: Self =
        Self { owner: NOBODY, llc: 0, holders: [0; MOST_CORES / 64], busy: 0, to: NOBODY };

    fn holds(&self, core: usize) -> bool {
        self.holders[core / 64] >> (core % 64) & 1 == 1
    }

    fn set_holds(&mut self, core: usize, holds: bool) {
        let bit = 1 << (core % 64);
        if holds {
            self.holders[core / 64] |= bit;
        } else {
            self.holders[core / 64] &= !bit;
        }
    }

    fn others(&self, core: usize) -> impl Iterator<Item = usize> + use<> {
        let mut holders = self.holders;
        holders[core / 64] &= !(1 << (core % 64));
        (0..holders.len()).flat_map(move |word| {
            let mut bits = holders[word];
            std::iter::from_fn(move || {
                let bit = (bits != 0).then(|| bits.trailing_zeros() as usize);
                bits &= bits.wrapping_sub(1);
                bit.map(|bit| word * 64 + bit)
            })
        })
    }
}

/// Costs in cycles.
#[derive(Debug)]
struct Costs {
    l1: u64,
    l2: u64,
    llc: u64,
    near: u64,
    far: u64,
    memory: u64,
    far_memory: u64,
}

/// The memory of a machine.
#[derive(Debug)]
pub struct CoherentMemory {
    costs: Costs,
    /// The socket of each core.
    socket_of: Vec<usize>,
    sockets: usize,
    lines: Vec<Line>,
    l1: Vec<LineCache>,
    l2: Vec<LineCache>,
    llc: Vec<LineCache>,
    counts: Traffic,
}

impl CoherentMemory {
    /// The memory of `machine`, of which these cores, the first, are used. No line has been touched.
    #[must_use]
    pub fn new(machine: &MachineModel, cores: usize) -> Self {
        let caches = |level: &crate::machine::Level, count: usize| {
            vec![LineCache::new(level.sets(), level.ways.is as usize); count]
        };
        let sockets = machine.sockets.is as usize;
        Self {
            costs: Costs {
                l1: machine.l1.cycles.is as u64,
                l2: machine.l2.cycles.is as u64,
                llc: machine.llc.cycles.is as u64,
                near: machine.cycles(&machine.near_ns),
                far: machine.cycles(&machine.far_ns),
                memory: machine.cycles(&machine.memory_ns),
                far_memory: machine.cycles(&machine.far_memory_ns),
            },
            socket_of: (0..cores).map(|core| machine.socket_of(core)).collect(),
            sockets,
            lines: Vec::new(),
            l1: caches(&machine.l1, cores),
            l2: caches(&machine.l2, cores),
            llc: caches(&machine.llc, sockets),
            counts: Traffic::default(),
        }
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> Traffic {
        self.counts
    }

    /// A compare-and-exchange has found another value.
    pub(crate) fn count_failed(&mut self) {
        self.counts.failed += 1;
    }

    /// Core `core` reads `line` at `now`, or writes it, for which it must be its only holder.
    pub fn access(&mut self, core: usize, line: u32, writes: bool, now: u64) -> Served {
        self.counts.accesses += 1;
        if self.lines.len() <= line as usize {
            self.lines.resize(line as usize + 1, Line::UNTOUCHED);
        }
        let state = &self.lines[line as usize];
        let may = if writes { state.owner == core as u16 } else { state.holds(core) };
        if may {
            return self.hit(core, line, now);
        }
        self.miss(core, line, writes, now)
    }

    /// An access to a line that the core has.
    fn hit(&mut self, core: usize, line: u32, now: u64) -> Served {
        let (from, cycles) = if self.l1[core].touch(line) {
            self.counts.l1 += 1;
            (ServedFrom::L1, self.costs.l1)
        } else {
            let is_there = self.l2[core].touch(line);
            debug_assert!(is_there, "the holder of a line has it in its second cache");
            self.counts.l2 += 1;
            self.l1[core].insert(line);
            (ServedFrom::L2, self.costs.l2)
        };
        Served { done: now + cycles, from, part: from.part(), queued: 0 }
    }

    fn miss(&mut self, core: usize, line: u32, writes: bool, now: u64) -> Served {
        let socket = self.socket_of[core];
        let state = self.lines[line as usize];
        let start = now.max(state.busy);
        // Who waits for a line that is on its own way stands behind nobody.
        let queued = if state.to == core as u16 { 0 } else { start - now };
        let (from, mut cost) = self.source(core, &state, line);
        let mut part = from.part();
        if writes {
            let invalidation = self.invalidate(core, line);
            if invalidation > cost {
                (part, cost) = (Part::Upgrades, invalidation);
            }
        }
        match from {
            ServedFrom::Near => self.counts.near += 1,
            ServedFrom::Far => self.counts.far += 1,
            ServedFrom::Llc => self.counts.llc += 1,
            ServedFrom::Memory => self.counts.memory += 1,
            ServedFrom::Upgrade => self.counts.upgrades += 1,
            ServedFrom::L1 | ServedFrom::L2 => {}
        }
        self.counts.queued += queued;
        let done = start + cost;
        // A write's line, and one that its owner must hand over, comes to nobody else meanwhile.
        let is_handed_over = writes || state.owner != NOBODY;
        if !writes && state.owner != NOBODY {
            self.lines[line as usize].owner = NOBODY;
            self.enter_llc(self.socket_of[usize::from(state.owner)], line);
        }
        if !writes && matches!(from, ServedFrom::Far | ServedFrom::Near) {
            self.enter_llc(socket, line);
        }
        let state = &mut self.lines[line as usize];
        if is_handed_over {
            (state.busy, state.to) = (done, core as u16);
        }
        let is_alone = state.llc & !(1 << socket) == 0 && state.others(core).next().is_none();
        if writes || is_alone {
            // An owner's line is in no last cache: it is there again when the owner evicts or shares it.
            state.owner = core as u16;
            state.llc = 0;
            self.llc[socket].remove(line);
        }
        self.take_in(core, line);
        Served { done, from, part, queued }
    }

    /// Where the line comes from, and what that costs.
    fn source(&self, core: usize, state: &Line, line: u32) -> (ServedFrom, u64) {
        let socket = self.socket_of[core];
        let costs = &self.costs;
        let is_near = |other: usize| self.socket_of[other] == socket;
        if state.owner != NOBODY {
            return if is_near(usize::from(state.owner)) {
                (ServedFrom::Near, costs.near)
            } else {
                (ServedFrom::Far, costs.far)
            };
        }
        if state.holds(core) {
            return (ServedFrom::Upgrade, costs.l1);
        }
        if state.llc >> socket & 1 == 1 || state.others(core).any(is_near) {
            return (ServedFrom::Llc, costs.llc);
        }
        if state.llc != 0 || state.others(core).next().is_some() {
            return (ServedFrom::Far, costs.far);
        }
        // Pages are spread over the sockets in turn.
        let home = line as usize / 64 % self.sockets;
        (ServedFrom::Memory, if home == socket { costs.memory } else { costs.far_memory })
    }

    /// Takes the line from all others; returns what that costs the writer.
    fn invalidate(&mut self, core: usize, line: u32) -> u64 {
        let socket = self.socket_of[core];
        let state = self.lines[line as usize];
        let mut cost = 0;
        for other in state.others(core) {
            self.counts.invalidations += 1;
            self.l1[other].remove(line);
            self.l2[other].remove(line);
            let is_near = self.socket_of[other] == socket;
            cost = cost.max(if is_near { self.costs.near } else { self.costs.far });
        }
        for of in (0..self.sockets).filter(|of| state.llc >> of & 1 == 1) {
            self.llc[of].remove(line);
            cost = cost.max(if of == socket { self.costs.llc } else { self.costs.far });
        }
        let state = &mut self.lines[line as usize];
        let holds = state.holds(core);
        (state.holders, state.llc, state.owner) = ([0; MOST_CORES / 64], 0, NOBODY);
        state.set_holds(core, holds);
        cost
    }

    /// Puts the line into the core's caches.
    fn take_in(&mut self, core: usize, line: u32) {
        if !self.lines[line as usize].holds(core) {
            self.lines[line as usize].set_holds(core, true);
            if let Some(left) = self.l2[core].insert(line) {
                self.leave(core, left);
            }
        } else {
            self.l2[core].touch(line);
        }
        if !self.l1[core].touch(line) {
            self.l1[core].insert(line);
        }
    }

    /// A core's caches let go of a line: the last cache of its socket has it.
    fn leave(&mut self, core: usize, line: u32) {
        self.l1[core].remove(line);
        let state = &mut self.lines[line as usize];
        state.set_holds(core, false);
        if state.owner == core as u16 {
            state.owner = NOBODY;
        }
        self.enter_llc(self.socket_of[core], line);
    }

    fn enter_llc(&mut self, socket: usize, line: u32) {
        if self.lines[line as usize].llc >> socket & 1 == 1 {
            self.llc[socket].touch(line);
            return;
        }
        self.lines[line as usize].llc |= 1 << socket;
        if let Some(left) = self.llc[socket].insert(line) {
            self.lines[left as usize].llc &= !(1 << socket);
        }
    }

    /// What is the case of every line, whatever has happened; for tests.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn check(&self) {
        for line in 0..self.lines.len() {
            let state = self.lines[line];
            if state.owner != NOBODY {
                let owner = usize::from(state.owner);
                assert!(state.holds(owner), "line {line}: its owner has not got it");
                assert_eq!(state.others(owner).next(), None, "line {line} is owned and shared");
                assert_eq!(state.llc, 0, "line {line} is owned and in a last cache");
            }
            for core in 0..self.l2.len() {
                let has = self.l2[core].has(line as u32);
                assert_eq!(state.holds(core), has, "line {line} of core {core}");
                assert!(has || !self.l1[core].has(line as u32), "line {line} of core {core}: L1");
            }
            for socket in 0..self.sockets {
                let has = self.llc[socket].has(line as u32);
                assert_eq!(state.llc >> socket & 1 == 1, has, "line {line} of socket {socket}");
            }
        }
    }
}
