//! One program in many executions.
//!
//! # Real time
//!
//! Calls and returns are numbered by a counter of `std`, which the model checker does not see: it
//! runs one thread at a time. So numbering them makes nothing visible to anybody. But an atomic
//! load may return an old value although the store has been executed: loom has such executions, and
//! so has a machine whose stores wait in a buffer. What an operation has done is done when others
//! must see it. So there is a SeqCst fence after each call and before each return: it orders an
//! operation before those that are called after its return, as real time does, and orders nothing
//! within an operation.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use linearizability::history::{Call, KeyedOp, TimedOp};
use linearizability::snapshots::Snapshot;
#[cfg(loom)]
use loom::thread;
#[cfg(shuttle)]
use shuttle::thread;
use structures::sync::{Ordering, fence};

use crate::draw::Layout;
use crate::judge::{Run, digest, judge};
use crate::program::{ALL_KEYS, Action, KEYS, Key, Program, Verb};
use crate::table::{Session, SharedTable};

/// Makes an empty table of the smallest size.
pub type NewTable = Arc<dyn Fn() -> Arc<dyn SharedTable> + Send + Sync>;

/// How far a program is explored.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Preemptions of an execution, at most (loom).
    pub preemptions: usize,
    /// Executions of a program, at most.
    pub executions: usize,
    /// Whether most of them are schedules at random if there are too many to run all (shuttle). A
    /// search that is cut has preempted late alone.
    pub at_random: bool,
    /// The seed of random schedules (shuttle).
    pub seed: u64,
}

/// What exploring a program has shown.
#[derive(Debug, Default)]
pub struct Explored {
    /// Executions.
    pub executions: u64,
    /// Different histories among them.
    pub outcomes: HashSet<Vec<u64>>,
    /// Whether it ended at an execution in which the scheduler is not fair.
    pub unfair: bool,
    /// What was wrong.
    pub failure: Option<Finding>,
}

/// What was wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    /// In words.
    pub message: String,
    /// The history, if the execution ended.
    pub run: Option<Run>,
}

/// The numbers of events.
#[derive(Debug, Default)]
struct Clock(AtomicU64);

impl Clock {
    fn next(&self) -> u64 {
        // Relaxed: threads take turns.
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn call(&self) -> u64 {
        let time = self.next();
        // SeqCst: pairs with that of a return before.
        fence(Ordering::SeqCst);
        time
    }

    fn ret(&self) -> u64 {
        // SeqCst: pairs with that of a call after.
        fence(Ordering::SeqCst);
        self.next()
    }
}

/// What a thread writes down.
struct Scribe<'s> {
    clock: &'s Clock,
    keys: [u64; ALL_KEYS],
    thread: u32,
    run: Run,
}

impl Scribe<'_> {
    fn number(&self, key: Key) -> u64 {
        self.keys[key.0 as usize]
    }

    /// The letter's number of a key of the table.
    fn letter(&self, number: u64) -> u64 {
        self.keys.iter().position(|key| *key == number).map_or(u64::MAX, |at| at as u64)
    }

    fn note(&mut self, key: Key, invoked: u64, returned: u64, call: Call) {
        let op = TimedOp { thread: self.thread, invoked, returned, call };
        self.run.ops.push(KeyedOp { key: key.0.into(), op });
    }

    fn entries(&self, session: &mut dyn Session) -> Vec<(u64, u64)> {
        session.iterate().into_iter().map(|(key, value)| (self.letter(key), value)).collect()
    }

    fn step(&mut self, session: &mut dyn Session, op: Action, value: u64) {
        let (key, number) = (op.key, self.number(op.key));
        let invoked = self.clock.call();
        match op.verb {
            Verb::GetMany => {
                let keys = [key, Key((key.0 + 1) % KEYS)];
                let found = session.get_many(&keys.map(|key| self.number(key)));
                let returned = self.clock.ret();
                for (key, found) in keys.into_iter().zip(found) {
                    self.note(key, invoked, returned, Call::Get { found });
                }
            }
            Verb::Iterate => {
                let entries = self.entries(session);
                let (thread, returned) = (self.thread, self.clock.ret());
                self.run.iterations.push(Snapshot { thread, invoked, returned, entries });
            }
            Verb::Displace | Verb::Grow | Verb::Shrink => session.extra(op.verb, number),
            verb => {
                let call = session.call(verb, number, value);
                let returned = self.clock.ret();
                self.note(key, invoked, returned, call);
            }
        }
    }
}

/// Runs `work` as thread `thread`, and returns what it wrote down.
fn write_down(
    table: &dyn SharedTable,
    clock: &Clock,
    keys: [u64; ALL_KEYS],
    thread: u32,
    mut work: impl FnMut(&mut Scribe<'_>, &mut dyn Session),
) -> Run {
    let mut scribe = Scribe { clock, keys, thread, run: Run::default() };
    table.enter(&mut |session| work(&mut scribe, session));
    scribe.run
}

/// One execution: fills the table, runs the threads, reads each key that was used, and all that is
/// there.
fn execute(table: &Arc<dyn SharedTable>, keys: [u64; ALL_KEYS], program: &Program) -> Run {
    let clock = Arc::new(Clock::default());
    let mut run = write_down(&**table, &clock, keys, 0, |scribe, session| {
        for key in &program.filling {
            scribe.step(session, Action { verb: Verb::Insert, key: *key }, 100 + u64::from(key.0));
        }
    });
    let mut thread = 0;
    let threads: Vec<_> = (program.threads.iter().cloned())
        .map(|ops| {
            thread += 1;
            let (table, clock) = (Arc::clone(table), Arc::clone(&clock));
            thread::spawn(move || {
                write_down(&*table, &clock, keys, thread, |scribe, session| {
                    for (op, count) in ops.iter().zip(1..) {
                        scribe.step(session, *op, u64::from(thread) * 10 + count);
                    }
                })
            })
        })
        .collect();
    let mut parts: Vec<Run> =
        threads.into_iter().map(|thread| thread.join().expect("it ends")).collect();
    let used: BTreeSet<Key> =
        program.filling.iter().copied().chain(program.ops().flat_map(Action::keys)).collect();
    parts.push(write_down(&**table, &clock, keys, thread + 1, |scribe, session| {
        used.iter().for_each(|&key| scribe.step(session, Action { verb: Verb::Get, key }, 0));
        scribe.run.entries = scribe.entries(session);
    }));
    for part in parts {
        run.ops.extend(part.ops);
        run.iterations.extend(part.iterations);
        run.entries.extend(part.entries);
    }
    run.len = table.exact_len();
    run.of_one_moment = table.iterates_snapshots();
    run.loses = table.loses();
    run
}

/// The panic that ends the exploration of a program whose failure has been noted.
struct Noted;

thread_local! {
    /// The program that is explored, and the first panic in it.
    static NOW: RefCell<(String, String)> = RefCell::default();
}

/// Panics are noted, and not printed unless they end the process.
pub fn note_panics() {
    panic::set_hook(Box::new(|info| {
        if info.payload().is::<Noted>() {
            return;
        }
        NOW.with_borrow_mut(|(program, first)| {
            if first.is_empty() {
                *first = info.to_string();
            } else if std::thread::panicking() {
                eprintln!("{program}\n  {first}\n  and then {info}");
            }
        });
    }));
}

/// Explores a program on tables that `build` makes; `name` is said if the process ends in it.
pub fn explore(
    name: &str,
    build: &NewTable,
    layout: &Layout,
    program: &Program,
    limits: Limits,
) -> Explored {
    NOW.set((format!("{name}: {program}"), String::new()));
    let shared = Arc::new(Mutex::new(Explored::default()));
    let model = {
        let (build, keys, program) = (Arc::clone(build), layout.keys, program.clone());
        let shared = Arc::clone(&shared);
        move || {
            let table = build();
            let run = execute(&table, keys, &program);
            drop(table);
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.executions += 1;
            if shared.outcomes.insert(digest(&run))
                && let Some(message) = judge(&run)
            {
                shared.failure = Some(Finding { message, run: Some(run) });
                drop(shared);
                panic::panic_any(Noted);
            }
        }
    };
    let ended = panic::catch_unwind(AssertUnwindSafe(|| check(model, limits)));
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let mut explored = std::mem::take(&mut *shared);
    if let (Err(payload), None) = (ended, &explored.failure) {
        let message = first_panic(&*payload);
        // Loom need not let the thread run for which two others wait.
        if message.contains("exceeded maximum number of branches") {
            explored.unfair = true;
        } else {
            explored.failure = Some(Finding { message, run: None });
        }
    }
    explored
}

fn first_panic(payload: &(dyn Any + Send)) -> String {
    let noted = NOW.with_borrow(|(_, first)| first.clone());
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    if noted.is_empty() { text.unwrap_or_else(|| "a panic".to_owned()) } else { noted }
}

#[cfg(loom)]
fn check(model: impl Fn() + Send + Sync + 'static, limits: Limits) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(limits.preemptions);
    // Loom looks at the limit once in so many executions, before the next one.
    builder.max_permutations = Some(limits.executions + 1);
    builder.checkpoint_interval = limits.executions + 1;
    builder.max_branches = 5_000;
    builder.check(model);
}

/// Every schedule with so few preemptions, if they are not too many; and then random ones: as many
/// preemptions at random places, or PCT, which preempts once more.
#[cfg(shuttle)]
fn check(model: impl Fn() + Send + Sync + 'static, limits: Limits) {
    use shuttle::scheduler::{PctScheduler, Scheduler};
    use shuttle::{Config, FailurePersistence, Runner};

    use crate::bounded::{Bounded, Sampled};

    fn run(
        scheduler: impl Scheduler + 'static,
        model: &Arc<impl Fn() + Send + Sync + 'static>,
    ) -> usize {
        let mut config = Config::default();
        config.stack_size = 1 << 18;
        config.silence_warnings = true;
        config.failure_persistence = FailurePersistence::None;
        let model = Arc::clone(model);
        Runner::new(scheduler, config).run(move || model())
    }

    let Limits { preemptions, executions, at_random, seed } = limits;
    let model = Arc::new(model);
    let most = if at_random { executions / 4 } else { executions * 3 / 4 };
    if run(Bounded::new(preemptions, most), &model) < most {
        return;
    }
    if at_random {
        run(Sampled::new(preemptions, executions - most, seed), &model);
    } else {
        run(PctScheduler::new_from_seed(seed, preemptions + 2, executions - most), &model);
    }
}
