//! What instructions cost a core: those of an operation, and those of each time that a change is worked out.
//!
//! A versioned table works a change out on a copy. It does so again if another thread was faster, and some do it for
//! others, too. So these instructions are charged where the table says so, between its load of what it copies and
//! its compare-and-swap. Loads, stores and prefetches are among the instructions: those that a core has begun since it
//! was charged last are taken off, in place of those that it will do.

use std::cell::RefCell;

use virtual_cores::{is_running, issued, mispredict, work};

/// What an operation takes beside its memory, in cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// All its instructions: its loads, stores and prefetches, which take a cycle each, are among them.
    Instructions(u64),
    /// What is beside these.
    Beside(u64),
}

/// What it takes to work a change out once, beside what each operation takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Attempt {
    /// Cycles of all its instructions.
    pub(crate) cycles: u64,
    /// Mispredicted branches.
    pub(crate) mispredicted: f64,
}

/// What is known of a core.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// What it had issued when it was charged last.
    issued: u64,
    /// What it had issued by then beyond what it was charged for.
    ahead: u64,
    /// Whether its table says when it works a change out.
    attempts: bool,
    /// What has added up to the next mispredicted branch.
    added_up: f64,
}

impl Account {
    /// Of `cycles` of instructions, those that are not loads, stores or prefetches begun since it was charged last.
    fn charge(&mut self, cycles: u64, issued: u64) -> u64 {
        let begun = issued - self.issued + self.ahead;
        (self.issued, self.ahead) = (issued, begun.saturating_sub(cycles));
        cycles.saturating_sub(begun)
    }

    /// The cycles that the last operation has left to pay.
    fn operation(&mut self, work: Work, issued: u64) -> u64 {
        let cycles = match work {
            Work::Instructions(cycles) => self.charge(cycles, issued),
            Work::Beside(cycles) => {
                (self.issued, self.ahead) = (issued, 0);
                cycles
            }
        };
        // Where all of an operation is charged at once, one that has issued more than it takes owes nothing to the next.
        if !self.attempts {
            self.ahead = 0;
        }
        cycles
    }

    /// The cycles and mispredicted branches of an attempt.
    fn attempt(&mut self, attempt: Attempt, issued: u64) -> (u64, u64) {
        self.attempts = true;
        self.added_up += attempt.mispredicted;
        let mispredicted = self.added_up as u64;
        self.added_up -= mispredicted as f64;
        (self.charge(attempt.cycles, issued), mispredicted)
    }
}

thread_local! {
    /// An attempt's, and the accounts of the cores that run in this thread.
    static ACCOUNTS: RefCell<(Attempt, Vec<Account>)> = const {
        RefCell::new((Attempt { cycles: 0, mispredicted: 0.0 }, Vec::new()))
    };
}

/// Opens accounts for so many cores of a run in this thread.
pub(crate) fn open(cores: usize, attempt: Attempt) {
    ACCOUNTS.set((attempt, vec![Account::default(); cores]));
}

/// Charges the running core for the operation that it has done.
pub(crate) fn operation(of: Work) {
    let Some(core) = is_running() else { return };
    let so_far = issued();
    let cycles = ACCOUNTS.with_borrow_mut(|(_, accounts)| {
        accounts.get_mut(core).map_or(0, |account| account.operation(of, so_far))
    });
    work(cycles);
}

/// A table has said that the running core begins to work out a change.
pub(crate) fn attempt() {
    let Some(core) = is_running() else { return };
    let so_far = issued();
    let (cycles, mispredicted) = ACCOUNTS.with_borrow_mut(|(attempt, accounts)| {
        accounts.get_mut(core).map_or((0, 0), |account| account.attempt(*attempt, so_far))
    });
    work(cycles);
    (0..mispredicted).for_each(|_| mispredict());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever an operation does in how many attempts, it is charged for the instructions of all of them, of which
    /// what it issues is a part.
    #[test]
    fn attempts_are_charged_each() {
        let attempt = Attempt { cycles: 1500, mispredicted: 2.5 };
        for attempts in 0..20_u64 {
            let mut account = Account::default();
            let (mut issued, mut charged, mut mispredicted) = (0, 0, 0);
            for _ in 0..100 {
                // What is issued before an attempt, and in it.
                issued += 15;
                for _ in 0..attempts {
                    let (cycles, branches) = account.attempt(attempt, issued);
                    (charged, mispredicted) = (charged + cycles, mispredicted + branches);
                    issued += 200;
                }
                charged += account.operation(Work::Instructions(70), issued);
            }
            assert_eq!(mispredicted, 250 * attempts);
            let all = charged + issued;
            let expected = 100 * (70 + 1500 * attempts);
            // The last operation's may be charged to the next.
            assert!(all >= expected && all <= expected + 200, "{all} of {expected}, {attempts}");
        }
    }

    /// Without an attempt an operation that issues more than it takes owes nothing to the next.
    #[test]
    fn operations_do_not_pay_for_each_other() {
        let mut account = Account::default();
        assert_eq!(account.operation(Work::Instructions(40), 100), 0);
        assert_eq!(account.operation(Work::Instructions(40), 110), 30);
        assert_eq!(account.operation(Work::Beside(40), 200), 40);
    }
}
