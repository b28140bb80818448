//! `bench load`: asks a memcached for keys, checks every value, and says how it went.
//!
//! In a *closed loop* a connection sends its next requests when the last ones are answered. In an *open loop*
//! requests are due at times that were fixed before, whatever the server does: a response time counts from then,
//! so that a server that stalls is charged for those who come meanwhile (`trials::trial` has the argument).
//!
//! | file | holds |
//! | --- | --- |
//! | `flags` | what is asked for |
//! | `values` | values that tell which key they are of |
//! | `client` | a connection: requests that wait for an answer, and answers |
//! | `drive` | the two loops |
//! | `said` | what the server says of itself |
//! | `measure` | a load, and what was measured of it |
//! | `report` | what it comes to |
//! | `trial` | what it comes to for a trial |

mod client;
mod drive;
mod flags;
mod measure;
mod report;
mod said;
mod trial;
mod values;

use std::io;

pub use self::flags::{LoadFlags, MOST_CONNECTIONS};
pub(crate) use self::measure::{fill, measure, server_pid};
pub use self::report::LoadReport;

/// Runs the load.
///
/// # Errors
///
/// There is no such server, or it ends the conversation.
pub fn run(flags: &LoadFlags) -> io::Result<LoadReport> {
    let unfilled = if flags.no_fill { 0 } else { fill(flags)? };
    Ok(LoadReport::new(flags, unfilled, &measure(flags, None)?))
}
