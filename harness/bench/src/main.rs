//! `bench`: the workbench's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    harness::main()
}
