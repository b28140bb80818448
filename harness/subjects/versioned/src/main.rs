//! The trials of this family: prints its catalogue, or runs the trial that it is told to run.

use std::process::ExitCode;

/// What `--allocator` and the axis `allocator` choose from.
#[global_allocator]
static ALLOCATOR: trials::allocator::Switch = trials::allocator::Switch;

fn main() -> ExitCode {
    let structures = subjects_versioned::registrar().into_structures();
    trials::serve::main(&structures, kernel::build_facts())
}
