//! Programs on virtual cores: coroutines in one thread, in the exact order of their clocks.
//!
//! A program says what it does to memory: [`turn`] before an access, and [`did`] after it. `turn` returns when
//! no other core's clock is behind this one's. Nothing comes between `turn` and `did`, so that accesses are
//! atomic, and sequentially consistent.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::panic::Location;
use std::ptr;

use anyhow::ensure;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::core::Core;
use crate::heaps::Heaps;
use crate::hot::{HotLine, Waits};
use crate::lines::LineNumbers;
use crate::machine::{LINE, MachineModel};
use crate::memory::{CoherentMemory, Served, Traffic};
use crate::spent::CycleStack;

/// Bytes of a core's stack.
const STACK: usize = 256 << 10;

/// What is done to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is loaded.
    Load,
    /// It is stored.
    Store,
    /// It is read, modified and written in one step.
    Update,
    /// The same, but it had another value than expected, and was not written.
    FailedExchange,
    /// It is asked for, and nobody waits for it.
    Prefetch,
}

/// The program of a core. It may borrow nothing: cores share what they share by `Rc` or `Arc`.
pub type CoreProgram = Box<dyn FnOnce()>;

/// How a run went.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// When each core had ended, in cycles.
    pub ended: Vec<u64>,
    /// What each core's cycles went to.
    pub spent: Vec<CycleStack>,
    /// What memory has counted.
    pub counts: Traffic,
    /// How often a core went to sleep.
    pub parks: u64,
    /// The lines that were waited for most, the most first: since [`forget_waits`] was called, if it was.
    pub hot: Vec<HotLine>,
    /// The cycles that all lines were waited for, likewise.
    pub waited: u64,
    /// The blocks that were kept ([`keep`](crate::keep)) and are free, with their bytes.
    pub left: Vec<(usize, usize)>,
}

type Yields = Yielder<(), ()>;

/// A run, as its cores see it.
struct Run {
    state: RefCell<State>,
}

struct State {
    memory: CoherentMemory,
    cores: Vec<Core>,
    lines: LineNumbers,
    waits: Waits,
    /// Cores that can go on, and when: but the one that runs.
    ready: BinaryHeap<Reverse<(u64, usize)>>,
    /// Those that sleep, by what they wait for.
    asleep: BTreeMap<usize, VecDeque<usize>>,
    parks: u64,
    running: usize,
    /// Each core's way out, once it has begun.
    ways_out: Vec<*const Yields>,
    costs: Costs,
    /// Where an allocator is modelled.
    heaps: Option<Heaps>,
}

/// Of the system's calls, in cycles.
struct Costs {
    membarrier: u64,
    interrupt: u64,
    sleep: u64,
    wake: u64,
    woken: u64,
}

thread_local! {
    /// The run whose core runs in this thread, or null.
    static RUN: Cell<*const Run> = const { Cell::new(ptr::null()) };
}

/// Calls `f` with the run, if a core runs in this thread.
fn with<T>(f: impl FnOnce(&Run) -> T) -> Option<T> {
    let run = RUN.get();
    // SAFETY: set by `run` to what lives until it resets it, before it returns or unwinds.
    unsafe { run.as_ref() }.map(f)
}

/// Runs `programs`, one on each core of `machine` from the first on, until all have ended.
///
/// # Errors
///
/// There are more programs than cores, or no stacks for them.
///
/// # Panics
///
/// If a program panics, if all that are left sleep, and if it is called by a program.
pub fn run(machine: &MachineModel, programs: Vec<CoreProgram>) -> anyhow::Result<RunReport> {
    let count = programs.len();
    ensure!(
        count <= machine.cores(),
        "{count} threads on {} cores of {}: threads that take turns on a core are not modelled",
        machine.cores(),
        machine.name
    );
    assert!(RUN.get().is_null(), "a program cannot run others");
    let run = Run { state: RefCell::new(State::new(machine, count)) };
    let mut coroutines = Vec::new();
    for (core, program) in programs.into_iter().enumerate() {
        let body = move |way_out: &Yields, ()| {
            with(|run| run.state.borrow_mut().ways_out[core] = ptr::from_ref(way_out));
            program();
        };
        coroutines.push(Coroutine::with_stack(DefaultStack::new(STACK)?, body));
    }
    schedule(&run, &mut coroutines);
    Ok(run.state.into_inner().report())
}

/// Resumes the core whose clock is least, until all have ended.
fn schedule(run: &Run, coroutines: &mut [Coroutine<(), (), ()>]) {
    /// The cores' calls reach nothing any more; also if one of them panics.
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            RUN.set(ptr::null());
        }
    }
    RUN.set(ptr::from_ref(run));
    let _reset = Reset;
    let mut left = coroutines.len();
    while left > 0 {
        let next = run.state.borrow_mut().next();
        let core = next.expect("the cores that are left sleep, and nobody is there to wake them");
        if let CoroutineResult::Return(()) = coroutines[core].resume(()) {
            left -= 1;
        }
    }
}

impl State {
    fn new(machine: &MachineModel, count: usize) -> Self {
        Self {
            memory: CoherentMemory::new(machine, count),
            cores: (0..count).map(|number| Core::new(machine, number)).collect(),
            lines: LineNumbers::default(),
            waits: Waits::default(),
            ready: (0..count).map(|number| Reverse((0, number))).collect(),
            asleep: BTreeMap::new(),
            parks: 0,
            running: 0,
            ways_out: vec![ptr::null(); count],
            costs: Costs {
                membarrier: machine.cycles(&machine.membarrier_ns),
                interrupt: machine.cycles(&machine.interrupt_ns),
                sleep: machine.cycles(&machine.sleep_ns),
                wake: machine.cycles(&machine.wake_ns),
                woken: machine.cycles(&machine.woken_ns),
            },
            heaps: machine.allocator.as_ref().map(|model| Heaps::new(model, count)),
        }
    }

    /// The core whose turn it is, which is then the one that runs.
    fn next(&mut self) -> Option<usize> {
        let Reverse((_, core)) = self.ready.pop()?;
        self.running = core;
        Some(core)
    }

    fn core(&mut self) -> &mut Core {
        &mut self.cores[self.running]
    }

    /// Whether another core's clock is behind the running one's. Of two that are equal the lower number
    /// goes first.
    fn must_wait(&self) -> bool {
        let mine = (self.cores[self.running].now(), self.running);
        self.ready.peek().is_some_and(|Reverse(other)| *other < mine)
    }

    fn did(
        &mut self,
        event: Event,
        address: usize,
        value: usize,
        at: &'static Location<'static>,
    ) -> Served {
        let line = self.lines.of(address);
        let (core, memory) = (&mut self.cores[self.running], &mut self.memory);
        if event == Event::FailedExchange {
            memory.count_failed();
        }
        let served = match event {
            Event::Load => core.load(memory, address, line, value),
            Event::Store => core.store(memory, address, line),
            Event::Update | Event::FailedExchange => core.update(memory, address, line, value),
            Event::Prefetch => core.prefetch(memory, address, line),
        };
        self.waits.note(line, served.queued, at);
        served
    }

    fn report(mut self) -> RunReport {
        RunReport {
            ended: self.cores.iter_mut().map(Core::finish).collect(),
            spent: self.cores.iter().map(Core::spent).collect(),
            counts: self.memory.counts(),
            parks: self.parks,
            waited: self.waits.total(),
            hot: self.waits.hottest(20, |line| self.lines.address(line)),
            left: self.heaps.map_or_else(Vec::new, Heaps::into_left),
        }
    }
}

/// Calls `f` with the heaps of the run and the number of the core that runs in this thread; unless none does, no
/// allocator is modelled, or it is this crate itself that allocates or frees.
pub(crate) fn with_heaps<T>(f: impl FnOnce(&mut Heaps, usize) -> T) -> Option<T> {
    with(|run| {
        let mut state = run.state.try_borrow_mut().ok()?;
        let core = state.running;
        let heaps = state.heaps.as_mut()?;
        Some(f(heaps, core))
    })
    .flatten()
}

/// Lets others run until the running core is resumed.
fn give_way(run: &Run) {
    let way_out = {
        let state = run.state.borrow();
        state.ways_out[state.running]
    };
    // SAFETY: the core's own, set when it began; it is on the core's stack, below this call.
    unsafe { &*way_out }.suspend(());
}

/// The number of the core that runs in this thread, if one does.
#[must_use]
pub fn is_running() -> Option<usize> {
    with(|run| run.state.borrow().running)
}

/// The running core's clock, in cycles; 0 where none runs.
#[must_use]
pub fn now() -> u64 {
    with(|run| run.state.borrow_mut().core().now()).unwrap_or(0)
}

/// What memory has counted so far in the run of the core that runs in this thread.
#[must_use]
pub fn counts() -> Traffic {
    with(|run| run.state.borrow().memory.counts()).unwrap_or_default()
}

/// The loads, stores and prefetches of the running core so far, each of which took a cycle to begin; 0 where none
/// runs.
#[must_use]
pub fn issued() -> u64 {
    with(|run| run.state.borrow_mut().core().issued()).unwrap_or(0)
}

/// How often cores have gone to sleep so far in the run of the core that runs in this thread.
#[must_use]
pub fn parks() -> u64 {
    with(|run| run.state.borrow().parks).unwrap_or(0)
}

/// What all cores have spent their cycles on so far in the run of the core that runs in this thread.
#[must_use]
pub fn spent() -> CycleStack {
    let sum = |run: &Run| {
        let stacks: Vec<_> = run.state.borrow().cores.iter().map(Core::spent).collect();
        stacks.iter().sum()
    };
    with(sum).unwrap_or_default()
}

/// Which lines were waited for is counted anew from now on.
pub fn forget_waits() {
    with(|run| run.state.borrow_mut().waits = Waits::default());
}

/// Says that so many bytes at an address were allocated, and are written first: their first two lines. Nobody
/// else has them, so it waits for no turn. For an allocator, which may be called by this crate itself: then
/// it does nothing.
#[track_caller]
pub fn allocated(address: usize, bytes: usize) {
    let is_free = with(|run| run.state.try_borrow_mut().is_ok()).unwrap_or(false);
    if is_free {
        for line in 0..bytes.div_ceil(LINE).min(2) {
            did(Event::Store, address + line * LINE, 0);
        }
    }
}

/// Waits until no other core's clock is behind the running one's.
pub fn turn() {
    with(|run| {
        let must_wait = {
            let mut state = run.state.borrow_mut();
            let must_wait = state.must_wait();
            if must_wait {
                let at = (state.core().now(), state.running);
                state.ready.push(Reverse(at));
            }
            must_wait
        };
        if must_wait {
            give_way(run);
        }
    });
}

/// Says what was done to the word at an address, whose value was, or is, `value`: by the code that calls this.
/// Returns how it went; `None` where no core runs.
#[track_caller]
pub fn did(event: Event, address: usize, value: usize) -> Option<Served> {
    did_at(event, address, value, Location::caller())
}

/// The same, by the code at that place.
pub fn did_at(
    event: Event,
    address: usize,
    value: usize,
    at: &'static Location<'static>,
) -> Option<Served> {
    with(|run| run.state.borrow_mut().did(event, address, value, at))
}

/// Instructions that wait for nothing.
pub fn work(cycles: u64) {
    with(|run| run.state.borrow_mut().core().work(cycles));
}

/// A full fence.
pub fn fence() {
    with(|run| run.state.borrow_mut().core().fence());
}

/// A branch that was mispredicted, on what was loaded last.
pub fn mispredict() {
    with(|run| run.state.borrow_mut().core().mispredict());
}

/// A turn of a loop that waits.
pub fn pause() {
    with(|run| run.state.borrow_mut().core().pause());
}

/// `membarrier(2)`: a fence in each core that runs.
pub fn membarrier() {
    turn();
    with(|run| {
        let state = &mut *run.state.borrow_mut();
        state.core().fence();
        let (mine, interrupt) = (state.running, state.costs.interrupt);
        let cost = state.costs.membarrier;
        state.core().system(cost);
        let others: Vec<_> = state.ready.drain().collect();
        for Reverse((_, core)) in others {
            let other = &mut state.cores[core];
            if core != mine {
                other.fence();
                other.system(interrupt);
            }
            state.ready.push(Reverse((other.now(), core)));
        }
    });
}

/// Sleeps until another core calls [`unpark`] with the same address.
pub fn park(address: usize) {
    with(|run| {
        {
            let mut state = run.state.borrow_mut();
            let (core, cost) = (state.running, state.costs.sleep);
            state.core().pause();
            state.core().system(cost);
            state.parks += 1;
            state.asleep.entry(address).or_default().push_back(core);
        }
        give_way(run);
    });
}

/// Wakes the core that has slept longest at an address, if one does.
pub fn unpark(address: usize) {
    with(|run| {
        let state = &mut *run.state.borrow_mut();
        let Some(sleepers) = state.asleep.get_mut(&address) else { return };
        let sleeper = sleepers.pop_front();
        if sleepers.is_empty() {
            state.asleep.remove(&address);
        }
        let (wake, woken) = (state.costs.wake, state.costs.woken);
        if let Some(sleeper) = sleeper {
            state.core().system(wake);
            let at = state.core().now() + woken;
            state.cores[sleeper].sleep_until(at);
            state.ready.push(Reverse((state.cores[sleeper].now(), sleeper)));
        }
    });
}
