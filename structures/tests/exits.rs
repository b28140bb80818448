//! Threads that exit, with handles in thread-locals or within critical sections: each case in a process of
//! its own, as one that goes wrong aborts, and what one leaves open stays so for its process.

#![cfg_attr(any(loom, shuttle), allow(unused))]

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
