//! `bench`: the workbench's command line.

use std::process::ExitCode;

/// What `--allocator` and the axis `allocator` choose from.
#[global_allocator]
static ALLOCATOR: harness::allocator::Switch = harness::allocator::Switch;

fn main() -> ExitCode {
    harness::Bench::new().main()
}
