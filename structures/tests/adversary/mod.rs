//! Schedules made by hand: which thread runs for how long, and who is left standing where.
//!
//! shuttle runs all threads of an execution on one of the system's, and asks before each atomic
//! access, lock and yield who is to go on: a *step* is what a thread does between two such
//! questions. All accesses are sequentially consistent.

#![allow(unreachable_pub, dead_code, reason = "a module of several test binaries")]

pub mod chronicle;
pub mod plans;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, Runner};

/// Steps after which a thread that runs alone is taken to wait for another.
pub const PATIENCE: usize = 2_000;

/// How long a thread runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// So many steps.
    Steps(usize),
    /// Until it has [completed](operation_completed) one more operation.
    Operation,
    /// Until it ends.
    End,
}

/// Threads, numbered from 1 in the order in which they were spawned, and their turns.
pub type Plan = Vec<(usize, Turn)>;

/// What a thread has done in the execution so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub steps: usize,
    pub operations: usize,
    /// It left its last statement but one.
    pub ended: bool,
}

/// What happened in an execution.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    threads: BTreeMap<usize, Done>,
    /// Threads whose turn should have gone on and could not: blocked, or waiting in a loop.
    pub stopped: Vec<usize>,
    /// Threads that ended before they had taken the steps of a turn.
    pub early: Vec<usize>,
}

impl Trace {
    pub fn of(&self, thread: usize) -> Done {
        self.threads.get(&thread).copied().unwrap_or_default()
    }
}

thread_local! {
    static TRACE: RefCell<Trace> = RefCell::default();
}

fn current() -> usize {
    shuttle::current::me().into()
}

/// The calling thread has completed an operation.
pub fn operation_completed() {
    let me = current();
    TRACE.with_borrow_mut(|trace| trace.threads.entry(me).or_default().operations += 1);
}

/// A step that does nothing: the caller may be left standing before it.
pub fn step() {
    shuttle::sync::atomic::AtomicBool::new(false).load(std::sync::atomic::Ordering::SeqCst);
}

/// The calling thread is about to end.
pub fn ends() {
    let me = current();
    TRACE.with_borrow_mut(|trace| trace.threads.entry(me).or_default().ended = true);
}

/// What the calling thread has done.
pub fn mine() -> Done {
    let me = current();
    TRACE.with_borrow(|trace| trace.of(me))
}

/// Follows a plan, once; then lets everybody run to the end.
struct Follow {
    plan: Plan,
    /// The turn it is at, and how that turn's thread stood when it began.
    turn: usize,
    began: Option<Done>,
    started: bool,
}

impl Follow {
    fn of_plan(&mut self, runnable: &[usize]) -> Option<usize> {
        while let Some(&(thread, turn)) = self.plan.get(self.turn) {
            let now = TRACE.with_borrow(|trace| trace.of(thread));
            let began = *self.began.get_or_insert(now);
            let over = now.ended
                || match turn {
                    Turn::Steps(steps) => now.steps - began.steps >= steps,
                    Turn::Operation => now.operations > began.operations,
                    Turn::End => false,
                };
            if now.ended && matches!(turn, Turn::Steps(steps) if now.steps - began.steps < steps) {
                TRACE.with_borrow_mut(|trace| trace.early.push(thread));
            }
            if !over {
                if runnable.contains(&thread) && now.steps - began.steps < PATIENCE {
                    return Some(thread);
                }
                TRACE.with_borrow_mut(|trace| trace.stopped.push(thread));
            }
            self.turn += 1;
            self.began = None;
        }
        None
    }
}

impl Scheduler for Follow {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.started {
            return None;
        }
        self.started = true;
        TRACE.set(Trace::default());
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let numbers: Vec<usize> = runnable.iter().map(|task| task.id().into()).collect();
        // The main thread runs until it waits for the others.
        let next = if numbers.contains(&0) {
            0
        } else if let Some(next) = self.of_plan(&numbers) {
            next
        } else {
            let current = current.map_or(0, usize::from);
            let after = numbers.iter().copied().find(|&n| n > current).unwrap_or(numbers[0]);
            if numbers.contains(&current) && !is_yielding { current } else { after }
        };
        TRACE.with_borrow_mut(|trace| trace.threads.entry(next).or_default().steps += 1);
        Some(TaskId::from(next))
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

/// Says under which plan a check failed.
struct Blame<'p>(&'p dyn fmt::Debug);

impl Drop for Blame<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("under the plan {:?}", self.0);
        }
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.silence_warnings = true;
    config
}

/// Runs `model` by `plan`; what it returned, and what happened.
pub fn follow<T: Send + 'static>(
    plan: &Plan,
    model: impl Fn() -> T + Send + Sync + 'static,
) -> (T, Trace) {
    let _blame = Blame(plan);
    let returned = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&returned);
    let scheduler = Follow { plan: plan.clone(), turn: 0, began: None, started: false };
    let executions = Runner::new(scheduler, config()).run(move || {
        let value = model();
        *slot.lock().expect("nobody panics here") = Some(value);
    });
    assert_eq!(executions, 1, "the plan was not followed");
    let value = returned.lock().expect("nobody panics here").take().expect("it has run");
    (value, TRACE.take())
}

/// Runs `model` under shuttle's own `scheduler` and returns how many schedules that were.
pub fn explore(
    scheduler: impl Scheduler + 'static,
    model: impl Fn() + Send + Sync + 'static,
) -> usize {
    Runner::new(scheduler, config()).run(move || {
        TRACE.set(Trace::default());
        model();
    })
}

/// How much deeper than in CI to look: `SHUTTLE_DEPTH`, 1 if unset.
pub fn depth() -> usize {
    match std::env::var("SHUTTLE_DEPTH") {
        Ok(depth) => depth.parse().expect("SHUTTLE_DEPTH is a number"),
        Err(_) => 1,
    }
}
