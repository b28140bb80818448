//! Schedules with a bounded number of preemptions: all of them, or some at random.
//!
//! M. Musuvathi, S. Qadeer, *Iterative Context Bounding for Systematic Testing of Multithreaded
//! Programs*, PLDI 2007: most errors need few. A thread that waits, blocks or ends is no preemption.

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

use crate::draw::SplitMix;

/// The thread that spawns the others, which runs when none of them can.
const MAIN: usize = 0;

/// Numbers of threads, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Threads(u64);

impl Threads {
    fn of(tasks: &[&Task]) -> Self {
        Self(tasks.iter().fold(0, |bits, task| bits | 1 << usize::from(task.id())))
    }

    fn has(self, thread: usize) -> bool {
        self.0 >> thread & 1 == 1
    }

    fn without(self, thread: usize) -> Self {
        Self(self.0 & !(1 << thread))
    }

    fn first(self) -> Option<usize> {
        (self.0 != 0).then(|| self.0.trailing_zeros() as usize)
    }

    fn after(self, thread: usize) -> Self {
        Self(self.0 & u64::MAX << thread << 1)
    }

    fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

/// Who may run next: one who runs unless another is chosen, and the others.
#[derive(Clone, Copy, Debug)]
struct Choice {
    next: usize,
    others: Threads,
    /// Whether to choose another is to preempt.
    preempts: bool,
}

impl Choice {
    fn new(runnable: &[&Task], current: usize, is_yielding: bool) -> Self {
        let runnable = Threads::of(runnable);
        let forced = |next| Self { next, others: Threads(0), preempts: false };
        if runnable.has(MAIN) && (current == MAIN || runnable.count() == 1) {
            return forced(MAIN);
        }
        let others = runnable.without(MAIN).without(current);
        let first = others.first().unwrap_or(current);
        if !runnable.has(current) {
            Self { next: first, others: others.without(first), preempts: false }
        } else if is_yielding {
            // In turn: else two could wait for a third that never runs.
            forced(others.after(current).first().unwrap_or(first))
        } else {
            Self { next: current, others, preempts: true }
        }
    }
}

/// All of them, by a depth-first search.
#[derive(Debug)]
pub(crate) struct Bounded {
    preemptions: usize,
    /// Executions that are left.
    left: usize,
    /// The choices of the execution, each with who is to be tried later.
    path: Vec<Choice>,
    /// How many of them this execution has made, and the preemptions among them.
    made: usize,
    preempted: usize,
    started: bool,
}

impl Bounded {
    /// At most so many preemptions, and executions.
    pub(crate) fn new(preemptions: usize, executions: usize) -> Self {
        let (path, started) = (Vec::new(), false);
        Self { preemptions, left: executions, path, made: 0, preempted: 0, started }
    }
}

impl Scheduler for Bounded {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.started {
            // The last choice that has an alternative is made otherwise.
            while self.path.last().is_some_and(|choice| choice.others.first().is_none()) {
                self.path.pop();
            }
            let choice = self.path.last_mut()?;
            choice.next = choice.others.first()?;
            choice.others = choice.others.without(choice.next);
        }
        self.left = self.left.checked_sub(1)?;
        self.started = true;
        (self.made, self.preempted) = (0, 0);
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let current = current.map_or(MAIN, usize::from);
        let mut choice = Choice::new(runnable, current, is_yielding);
        let preempts = choice.preempts;
        if preempts && self.preempted == self.preemptions {
            choice.others = Threads(0);
        }
        if self.made == self.path.len() {
            self.path.push(choice);
        }
        let next = self.path[self.made].next;
        self.made += 1;
        self.preempted += usize::from(preempts && next != current);
        Some(TaskId::from(next))
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

/// Some of them, at random: each place of an execution is as likely a place of a preemption.
#[derive(Debug)]
pub(crate) struct Sampled {
    rng: SplitMix,
    left: usize,
    /// Where this execution preempts, as numbers of choices.
    places: Vec<usize>,
    /// Choices of this execution, and of the longest one.
    made: usize,
    longest: usize,
}

impl Sampled {
    /// So many executions with so many preemptions.
    pub(crate) fn new(preemptions: usize, executions: usize, seed: u64) -> Self {
        let places = vec![0; preemptions];
        Self { rng: SplitMix::new(seed), left: executions, places, made: 0, longest: 1 }
    }

    fn one_of(&mut self, threads: Threads) -> Option<usize> {
        let skipped = self.rng.below(threads.count().max(1));
        (0..skipped).fold(threads, |left, _| Threads(left.0 & left.0.wrapping_sub(1))).first()
    }
}

impl Scheduler for Sampled {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.left = self.left.checked_sub(1)?;
        self.longest = self.longest.max(self.made);
        self.made = 0;
        for place in &mut self.places {
            *place = self.rng.below(self.longest);
        }
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let current = current.map_or(MAIN, usize::from);
        let Choice { next, others, preempts } = Choice::new(runnable, current, is_yielding);
        if others.first().is_none() {
            return Some(TaskId::from(next));
        }
        let other = if preempts {
            let is_here = self.places.contains(&self.made);
            self.made += 1;
            is_here.then(|| self.one_of(others)).flatten()
        } else {
            self.one_of(Threads(others.0 | 1 << next))
        };
        Some(TaskId::from(other.unwrap_or(next)))
    }

    fn next_u64(&mut self) -> u64 {
        self.rng.below(usize::MAX) as u64
    }
}
