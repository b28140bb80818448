//! Threads that exit, with handles in thread-locals or within critical sections: each case in a process of
//! its own, as one that goes wrong aborts, and what one leaves open stays so for its process.

#![cfg_attr(any(loom, shuttle), allow(unused))]

/// What `cases` makes of each scheme that frees: its name, itself, and a module's name.
#[cfg(not(any(loom, shuttle)))]
macro_rules! of_each_scheme {
    ($cases:ident) => {
        $cases! {
            "epoch": Epoch epoch;
            "haphazard": Haphazard haphazard;
            "hazard": Hazard hazard;
            "debra": Debra debra;
            "ibr": Ibr ibr;
            "qsbr": Qsbr qsbr;
            "worker-rcu": WorkerRcu worker_rcu;
            "poor-rcu": PoorRcu poor_rcu;
            "grace-rcu": GraceRcu grace_rcu;
            "seize": Seize seize;
            "sdd": Sdd sdd;
        }
    };
}

#[cfg(not(any(loom, shuttle)))]
mod alone;
#[cfg(not(any(loom, shuttle)))]
#[path = "exits/late.rs"]
mod late;
#[cfg(not(any(loom, shuttle)))]
#[path = "exits/open.rs"]
mod open;

#[cfg(not(any(loom, shuttle)))]
fn main() -> std::process::ExitCode {
    let mut cases = late::cases();
    cases.extend(open::cases());
    alone::main(&cases)
}

#[cfg(any(loom, shuttle))]
fn main() {}
