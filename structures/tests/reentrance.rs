//! User code that uses the table by which it is run: works, panics, but never waits for itself.
//!
//! The documentation of `structures::map` has a table of what may be used from where. Each cell of
//! it, under each scheme that may make a difference, is tried in a process of its own.

#![cfg_attr(any(loom, shuttle), allow(unused))]

#[cfg(not(any(loom, shuttle)))]
mod again;
#[cfg(not(any(loom, shuttle)))]
mod alone;

#[cfg(not(any(loom, shuttle)))]
fn main() -> std::process::ExitCode {
    alone::main(&again::cases())
}

#[cfg(any(loom, shuttle))]
fn main() {}
