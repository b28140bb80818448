//! Every schedule with a bounded number of preemptions.
//!
//! M. Musuvathi, S. Qadeer, *Iterative Context Bounding for Systematic Testing of Multithreaded
//! Programs*, PLDI 2007: most errors need few. A thread that waits, blocks or ends is no preemption.

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

/// The thread that spawns the others, which runs when none of them can.
const MAIN: usize = 0;

/// A depth-first search.
#[derive(Debug)]
pub(crate) struct Bounded {
    preemptions: usize,
    /// Executions that are left.
    left: usize,
    /// The choices of the execution, each with who else could have run.
    path: Vec<Choice>,
    /// How many of them this execution has made, and the preemptions among them.
    made: usize,
    preempted: usize,
    started: bool,
}

#[derive(Debug)]
struct Choice {
    /// Who runs, and who is to be tried later; never empty.
    options: Vec<usize>,
}

impl Bounded {
    /// At most so many preemptions, and executions.
    pub(crate) fn new(preemptions: usize, executions: usize) -> Self {
        let (path, started) = (Vec::new(), false);
        Self { preemptions, left: executions, path, made: 0, preempted: 0, started }
    }

    /// Who can run next, the first one now.
    fn options(&self, runnable: &[usize], current: usize, is_yielding: bool) -> Vec<usize> {
        if runnable.contains(&MAIN) && (current == MAIN || runnable.len() == 1) {
            return vec![MAIN];
        }
        let mut others: Vec<usize> = runnable
            .iter()
            .copied()
            .filter(|&thread| thread != current && thread != MAIN)
            .collect();
        if !runnable.contains(&current) {
            return others;
        }
        if is_yielding {
            // In turn: else two could wait for a third that never runs.
            let next = others.iter().copied().find(|&thread| thread > current);
            return vec![next.or(others.first().copied()).unwrap_or(current)];
        }
        others.truncate(if self.preempted < self.preemptions { others.len() } else { 0 });
        others.insert(0, current);
        others
    }
}

impl Scheduler for Bounded {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.started {
            // The last choice that has an alternative is made otherwise.
            while self.path.last().is_some_and(|choice| choice.options.len() == 1) {
                self.path.pop();
            }
            self.path.last_mut()?.options.remove(0);
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
        let runnable: Vec<usize> = runnable.iter().map(|task| task.id().into()).collect();
        let current = current.map_or(MAIN, usize::from);
        let options = self.options(&runnable, current, is_yielding);
        if self.made == self.path.len() {
            self.path.push(Choice { options });
        }
        let next = self.path[self.made].options[0];
        self.made += 1;
        if next != current && runnable.contains(&current) && !is_yielding {
            self.preempted += 1;
        }
        Some(TaskId::from(next))
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}
