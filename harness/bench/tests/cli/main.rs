//! The command line from outside: the real program in a directory of its own.

mod aggregate;
mod broken_pipe;
mod cache;
mod calibrate;
mod compare;
mod figures;
mod forms;
mod latency;
mod limits;
mod merge;
mod plans;
mod predicted;
mod recorded;
mod refusals;
mod report;
mod resume;
mod scaling;
mod series;
mod server;
mod space;
mod spec_errors;
mod submit;
mod support;
mod sweep;
mod trace;
mod turns;
mod usage;
mod verify;

fn lab() -> support::Lab {
    support::Lab::new(env!("CARGO_BIN_EXE_bench"))
}
