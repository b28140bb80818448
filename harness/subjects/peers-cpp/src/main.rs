//! The trials of this family: prints its catalogue, or runs the trial that it is told to run.

use std::process::ExitCode;

/// What `--allocator` and the axis `allocator` choose from.
#[global_allocator]
static ALLOCATOR: trials::allocator::Switch = trials::allocator::Switch;

fn main() -> ExitCode {
    let structures = subjects_peers_cpp::registrar().into_structures();
    let mut facts = kernel::build_facts();
    facts.extend(subjects_peers_cpp::build_facts());
    trials::serve::main(&structures, facts)
}
