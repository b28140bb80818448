//! The program of `ci/scenarios.sh`; without a model checker there is nothing to run.

fn main() -> std::process::ExitCode {
    #[cfg(any(loom, shuttle))]
    return scenarios::command::main();
    #[cfg(not(any(loom, shuttle)))]
    std::process::ExitCode::SUCCESS
}
