//! The trials of caches: prints its catalogue, or runs the trial that it is told to run.

use std::process::ExitCode;

/// What `--allocator` and the axis `allocator` choose from.
#[global_allocator]
static ALLOCATOR: trials::allocator::Switch = trials::allocator::Switch;

fn main() -> ExitCode {
    // Without a table, but with all schemes.
    let schemes = kernel::Registrar::new().into_structures();
    trials::serve::main_of_caches(&schemes, &subjects_caches::caches(), kernel::build_facts())
}
