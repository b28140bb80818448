//! Exactly once, under adversarial schedules: `ci/shuttle.sh`.
//!
//! Threads append to a [`Chronicle`] through a universal construction. In each execution one of
//! them, or two, are left standing after some step, every step in turn, while the others run to
//! their end; then they go on. Checked is what docs/CORRECTNESS.md says under "Exactly once".
#![cfg(shuttle)]

mod adversary;

use std::ops::ControlFlow;
use std::sync::Arc;

use adversary::Turn::{End, Operation, Steps};
use adversary::chronicle::{self, Append, Book, Chronicle, Entry};
use adversary::plans::{plans, plans_of_drafts};
use adversary::{Plan, Trace, depth, explore, follow};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread;
use structures::map::Progress;
use structures::reclaim::{Epoch, Hazard, Leak, Reclaimer};
use structures::versioned::cow::{Cas, Cow, Locked};
use structures::versioned::left_right::LeftRight;
use structures::versioned::log::HerlihyLog;
use structures::versioned::psim::PSim;
use structures::versioned::{Universal, UniversalHandle, UniversalPinned};

/// The operation `index` of a thread.
fn id(thread: usize, index: usize) -> u64 {
    (100 * thread + index) as u64
}

fn snapshot<U: Universal<Chronicle>>(handle: &mut U::Handle<'_>) {
    // What comes before may be an operation's end, at which it was left standing.
    adversary::step();
    let began = chronicle::now();
    let log = handle.pin().read(0, |chronicle| chronicle.log.clone());
    chronicle::reads(began, log);
}

/// A thread's life: as many operations as it is given, a look at the log, and its end.
fn append<U: Universal<Chronicle>>(object: &U, thread: usize, operations: usize) {
    let mut handle = object.handle();
    for index in 0..operations {
        chronicle::calls(thread, id(thread, index));
        let told = handle.pin().apply(0, Append(id(thread, index)));
        chronicle::returns(id(thread, index), told);
        adversary::operation_completed();
    }
    snapshot::<U>(&mut handle);
    // Before the handle drops: leaving a reclaimer is no operation, and may take a lock.
    adversary::ends();
}

/// Threads with so many operations each; what they were told, and the log in the end.
fn threads<U: Universal<Chronicle> + Default + 'static>(
    operations: &[usize],
) -> (Book, Vec<Entry>) {
    chronicle::open();
    let object = Arc::new(U::default());
    let spawn = |(thread, &operations): (usize, &usize)| {
        let object = Arc::clone(&object);
        thread::spawn(move || append(&*object, thread + 1, operations))
    };
    let running: Vec<_> = operations.iter().enumerate().map(spawn).collect();
    for thread in running {
        thread.join().expect("it ends");
    }
    let log = object.handle().pin().read(0, |chronicle| chronicle.log.clone());
    let book = chronicle::copy();
    book.check(&log);
    (book, log)
}

fn run<U>(plan: Plan, operations: &'static [usize]) -> (Book, Vec<Entry>, Trace)
where
    U: Universal<Chronicle> + Default + 'static,
{
    let ((book, log), trace) = follow(&plan, || threads::<U>(operations));
    (book, log, trace)
}

/// How many steps a thread needs if nobody is in its way.
fn steps_alone<U>(operations: &'static [usize]) -> Vec<usize>
where
    U: Universal<Chronicle> + Default + 'static,
{
    let plan = (1..=operations.len()).map(|thread| (thread, End)).collect();
    let (_, _, trace) = run::<U>(plan, operations);
    (1..=operations.len()).map(|thread| trace.of(thread).steps).collect()
}

/// Each operation stands in the log once, and is told what replay says, wherever threads are left
/// standing; if the construction is not `blocking`, they are in nobody's way.
fn exactly_once<U>(name: &str)
where
    U: Universal<Chronicle> + Default + 'static,
{
    const OPERATIONS: &[usize] = &[2, 2, 2];
    let blocking = U::INFO.insert == Progress::Blocking;
    let steps = steps_alone::<U>(OPERATIONS)[0] + 4;
    let plans = plans(steps, steps, if depth() > 1 { 1 } else { 3 });
    let (mut most_runs, mut blocked) = (0, 0);
    for plan in &plans {
        let (book, _, trace) = run::<U>(plan.clone(), OPERATIONS);
        most_runs = most_runs.max(book.runs.values().copied().max().unwrap_or(0));
        blocked += usize::from(!trace.stopped.is_empty());
        assert!(blocking || trace.stopped.is_empty(), "{:?} stopped under {plan:?}", trace.stopped);
    }
    let schedules = 500 * depth();
    let model = || drop(threads::<U>(OPERATIONS));
    let random = explore(RandomScheduler::new_from_seed(1, schedules), model);
    let pct = explore(PctScheduler::new_from_seed(2, 4, schedules), model);
    println!(
        "{name}: {} plans ({blocked} with a thread that waits), {random} random schedules, {pct} of \
         PCT; an operation is run up to {most_runs} times",
        plans.len(),
    );
    assert!(!plans.is_empty() && random > 0 && pct > 0, "{name}: nothing explored");
    assert_eq!(blocked > 0, blocking, "{name}: who blocks");
}

/// The same as [`exactly_once`], with two drafts in flight, of which each stands after every
/// `stride`th of its steps.
fn exactly_once_among_drafts<U>(name: &str, stride: usize)
where
    U: Universal<Chronicle> + Default + 'static,
{
    const OPERATIONS: &[usize] = &[1, 1, 1];
    let plans = plans_of_drafts(steps_alone::<U>(OPERATIONS)[0], stride);
    for plan in &plans {
        let (.., trace) = run::<U>(plan.clone(), OPERATIONS);
        assert!(trace.stopped.is_empty(), "{:?} stopped under {plan:?}", trace.stopped);
    }
    println!("{name}: {} plans with drafts in flight", plans.len());
    assert!(!plans.is_empty(), "{name}: nothing explored");
}

/// Where thread 1, with one operation, was left standing, and what became of that operation.
struct Stand {
    /// What had taken effect.
    before: Vec<Entry>,
    /// The log that the last thread saw while thread 1 stood.
    after: Vec<Entry>,
}

impl Stand {
    /// Where thread 1's operation is in the log, if it is there.
    fn decided(&self) -> Option<usize> {
        self.after.iter().position(|entry| entry.id == id(1, 0))
    }

    /// How many states, or entries, it took until it was there.
    fn took(&self, position: usize, by: Measure) -> u64 {
        match by {
            Measure::States => {
                let installed = self.before.last().map_or(0, |entry| entry.state);
                self.after[position].state.saturating_sub(installed)
            }
            Measure::Entries => (position + 1).saturating_sub(self.before.len()) as u64,
        }
    }
}

/// What a bound on others' work is stated in.
#[derive(Clone, Copy)]
enum Measure {
    /// States that are installed one after the other.
    States,
    /// Entries of the log.
    Entries,
}

/// Leaves thread 2 standing after `before` steps and thread 1 after `steps`, lets `others` run, and
/// has the last thread look. Breaks when thread 1 had already returned.
fn stand<U>(before: usize, steps: usize, others: &[usize]) -> ControlFlow<(), Stand>
where
    U: Universal<Chronicle> + Default + 'static,
{
    // Of the log, each of the slots' turns must come.
    const OPERATIONS: &[usize] = &[1, 5, 5, 0, 0];
    let mut plan = vec![(2, Steps(before)), (1, Steps(steps)), (4, End)];
    plan.extend(others.iter().map(|&thread| (thread, End)));
    plan.push((5, End));
    let (book, _, trace) = run::<U>(plan, OPERATIONS);
    assert!(trace.stopped.is_empty(), "{:?} stopped", trace.stopped);
    let seen_by = |thread: usize| &book.reads[thread].1;
    // Reads are in the order in which they returned: thread 1's is the first only if it ended.
    let call = book.calls[&id(1, 0)];
    let (returned, _) = call.returned.expect("it returned");
    let (_, before, looked) = &book.reads[0];
    if returned < *looked {
        return ControlFlow::Break(());
    }
    let after = seen_by(1 + others.len()).clone();
    ControlFlow::Continue(Stand { before: before.clone(), after })
}

/// From the step on in which it announces its operation, which it has done within `announced` steps,
/// a thread's operation is completed by others, within `bound` states or entries, if it goes no
/// further.
fn others_complete_it<U>(name: &str, announced: usize, bound: u64, by: Measure)
where
    U: Universal<Chronicle> + Default + 'static,
{
    for before in 0..=8 {
        let from = completed_by_others::<U>(name, before, bound, by);
        assert!(
            from <= announced,
            "{name}: nobody helps from step {announced} on, but from {from}"
        );
    }
}

fn completed_by_others<U>(name: &str, before: usize, bound: u64, by: Measure) -> usize
where
    U: Universal<Chronicle> + Default + 'static,
{
    let (mut by_itself, mut by_others, mut stands) = (None, None, 0);
    for steps in 0.. {
        let alone = stand::<U>(before, steps, &[]);
        if !matches!(&alone, ControlFlow::Continue(stand) if stand.decided().is_none()) {
            by_itself.get_or_insert(steps);
        }
        let ControlFlow::Continue(helped) = stand::<U>(before, steps, &[2, 3]) else { break };
        stands += 2;
        match helped.decided() {
            Some(position) => {
                by_others.get_or_insert(steps);
                let took = helped.took(position, by);
                assert!(took <= bound, "{name}: it takes {took} after step {steps}");
            }
            None => assert!(by_others.is_none(), "{name}: undecided after step {steps}"),
        }
    }
    assert!(stands > 0, "{name}: nothing explored");
    let by_itself = by_itself.expect("it ends");
    let by_others = by_others.unwrap_or(usize::MAX);
    assert!(by_others < by_itself, "{name}: nobody helps");
    println!(
        "{name}: {stands} stands, another after its step {before}; from step {by_others} on, others \
         complete the operation; alone it takes effect in step {by_itself}"
    );
    by_others
}

/// Steps that one operation takes while others complete one between any two, four, … of them;
/// `None` if it does not end.
fn steps_under_attack<U>(every: usize) -> Option<usize>
where
    U: Universal<Chronicle> + Default + 'static,
{
    const ATTACKS: usize = 60;
    const OPERATIONS: &[usize] = &[1, ATTACKS];
    let attack = [(1, Steps(every)), (2, Operation)];
    let plan = attack.into_iter().cycle().take(2 * ATTACKS).collect();
    let (book, log, trace) = run::<U>(plan, OPERATIONS);
    let position = log.iter().position(|entry| entry.id == id(1, 0)).expect("checked");
    let runs = book.runs[&id(1, 0)];
    (position < ATTACKS && runs < ATTACKS / 2).then_some(trace.of(1).steps)
}

/// An operation ends within `bound` steps of its thread, whatever others do.
fn is_wait_free<U>(name: &str, bound: usize)
where
    U: Universal<Chronicle> + Default + 'static,
{
    let steps: Vec<_> = (1..=12).map(steps_under_attack::<U>).collect();
    println!("{name}: {} attacks; steps of a thread under them: {steps:?}", steps.len());
    assert!(steps.iter().all(|s| s.is_some_and(|s| s <= bound)), "{name}: starved: {steps:?}");
}

/// An operation does not end while others do.
fn starves<U>(name: &str)
where
    U: Universal<Chronicle> + Default + 'static,
{
    let steps: Vec<_> = (1..=12).map(steps_under_attack::<U>).collect();
    println!("{name}: {} attacks; steps of a thread under them: {steps:?}", steps.len());
    assert!(steps.iter().any(Option::is_none), "{name}: no attack starves it");
}

/// States until an announced operation is decided: the second one that is installed.
const PSIM_STATES: u64 = 2;
/// Steps of a thread until it has registered, leased its stripes of the counts, looked and announced its
/// operation.
const ANNOUNCED: usize = 20;
/// Steps of a thread with one operation, a look at the log and its comings and goings.
const PSIM_STEPS: usize = 120;
/// Entries until an announced operation is in the log: a turn of each of the eight slots there are
/// here, and one that somebody took who had looked before.
const LOG_ENTRIES: u64 = 9;
const LOG_STEPS: usize = 160;

#[test]
fn psim_leak_is_exactly_once() {
    exactly_once::<PSim<Chronicle, Leak>>("psim, leak");
}

#[test]
fn psim_leak_is_exactly_once_among_drafts() {
    exactly_once_among_drafts::<PSim<Chronicle, Leak>>("psim, leak", 1);
}

#[test]
fn psim_epoch_is_exactly_once() {
    exactly_once::<PSim<Chronicle, Epoch>>("psim, epoch");
}

#[test]
fn psim_hazard_is_exactly_once() {
    exactly_once::<PSim<Chronicle, Hazard>>("psim, hazard");
}

#[test]
fn psim_leak_is_helped() {
    others_complete_it::<PSim<Chronicle, Leak>>(
        "psim, leak",
        ANNOUNCED,
        PSIM_STATES,
        Measure::States,
    );
}

#[test]
fn psim_epoch_is_helped() {
    others_complete_it::<PSim<Chronicle, Epoch>>(
        "psim, epoch",
        ANNOUNCED,
        PSIM_STATES,
        Measure::States,
    );
}

#[test]
fn psim_hazard_is_helped() {
    others_complete_it::<PSim<Chronicle, Hazard>>(
        "psim, hazard",
        ANNOUNCED,
        PSIM_STATES,
        Measure::States,
    );
}

#[test]
fn psim_is_wait_free() {
    is_wait_free::<PSim<Chronicle, Leak>>("psim, leak", PSIM_STEPS);
    is_wait_free::<PSim<Chronicle, Epoch>>("psim, epoch", PSIM_STEPS);
}

#[test]
fn cas_is_exactly_once_and_starves() {
    exactly_once::<Cow<Chronicle, Leak, Cas>>("cas, leak");
    exactly_once::<Cow<Chronicle, Hazard, Cas>>("cas, hazard");
    starves::<Cow<Chronicle, Leak, Cas>>("cas, leak");
}

#[test]
#[should_panic(expected = "nobody helps")]
fn cas_is_not_helped() {
    others_complete_it::<Cow<Chronicle, Leak, Cas>>(
        "cas, leak",
        ANNOUNCED,
        u64::MAX,
        Measure::States,
    );
}

#[test]
fn a_lock_is_exactly_once_and_blocks() {
    exactly_once::<Cow<Chronicle, Leak, Locked>>("locked, leak");
    exactly_once::<Cow<Chronicle, Epoch, Locked>>("locked, epoch");
}

#[test]
fn log_leak_is_exactly_once() {
    exactly_once::<HerlihyLog<Chronicle, Leak>>("log, leak");
}

#[test]
fn log_leak_is_exactly_once_among_drafts() {
    // Its operations have more steps than P-Sim's.
    exactly_once_among_drafts::<HerlihyLog<Chronicle, Leak>>("log, leak", 4);
}

#[test]
fn log_epoch_is_exactly_once() {
    exactly_once::<HerlihyLog<Chronicle, Epoch>>("log, epoch");
}

#[test]
fn log_hazard_is_exactly_once() {
    exactly_once::<HerlihyLog<Chronicle, Hazard>>("log, hazard");
}

#[test]
fn log_is_helped() {
    let by = Measure::Entries;
    others_complete_it::<HerlihyLog<Chronicle, Leak>>("log, leak", ANNOUNCED, LOG_ENTRIES, by);
    others_complete_it::<HerlihyLog<Chronicle, Epoch>>("log, epoch", ANNOUNCED, LOG_ENTRIES, by);
}

/// Who leaves a checkpoint stops before it says that its entry is to be seen; a new handle reads from
/// the checkpoint, and then an old one reads.
#[test]
fn log_reads_do_not_go_back() {
    const OPERATIONS: &[usize] = &[3, 1, 0];
    let mut stands = 0;
    for steps in 0.. {
        // The fourth entry has a checkpoint here.
        let mut plan = vec![(2, Operation), (1, Operation), (1, Operation), (1, Steps(steps))];
        plan.extend([(3, End), (2, End), (1, End)]);
        let (.., trace) = run::<HerlihyLog<Chronicle, Epoch>>(plan, OPERATIONS);
        stands += 1;
        if trace.early.contains(&1) {
            break;
        }
    }
    println!("log, epoch: {stands} stands on the way to a checkpoint and behind it");
}

/// Thread 1 announces an operation and stands; thread 2 has it run at the eighth place, and thread 3 is
/// at the eleventh when thread 2 leaves a checkpoint at the twelfth and stops before it says that this is
/// to be seen. Thread 1 goes on from the checkpoint, which is ahead of its operation, and reads; then
/// thread 3 does, whose replica is no older than what it was told.
fn a_replica_ahead_is_not_read_in_silence<R: Reclaimer + 'static>(name: &str, stride: usize) {
    const OPERATIONS: &[usize] = &[1, 10, 1];
    let mut stands = 0;
    'announcer: for announced in (0..).step_by(stride) {
        for left in 0.. {
            let mut plan = vec![(1, Steps(announced))];
            plan.extend([(2, Operation); 9]);
            plan.extend([(3, Operation), (2, Steps(left)), (1, Operation)]);
            plan.extend([(1, End), (3, End), (2, End)]);
            let (.., trace) = run::<HerlihyLog<Chronicle, R>>(plan, OPERATIONS);
            stands += 1;
            if trace.early.contains(&1) {
                break 'announcer;
            }
            if trace.early.contains(&2) {
                break;
            }
        }
    }
    println!("log, {name}: {stands} stands before a replica goes on from a checkpoint ahead");
}

#[test]
fn log_reads_do_not_go_back_behind_a_replica_ahead() {
    a_replica_ahead_is_not_read_in_silence::<Epoch>("epoch", 1);
    // Its operations have more steps.
    a_replica_ahead_is_not_read_in_silence::<Hazard>("hazard", 4);
}

#[test]
fn log_is_wait_free() {
    is_wait_free::<HerlihyLog<Chronicle, Leak>>("log, leak", LOG_STEPS);
    is_wait_free::<HerlihyLog<Chronicle, Epoch>>("log, epoch", LOG_STEPS);
}

#[test]
fn left_right_is_exactly_once_and_blocks() {
    exactly_once::<LeftRight<Chronicle>>("left-right");
}
