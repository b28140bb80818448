//! `cargo predict`: what tables would do on a machine that is not here.
//!
//! | module | holds |
//! | --- | --- |
//! | `arguments` | the command line |
//! | `spec` | the cells of an experiment file |
//! | `mix` | its `[mix]` |
//! | `batches` | its axis `reclaim_batch` |
//! | `glue` | how atomics and the allocator tell virtual cores what is done |
//! | `instructions` | what an operation takes beside its memory |
//! | `fields` | the field that an access is to |
//! | `charge` | what instructions cost a core |
//! | `cell` | one cell on virtual cores; its band |
//! | `rows` | what is printed and written |
//! | `folder` | the folder of `--out` |

#[cfg(simulate)]
mod arguments;
#[cfg(simulate)]
mod batches;
#[cfg(simulate)]
mod cell;
#[cfg(simulate)]
mod charge;
#[cfg(simulate)]
mod fields;
#[cfg(simulate)]
mod folder;
#[cfg(simulate)]
mod glue;
#[cfg(simulate)]
mod instructions;
#[cfg(simulate)]
mod mix;
#[cfg(simulate)]
mod rows;
#[cfg(simulate)]
mod spec;

#[cfg(simulate)]
#[global_allocator]
static ALLOCATOR: glue::Telling = glue::Telling;

#[cfg(simulate)]
fn main() -> std::process::ExitCode {
    arguments::main()
}

#[cfg(not(simulate))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "predict: built without `--cfg simulate`: run it as `cargo predict SPEC.toml --machine FILE.toml`"
    );
    std::process::ExitCode::from(2)
}
