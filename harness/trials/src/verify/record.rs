//! Runs a round on a table and records what its threads did.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use linearizability::history::{Call, Given, KeyedOp, TimedOp};
use linearizability::size::LenCall;
use linearizability::snapshots::Snapshot;
use table::{Calls, Handle, Maker, MapOptions, Table};

use super::round::{Draw, Kind, Pauses, Round};
use crate::pin::Cpus;

/// Every so many calls of `len` a thread iterates.
const LENS_PER_SNAPSHOT: usize = 4;

/// What a round left in writing.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Every operation, in no order. The last on each key is a `get` after all threads had ended.
    pub ops: Vec<KeyedOp>,
    /// The calls of `len` while threads wrote, if it is no estimate.
    pub lens: Vec<LenCall>,
    /// The iterations while threads wrote, if each shows one moment.
    pub snapshots: Vec<Snapshot>,
    /// What `len` returned when all threads had ended, if it is no estimate.
    pub final_len: usize,
    /// What `for_each` showed when all threads had ended.
    pub final_entries: Vec<(u64, u64)>,
    /// How fast the clock ticked.
    pub ticks_per_second: f64,
}

/// Runs `round` on a table of that maker, with the smallest capacity.
pub fn record(maker: &Maker<'_>, round: &Round) -> Recorded {
    let info = &maker.info;
    let map = (maker.build)(&MapOptions { hash_seed: round.seed, ..MapOptions::default() });
    let cpus = Cpus::allowed();
    let start = Barrier::new(round.threads);
    let worker = |thread: usize| {
        if let Ok(cpus) = &cpus {
            // Where the system refuses, the scheduler decides: the overlap is counted anyhow.
            let _ = cpus.bind(thread);
        }
        let mut worker = Worker::new(round, thread, info.iterates_snapshots);
        let mut handle = map.handle();
        start.wait();
        worker.work(&mut *handle, &|| map.len());
        worker
    };
    let (time, ticks) = (Instant::now(), round.clock.now());
    let mut recorded = Recorded::default();
    thread::scope(|scope| {
        let worker = &worker;
        let workers: Vec<_> =
            (0..round.threads).map(|thread| scope.spawn(move || worker(thread))).collect();
        for worker in workers {
            let worker = join(worker.join());
            recorded.ops.extend(worker.ops);
            if info.len_is_bounded {
                recorded.lens.extend(worker.lens);
            }
            recorded.snapshots.extend(worker.snapshots);
        }
        // In a thread that has seen nothing of the table.
        let end = || look_at_the_end(&*map, info.len_is_bounded, round, &mut recorded);
        join(thread::scope(|scope| scope.spawn(end).join()));
    });
    let ticks = round.clock.now() - ticks;
    recorded.ticks_per_second = ticks as f64 / time.elapsed().as_secs_f64();
    recorded
}

/// The result of a thread, or its panic.
fn join<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Reads every key and the size when no other thread works any more.
fn look_at_the_end(map: &dyn Table, len_is_bounded: bool, round: &Round, into: &mut Recorded) {
    let mut handle = map.handle();
    let calls = handle.calls();
    for key in 0..round.keys {
        let invoked = round.clock.now();
        let found = calls.get(key);
        let returned = round.clock.after_stores();
        let thread = round.threads as u32;
        let op = TimedOp { thread, invoked, returned, call: Call::Get { found } };
        into.ops.push(KeyedOp { key, op });
    }
    calls.for_each(&mut |key, value| into.final_entries.push((key, value)));
    into.final_len = if len_is_bounded { map.len() } else { into.final_entries.len() };
}

/// A thread's part of a round.
struct Worker<'r> {
    round: &'r Round,
    thread: usize,
    draw: Draw<'r>,
    pauses: Pauses,
    written: u64,
    ops: Vec<KeyedOp>,
    lens: Vec<LenCall>,
    snapshots: Vec<Snapshot>,
    /// Whether an iteration shows one moment, and is to be checked.
    iterates: bool,
}

impl<'r> Worker<'r> {
    fn new(round: &'r Round, thread: usize, iterates: bool) -> Self {
        let call = Call::Remove { taken: None };
        let filler = KeyedOp { key: 1, op: TimedOp { thread: 1, invoked: 1, returned: 1, call } };
        // Memory that has been touched: a page fault in the midst of the round would be a pause.
        let mut ops = vec![filler; round.ops];
        ops.clear();
        let lens = Vec::with_capacity(round.ops);
        let (draw, pauses) = (Draw::new(round, thread), Pauses::new(round, thread));
        let snapshots = Vec::new();
        Self { round, thread, draw, pauses, written: 0, ops, lens, snapshots, iterates }
    }

    fn work(&mut self, handle: &mut dyn Handle, len: &dyn Fn() -> usize) {
        let batch = self.round.batch;
        for _ in 0..self.round.ops / batch {
            if batch == 1 {
                self.step(handle.calls(), len);
            } else {
                handle.pinned(&mut |table| (0..batch).for_each(|_| self.step(table, len)));
            }
        }
    }

    fn step(&mut self, table: &mut dyn Calls, len: &dyn Fn() -> usize) {
        let (kind, key) = self.draw.next_op();
        let clock = self.round.clock;
        if kind == Kind::Len {
            let invoked = clock.now();
            let len = len();
            self.lens.push(LenCall { invoked, returned: clock.after_stores(), len });
            if self.iterates && self.lens.len().is_multiple_of(LENS_PER_SNAPSHOT) {
                self.iterate(table);
            }
            return;
        }
        let invoked = clock.now();
        let call = self.call(table, kind, key);
        let returned = clock.after_stores();
        let op = TimedOp { thread: self.thread as u32, invoked, returned, call };
        self.ops.push(KeyedOp { key, op });
    }

    /// Writes down what an iteration shows.
    fn iterate(&mut self, table: &mut dyn Calls) {
        let mut entries = Vec::new();
        let invoked = self.round.clock.now();
        table.for_each(&mut |key, value| {
            // So that others come between.
            self.pauses.maybe();
            entries.push((key, value));
        });
        let returned = self.round.clock.after_stores();
        self.snapshots.push(Snapshot { thread: self.thread as u32, invoked, returned, entries });
    }

    fn call(&mut self, table: &mut dyn Calls, kind: Kind, key: u64) -> Call {
        let Self { round, thread, pauses, written, .. } = self;
        let mut fresh = || {
            *written += 1;
            round.value(*thread, *written)
        };
        match kind {
            Kind::GetWith => Call::Get {
                found: table.get_with(key, &mut |value| {
                    // The value must stand while it is looked at.
                    pauses.maybe();
                    *std::hint::black_box(value)
                }),
            },
            Kind::Insert => {
                let value = fresh();
                Call::Insert { value, added: table.insert(key, value) }
            }
            Kind::Update => {
                let (mut given, mut new) = (Given::Nothing, 0);
                let old = table.update(key, &mut |value| {
                    pauses.maybe();
                    (given, new) = (Given::Value(*value), fresh());
                    new
                });
                Call::Update { given, new, old }
            }
            Kind::Upsert => {
                let (mut given, mut new) = (Given::Nothing, 0);
                let old = table.upsert(key, &mut |value| {
                    pauses.maybe();
                    (given, new) = (Given::from(value.copied()), fresh());
                    new
                });
                Call::Upsert { given, new, old }
            }
            Kind::Remove => Call::Remove { taken: table.remove(key) },
            Kind::Get => Call::Get { found: table.get(key) },
            Kind::Len => unreachable!("`len` is asked of the table, not of a key"),
        }
    }
}
