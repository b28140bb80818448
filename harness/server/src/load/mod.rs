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
//! | `report` | what it comes to |

mod client;
mod drive;
mod flags;
mod report;
mod values;

use std::io::{self, Read, Write};
use std::thread;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use self::drive::{Driver, Outcomes};
pub use self::flags::LoadFlags;
use self::flags::{connect, unreached};
pub use self::report::LoadReport;
use self::report::ServerSaid;

/// Runs the load.
///
/// # Errors
///
/// There is no such server, or it ends the conversation.
pub fn run(flags: &LoadFlags) -> io::Result<LoadReport> {
    let unfilled = if flags.no_fill { 0 } else { Driver::new(flags, 0)?.fill()? };
    let before = server_said(flags)?;
    let (began, own) = (Instant::now(), own_cpu());
    let parts: Vec<io::Result<Outcomes>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..flags.threads())
            .map(|thread| scope.spawn(move || Driver::new(flags, thread)?.run()))
            .collect();
        threads.into_iter().map(|one| one.join().expect("a loader does not panic")).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    let client_cpu = own_cpu() - own;
    let mut all = Outcomes::default();
    for part in parts {
        all.merge(&part?);
    }
    let after = server_said(flags)?;
    Ok(LoadReport::new(flags, unfilled, &all, seconds, client_cpu, [&before, &after]))
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

/// Processor time of this process, in seconds.
fn own_cpu() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF)
        .map_or(0.0, |usage| seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// What the server says of itself.
fn server_said(flags: &LoadFlags) -> io::Result<ServerSaid> {
    let target = flags.target()?;
    let mut stream = connect(&target).map_err(|error| unreached(&target, &error))?;
    stream.write_all(b"stats\r\n")?;
    let (mut text, mut part) = (Vec::new(), [0; 4096]);
    while !text.ends_with(b"END\r\n") && !text.ends_with(b"ERROR\r\n") {
        match stream.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => text.extend_from_slice(&part[..bytes]),
        }
    }
    Ok(ServerSaid::read(&String::from_utf8_lossy(&text)))
}
