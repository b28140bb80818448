//! P-Sim and copy on write, in every execution with a bounded number of preemptions: `ci/loom.sh`.
#![cfg(loom)]

mod explore;

use loom::sync::Arc;
use loom::thread;
use structures::reclaim::Leak;
use structures::versioned::cow::Cow;
use structures::versioned::psim::PSim;
use structures::versioned::{Sequential, Universal, UniversalHandle, UniversalPinned, Whole};

use explore::explore;

/// Who appended, in order; an operation returns its position.
#[derive(Clone, Default)]
struct Chronicle(Vec<char>);

impl Sequential for Chronicle {
    type Op = char;
    type Out = usize;

    fn apply(&mut self, op: &char) -> usize {
        self.0.push(*op);
        self.0.len() - 1
    }
}

fn append(to: &impl Universal<Whole<Chronicle>>, ids: &str) -> Vec<(usize, char)> {
    let mut handle = to.handle();
    let mut pinned = handle.pin();
    ids.chars().map(|id| (pinned.apply(0, id), id)).collect()
}

/// Two threads append; the log, once every response has been found to be the operation's place in
/// it.
fn chronicle<U>(mine: &str, theirs: &'static str) -> String
where
    U: Universal<Whole<Chronicle>> + Default + 'static,
{
    let construction = Arc::new(U::default());
    let other = Arc::clone(&construction);
    let other = thread::spawn(move || append(&*other, theirs));
    let mut told = append(&*construction, mine);
    told.extend(other.join().expect("no operation panics"));
    let mut handle = construction.handle();
    let log = handle.pin().read(0, |object| object.0.0.clone());
    assert_eq!(log.len(), told.len(), "once each");
    assert!(told.iter().all(|(position, id)| log[*position] == *id), "{told:?} of {log:?}");
    log.into_iter().collect()
}

/// Every order of the two threads' operations, and no other.
#[test]
fn psim_applies_each_operation_once() {
    let orders = ["abx", "axb", "xab"].map(str::to_owned);
    explore("psim: two against one", orders, || {
        chronicle::<PSim<Whole<Chronicle>, Leak>>("ab", "x")
    });
}

#[test]
fn cow_loses_no_operation() {
    let orders = ["abx", "axb", "xab"].map(str::to_owned);
    explore("cow: two against one", orders, || chronicle::<Cow<Whole<Chronicle>, Leak>>("ab", "x"));
}
